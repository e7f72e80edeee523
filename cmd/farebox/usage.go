package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/farebox/farebox/policy/api"
)

func newUsage() *cobra.Command {
	var from, to moment
	by := []string{"team"}
	c := &cobra.Command{
		Use:   "usage",
		Short: "Show what calls cost, by team or anything else",
		Long: `Show calls, tokens and cost of the calls completed in a time, summed by owner
attributes (team, project, user, …) or by model, provider, dialect, operation,
outcome, source, purpose, day or hour.

--from is included, --to is not. A date is its midnight in UTC. Cost is exact
and in US dollars. It is what the owner is charged; where the public price or
the price after discounts differs from that, all three are shown. Calls that no
price row matched are counted under UNPRICED, and their cost is in no sum.

csv has one line per group and no total.`,
		Example: `  farebox usage
  farebox usage --by team,project,model --from 2026-08-01 --to 2026-09-01
  farebox usage --by day --from 2026-08-01 -o csv`,
		Args: cobra.NoArgs,
	}
	c.Flags().Var(&from, "from", "first time (default the start of this month, UTC)")
	c.Flags().Var(&to, "to", "time after the last (default now)")
	c.Flags().StringSliceVar(&by, "by", by, "`names` to sum by, at most 6")
	form, url := output(c, "table", "json", "csv"), admin(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		q := api.Query{From: from.Time, To: to.Time, By: by}
		a, err := api.NewClient(*url, nil).Usage(c.Context(), q)
		if err != nil {
			return err
		}
		return writeUsage(c.OutOrStdout(), a, form.value)
	}
	return c
}

func writeUsage(w io.Writer, a *api.UsageAnswer, form string) error {
	switch form {
	case "json":
		return writeJSON(w, a)
	case "csv":
		return writeUsageCSV(w, a)
	}
	_, err := io.WriteString(w, showUsage(a))
	return err
}

func writeJSON(w io.Writer, answer any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(answer); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}
