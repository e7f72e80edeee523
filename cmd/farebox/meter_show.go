package main

import (
	"strings"

	"github.com/farebox/farebox/cmd/farebox/meter"
	"github.com/farebox/farebox/tokenizer"
)

// showCount explains a count to a person.
func showCount(n *meter.Count) string {
	if !n.Metered {
		return "Not metered: " + plain(n.Why) + ".\n"
	}
	r := &n.Record
	facts := table{columns: make([]column, 2), indent: "  ", rows: [][]string{
		{"dialect", plain(r.Dialect)},
		{"operation", plain(r.Operation)},
		{"model", answered(r)},
		{"streamed", yesNo(r.Stream)},
		{"outcome", outcome(r)},
	}}
	for _, f := range [][]string{{"response id", r.ResponseID}, {"asks after", n.Of}, {"goes on as", n.Deferred}} {
		if f[1] != "" {
			facts.rows = append(facts.rows, []string{f[0], plain(f[1])})
		}
	}
	facts.rows = append(facts.rows, []string{"measured", measured(n.Source)})
	text := facts.String() + "\n" + showLines(r)
	if zeros := zeroMeters(&n.Usage); zeros != "" {
		text += "\n  Reported as 0: " + zeros + ".\n"
	}
	if n.Why != "" {
		text += "\n  Note: " + plain(n.Why) + ".\n"
	}
	if n.Priced {
		text += "\n  It costs " + n.Cost.String() + " USD.\n"
	}
	return text
}

func yesNo(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

// zeroMeters names what is known to be 0 and has no line.
func zeroMeters(u *tokenizer.Usage) string {
	var names []string
	for class, count := range u.All {
		if count == 0 && class != tokenizer.Input && class != tokenizer.Output {
			names = append(names, class.String())
		}
	}
	return strings.Join(names, ", ")
}
