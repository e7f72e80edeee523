package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/api"
)

// figure is something of an account: how a table and CSV show it. What is not
// known is "".
type figure struct {
	head, name string
	right      bool
	some       bool   // in a table only where an account has it
	form       string // the only one that has it; empty: both
	of         func(*api.BudgetAccount) string
}

// figures are those of accounts in their order, under the names that JSON has.
func figures() []figure {
	type account = *api.BudgetAccount
	return []figure{
		{head: "BUDGET", name: "budget", of: func(a account) string { return a.Budget }},
		{head: "OF", name: "of", some: true, of: func(a account) string { return a.Of }},
		{head: "COUNTS", name: "include", some: true, of: func(a account) string { return strings.Join(a.Include, ",") }},
		{head: "UNIT", name: "unit", of: func(a account) string { return a.Unit }},
		{head: "LIMIT", name: "limit", right: true, of: func(a account) string { return a.Limit }},
		{head: "CARRIED", name: "carried", right: true, some: true, of: func(a account) string { return a.Carried }},
		{head: "SPENT", name: "spent", right: true, of: func(a account) string { return a.Spent }},
		{head: "HELD", name: "held", right: true, some: true, of: func(a account) string { return a.Held }},
		{head: "LEFT", name: "left", right: true, of: func(a account) string { return a.Left }},
		{head: "PER HOUR", name: "per_hour", right: true, of: func(a account) string { return a.PerHour }},
		{head: "PROJECTED", name: "projected", right: true, of: func(a account) string { return a.Projected }},
		{head: "RUNS OUT", name: "runs_out", of: func(a account) string { return when(a.RunsOut) }},
		{head: "WINDOW ENDS", form: "table", of: windowEnds},
		{name: "window_start", form: "csv", of: func(a account) string { return when(a.WindowStart) }},
		{name: "window_end", form: "csv", of: func(a account) string { return when(a.WindowEnd) }},
		{name: "rolling", form: "csv", of: func(a account) string { return a.Rolling }},
		{name: "refills_in", form: "csv", of: func(a account) string { return a.Refills }},
		{head: "REACHED", name: "reached_percent", right: true, some: true, of: reached},
		{head: "ENDS", name: "until", some: true, of: func(a account) string { return when(a.Until) }},
		{head: "REVIEW BY", name: "review_by", some: true, of: func(a account) string { return when(a.ReviewBy) }},
		{head: "NOTE", name: "note", some: true, of: func(a account) string { return a.Note }},
		{head: "WHO", name: "who", some: true, of: spenders},
	}
}

func when(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.RFC3339)
}

// windowEnds is when an account begins anew, or how it moves.
func windowEnds(a *api.BudgetAccount) string {
	switch {
	case a.Rolling != "":
		return "moves, " + a.Rolling
	case a.Refills != "":
		return "refills in " + a.Refills
	case a.Unit == "concurrency":
		return ""
	case a.WindowEnd == nil:
		return "never"
	}
	return when(a.WindowEnd)
}

// reached is the highest threshold that was.
func reached(a *api.BudgetAccount) string {
	if len(a.Reached) == 0 {
		return ""
	}
	return strconv.Itoa(a.Reached[len(a.Reached)-1])
}

// spenders are those who spent most; "…" says that there may be more of them.
func spenders(a *api.BudgetAccount) string {
	parts := make([]string, len(a.Who))
	for i, w := range a.Who {
		parts[i] = plain(w.Name) + " " + w.Spent
	}
	if a.WhoAtLeast {
		parts = append(parts, "…")
	}
	return strings.Join(parts, ", ")
}

// showBudgets is an answer as a table.
func showBudgets(a *api.BudgetsAnswer) string {
	title := fmt.Sprintf("Budgets and rate limits at %s\n\n", a.At.Format(time.RFC3339))
	if len(a.Accounts) == 0 {
		return title + "None.\n"
	}
	t := table{rows: make([][]string, len(a.Accounts))}
	for _, f := range figures() {
		if f.form == "csv" || f.some && !has(a, &f) {
			continue
		}
		t.columns = append(t.columns, column{f.head, f.right})
		for i := range a.Accounts {
			cell := f.of(&a.Accounts[i])
			if f.name != "who" { // which is long, and plain already
				cell = plain(cell)
			}
			t.rows[i] = append(t.rows[i], cell)
		}
	}
	return title + t.String()
}

// has reports whether an account has a figure that is worth a column.
func has(a *api.BudgetsAnswer, f *figure) bool {
	for i := range a.Accounts {
		if v := f.of(&a.Accounts[i]); v != "" && v != "0" && v != "calls" {
			return true
		}
	}
	return false
}

// writeBudgetsCSV writes one line per account.
func writeBudgetsCSV(w io.Writer, a *api.BudgetsAnswer) error {
	lines := make([][]string, 1+len(a.Accounts))
	for _, f := range figures() {
		if f.form == "table" {
			continue
		}
		lines[0] = append(lines[0], f.name)
		for i := range a.Accounts {
			cell := f.of(&a.Accounts[i])
			if !isDecimal(cell) {
				cell = inert(cell)
			}
			lines[1+i] = append(lines[1+i], cell)
		}
	}
	if err := csv.NewWriter(w).WriteAll(lines); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}
