package dialects_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/dialects"
	"github.com/farebox/farebox/tokenizer/estimate"
	"github.com/farebox/farebox/tokenizer/openai"
)

// What counting must reach: so many answers equal to the token, the mean of their
// errors, and the share of such answers that can be counted at all.
const (
	leastEqual = 0.95
	mostError  = 0.01
	leastUsed  = 0.5
)

// eras are those in which OpenAI's servers counted differently, by the first
// moment of each.
var eras = []struct {
	name string
	from time.Time
}{
	{"before 2025", time.Time{}},
	{"January to May 2025", time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)},
	{"since June 2025", time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)},
}

// precision is how counting fared.
type precision struct {
	used, equal   int
	reported, off int64
	mean          float64 // sum of each answer's error
}

func (p *precision) add(reported, counted int64) {
	off := max(reported-counted, counted-reported)
	p.used++
	p.reported += reported
	p.off += off
	p.mean += float64(off) / float64(reported)
	if off == 0 {
		p.equal++
	}
}

func (p *precision) String() string {
	return fmt.Sprintf("%d counted, equal to the token %s, mean error %.2f %%, of all tokens off %s",
		p.used, share(p.equal, p.used), 100*p.mean/float64(max(1, p.used)), share(int(p.off), int(p.reported)))
}

// TestCountedText holds exact counting against what OpenAI and Azure reported of
// chat, legacy completions and responses that ended by themselves, generated text
// alone and called no tool.
func TestCountedText(t *testing.T) {
	facts := asked(t)
	e := estimate.New()
	such := 0
	var all, bare precision // bare: the text alone
	eraOf := make([]precision, len(eras))
	for _, a := range answers(t) {
		if !endedByItself(&a) || !strings.HasPrefix(a.path, "openai-") && !strings.HasPrefix(a.path, "azure-") {
			continue
		}
		such++
		host, _ := dialects.Host(a.host)
		call := callOf(t, &a, facts[a.path])
		whole := estimate.Answer{Call: &call, Provider: host.Provider, Model: a.model, Reading: &a.reading, Whole: true}
		n, from := e.Text(whole)
		if from != tokenizer.Counted {
			continue // another vocabulary, or more than the text shows
		}
		all.add(a.output, n)
		cut := whole
		cut.Whole = false
		text, _ := e.Text(cut)
		bare.add(a.output, text)
		eraOf[era(a.body)].add(a.output, n)
		if n != a.output {
			t.Logf("%s: %s reported %d, counted %d", a.path, a.model, a.output, n)
		}
	}
	for i := range eras {
		t.Logf("%s: %v", eras[i].name, &eraOf[i])
	}
	t.Logf("text alone: %v", &bare)
	t.Logf("of %d such answers %v", such, &all)
	if all.used == 0 || float64(all.used) < leastUsed*float64(such) {
		t.Fatalf("%d of %d could be counted, want half", all.used, such)
	}
	if float64(all.equal) < leastEqual*float64(all.used) || all.mean > mostError*float64(all.used) {
		t.Errorf("%v, want %.0f %% and %.0f %%", &all, 100*leastEqual, 100*mostError)
	}
}

// endedByItself leaves out what was cut and what was stopped at a bound.
func endedByItself(a *answered) bool {
	switch {
	case a.dialect != openai.Name:
	case a.operation == "chat", a.operation == "completions":
		return a.reading.Finish == "stop"
	case a.operation == "responses":
		return a.reading.Finish == "completed"
	}
	return false
}

var created = regexp.MustCompile(`"created(?:_at)?":\s*(\d+)`)

// asked reads what the calls of some recordings asked, by the recording's path:
// an answer of chat does not tell. Of a path that is not there the call asked
// nothing that changes what is counted, or it is not known.
func asked(t *testing.T) map[string]string {
	t.Helper()
	lines, err := os.ReadFile("testdata/asked.tsv")
	if err != nil {
		t.Fatal(err)
	}
	facts := map[string]string{}
	for line := range strings.Lines(string(lines)) {
		if path, what, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			facts[path] = what
		}
	}
	return facts
}

// members are what a call has of each fact.
var members = map[string]string{
	"tools":  `"tools":[{}]`,
	"schema": `"response_format":{"type":"json_schema"},"text":{"format":{"type":"json_schema"}}`,
	"stop":   `"stop":["."]`,
	"n":      `"n":2`,
}

// callOf is the call that an answer belongs to, as far as it is known. A response
// repeats its own.
func callOf(t *testing.T, a *answered, facts string) tokenizer.Call {
	t.Helper()
	if a.operation == "responses" {
		facts = repeated(a)
	}
	var body []string
	for f := range strings.FieldsSeq(facts) {
		if members[f] == "" {
			t.Fatalf("testdata/asked.tsv: %s: no such fact: %s", a.path, f)
		}
		body = append(body, members[f])
	}
	call, err := openai.New().Read(a.operation, "", tokenizer.NoHead{}, []byte("{"+strings.Join(body, ",")+"}"))
	if err != nil {
		t.Fatal(err)
	}
	return call
}

// repeated is what a response tells of its own call.
func repeated(a *answered) (facts string) {
	type response struct {
		Tools []json.RawMessage
		Text  struct{ Format struct{ Type string } }
	}
	var told response
	if a.form == "json" {
		_ = json.Unmarshal(a.body, &told) // the meter has read it
	}
	for line := range bytes.Lines(a.body) {
		data, ok := bytes.CutPrefix(line, []byte("data:"))
		if event := (struct{ Response *response }{}); ok && json.Unmarshal(data, &event) == nil && event.Response != nil {
			told = *event.Response
		}
	}
	if len(told.Tools) > 0 {
		facts = "tools "
	}
	if told.Text.Format.Type == "json_schema" {
		facts += "schema"
	}
	return facts
}

// era is the one that an answer is of; of an answer without a date the first.
func era(body []byte) (i int) {
	m := created.FindSubmatch(body)
	if m == nil {
		return 0
	}
	seconds, err := strconv.ParseInt(string(m[1]), 10, 64)
	if err != nil {
		return 0
	}
	for i = len(eras) - 1; i > 0 && seconds < eras[i].from.Unix(); i-- {
	}
	return i
}
