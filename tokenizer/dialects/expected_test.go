package dialects_test

import (
	"strconv"

	"github.com/farebox/farebox/tokenizer"
)

// number is one that the manifest expects, and how a Usage tells it.
type number struct {
	name string
	n    int64
	sum  func([]tokenizer.Usage) int64
}

// expectation lists what can be compared of a recording. A part that is not
// known counts as 0 here: the manifest does not tell the two apart. torn says that
// the provider's parts are more than their whole: then only the whole counts.
func expectation(r *recording) (list []number, torn bool) {
	add := func(sum func([]tokenizer.Usage) int64, names ...string) int64 {
		for _, name := range names {
			if n, known := r.want(name); known {
				list = append(list, number{name, n, sum})
				return n
			}
		}
		return 0
	}
	input := add(sumOf(tokenizer.Class.IsInput), "iter_input_total", "input_total", "total")
	output := add(sumOf(tokenizer.Class.IsOutput), "iter_output_total", "output_billable", "output_total")
	whole := len(list)
	// Of several runs in one answer the manifest tells the parts of the last only.
	if _, several := r.expected["iter_types"]; !several {
		parts := add(sumOf(isCacheRead), "cached") + add(sumOf(isCacheWrite), "cache_write")
		reasoning := add(sumOf(is(tokenizer.Reasoning)), "reasoning")
		if torn = whole > 0 && (parts > input || reasoning > output); torn {
			list = list[:whole]
		}
	}
	add(sumOf(is(tokenizer.RerankUnits)), "billed_search")
	add(sumOf(is(tokenizer.AudioSeconds)), "seconds")
	if len(list) == 0 {
		add(sumOf(tokenizer.Class.IsInput), "billed_in")
	}
	if len(list) == 0 {
		list = headersTell(r)
	}
	return list, torn
}

// headersTell lists what the headers of a Bedrock answer say: of a body that says
// nothing, it is all that there is.
func headersTell(r *recording) (list []number) {
	const prefix = "x-amzn-bedrock-"
	var input, output int64
	for name, in := range map[string]bool{
		"input-token-count": true, "cache-read-input-token-count": true, "cache-write-input-token-count": true, "output-token-count": false,
	} {
		n, err := strconv.ParseInt(r.headers[prefix+name], 10, 64)
		switch {
		case err != nil:
		case in:
			input += n
		default:
			output += n
		}
	}
	if r.headers[prefix+"input-token-count"] == "" {
		return nil
	}
	return []number{
		{"input in headers", input, sumOf(tokenizer.Class.IsInput)},
		{"output in headers", output, sumOf(tokenizer.Class.IsOutput)},
	}
}

func sumOf(counts func(tokenizer.Class) bool) func([]tokenizer.Usage) int64 {
	return func(all []tokenizer.Usage) (sum int64) {
		for i := range all {
			for c, n := range all[i].All {
				if counts(c) {
					sum += n
				}
			}
		}
		return sum
	}
}

func is(one tokenizer.Class) func(tokenizer.Class) bool {
	return func(c tokenizer.Class) bool { return c == one }
}

func isCacheRead(c tokenizer.Class) bool {
	return c >= tokenizer.CacheRead && c <= tokenizer.CacheReadDocument
}

func isCacheWrite(c tokenizer.Class) bool {
	return c >= tokenizer.CacheWrite && c <= tokenizer.CacheWrite12h
}

func tokensIn(all []tokenizer.Usage) int64 { return sumOf(tokenizer.Class.IsToken)(all) }
