package dialects_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/dialects"
	"github.com/farebox/farebox/tokenizer/estimate"
)

// answered is a whole answer of text alone whose output was reported: one that
// text can be held against.
type answered struct {
	*recording
	dialect, operation string
	model              string // as answered, else as asked
	reading            tokenizer.Reading
	output             int64
}

// answers returns what can be used: as recorded, one model, output reported, text
// seen and kept whole; no reasoning and no conversation put into few words, which
// are paid for and not shown, no sound and no picture, no call of a tool, whose
// frame is no text.
func answers(t *testing.T) (list []answered) {
	all := dialects.All()
	for _, r := range recordings(t) {
		host, _ := dialects.Host(r.host)
		d, operation, ok := tokenizer.Find(all, host.Provider, r.method, r.urlPath)
		if !ok || r.status/100 != 2 || r.edited || callsTools(r.body) || compacts.Match(r.body) {
			continue
		}
		call, err := d.Read(operation, r.urlPath, tokenizer.NoHead{}, request(r))
		if err != nil {
			t.Fatal(err)
		}
		a := answered{recording: r, dialect: d.Name(), operation: operation}
		a.reading, _ = meter(d, call, r, [][]byte{plain(t, r)})
		if len(a.reading.Usage) != 1 || a.reading.TextBytes == 0 || a.reading.TextBytes > int64(len(a.reading.Text)) {
			continue
		}
		if a.model = a.reading.Model; a.model == "" {
			a.model = r.model
		}
		_, a.output = a.reading.Usage[0].Totals()
		if text, _ := a.reading.Usage[0].Count(tokenizer.Output); text == a.output && text > 0 {
			list = append(list, a)
		}
	}
	return list
}

var compacts = regexp.MustCompile(`"(?:type|object)":\s*"(?:response\.)?compaction"`)

func callsTools(body []byte) bool {
	for _, sign := range []string{`_call"`, `"function_call`, `"tool_calls":[{`, `"tool_calls": [`, `"tool_use"`, `"toolUse"`, `"functionCall"`, `server_tool`} {
		if bytes.Contains(body, []byte(sign)) {
			return true
		}
	}
	return false
}

func share(n, of int) string { return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(max(1, of))) }

// families are known by the names of their models.
var families = []struct{ name, signs string }{
	{"claude", "claude"}, {"gemini", "gemini"}, {"gpt", "gpt-"}, {"mistral", "mistral ministral codestral pixtral voxtral open-mixtral"},
	{"command", "command c4ai"}, {"llama", "llama"}, {"deepseek", "deepseek"}, {"grok", "grok"}, {"qwen", "qwen"}, {"nova", "nova-"}, {"titan", "titan"},
}

func familyOf(model string) string {
	model = strings.ToLower(model)
	for _, f := range families {
		for sign := range strings.FieldsSeq(f.signs) {
			if strings.Contains(model, sign) {
				return f.name
			}
		}
	}
	return "others"
}

// What guessing must reach in a family that is not small, of all tokens together.
const mostGuessError = 0.30

// TestGuessedText learns bytes per token of each family from half of its answers
// and guesses the rest: what text costs where nothing is reported and the
// vocabulary is not public.
func TestGuessedText(t *testing.T) {
	byFamily := map[string][]answered{}
	for _, a := range answers(t) {
		f := familyOf(a.model)
		byFamily[f] = append(byFamily[f], a)
	}
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\nfamily\tanswers\tguessed\tbytes a token\ttokens reported\tguessed\toff in sum\ton average\t")
	for _, f := range families {
		all := byFamily[f.name]
		if len(all) < smallGroup {
			continue
		}
		g := guess(f.name, all)
		fmt.Fprintf(w, "%s\t%d\t%d\t%.2f\t%d\t%d\t%+.1f %%\t%.1f %%\t\n", f.name, len(all), g.answers, float64(g.bytes)/float64(g.reported),
			g.reported, g.guessed, 100*g.error(), 100*g.off/float64(g.answers))
		if off := g.error(); off > mostGuessError || off < -mostGuessError {
			t.Errorf("%s: guesses are %.0f %% off, want %.0f", f.name, 100*off, 100*mostGuessError)
		}
	}
	w.Flush()
	t.Log(out.String())
}

// guesses are those of one family.
type guesses struct {
	answers                  int
	bytes, reported, guessed int64
	off                      float64 // sum of each one's share
}

// error is how far the sum of guesses is from what was reported.
func (g *guesses) error() float64 { return float64(g.guessed)/float64(g.reported) - 1 }

// guess learns from half of the answers, as if they had been prompts, and guesses
// the other half.
func guess(family string, all []answered) (g guesses) {
	const frame = 8 // tokens that a prompt has beside its text
	e := estimate.New()
	halves := rand.New(rand.NewPCG(1, 1)) // the same halves each time
	halves.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for i := 0; i < len(all); i += 2 {
		var u tokenizer.Usage
		u.Set(tokenizer.Input, all[i].output+frame, tokenizer.Reported)
		e.Learn(tokenizer.Call{Model: family, Shares: tokenizer.Shares{Last: all[i].reading.TextBytes}}, &u)
	}
	for i := 1; i < len(all); i += 2 {
		n, _ := e.Text(estimate.Answer{Call: &tokenizer.Call{}, Model: family, Reading: &tokenizer.Reading{TextBytes: all[i].reading.TextBytes}})
		g.answers++
		g.bytes += all[i].reading.TextBytes
		g.reported += all[i].output
		g.guessed += n
		off := float64(n-all[i].output) / float64(all[i].output)
		g.off += max(off, -off)
	}
	return g
}
