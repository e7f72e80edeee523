package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/farebox/farebox/policy/api"
)

func newCharges() *cobra.Command {
	var q api.ChargesQuery
	var from, to moment
	zone := "UTC"
	c := &cobra.Command{
		Use:   "charges",
		Short: "Show and book costs that no call tells",
		Long: `Show charges: costs that no call tells, such as subscriptions, provisioned
throughput, hosting, fees and corrections of invoices, the one booked last first.
Budgets that include charges count them.

--from and --to are of the moments that they count at: --from is included, --to is
not. A date is its midnight in the zone of --tz, in which times are shown. It takes
the role viewer.`,
		Example: `  farebox charges --team research
  farebox charges --from 2026-11-01 --to 2026-12-01 -o csv`,
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.Var(&from, "from", "first time (default the start of this month)")
	f.Var(&to, "to", "time after the last (default now)")
	f.StringVar(&q.Team, "team", "", "only of this `team` (default all that may be seen)")
	f.StringVar(&q.Provider, "provider", "", "only of this `provider`")
	f.StringVar(&q.Model, "model", "", "only of this `model`")
	f.StringVar(&zone, "tz", zone, "time `zone` of dates and of the times shown, such as Europe/Berlin")
	enough := limit(c, "charges")
	form, farebox := output(c, "table", "json", "csv"), admin(c)
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		if q.From, q.To, err = between(zone, from, to); err != nil {
			return err
		}
		client, err := farebox.client()
		if err != nil {
			return err
		}
		a, err := chargesOf(c.Context(), client, q, *enough)
		if err != nil {
			return err
		}
		if form.value != "json" {
			sayMore(c.ErrOrStderr(), a.Next, "charges")
		}
		return writeCharges(c.OutOrStdout(), a, a.Charges, form.value, zone)
	}
	c.AddCommand(newChargesAdd(), newChargesReverse())
	return c
}

func chargesOf(ctx context.Context, client *api.Client, q api.ChargesQuery, enough most) (*api.ChargesAnswer, error) {
	return pages(enough, func(cursor string, size int) (*api.ChargesAnswer, error) {
		q.Cursor, q.Limit = cursor, size
		return client.Charges(ctx, q)
	}, func(a *api.ChargesAnswer) (*[]api.Charge, *string) { return &a.Charges, &a.Next })
}

func newChargesAdd() *cobra.Command {
	asked := api.ChargeAsked{For: map[string]string{}}
	var at moment
	var team string
	zone := "UTC"
	c := &cobra.Command{
		Use:   "add DESCRIPTION --usd AMOUNT",
		Short: "Book a cost that no call tells",
		Long: `Book a charge: a cost that no call tells. --team and --for name the owners that it
is for, as attributes of calls do; a budget that includes charges counts it if they
match, in the window of the moment --at, which must have come. It is refused by no
limit. It is contracted and charged alike, and in no sum of "usage".

With --id it is booked once: to book the same again changes nothing, so that a job
may run twice. Without, it is given one. A charge is never changed; see "charges
reverse". It takes the role finance, and is audited.`,
		Example: `  farebox charges add "provisioned throughput, November" --usd 120 --team research --provider azure --at 2026-11-01 --id ptu-2026-11
  farebox charges add "seats" --usd 900 --for team=support --for project=helpdesk`,
		Args: one("description"),
	}
	f := c.Flags()
	f.StringVar(&asked.USD, "usd", "", "`amount` in US dollars")
	f.StringVar(&team, "team", "", "`team` that it is for")
	f.StringToStringVar(&asked.For, "for", nil, "`attribute=value` of the owners that it is for, more than once for more")
	f.StringVar(&asked.Provider, "provider", "", "`provider` that bills it")
	f.StringVar(&asked.Model, "model", "", "`model` that it is for")
	f.Var(&at, "at", "the moment that it counts at (default now)")
	f.StringVar(&asked.ID, "id", "", "`id` by which it is booked once")
	f.StringVar(&zone, "tz", zone, "time `zone` of dates and of the times shown, such as Europe/Berlin")
	form, farebox := output(c, "table", "json"), admin(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		if asked.Description = args[0]; asked.USD == "" {
			return errors.New("book charge: say with --usd how much")
		}
		if team != "" {
			if asked.For == nil {
				asked.For = map[string]string{}
			}
			asked.For["team"] = team
		}
		if _, moment, err := between(zone, moment{}, at); err != nil {
			return err
		} else if !moment.IsZero() {
			asked.At = &moment
		}
		return bookCharge(c, farebox, asked, form.value, zone)
	}
	return c
}

func newChargesReverse() *cobra.Command {
	var asked api.ChargeAsked
	zone := "UTC"
	c := &cobra.Command{
		Use:   "reverse ID DESCRIPTION",
		Short: "Take a charge back",
		Long: `Take back the charge that has the ID, whole and once: what it counted, at its
moment, for its owners. Both stay in the ledger. It takes the role finance, and is
audited.`,
		Example: `  farebox charges reverse ptu-2026-11 "billed to the wrong team"`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 2 {
				return fmt.Errorf("%d arguments, want an id and why; see `%s --help`", len(args), c.CommandPath())
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&asked.ID, "id", "", "`id` of the reversal, by which it is booked once")
	f.StringVar(&zone, "tz", zone, "time `zone` of the times shown")
	form, farebox := output(c, "table", "json"), admin(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		asked.Reverses, asked.Description = args[0], args[1]
		return bookCharge(c, farebox, asked, form.value, zone)
	}
	return c
}

// bookCharge books what is asked for, and shows it.
func bookCharge(c *cobra.Command, farebox *adminFlags, asked api.ChargeAsked, form, zone string) error {
	if _, err := time.LoadLocation(zone); err != nil {
		return fmt.Errorf("read --tz: %w", err)
	}
	client, err := farebox.client()
	if err != nil {
		return err
	}
	booked, err := client.Book(c.Context(), asked)
	if err != nil {
		return err
	}
	return writeCharges(c.OutOrStdout(), booked, []api.Charge{*booked}, form, zone)
}

// writeCharges writes an answer as JSON, or what it has as a table or CSV.
func writeCharges(w io.Writer, answer any, all []api.Charge, form, zone string) error {
	switch form {
	case "json":
		return writeJSON(w, answer)
	case "csv":
		return writeChargesCSV(w, all)
	}
	in, err := time.LoadLocation(zone)
	if err != nil {
		return fmt.Errorf("read --tz: %w", err)
	}
	_, err = io.WriteString(w, showCharges(all, in))
	return err
}

func showCharges(all []api.Charge, in *time.Location) string {
	if len(all) == 0 {
		return "No charges.\n"
	}
	t := table{columns: []column{
		{head: "ID"}, {"USD", true}, {head: "FOR"}, {head: "PROVIDER"}, {head: "MODEL"}, {head: "AT"}, {head: "BY"}, {head: "REVERSES"}, {head: "DESCRIPTION"},
	}}
	for i := range all {
		c := &all[i]
		t.rows = append(t.rows, []string{
			plain(c.ID), c.USD.String(), plain(attributes(c.For)), plain(c.Provider), plain(c.Model), c.At.In(in).Format(time.RFC3339), plain(c.By), plain(c.Reverses), plain(c.Description),
		})
	}
	t.alignPoints(1)
	return t.String()
}

// attributes are written in the order of their names, as --for takes them.
func attributes(of map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		parts = append(parts, name+"="+of[name])
	}
	return strings.Join(parts, ",")
}

// writeChargesCSV writes one line per charge under the names that JSON has.
func writeChargesCSV(w io.Writer, all []api.Charge) error {
	lines := [][]string{{"number", "id", "usd", "reverses", "for", "provider", "model", "at", "description", "by", "booked"}}
	for i := range all {
		c := &all[i]
		lines = append(lines, []string{
			strconv.FormatInt(c.Number, 10), inert(c.ID), c.USD.String(), inert(c.Reverses), inert(attributes(c.For)), inert(c.Provider), inert(c.Model),
			c.At.UTC().Format(time.RFC3339Nano), inert(c.Description), inert(c.By), c.Booked.UTC().Format(time.RFC3339Nano),
		})
	}
	if err := csv.NewWriter(w).WriteAll(lines); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}
