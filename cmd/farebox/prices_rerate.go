package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/api"
)

func newPricesRerate() *cobra.Command {
	var from, to moment
	var q api.Rerate
	c := &cobra.Command{
		Use:   "rerate --from DATE [--to DATE] --reason TEXT",
		Short: "Price past calls anew, by the prices in use now",
		Long: `Have the running farebox price the calls completed in a time anew, by the
configuration that it uses now: change prices, reload, then rerate. It corrects
calls that had no price and calls that had a wrong one.

Nothing is edited: each call whose cost is another gets a correction with the
difference, which belongs to the day of the call. Prices, discounts and rate
cards hold as of the call's admission, as always. Quantities stay as they are,
and a call stays in the band of volume that it was in. What is right already is
left, so that the same command again changes nothing.

WAS, IS and DIFFERENCE are what owners are charged. --dry-run tells them and
changes nothing. Who rerates is audited, and needs the role finance. What is
settled while it runs, by the prices of before, is for the next time. A call
takes 99 corrections: one that would need another is left as it is, and said so.
csv has one line per group and no total.`,
		Example: `  farebox prices rerate --from 2026-08-01 --only-unpriced --dry-run
  farebox prices rerate --from 2026-08-01 --to 2026-09-01 --model house-70b --reason "price agreed on 3 September"`,
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.Var(&from, "from", "first time, which must be given")
	f.Var(&to, "to", "time after the last (default now)")
	f.StringVar(&q.Model, "model", "", "only calls that this `model` answered, by its exact name")
	f.StringVar(&q.Provider, "provider", "", "only calls that this `provider` answered")
	f.StringVar(&q.Team, "team", "", "only the calls of this `team`")
	f.BoolVar(&q.OnlyUnpriced, "only-unpriced", false, "only calls of which something has no price so far")
	f.BoolVar(&q.DryRun, "dry-run", false, "say what would change, and change nothing")
	f.StringVar(&q.Reason, "reason", "", "`text` for the audit and for explain; needed unless it is a dry run")
	form, farebox := output(c, "table", "json", "csv"), admin(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		var err error
		if q.From, q.To, err = rerateTimes(from, to); err != nil {
			return err
		}
		client, err := farebox.client()
		if err != nil {
			return err
		}
		a, err := rerateAll(c.Context(), client, q, c.ErrOrStderr())
		if err != nil {
			return err
		}
		if a.Uncorrected > 0 && form.value != "json" {
			fmt.Fprintln(c.ErrOrStderr(), uncorrected(a))
		}
		return writeRerate(c.OutOrStdout(), a, form.value, q.DryRun)
	}
	return c
}

func rerateTimes(from, to moment) (first, end time.Time, err error) {
	if first, err = from.in(time.UTC); err != nil {
		return first, end, err
	}
	if first.IsZero() {
		return first, end, errors.New("rerate: say --from")
	}
	if end, err = to.in(time.UTC); end.IsZero() {
		end = time.Now().UTC()
	}
	return first, end, err
}

// rerateAll asks until nothing is left, and tells how far it is. What was
// corrected before an error stays so: the same command goes on from there.
func rerateAll(ctx context.Context, client *api.Client, q api.Rerate, progress io.Writer) (*api.RerateAnswer, error) {
	all := &api.RerateAnswer{Groups: []api.RerateGroup{}}
	for {
		a, err := client.Rerate(ctx, q)
		if err != nil {
			return nil, err
		}
		all.Examined += a.Examined
		all.Uncorrected += a.Uncorrected
		for i := range a.Groups {
			all.Groups = api.AddGroup(all.Groups, &a.Groups[i])
		}
		if a.Next == "" {
			break
		}
		fmt.Fprintf(progress, "%d calls examined\n", all.Examined)
		q.Cursor = a.Next
	}
	slices.SortFunc(all.Groups, func(a, b api.RerateGroup) int {
		return cmp.Or(cmp.Compare(a.Team, b.Team), cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Model, b.Model))
	})
	return all, nil
}

func writeRerate(w io.Writer, a *api.RerateAnswer, form string, dry bool) error {
	switch form {
	case "json":
		return writeJSON(w, a)
	case "csv":
		return writeRerateCSV(w, a)
	}
	_, err := io.WriteString(w, showRerate(a, dry))
	return err
}

// uncorrected says what is left although it should be corrected.
func uncorrected(a *api.RerateAnswer) string {
	return fmt.Sprintf("%d calls should cost otherwise and are left as they are: they have %d corrections already", a.Uncorrected, policy.MaxCorrections)
}

func showRerate(a *api.RerateAnswer, dry bool) string {
	title := fmt.Sprintf("%d calls examined", a.Examined)
	switch {
	case len(a.Groups) == 0 && a.Uncorrected > 0:
		return title + ": nothing to correct but what is left as it is.\n"
	case len(a.Groups) == 0:
		return title + ": each costs what it should.\n"
	case dry:
		title += "; these would be corrected"
	default:
		title += "; these are corrected"
	}
	t := table{columns: []column{
		{head: "TEAM"}, {head: "PROVIDER"}, {head: "MODEL"}, {"CALLS", true}, {"WAS USD", true}, {"IS USD", true}, {"DIFFERENCE USD", true},
	}}
	var sum api.RerateGroup
	for i := range a.Groups {
		g := &a.Groups[i]
		sum.Add(g)
		t.rows = append(t.rows, rerateCells(g, plain(g.Team), plain(g.Provider), plain(g.Model)))
	}
	t.foot = rerateCells(&sum, "total", "", "")
	t.alignPoints(4, 5, 6)
	return title + "\n\n" + t.String()
}

func rerateCells(g *api.RerateGroup, keys ...string) []string {
	return append(keys, strconv.FormatInt(g.Calls, 10), g.Was.String(), g.Is.String(), g.Difference.String())
}

func writeRerateCSV(w io.Writer, a *api.RerateAnswer) error {
	lines := [][]string{{"team", "provider", "model", "calls", "was_usd", "is_usd", "difference_usd"}}
	for i := range a.Groups {
		g := &a.Groups[i]
		lines = append(lines, rerateCells(g, inert(g.Team), inert(g.Provider), inert(g.Model)))
	}
	if err := csv.NewWriter(w).WriteAll(lines); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}
