package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/e2e/replay"
	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/dialects"
)

// meters are quantities by meter; what is not there is none.
type meters map[tokenizer.Class]int64

// visit is one call of an official client, and what is to be on record of it.
type visit struct {
	do     string // see e2e/sdk/official_calls.py and .mjs
	args   args
	text   string // that the client is to read
	record entry  // empty: no record, the call is free
}

// entry is the part of a record that the answer decides.
type entry struct {
	operation, model, id string
	source               tokenizer.Source // None: reported
	stream               bool
	meters               meters // without requests; nil: some input, not known before
}

// heard is what a client made of an answer.
type heard struct {
	Name, Text, Error string
	Usage, Seen       json.RawMessage
	Raised            thrown // with Error
}

// house is a provider, and the official clients that visit it.
type house struct {
	dialect string
	answers func() []replay.Answer
	python  []visit
	npm     []visit
}

// nano is the price of one unit of a meter, in billionths of a dollar: another
// for each, so that none passes for another.
func nano(c tokenizer.Class) int64 { return 101 + 17*int64(c) }

// tariff is a configuration in which every meter has its price, and everything
// that is asked speaks one dialect.
func tariff(dialect string) string {
	var prices []string
	for c := range tokenizer.Classes {
		prices = append(prices, fmt.Sprintf("%s: %q", c, fmt.Sprintf("%d.%03d", nano(c)/1000, nano(c)%1000)))
	}
	return fmt.Sprintf("providers: [{name: local, dialect: %s, match: {host: \"*\"}}]\nprices: {rates: [{provider: local, model: \"*\", %s}]}\n",
		dialect, strings.Join(prices, ", "))
}

// TestOfficialClientsOfEveryProviderAreToldWhatItSaid: through Envoy each client
// makes of an answer what it makes of it without, asks what it asks without, and
// what it used is on record to the token and to the nano-dollar.
func TestOfficialClientsOfEveryProviderAreToldWhatItSaid(t *testing.T) {
	t.Parallel()
	for _, h := range houses() {
		t.Run(h.dialect, func(t *testing.T) {
			t.Parallel()
			up, err := replay.Start(h.answers())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = up.Close() })
			o := harness.StackOptions{Config: tariff(h.dialect)}
			o.Envoy.Upstream = up.Addr()
			s := kit.Start(t, o)
			for _, by := range []struct {
				get    func(*harness.Kit, context.Context) (*harness.Clients, error)
				script string
				visits []visit
			}{{(*harness.Kit).PythonClients, "official_calls.py", h.python}, {(*harness.Kit).NodeClients, "official_calls.mjs", h.npm}} {
				if len(by.visits) > 0 {
					visited(t, s, up, kit.StartClients(t, by.get).With(by.script), by.visits)
				}
			}
			billed(t, s, append(slices.Clone(h.python), h.npm...))
		})
	}
}

// TestEveryDialectIsSpokenByAnOfficialClient: a dialect of this build has a house
// above, or is OpenAI's, whose clients have stories of their own.
func TestEveryDialectIsSpokenByAnOfficialClient(t *testing.T) {
	t.Parallel()
	for _, d := range dialects.All() {
		if d.Name() != "openai" && !slices.ContainsFunc(houses(), func(h house) bool { return h.dialect == d.Name() }) {
			t.Errorf("no official client speaks %s", d.Name())
		}
	}
}

// visited makes each call without Envoy and then through it, in one process, and
// holds what the client was told, what the provider was asked, and the record.
func visited(t *testing.T, s *harness.Stack, up *replay.Server, clients *harness.Clients, visits []visit) {
	t.Helper()
	var p plan
	for _, v := range visits {
		c := sdkCall{Name: v.do, Do: v.do, Args: v.args}
		for _, base := range []string{up.URL(), s.URL} {
			c = c.through(s, base)
			c.BaseURL = base
			p.Calls = append(p.Calls, c)
		}
	}
	before := len(up.Calls())
	ctx, cancel := context.WithTimeout(t.Context(), storyEnds)
	defer cancel()
	results, err := harness.Run[heard](ctx, clients, p)
	if err != nil {
		t.Fatal(err)
	}
	asked := up.Calls()[before:]
	if len(results) != len(p.Calls) || len(asked) != len(p.Calls) {
		t.Fatalf("%d results and %d requests of %d calls: %+v", len(results), len(asked), len(p.Calls), results)
	}
	for i, v := range visits {
		direct, through := results[2*i], results[2*i+1]
		if direct.Error != "" || direct.Text != v.text || len(direct.Seen) == 0 {
			t.Errorf("%s: without Envoy the client made %q of it, want %q (%s) in %s", v.do, direct.Text, v.text, direct.Error, direct.Seen)
		}
		if through.Error != "" || through.Text != direct.Text || !bytes.Equal(through.Usage, direct.Usage) || !bytes.Equal(through.Seen, direct.Seen) {
			t.Errorf("%s: through Envoy the client was told %s (%s)\n%s\nwithout\n%s", v.do, through.Usage, through.Error, through.Seen, direct.Seen)
		}
		sameAsked(t, v, asked[2*i], asked[2*i+1])
		if v.record.operation != "" {
			recorded(t, s, p.Calls[2*i+1].trace(), v)
		}
	}
}

// sameAsked holds that the provider was asked through Envoy what it was without.
func sameAsked(t *testing.T, v visit, direct, through replay.Call) {
	t.Helper()
	if through.Method != direct.Method || through.Path != direct.Path || !bytes.Equal(through.Body, direct.Body) {
		t.Errorf("%s: the provider was asked %s %s %s\nwithout Envoy %s %s %s", v.do,
			through.Method, through.Path, through.Body, direct.Method, direct.Path, direct.Body)
	}
	if strings.HasPrefix(direct.Header.Get("Authorization"), "AWS4") {
		// It is of the host and of the second that it was made for.
		if d, th := direct.Signed("story"), through.Signed("story"); d != nil || th != nil {
			t.Errorf("%s: through Envoy: %v; without: %v", v.do, th, d)
		}
		return
	}
	for _, name := range []string{"Authorization", "X-Api-Key", "X-Goog-Api-Key", "Content-Type", "Anthropic-Version", "User-Agent"} {
		if through.Header.Get(name) != direct.Header.Get(name) {
			t.Errorf("%s: the provider was given %s %q, without Envoy %q", v.do, name, through.Header.Get(name), direct.Header.Get(name))
		}
	}
}

// recorded holds the one record of a call.
func recorded(t *testing.T, s *harness.Stack, trace string, v visit) {
	t.Helper()
	var found []policy.Record
	eventually(t, v.do+" is on record", func(ctx context.Context) (bool, error) {
		a, err := s.Farebox.Explain(ctx, trace)
		if err != nil {
			return false, err
		}
		found = a.Matches
		return len(found) > 0, nil
	})
	r, want := found[0], v.record
	if want.source == tokenizer.None {
		want.source = tokenizer.Reported
	}
	got := entry{operation: r.Operation, model: r.Model, id: r.ResponseID, source: r.Source, stream: r.Stream, meters: meters{}}
	for _, l := range r.Lines {
		if n := l.Billed(); n != 0 { // what is told beyond it is not paid
			got.meters[l.Class] += n
		}
	}
	if want.meters == nil {
		want.meters = meters{tokenizer.Input: max(1, got.meters[tokenizer.Input])}
	}
	want.meters[tokenizer.Requests] = 1 // it has a price here
	if len(found) != 1 || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: %d records, the first says %+v, want %+v", v.do, len(found), got, want)
	}
	if r.Outcome != "served" || r.Status != 200 || !r.Priced || r.Owner.Value("team") != "support" || cost(r.Lines) != price(want.meters) {
		t.Errorf("%s: the record says %s of %d for %v, priced %v, %s USD, want %s", v.do, r.Outcome, r.Status, r.Owner, r.Priced, cost(r.Lines), price(want.meters))
	}
}

// cost is what the lines of a record say, in dollars.
func cost(lines []policy.Line) string {
	var sum money.Amount
	for _, l := range lines {
		sum = sum.Add(l.Charged)
	}
	return sum.String()
}

// price is what quantities cost, in dollars, reckoned in whole nano-dollars.
func price(m meters) string {
	var sum int64
	for c, n := range m {
		sum += n * nano(c)
	}
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%d.%09d", sum/1e9, sum%1e9), "0"), ".")
}

// billed holds that there is a record for each call that has one, and no other.
func billed(t *testing.T, s *harness.Stack, visits []visit) {
	t.Helper()
	want := int64(0)
	for _, v := range visits {
		if v.record.operation != "" {
			want++
		}
	}
	u, err := s.Farebox.Usage(t.Context(), "operation")
	if err != nil || u.Total.Calls != want {
		t.Errorf("%d calls are on record, %v, want %d: %+v", u.Total.Calls, err, want, u.Rows)
	}
}
