package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/farebox/farebox/policy/api"
)

func newInteractions() *cobra.Command {
	var from, to moment
	var zone, team string
	by := []string{"team"}
	c := &cobra.Command{
		Use:   "interactions",
		Short: "Show what each successful interaction took",
		Long: `Show how many interactions there were in a time, how many succeeded, and what
each success took in tokens and US dollars: that of all calls, failed attempts
and retries too, divided by the successful interactions.

Calls of a team are one interaction when they have the same attribute
"interaction", else the same trace id, else the same request id. An interaction
belongs to the owner and the time of its last call. It succeeds when that call
came complete, with no error, filter or truncation; what "farebox outcomes set"
says of the interaction or that call overrides it.

--from is included, --to is not. A date is its midnight in the zone of --tz, whose
days and hours are meant. PER SUCCESS is "-" where none succeeded. csv has one
line per group and no total.`,
		Example: `  farebox interactions
  farebox interactions --by team,project --from 2026-08-01 --to 2026-09-01
  farebox interactions --by day --tz Europe/Berlin -o csv`,
		Args: cobra.NoArgs,
	}
	c.Flags().Var(&from, "from", "first time (default the start of this month)")
	c.Flags().Var(&to, "to", "time after the last (default now)")
	c.Flags().StringSliceVar(&by, "by", by, "`names` to sum by, at most 6")
	c.Flags().StringVar(&zone, "tz", "UTC", "time `zone` of dates, days and hours, such as Europe/Berlin")
	c.Flags().StringVar(&team, "team", "", "only the interactions of this `team` (default all that may be seen)")
	form, farebox := output(c, "table", "json", "csv"), admin(c)
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		q := api.InteractionsQuery{By: by, Zone: zone, Team: team}
		if q.From, q.To, err = between(zone, from, to); err != nil {
			return err
		}
		client, err := farebox.client()
		if err != nil {
			return err
		}
		a, err := interactionsOf(c.Context(), client, q)
		if err != nil {
			return err
		}
		return writeInteractions(c.OutOrStdout(), a, form.value)
	}
	return c
}

// interactionsOf asks page by page until nothing is left.
func interactionsOf(ctx context.Context, client *api.Client, q api.InteractionsQuery) (*api.InteractionsAnswer, error) {
	var rows []api.InteractionsRow
	q.Limit = api.MaxRows
	for {
		a, err := client.Interactions(ctx, q)
		if err != nil {
			return nil, err
		}
		rows = append(rows, a.Rows...)
		if q.Cursor = a.Next; q.Cursor == "" {
			a.Rows = append([]api.InteractionsRow{}, rows...)
			return a, nil
		}
	}
}

func writeInteractions(w io.Writer, a *api.InteractionsAnswer, form string) error {
	switch form {
	case "json":
		return writeJSON(w, a)
	case "csv":
		return writeInteractionsCSV(w, a)
	}
	_, err := io.WriteString(w, showInteractions(a))
	return err
}

// showInteractions is an answer as a table, with a total.
func showInteractions(a *api.InteractionsAnswer) string {
	title := fmt.Sprintf("Interactions whose last call was completed from %s to %s\n", a.From.Format(time.RFC3339), a.To.Format(time.RFC3339))
	if len(a.Rows) == 0 {
		return title + "\nNone.\n"
	}
	var t table
	for _, name := range a.By {
		t.columns = append(t.columns, column{head: heading(name)})
	}
	for _, head := range []string{"INTERACTIONS", "SUCCESSFUL", "CALLS", "UNPRICED", "INPUT", "OUTPUT", "TOKENS PER SUCCESS", "COST USD", "USD PER SUCCESS"} {
		t.columns = append(t.columns, column{head, true})
	}
	for i := range a.Rows {
		t.rows = append(t.rows, interactionCells(a.By, &a.Rows[i]))
	}
	t.foot = interactionCells(a.By, &a.Total)
	t.alignPoints(last(len(t.columns), 3)...)
	return title + "\n" + t.String() + interactionsNote(a)
}

// interactionsNote says what the costs leave out.
func interactionsNote(a *api.InteractionsAnswer) string {
	if a.Total.Unpriced == 0 {
		return ""
	}
	return fmt.Sprintf(`
%d of %d calls are UNPRICED: their cost is not known and not in these sums.
"farebox usage --by provider,model" finds them.
`, a.Total.Unpriced, a.Total.Calls)
}

// interactionCells is one row, or the total, as cells.
func interactionCells(by []string, r *api.InteractionsRow) []string {
	var cells []string
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
	tokens, usd := perSuccess(r, "-")
	if known := r.Unpriced < r.Calls; !known && r.Charged.IsZero() && r.Successful > 0 {
		usd = "?"
	}
	cells = append(cells, interactionCounts(r)...)
	return append(cells, tokens, orUnknown(r.Charged, r.Unpriced < r.Calls), usd)
}

func interactionCounts(r *api.InteractionsRow) (all []string) {
	for _, n := range []int64{r.Interactions, r.Successful, r.Calls, r.Unpriced, r.Input, r.Output} {
		all = append(all, strconv.FormatInt(n, 10))
	}
	return all
}

// perSuccess are the two figures, or none where none succeeded.
func perSuccess(r *api.InteractionsRow, none string) (tokens, usd string) {
	tokens, usd = none, none
	if r.TokensPerSuccess != nil {
		tokens = *r.TokensPerSuccess
	}
	if r.USDPerSuccess != nil {
		usd = r.USDPerSuccess.String()
	}
	return tokens, usd
}

// writeInteractionsCSV writes one line per group under the names that JSON has.
func writeInteractionsCSV(w io.Writer, a *api.InteractionsAnswer) error {
	head := append([]string(nil), a.By...)
	lines := [][]string{append(head, "interactions", "successful", "calls", "unpriced_calls", "input_tokens", "output_tokens",
		"tokens_per_success", "charged_usd", "usd_per_success")}
	for i := range a.Rows {
		r := &a.Rows[i]
		var l []string
		for _, name := range a.By {
			l = append(l, inert(r.Keys[name]))
		}
		tokens, usd := perSuccess(r, "")
		lines = append(lines, append(append(l, interactionCounts(r)...), tokens, r.Charged.String(), usd))
	}
	if err := csv.NewWriter(w).WriteAll(lines); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}
