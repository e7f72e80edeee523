package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/api"
	"github.com/farebox/farebox/policy/money"
)

// multiplier is a figure of a row: a count, or else an amount. In a table a part of
// the text that was sent stands beside its amount, as percent.
type multiplier struct {
	head, name string
	count      func(*api.MultipliersRow) int64
	amount     func(*api.MultipliersRow) money.Amount
	bytes      func(api.Bytes) int64           // nil: it is no part of the text
	of         func(*api.MultipliersRow) int64 // what the amount is for: of none it is nothing
	always     bool                            // shown in a table although it is zero everywhere
}

// multipliers are the figures in their order, under the names that JSON has.
func multipliers() []multiplier {
	type row = *api.MultipliersRow
	return []multiplier{
		{head: "CALLS", name: "calls", count: func(r row) int64 { return r.Calls }, always: true},
		{head: "UNPRICED", name: "unpriced_calls", count: func(r row) int64 { return r.Unpriced }},
		{head: "COST USD", name: "charged_usd", amount: func(r row) money.Amount { return r.Charged }, always: true},
		{head: "RETRIES", name: "retries", count: func(r row) int64 { return r.Retries }},
		{head: "RETRIES USD", name: "retries_usd", amount: func(r row) money.Amount { return r.Retried }, of: func(r row) int64 { return r.Retries }},
		{head: "FAILED", name: "failed_attempts", count: func(r row) int64 { return r.Failures }},
		{head: "FAILED USD", name: "failed_attempts_usd", amount: func(r row) money.Amount { return r.Failed }, of: func(r row) int64 { return r.Failures }},
		{head: "INPUT USD", name: "input_usd", amount: func(r row) money.Amount { return r.Input }, always: true},
		{head: "SYSTEM USD", name: "system_usd", amount: func(r row) money.Amount { return r.System }, bytes: func(b api.Bytes) int64 { return b.System }},
		{head: "HISTORY USD", name: "history_usd", amount: func(r row) money.Amount { return r.History }, bytes: func(b api.Bytes) int64 { return b.History }},
		{head: "LAST USD", name: "last_usd", amount: func(r row) money.Amount { return r.Last }, bytes: func(b api.Bytes) int64 { return b.Last }},
		{head: "TOOLS USD", name: "tools_usd", amount: func(r row) money.Amount { return r.Tools }, bytes: func(b api.Bytes) int64 { return b.Tools }},
		{head: "MEDIA USD", name: "media_usd", amount: func(r row) money.Amount { return r.Media }},
		{head: "EMBEDDED", name: "embedded_inputs", count: func(r row) int64 { return r.Embedded }},
		{head: "REPEATED", name: "repeated_inputs", count: func(r row) int64 { return r.Repeated }},
		{head: "REPEATED USD", name: "repeated_inputs_usd", amount: func(r row) money.Amount { return r.RepeatedInput }, of: func(r row) int64 { return r.Repeated }},
	}
}

// told reports whether a figure is not zero.
func (m *multiplier) told(r *api.MultipliersRow) bool {
	switch {
	case m.always, m.bytes != nil && m.bytes(r.Bytes) != 0:
		return true
	case m.count != nil:
		return m.count(r) != 0
	}
	return !m.amount(r).IsZero()
}

// cells are a figure of a row in a table.
func (m *multiplier) cells(r *api.MultipliersRow) []string {
	if m.count != nil {
		return []string{strconv.FormatInt(m.count(r), 10)}
	}
	none := m.of != nil && m.of(r) == 0
	amount := orUnknown(m.amount(r), none || r.Unpriced < max(r.Calls, 1))
	if m.bytes == nil {
		return []string{amount}
	}
	return []string{percent(m.bytes(r.Bytes), r.Bytes.Text()), amount}
}

// percent is n of whole, rounded down, or "-" where there is no whole.
func percent(n, whole int64) string {
	if whole <= 0 {
		return "-"
	}
	hi, lo := bits.Mul64(uint64(min(n, whole)), 100)
	share, _ := bits.Div64(hi, lo, uint64(whole)) // at most 100
	return strconv.FormatUint(share, 10) + "%"
}

// shownMultipliers are those that some row has.
func shownMultipliers(a *api.MultipliersAnswer) (shown []multiplier) {
	for _, m := range multipliers() {
		for i := range a.Rows {
			if m.told(&a.Rows[i]) {
				shown = append(shown, m)
				break
			}
		}
	}
	return shown
}

// showMultipliers is an answer as a table, with a total.
func showMultipliers(a *api.MultipliersAnswer) string {
	title := fmt.Sprintf("Calls completed from %s to %s\n", a.From.Format(time.RFC3339), a.To.Format(time.RFC3339))
	if len(a.Rows) == 0 {
		return title + "\nNone.\n"
	}
	var t table
	for _, name := range a.By {
		t.columns = append(t.columns, column{head: heading(name)})
	}
	shown, points := shownMultipliers(a), []int(nil)
	for i := range shown {
		if shown[i].bytes != nil {
			t.columns = append(t.columns, column{strings.TrimSuffix(shown[i].head, "USD") + "%", true})
		}
		if shown[i].amount != nil {
			points = append(points, len(t.columns))
		}
		t.columns = append(t.columns, column{shown[i].head, true})
	}
	for i := range a.Rows {
		t.rows = append(t.rows, multiplierCells(a.By, &a.Rows[i], shown))
	}
	t.foot = multiplierCells(a.By, &a.Total, shown)
	t.alignPoints(points...)
	return title + "\n" + t.String() + multipliersNote(a)
}

// multiplierCells is one row, or the total, as cells.
func multiplierCells(by []string, r *api.MultipliersRow, shown []multiplier) (cells []string) {
	for i, name := range by {
		switch value, ok := r.Keys[name]; {
		case ok:
			cells = append(cells, plain(value))
		case i == 0:
			cells = append(cells, "total")
		default:
			cells = append(cells, "")
		}
	}
	for i := range shown {
		cells = append(cells, shown[i].cells(r)...)
	}
	return cells
}

// multipliersNote says what the costs leave out.
func multipliersNote(a *api.MultipliersAnswer) string {
	if a.Total.Unpriced == 0 {
		return ""
	}
	return fmt.Sprintf(`
%d of %d calls are UNPRICED: their cost is not known and not in these sums.
"farebox usage --by provider,model" finds them.
`, a.Total.Unpriced, a.Total.Calls)
}

// writeMultipliersCSV writes one line per group under the names that JSON has.
func writeMultipliersCSV(w io.Writer, a *api.MultipliersAnswer) error {
	all := multipliers()
	head := append([]string(nil), a.By...)
	for i := range all {
		head = append(head, all[i].name)
	}
	lines := [][]string{append(head, "system_bytes", "history_bytes", "last_bytes", "tools_bytes", "media_bytes")}
	for i := range a.Rows {
		r := &a.Rows[i]
		var l []string
		for _, name := range a.By {
			l = append(l, inert(r.Keys[name]))
		}
		for j := range all {
			if all[j].count != nil {
				l = append(l, strconv.FormatInt(all[j].count(r), 10))
			} else {
				l = append(l, all[j].amount(r).String())
			}
		}
		for _, n := range []int64{r.Bytes.System, r.Bytes.History, r.Bytes.Last, r.Bytes.Tools, r.Bytes.Media} {
			l = append(l, strconv.FormatInt(n, 10))
		}
		lines = append(lines, l)
	}
	if err := csv.NewWriter(w).WriteAll(lines); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}
