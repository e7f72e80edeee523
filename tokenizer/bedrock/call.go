package bedrock

import (
	"fmt"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

// The headers that ask for a service tier and for latency, and say what was
// given. Converse has both in its bodies.
const (
	tierHeader    = "x-amzn-bedrock-service-tier"
	latencyHeader = "x-amzn-bedrock-performanceconfig-latency"
)

// Read reads a request body.
func (*Dialect) Read(operation, path string, head tokenizer.Head, body []byte) (tokenizer.Call, error) {
	id, _, stream, _ := parse(path)
	to := aim(id)
	call := tokenizer.Call{
		Dialect: Name, Operation: operation, Choices: 1, Stream: stream,
		Model: to.model, Region: to.region, Account: to.account,
	}
	w := jsonscan.Walk(body)
	object := w.Kind() == '{'
	var err error
	if operation == converse {
		readConverse(&call, w)
	} else {
		call.Tier = tier(word(head, tierHeader), word(head, latencyHeader))
		r := request{call: &call, head: head, body: body}
		err = r.read(w)
	}
	if broken := w.End(); broken != nil {
		return call, fmt.Errorf("read %s request: %w", operation, broken)
	}
	if !object {
		return call, fmt.Errorf("read %s request: %w: no object", operation, jsonscan.ErrMalformed)
	}
	if err != nil {
		return call, fmt.Errorf("read %s request: %w", operation, err)
	}
	return call, nil
}

// readConverse reads the body of Converse, which is one shape for all models.
func readConverse(call *tokenizer.Call, w *jsonscan.Walker) {
	var t turns
	var asked, latency string
	for key := range w.Members {
		switch string(key) {
		case "messages":
			t.messages(w)
		case "system":
			t.shares.System = t.content(w, 0)
		case "toolConfig":
			t.shares.Tools = jsonscan.Weight(w.Raw())
		case "inferenceConfig":
			call.MaxOutput = number(w, "maxTokens")
		case "serviceTier":
			asked = wordAt(w, "type")
		case "performanceConfig":
			latency = wordAt(w, "latency")
		}
	}
	t.end()
	call.Shares, call.Tier = t.shares, tier(asked, latency)
}

// tier is the service tier, or "optimized" for a call of the standard tier that
// is, or asks to be, optimized for latency: that has prices of its own.
// https://docs.aws.amazon.com/bedrock/latest/userguide/latency-optimized-inference.html
func tier(service, latency string) string {
	if latency == "optimized" && (service == "" || service == "default" || service == "standard") {
		return latency
	}
	return service
}

// number is the whole number at the first of these members of an object that has
// one above 0; else 0.
func number(w *jsonscan.Walker, members ...string) (n int64) {
	best := len(members)
	for key := range w.Members {
		for i, m := range members[:best] {
			if string(key) != m {
				continue
			}
			if v := jsonscan.Number(w.Raw()); v > 0 {
				n, best = v, i+1
			}
			break
		}
	}
	return n
}

// wordAt is the string at a member of an object.
func wordAt(w *jsonscan.Walker, member string) (s string) {
	for key := range w.Members {
		if string(key) == member {
			s = jsonscan.Word(w.Raw())
		}
	}
	return s
}
