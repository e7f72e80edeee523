package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/money"
)

// bill is what showLines leaves out where all lines agree.
type bill struct {
	moneys    bool // list, contracted and charged differ
	discounts bool // some line has one
	card      bool // some line is on it
}

func billOf(lines []policy.Line) (b bill) {
	for i := range lines {
		l := &lines[i]
		b.discounts = b.discounts || l.ContractID != ""
		b.card = b.card || l.ChargeID != ""
		b.moneys = b.moneys || l.List != l.Contracted || l.Contracted != l.Charged
	}
	b.moneys = b.moneys || b.discounts || b.card
	return b
}

// showLines is the bill: each line a multiplication that can be checked by hand,
// then what the contract and the rate card make of it, and which rows said so.
func showLines(r *policy.Record) string {
	if len(r.Lines) == 0 {
		if r.Outcome == policy.Refused {
			return "  No lines: a refused call costs nothing.\n"
		}
		return "  No lines: nothing is known of what this call consumed.\n"
	}
	b := billOf(r.Lines)
	t := table{indent: "  ", columns: []column{
		{head: "MODEL"}, {head: "METER"}, {"TOKENS", true}, {head: "×"}, {"USD/M", true}, {head: "="},
	}}
	if b.moneys {
		t.columns = append(t.columns, column{"LIST USD", true}, column{"CONTRACTED USD", true}, column{"CHARGED USD", true})
	} else {
		t.columns = append(t.columns, column{"COST USD", true})
	}
	moneys := len(t.columns) - 6
	t.columns = append(t.columns, column{head: "PRICE ROW"})
	if b.discounts {
		t.columns = append(t.columns, column{head: "DISCOUNT"})
	}
	if b.card {
		t.columns = append(t.columns, column{head: "RATE CARD"})
	}
	t.columns = append(t.columns, column{head: "SOURCE"})
	for i := range r.Lines {
		t.rows = append(t.rows, b.cells(&r.Lines[i]))
	}
	t.foot = append(b.total(r.Lines), make([]string, len(t.columns)-6-moneys)...)
	t.alignPoints(append([]int{4}, last(6+moneys, moneys)...)...)
	return t.String() + exchangeNote(r) + unmetNote(r) + unpricedNote(r)
}

// total is the foot, up to the moneys.
func (b *bill) total(lines []policy.Line) []string {
	var sum, known policy.Line
	known.State = policy.Unpriced
	for i := range lines {
		l := &lines[i]
		if l.Class.IsToken() {
			sum.Quantity += l.Quantity
		}
		sum.List, sum.Contracted, sum.Charged = sum.List.Add(l.List), sum.Contracted.Add(l.Contracted), sum.Charged.Add(l.Charged)
		if l.State != policy.Unpriced {
			known.State = l.State
		}
		known.ContractID += l.ContractID
		known.ChargeID += l.ChargeID
	}
	sum.State, sum.ContractID, sum.ChargeID = known.State, known.ContractID, known.ChargeID
	return append([]string{"total", "", strconv.FormatInt(sum.Quantity, 10), "", "", ""}, b.amounts(&sum)...)
}

// quantityOf is what is billed of a line, and of how much.
func quantityOf(l *policy.Line) string {
	if l.Waived == 0 {
		return strconv.FormatInt(l.Quantity, 10)
	}
	return fmt.Sprintf("%d of %d", l.Billed(), l.Quantity)
}

func (b *bill) cells(l *policy.Line) []string {
	rate := l.Rate.String()
	switch l.State {
	case policy.Unpriced:
		rate = "unpriced"
	case policy.Free:
		rate = "free"
	}
	cells := append([]string{plain(l.Model), l.Class.String(), quantityOf(l), "×", rate, "="}, b.amounts(l)...)
	cells = append(cells, plain(l.RateID))
	if b.discounts {
		cells = append(cells, plain(l.ContractID))
	}
	if b.card {
		cells = append(cells, plain(l.ChargeID))
	}
	return append(cells, l.Source.String())
}

// amounts are the moneys of a line as cells: three, or the one that they agree
// on. What is not known is a question mark.
func (b *bill) amounts(l *policy.Line) []string {
	charged := orUnknown(l.Charged, l.Chargeable())
	if !b.moneys {
		return []string{charged}
	}
	return []string{orUnknown(l.List, l.State != policy.Unpriced), orUnknown(l.Contracted, l.Paid()), charged}
}

func orUnknown(a money.Amount, known bool) string {
	if !known && a.IsZero() {
		return "?"
	}
	return a.String()
}

// exchangeNote says at which exchange rates the moneys were made.
func exchangeNote(r *policy.Record) string {
	var used []string
	for i := range r.Lines {
		l := &r.Lines[i]
		for _, fx := range [][3]string{{"contracted", l.Currency, l.FXRate}, {"charged", l.ChargeCurrency, l.ChargeFXRate}} {
			text := fmt.Sprintf("%s in %s at %s USD", fx[0], plain(fx[1]), plain(fx[2]))
			if fx[1] != "" && !slices.Contains(used, text) {
				used = append(used, text)
			}
		}
	}
	if len(used) == 0 {
		return ""
	}
	return "\n  Exchange rates: " + strings.Join(used, ", ") + ".\n"
}

// unmetNote says what of the call the rows that price it do not know of.
func unmetNote(r *policy.Record) string {
	var lacks []string
	for i := range r.Lines {
		l := &r.Lines[i]
		if l.Unmet == "" {
			continue
		}
		if text := plain(l.RateID) + " does not know " + plain(l.Unmet); !slices.Contains(lacks, text) {
			lacks = append(lacks, text)
		}
	}
	if len(lacks) == 0 {
		return ""
	}
	return "\n  Unmet: " + strings.Join(lacks, "; ") + ". The provider may bill another price; add prices.rates.\n"
}

// unpricedNote names what has no list price, what follows from that, and what to
// do about it.
func unpricedNote(r *policy.Record) string {
	provider := "a provider that is not known"
	if r.Provider != "" {
		provider = "provider " + plain(r.Provider)
	}
	var missing []string
	charged := true
	for i := range r.Lines {
		l := &r.Lines[i]
		if l.State != policy.Unpriced {
			continue
		}
		charged = charged && l.Chargeable()
		if what := fmt.Sprintf("model %s at %s", plain(l.Model), provider); !slices.Contains(missing, what) {
			missing = append(missing, what)
		}
	}
	if len(missing) == 0 {
		return ""
	}
	left := "The total leaves it out."
	if charged {
		left = "What is charged is known all the same."
	}
	return fmt.Sprintf("\n  Unpriced: no price row matches %s; add prices.rates. %s\n", strings.Join(missing, ", "), left)
}
