package price_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/policy/price"
	"github.com/farebox/farebox/tokenizer"
)

// answer is what one calculator says of a case.
type answer struct {
	USD  string `json:"usd"`
	None string `json:"none"` // why it says nothing
}

// TestOracle holds what calls cost here against the calculators of litellm and of
// genai-prices themselves. Where they differ, testdata/oracle_exceptions.csv says
// why; an exception that is none any more is an error too. The table of cases
// names models as both sides call them.
func TestOracle(t *testing.T) {
	cases := table(t, "testdata/oracle.csv")
	answers := ask(t, "testdata/oracle.csv")
	exceptions := make(map[string]string)
	for _, e := range table(t, "testdata/oracle_exceptions.csv") {
		exceptions[e["case"]+" "+e["oracle"]] = e["why"]
	}
	prices := catalogue(t)
	compared := make(map[string]int)
	for _, c := range cases {
		ours, err := cost(prices, c)
		if err != nil {
			t.Errorf("%s: %v", c["case"], err)
			continue
		}
		for oracle, a := range answers[c["case"]] {
			key := c["case"] + " " + oracle
			why, excepted := exceptions[key]
			delete(exceptions, key)
			same := a.USD != "" && near(t, ours, a.USD)
			switch {
			case a.USD == "" && !excepted, same && !excepted:
			case !excepted:
				t.Errorf("%s: %s of %s (%s %s) costs %s here, %s says %s", c["case"], c["usage"], c["model"], c["provider"], c["tier"], ours, oracle, a.USD)
			case same:
				t.Errorf("%s: %s agrees, and yet is an exception: %s", c["case"], oracle, why)
			case a.USD == "":
				t.Errorf("%s: %s says nothing (%s), and yet is an exception", c["case"], oracle, a.None)
			}
			if same {
				compared[c["category"]]++
				compared["all"]++
			}
		}
	}
	for key, why := range exceptions {
		t.Errorf("an exception without a case: %s: %s", key, why)
	}
	enough(t, compared)
}

// enough wants each kind of price to be seen equal often.
func enough(t *testing.T, compared map[string]int) {
	t.Helper()
	t.Logf("equal: %v", compared)
	for _, category := range []string{"cache_read", "write_5m", "write_1h", "band", "batch", "flex", "priority", "audio", "image", "search", "geo"} {
		if compared[category] < 15 {
			t.Errorf("only %d answers of the kind %s are equal", compared[category], category)
		}
	}
	if compared["all"] < 300 {
		t.Errorf("only %d answers are equal", compared["all"])
	}
}

// asOf is the time of the calls: that of the table's pins.
var asOf = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func catalogue(t testing.TB) *price.Catalogue {
	t.Helper()
	rows, err := price.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	c, err := price.New(rows)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// cost is what a case costs here.
func cost(prices *price.Catalogue, c map[string]string) (money.Amount, error) {
	var u tokenizer.Usage
	for part := range strings.SplitSeq(c["usage"], ";") {
		name, count, _ := strings.Cut(part, "=")
		class, ok := tokenizer.ParseClass(name)
		n, err := strconv.ParseInt(count, 10, 64)
		if !ok || err != nil {
			return money.Amount{}, fmt.Errorf("usage %q: %w", part, err)
		}
		u.Set(class, n, tokenizer.Reported)
	}
	input, _ := u.Totals()
	row, ok := prices.Find(price.Query{
		Provider: c["provider"], Model: c["model"], Tier: c["tier"], Region: c["region"], Size: c["size"], Quality: c["quality"], Input: input, At: asOf,
	})
	if !ok {
		return money.Amount{}, fmt.Errorf("%s of %s has no price", c["model"], c["provider"])
	}
	var sum money.Amount
	for class, n := range u.All {
		amount, _, ok := row.Cost(class, n)
		if !ok {
			return money.Amount{}, fmt.Errorf("%s has no price of %v", row.ID, class)
		}
		sum = sum.Add(amount)
	}
	return sum, nil
}

// near reports whether an amount is what a calculator says, to half a nano-dollar
// and the error of its floats.
func near(t *testing.T, ours money.Amount, usd string) bool {
	t.Helper()
	theirs, ok := new(big.Rat).SetString(usd)
	if !ok {
		t.Errorf("an answer that is no number: %q", usd)
		return false
	}
	mine, _ := new(big.Rat).SetString(ours.String())
	off := new(big.Rat).Sub(mine, theirs)
	most := new(big.Rat).Mul(new(big.Rat).Abs(theirs), big.NewRat(1, 1e12))
	return off.Abs(off).Cmp(most.Add(most, big.NewRat(1, 2e9))) <= 0
}

// table reads CSV under a header.
func table(t *testing.T, path string) (rows []map[string]string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines[1:] {
		row := make(map[string]string)
		for i, name := range lines[0] {
			row[name] = line[i]
		}
		rows = append(rows, row)
	}
	return rows
}

// ask runs the calculators, which are fetched where they must be there.
func ask(t *testing.T, cases string) map[string]map[string]answer {
	t.Helper()
	kit, err := harness.Open(harness.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !kit.HasCalculators() && os.Getenv("CI") == "" && os.Getenv("ORACLE") == "" {
		t.Skip("the calculators of litellm and genai-prices are not here; `make oracle` fetches them, 60 MB")
	}
	python, err := kit.Calculators(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(cases)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var out, complaint bytes.Buffer
	c := exec.CommandContext(t.Context(), python, "testdata/oracle.py")
	c.Stdin, c.Stdout, c.Stderr = in, &out, &complaint
	if err := c.Run(); err != nil {
		t.Fatalf("ask the calculators: %v: %s", err, complaint.Bytes()[max(0, complaint.Len()-2000):])
	}
	answers := make(map[string]map[string]answer)
	if err := json.Unmarshal(out.Bytes(), &answers); err != nil {
		t.Fatalf("read their answers: %v", err)
	}
	return answers
}
