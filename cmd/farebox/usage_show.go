package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/api"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// showUsage is an answer as a table, with a total and, where it is needed, a
// note about what the sums leave out.
func showUsage(a *api.UsageAnswer) string {
	title := fmt.Sprintf("Calls completed from %s to %s\n", a.From.Format(time.RFC3339), a.To.Format(time.RFC3339))
	if len(a.Rows) == 0 {
		return title + "\nNone.\n"
	}
	meters, costs := metersOf(a), costsOf(a)
	t := table{foot: usageCells(a, &a.Total, meters, costs)}
	for _, name := range a.By {
		t.columns = append(t.columns, column{head: heading(name)})
	}
	t.columns = append(t.columns, column{"CALLS", true})
	if a.Total.Unpriced > 0 {
		t.columns = append(t.columns, column{"UNPRICED", true})
	}
	for _, m := range meters {
		t.columns = append(t.columns, column{heading(m.String()), true})
	}
	for _, c := range costs {
		t.columns = append(t.columns, column{c.head, true})
	}
	for i := range a.Rows {
		t.rows = append(t.rows, usageCells(a, &a.Rows[i], meters, costs))
	}
	t.alignPoints(last(len(t.columns), len(costs))...)
	return title + "\n" + t.String() + usageNote(a)
}

// usageNote says what the costs leave out.
func usageNote(a *api.UsageAnswer) string {
	if a.Total.Unpriced == 0 {
		return ""
	}
	return fmt.Sprintf(`
%d of %d calls are UNPRICED: no price row matches at least one of their lines,
so their cost is not known and not in these sums. Sum by provider,model to find
them, then add rows to prices.rates. "farebox explain ID" shows one call.
`, a.Total.Unpriced, a.Total.Calls)
}

// heading is a name at the top of a column.
func heading(name string) string { return strings.ToUpper(plain(name)) }

// last are the last k of n indexes.
func last(n, k int) []int {
	var out []int
	for i := n - k; i < n; i++ {
		out = append(out, i)
	}
	return out
}

// metersOf are the meters that occur, in their order.
func metersOf(a *api.UsageAnswer) []tokenizer.Class {
	var out []tokenizer.Class
	for c := range tokenizer.Classes {
		if a.Total.Quantity(c) != 0 {
			out = append(out, c)
		}
	}
	return out
}

// cost is one of the three moneys as a column.
type cost struct {
	head string
	of   func(*api.Row) money.Amount
}

// costsOf are the moneys to show: one where they agree in every row, else all.
func costsOf(a *api.UsageAnswer) []cost {
	charged := func(r *api.Row) money.Amount { return r.Charged }
	for i := range a.Rows {
		if r := &a.Rows[i]; r.List != r.Charged || r.Contracted != r.Charged {
			return []cost{
				{"LIST USD", func(r *api.Row) money.Amount { return r.List }},
				{"CONTRACTED USD", func(r *api.Row) money.Amount { return r.Contracted }},
				{"CHARGED USD", charged},
			}
		}
	}
	return []cost{{"COST USD", charged}}
}

// usageCells is one row, or the total, as cells.
func usageCells(a *api.UsageAnswer, r *api.Row, meters []tokenizer.Class, costs []cost) []string {
	var cells []string
	for i, name := range a.By {
		switch value, ok := r.Keys[name]; {
		case ok:
			cells = append(cells, plain(value))
		case i == 0:
			cells = append(cells, "total")
		default:
			cells = append(cells, "")
		}
	}
	cells = append(cells, strconv.FormatInt(r.Calls, 10))
	if a.Total.Unpriced > 0 {
		cells = append(cells, strconv.FormatInt(r.Unpriced, 10))
	}
	for _, m := range meters {
		cells = append(cells, strconv.FormatInt(r.Quantity(m), 10))
	}
	for _, c := range costs {
		cells = append(cells, orUnknown(c.of(r), r.Unpriced == 0 || r.Unpriced < r.Calls))
	}
	return cells
}

// writeUsageCSV writes one line per group under the names that JSON has.
func writeUsageCSV(w io.Writer, a *api.UsageAnswer) error {
	meters := metersOf(a)
	out := csv.NewWriter(w)
	head := append([]string(nil), a.By...)
	head = append(head, "calls", "unpriced_calls")
	for _, m := range meters {
		head = append(head, m.String())
	}
	lines := [][]string{append(head, "list_usd", "contracted_usd", "charged_usd")}
	for i := range a.Rows {
		r := &a.Rows[i]
		var l []string
		for _, name := range a.By {
			l = append(l, inert(r.Keys[name]))
		}
		l = append(l, strconv.FormatInt(r.Calls, 10), strconv.FormatInt(r.Unpriced, 10))
		for _, m := range meters {
			l = append(l, strconv.FormatInt(r.Quantity(m), 10))
		}
		lines = append(lines, append(l, r.List.String(), r.Contracted.String(), r.Charged.String()))
	}
	if err := out.WriteAll(lines); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}

// inert keeps a spreadsheet from running a value that a caller chose: what may
// begin a formula gets an apostrophe before it
// (https://owasp.org/www-community/attacks/CSV_Injection).
func inert(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n", rune(s[0])) {
		return "'" + s
	}
	return s
}
