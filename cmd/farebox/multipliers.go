package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/farebox/farebox/policy/api"
)

func newMultipliers() *cobra.Command {
	var from, to moment
	var zone, team string
	by := []string{"team"}
	c := &cobra.Command{
		Use:   "multipliers",
		Short: "Show what multiplies the cost of calls unseen",
		Long: `Show what of the cost of calls was for what is sent along with each of them, or
done again: system prompts, conversation history and descriptions of tools,
retries and failed attempts, and inputs that were embedded before.

INPUT is what was charged for all input. SYSTEM, HISTORY, LAST, TOOLS and MEDIA
add up to it: what the provider counts apart as sound, pictures, films or
documents is MEDIA, and the rest is divided call by call, as the bytes of text
that were sent. LAST is what was new in a call, and has what cannot be divided.
The percentages are of the bytes of text, rounded down, and know no prices.

RETRIES are calls that were made again, as the client says or as the same body
after a failure. FAILED are attempts that failed or were cut; a call may be
both. REPEATED are inputs that the same team had embedded by the same model less
than a day before, or earlier in the same call.

--from is included, --to is not. A date is its midnight in the zone of --tz, whose
days and hours are meant. Corrections of prices change the cost and no count. The
table leaves out what is zero in every group; csv has one line per group with
everything, and no total.`,
		Example: `  farebox multipliers
  farebox multipliers --by team,model --from 2026-08-01 --to 2026-09-01
  farebox multipliers --by day --team support --tz Europe/Berlin -o csv`,
		Args: cobra.NoArgs,
	}
	c.Flags().Var(&from, "from", "first time (default the start of this month)")
	c.Flags().Var(&to, "to", "time after the last (default now)")
	c.Flags().StringSliceVar(&by, "by", by, "`names` to sum by, at most 6")
	c.Flags().StringVar(&zone, "tz", "UTC", "time `zone` of dates, days and hours, such as Europe/Berlin")
	c.Flags().StringVar(&team, "team", "", "only the calls of this `team` (default all that may be seen)")
	form, farebox := output(c, "table", "json", "csv"), admin(c)
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		q := api.MultipliersQuery{By: by, Zone: zone, Team: team}
		if q.From, q.To, err = between(zone, from, to); err != nil {
			return err
		}
		client, err := farebox.client()
		if err != nil {
			return err
		}
		a, err := multipliersOf(c.Context(), client, q)
		if err != nil {
			return err
		}
		return writeMultipliers(c.OutOrStdout(), a, form.value)
	}
	return c
}

// multipliersOf asks page by page until nothing is left.
func multipliersOf(ctx context.Context, client *api.Client, q api.MultipliersQuery) (*api.MultipliersAnswer, error) {
	var rows []api.MultipliersRow
	q.Limit = api.MaxRows
	for {
		a, err := client.Multipliers(ctx, q)
		if err != nil {
			return nil, err
		}
		rows = append(rows, a.Rows...)
		if q.Cursor = a.Next; q.Cursor == "" {
			a.Rows = append([]api.MultipliersRow{}, rows...)
			return a, nil
		}
	}
}

func writeMultipliers(w io.Writer, a *api.MultipliersAnswer, form string) error {
	switch form {
	case "json":
		return writeJSON(w, a)
	case "csv":
		return writeMultipliersCSV(w, a)
	}
	_, err := io.WriteString(w, showMultipliers(a))
	return err
}
