package estimate

import (
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

// TestEnding holds what is billed beside a text of four tokens against what was
// seen of OpenAI's servers.
func TestEnding(t *testing.T) {
	chat := tokenizer.Call{Dialect: "openai", Operation: "chat", Choices: 1}
	with := func(change func(*tokenizer.Call)) *tokenizer.Call {
		c := chat
		change(&c)
		return &c
	}
	tools := with(func(c *tokenizer.Call) { c.Shares.Tools = 90 })
	response := with(func(c *tokenizer.Call) { c.Operation = "responses" })
	for _, c := range []struct {
		name string
		a    Answer
		r    tokenizer.Reading
		want int64
		from tokenizer.Source
	}{
		{"text alone", Answer{Call: &chat}, tokenizer.Reading{}, 4, tokenizer.Counted},
		{"text alone, for a schema", Answer{Call: with(func(c *tokenizer.Call) { c.Schema = true })}, tokenizer.Reading{}, 4, tokenizer.Counted},
		{"offered tools and called none", Answer{Call: tools}, tokenizer.Reading{}, 5, tokenizer.Counted},
		{"offered tools, of an older family", Answer{Call: tools, Model: "gpt-4"}, tokenizer.Reading{}, 5, tokenizer.Counted},
		{"offered tools, for a schema", Answer{Call: with(func(c *tokenizer.Call) { c.Shares.Tools, c.Schema = 90, true })}, tokenizer.Reading{}, 9, tokenizer.Counted},
		{"refused", Answer{Call: &chat}, tokenizer.Reading{Refused: true}, 5, tokenizer.Counted},
		{"a response", Answer{Call: response}, tokenizer.Reading{Finish: "completed"}, 5, tokenizer.Counted},
		{"a response, offered tools", Answer{Call: with(func(c *tokenizer.Call) { c.Operation, c.Shares.Tools = "responses", 90 })},
			tokenizer.Reading{Finish: "completed"}, 6, tokenizer.Counted},
		{"on Azure", Answer{Call: &chat, Provider: "azure"}, tokenizer.Reading{}, 5, tokenizer.Counted},
		{"on Azure, of an older family", Answer{Call: &chat, Provider: "azure", Model: "gpt-35-turbo"}, tokenizer.Reading{}, 4, tokenizer.Counted},
		{"on Azure, offered tools", Answer{Call: tools, Provider: "azure"}, tokenizer.Reading{}, 6, tokenizer.Counted},
		{"stopped at a bound", Answer{Call: tools}, tokenizer.Reading{Finish: "length"}, 4, tokenizer.Counted},
		{"called a tool", Answer{Call: tools}, tokenizer.Reading{Finish: "tool_calls", Calls: true}, 11, tokenizer.Estimated},
		{"called a tool by a response", Answer{Call: with(func(c *tokenizer.Call) { c.Operation, c.Shares.Tools = "responses", 90 })},
			tokenizer.Reading{Finish: "completed", Calls: true}, 12, tokenizer.Estimated},
		{"a text of the caller's may have ended it", Answer{Call: with(func(c *tokenizer.Call) { c.Stops = true })}, tokenizer.Reading{}, 4, tokenizer.Estimated},
		{"two choices", Answer{Call: with(func(c *tokenizer.Call) { c.Shares.Tools, c.Choices = 90, 2 })}, tokenizer.Reading{}, 6, tokenizer.Estimated},
		{"thought unseen", Answer{Call: response, Model: "gpt-5"}, tokenizer.Reading{Finish: "completed"}, 5, tokenizer.Estimated},
		{"no vocabulary", Answer{Call: tools, Model: "claude-sonnet-4-5"}, tokenizer.Reading{}, 4, tokenizer.Estimated},
	} {
		c.r.Text, c.r.TextBytes = []byte("Hello, world!"), 13
		if c.r.Finish == "" {
			c.r.Finish = "stop"
		}
		if c.a.Model == "" {
			c.a.Model = "gpt-4o"
		}
		c.a.Reading, c.a.Whole = &c.r, true
		if got, from := New().Text(c.a); got != c.want || from != c.from {
			t.Errorf("%s: Text = %d, %v, want %d, %v", c.name, got, from, c.want, c.from)
		}
		if c.from == tokenizer.Counted {
			c.a.Whole = false
			if got, _ := New().Text(c.a); got != 4 {
				t.Errorf("%s, cut: Text = %d, want the text alone, 4", c.name, got)
			}
		}
	}
}
