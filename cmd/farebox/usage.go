package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/farebox/farebox/policy/api"
)

func newUsage() *cobra.Command {
	var from, to moment
	var zone, team string
	by := []string{"team"}
	c := &cobra.Command{
		Use:   "usage",
		Short: "Show what calls cost, by team or anything else",
		Long: `Show calls, tokens and cost of the calls completed in a time, summed by owner
attributes (team, project, user, …) or by model, provider, dialect, operation,
outcome, source, purpose, day or hour.

--from is included, --to is not. A date is its midnight in the zone of --tz.
Cost is exact and in US dollars. It is what the owner is charged; where the
public price or the price after discounts differs from that, all three are
shown. Calls that no price row matched are counted under UNPRICED, and their
cost is in no sum. Neither are costs that no call tells; see "charges".

csv has one line per group and no total.`,
		Example: `  farebox usage
  farebox usage --by team,project,model --from 2026-08-01 --to 2026-09-01
  farebox usage --by day --from 2026-08-01 --tz Europe/Berlin -o csv
  farebox usage --admin https://farebox.example.com:9470 --token-file ~/.farebox-token`,
		Args: cobra.NoArgs,
	}
	c.Flags().Var(&from, "from", "first time (default the start of this month)")
	c.Flags().Var(&to, "to", "time after the last (default now)")
	c.Flags().StringSliceVar(&by, "by", by, "`names` to sum by, at most 6")
	c.Flags().StringVar(&zone, "tz", "UTC", "time `zone` of dates, days and hours, such as Europe/Berlin")
	c.Flags().StringVar(&team, "team", "", "only the calls of this `team` (default all that may be seen)")
	form, farebox := output(c, "table", "json", "csv"), admin(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		q := api.Query{By: by, Zone: zone, Team: team}
		var err error
		if q.From, q.To, err = between(zone, from, to); err != nil {
			return err
		}
		client, err := farebox.client()
		if err != nil {
			return err
		}
		a, err := client.Usage(c.Context(), q)
		if err != nil {
			return err
		}
		return writeUsage(c.OutOrStdout(), a, form.value)
	}
	return c
}

// between reads the bounds of a question in a zone.
func between(zone string, from, to moment) (first, end time.Time, err error) {
	in, err := time.LoadLocation(zone)
	if err != nil {
		return first, end, fmt.Errorf("read --tz: %w", err)
	}
	if first, err = from.in(in); err != nil {
		return first, end, err
	}
	end, err = to.in(in)
	return first, end, err
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
