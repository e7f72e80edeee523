package price_test

import (
	"math/big"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/policy/price"
	"github.com/farebox/farebox/tokenizer"
)

// worked is one call of docs/prices.md that is priced by hand.
type worked struct {
	number, kind, sum, usd string
	q                      price.Query
	usage                  tokenizer.Usage
}

// TestDocumentedCalls holds the table to each call that docs/prices.md prices by
// hand: the sum must come to what the page says, and the call must cost it, to
// the nano-dollar.
func TestDocumentedCalls(t *testing.T) {
	calls := documented(t)
	kinds := make(map[string]int)
	prices := catalogue(t)
	for i := range calls {
		c := &calls[i]
		kinds[c.kind]++
		if got := evaluate(t, c.sum); got.Cmp(parse(t, c.usd)) != 0 {
			t.Errorf("call %s: %s is %s, the page says %s", c.number, c.sum, got.FloatString(12), c.usd)
		}
		row, ok := prices.Find(c.q)
		if !ok {
			t.Errorf("call %s: %+v has no price", c.number, c.q)
			continue
		}
		var sum money.Amount
		for class, n := range c.usage.All {
			amount, _, ok := row.Cost(class, n)
			if !ok {
				t.Errorf("call %s: %s has no price of %v", c.number, row.ID, class)
			}
			sum = sum.Add(amount)
		}
		want, err := money.ParseAmount(c.usd)
		if err != nil {
			t.Fatalf("call %s: %v", c.number, err)
		}
		if sum.Nano() != want.Nano() {
			t.Errorf("call %s costs %v by %s (%s), the page says %v", c.number, sum, row.ID, row.Prices(), want)
		}
	}
	if len(calls) < 40 {
		t.Errorf("only %d calls are priced by hand", len(calls))
	}
	for _, kind := range []string{"cache read", "5m write", "1h write", "band", "batch", "flex", "priority", "audio", "image", "search", "geo", "hours"} {
		if kinds[kind] < 2 {
			t.Errorf("only %d calls are of the kind %s", kinds[kind], kind)
		}
	}
}

// documented reads the table between the marks of the page.
func documented(t *testing.T) (calls []worked) {
	t.Helper()
	page, err := os.ReadFile("../../docs/prices.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "<!-- calls -->")
	text, _, ended := strings.Cut(rest, "<!-- end of calls -->")
	if !found || !ended {
		t.Fatal("docs/prices.md has no table of calls between its marks")
	}
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 8 || strings.Contains(line, "---") {
			continue
		}
		for i := range cells {
			cells[i] = strings.Trim(strings.TrimSpace(cells[i]), "`")
		}
		if _, err := strconv.Atoi(cells[0]); err != nil {
			continue // the head
		}
		c := worked{number: cells[0], kind: cells[1], sum: cells[6], usd: cells[7], q: price.Query{Provider: cells[2], Model: cells[3], At: asOf}}
		c.conditions(t, cells[4])
		c.meters(t, cells[5])
		calls = append(calls, c)
	}
	return calls
}

func (c *worked) conditions(t *testing.T, text string) {
	t.Helper()
	for part := range strings.SplitSeq(text, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "":
		case "tier":
			c.q.Tier = value
		case "region":
			c.q.Region = value
		case "deployment":
			c.q.Deployment = value
		case "size":
			c.q.Size = value
		case "quality":
			c.q.Quality = value
		case "at":
			at, err := time.Parse(time.RFC3339, value)
			if err != nil {
				at, err = time.Parse(time.DateOnly, value)
			}
			if err != nil {
				t.Fatalf("call %s: %v", c.number, err)
			}
			c.q.At = at
		default:
			t.Fatalf("call %s: no condition is called %q", c.number, name)
		}
	}
}

func (c *worked) meters(t *testing.T, text string) {
	t.Helper()
	for part := range strings.SplitSeq(text, ",") {
		name, count, _ := strings.Cut(strings.TrimSpace(part), " ")
		class, ok := tokenizer.ParseClass(name)
		n, err := strconv.ParseInt(count, 10, 64)
		if !ok || err != nil {
			t.Fatalf("call %s: usage %q", c.number, part)
		}
		c.usage.Set(class, n, tokenizer.Reported)
	}
	c.q.Input, _ = c.usage.Totals()
}

// evaluate computes "10 × 2.5 + 3 × 60/60", which is of a million of each.
func evaluate(t *testing.T, sum string) *big.Rat {
	t.Helper()
	total := new(big.Rat)
	for product := range strings.SplitSeq(sum, " + ") {
		n, rate, found := strings.Cut(product, " × ")
		if !found {
			t.Fatalf("no product: %q", product)
		}
		number, per, _ := strings.Cut(rate, "/")
		term := new(big.Rat).Mul(parse(t, n), parse(t, number))
		if per != "" {
			term.Quo(term, parse(t, per))
		}
		total.Add(total, term)
	}
	return total.Quo(total, big.NewRat(1_000_000, 1))
}

func parse(t *testing.T, number string) *big.Rat {
	t.Helper()
	r, ok := new(big.Rat).SetString(number)
	if !ok {
		t.Fatalf("no number: %q", number)
	}
	return r
}
