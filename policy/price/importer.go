package price

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"

	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// Formats that Import reads.
const (
	LiteLLM = "litellm"      // model_prices_and_context_window.json
	GenAI   = "genai-prices" // data.json: providers with their models
)

// Kinds of a Finding.
const (
	Zero      = "zero"      // a price of 0 next to others, or of all: not believed
	Listed    = "free"      // every price is 0, and the name says that it is free
	Cheaper   = "band"      // a band of more input is cheaper than less: the lower band's price stands
	Dearer    = "cache"     // a cached token costs more than one that is not: not believed
	Noise     = "noise"     // the error of a binary fraction, rounded away
	TooFine   = "too fine"  // no fraction that a row can hold
	TooDear   = "too dear"  // above one dollar a unit
	NoMeter   = "no meter"  // a price of something that is not metered
	Pattern   = "pattern"   // names by pattern: only the names that are spelt out are taken
	Tangled   = "tangled"   // conditions that a row cannot have
	Duplicate = "duplicate" // the same model and conditions once more
	Tier      = "tier"      // a service tier costs the other way round from its name
)

// Finding is what was doubtful about one price of a source, and what was made of
// it.
type Finding struct {
	Kind   string
	Row    string // id of the row, or the source's name of the model
	Detail string
}

// maxImport bounds a source, in bytes.
const maxImport = 64 << 20

// Import reads the prices of another project's file, and says what it doubted.
// It keeps facts only: models, rates, conditions and dates. Rows are sorted and
// their ids are unique. A price that is not believed is left out, which makes it
// unknown and not 0. An error is that of a file that is not of its format at all.
func Import(format string, in io.Reader) ([]Row, []Finding, error) {
	text, err := io.ReadAll(io.LimitReader(in, maxImport+1))
	if err != nil {
		return nil, nil, fmt.Errorf("read %s prices: %w", format, err)
	}
	if len(text) > maxImport {
		return nil, nil, fmt.Errorf("read %s prices: longer than %d bytes", format, maxImport)
	}
	b := &importer{}
	switch format {
	case LiteLLM:
		err = b.litellm(bytes.NewReader(text))
	case GenAI:
		err = b.genai(bytes.NewReader(text))
	default:
		err = fmt.Errorf("no such format; there are %s and %s", LiteLLM, GenAI)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read %s prices: %w", format, err)
	}
	rows := b.unique()
	slices.SortStableFunc(b.findings, func(x, y Finding) int {
		return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Row, y.Row), cmp.Compare(x.Detail, y.Detail))
	})
	return rows, b.findings, nil
}

// importer gathers rows and doubts.
type importer struct {
	rows     []Row
	findings []Finding
}

func (b *importer) doubt(kind, row, format string, args ...any) {
	b.findings = append(b.findings, Finding{kind, row, fmt.Sprintf(format, args...)})
}

// add finishes the rows of one model, which stand in order: each tier's lowest
// band before its higher ones.
func (b *importer) add(rows ...Row) {
	for i := range rows {
		r := &rows[i]
		r.Provider, r.Model = strings.ToLower(r.Provider), strings.TrimSpace(r.Model)
		r.ID = r.id()
		r.google()
	}
	rows = b.lint(rows)
	for _, r := range rows {
		if r.known != 0 || r.Free {
			b.rows = append(b.rows, r)
		}
	}
}

// google says what Google's price pages do: where they give sound or video no
// price of its own, it costs what text does, and so do its cached tokens
// (https://ai.google.dev/gemini-api/docs/pricing).
func (r *Row) google() {
	if r.Developer != "google" || r.Provider != "gemini" && r.Provider != "vertex" || r.known&(1<<tokenizer.Output) == 0 {
		return
	}
	_, _, audio := r.own(tokenizer.InputAudio)
	for _, same := range [...][2]tokenizer.Class{
		{tokenizer.InputVideo, tokenizer.Input}, {tokenizer.InputAudio, tokenizer.Input},
		{tokenizer.CacheReadVideo, tokenizer.CacheRead}, {tokenizer.CacheReadAudio, tokenizer.CacheRead},
	} {
		if same[0] == tokenizer.CacheReadAudio && audio {
			continue // sound has its own price, and its cache falls to that
		}
		rate, per, ok := r.own(same[1])
		if _, _, there := r.own(same[0]); ok && !there {
			r.SetPer(same[0], rate, per)
		}
	}
}

// unique drops rows whose id another one has, and names that mean two models.
func (b *importer) unique() []Row {
	SortRows(b.rows)
	var out []Row
	names := make(map[string]string) // provider and lower-case name to model
	for i := range b.rows {
		names[b.rows[i].Provider+" "+strings.ToLower(b.rows[i].Model)] = b.rows[i].Model
	}
	for _, r := range b.rows {
		if n := len(out); n > 0 && strings.EqualFold(out[n-1].ID, r.ID) {
			if !sameRates(&out[n-1], &r) {
				b.doubt(Duplicate, r.ID, "the first of two is taken")
			}
			continue
		}
		var aliases []string
		for _, a := range r.Aliases {
			key := r.Provider + " " + strings.ToLower(a)
			if model, taken := names[key]; taken && model != r.Model {
				continue // it is a model of its own, or another's alias
			}
			names[key] = r.Model
			aliases = append(aliases, a)
		}
		slices.Sort(aliases)
		r.Aliases = slices.Compact(aliases)
		out = append(out, r)
	}
	return out
}

func sameRates(a, b *Row) bool {
	if a.known != b.known || a.Free != b.Free {
		return false
	}
	for class := range tokenizer.Classes {
		if a.rateText(class) != b.rateText(class) {
			return false
		}
	}
	return true
}

// tiny is the relative error that is taken for that of a binary fraction.
var tiny = big.NewRat(1, 1_000_000_000)

// divisors are those that a row may have to hold a price, the plainest first: of
// a time, of anything else.
var divisors = map[bool][]int64{
	true:  {1, 60, 3600, 10, 100, 1000, 10_000},
	false: {1, 10, 100, 1000, 10_000, 60, 9},
}

var (
	errTooFine = errors.New("no fraction holds it")
	errTooDear = errors.New("above one dollar a unit")
)

// rateOf turns exact USD per million units into a rate and its divisor. A price
// that is no whole number of micro-USD, but within tiny of one, is the error of a
// binary fraction: it is rounded, and noise is true.
func rateOf(usd *big.Rat, time bool) (rate money.Rate, per int64, noise bool, err error) {
	micro := new(big.Rat).Mul(usd, big.NewRat(1_000_000, 1))
	for _, per := range divisors[time] {
		n, exact := whole(new(big.Rat).Mul(micro, big.NewRat(per, 1)))
		if n == nil {
			continue
		}
		if !n.IsInt64() || n.Int64() > int64(money.MaxRate)*per {
			return 0, 0, false, errTooDear
		}
		return money.Rate(n.Int64()), per, !exact, nil
	}
	return 0, 0, false, errTooFine
}

// whole returns x as a whole number, or the nearest when x is within tiny of it,
// else nil.
func whole(x *big.Rat) (n *big.Int, exact bool) {
	if x.IsInt() {
		return new(big.Int).Set(x.Num()), true
	}
	half := new(big.Rat).Add(x, big.NewRat(1, 2))
	n = new(big.Int).Quo(half.Num(), half.Denom()) // x is not below 0
	off := new(big.Rat).Sub(x, new(big.Rat).SetInt(n))
	if n.Sign() == 0 || off.Abs(off).Cmp(new(big.Rat).Mul(tiny, x)) > 0 {
		return nil, false
	}
	return n, false
}

// isTime reports whether a class counts seconds.
func isTime(c tokenizer.Class) bool {
	return c == tokenizer.AudioSeconds || c == tokenizer.VideoSeconds || c == tokenizer.CodeExecSeconds || c == tokenizer.HostingSeconds
}

// setUSD gives class the price of one unit times scale, and doubts it where it
// must. A price of 0 is set: what is made of it is for lint to say.
func (b *importer) setUSD(r *Row, class tokenizer.Class, price *big.Rat, scale *big.Rat) {
	name := r.id() + " " + class.String()
	if price.Sign() < 0 {
		b.doubt(Zero, name, "below 0: left out")
		return
	}
	rate, per, noise, err := rateOf(new(big.Rat).Mul(price, scale), isTime(class))
	switch {
	case errors.Is(err, errTooDear):
		b.doubt(TooDear, name, "%s USD: left out", price.FloatString(6))
	case err != nil:
		b.doubt(TooFine, name, "%s USD: left out", price.FloatString(18))
	default:
		if noise {
			b.doubt(Noise, name, "read as %s USD per million", money.FormatFraction(rate, per))
		}
		r.SetPer(class, rate, per)
	}
}
