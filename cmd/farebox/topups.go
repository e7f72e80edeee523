package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/farebox/farebox/policy/api"
)

func newTopup() *cobra.Command {
	var asked api.TopupAsked
	var until moment
	zone := "UTC"
	amounts := map[string]*string{"usd": new(string), "contracted_usd": new(string), "tokens": new(string), "requests": new(string)}
	c := &cobra.Command{
		Use:   "topup NAME",
		Short: "Raise the limit of a budget's account for a time",
		Long: `Raise the limit of one account of the budget NAME until its window ends, or until
a date. Who has the role finance raises it at once, unless the budget says
"topups: approval"; everyone else asks, and it waits for somebody else to grant it
with "farebox budgets approve". It takes the role owner, and is audited.

--of has the values that the budget counts apart, joined by "/". A date is its
midnight in the zone of --tz.`,
		Example: `  farebox budgets topup team-month --of support --usd 500 --reason "the fair in Lyon"
  farebox budgets topup pool --tokens 2000000 --until 2026-09-01 --reason "load test"`,
		Args: one("budget"),
	}
	f := c.Flags()
	f.StringVar(&asked.Of, "of", "", "`value` that the budget counts apart")
	f.StringVar(amounts["usd"], "usd", "", "`amount` in US dollars")
	f.StringVar(amounts["contracted_usd"], "contracted-usd", "", "`amount` in US dollars of what the provider is paid")
	f.StringVar(amounts["tokens"], "tokens", "", "`number` of tokens")
	f.StringVar(amounts["requests"], "requests", "", "`number` of calls")
	f.Var(&until, "until", "when the limit falls back (default the end of the window)")
	f.StringVar(&asked.Reason, "reason", "", "`text` that says why; no prompts")
	f.StringVar(&zone, "tz", zone, "time `zone` of dates, such as Europe/Berlin")
	form, farebox := output(c, "table", "json"), admin(c)
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		asked.Budget = args[0]
		if asked.Unit, asked.Amount, err = oneAmount(amounts); err != nil {
			return err
		}
		if asked.Reason == "" {
			return errors.New("top up: say with --reason why")
		}
		if _, end, err := between(zone, moment{}, until); err != nil {
			return err
		} else if !end.IsZero() {
			asked.Until = &end
		}
		client, err := farebox.client()
		if err != nil {
			return err
		}
		t, err := client.Topup(c.Context(), asked)
		if err != nil {
			return err
		}
		return writeTopups(c.OutOrStdout(), t, []api.Topup{*t}, form.value)
	}
	return c
}

// oneAmount is the only one that is given.
func oneAmount(amounts map[string]*string) (unit, amount string, err error) {
	given := 0
	for name, text := range amounts {
		if *text != "" {
			unit, amount = name, *text
			given++
		}
	}
	if given != 1 {
		return "", "", errors.New("top up: say how much with one of --usd, --contracted-usd, --tokens and --requests")
	}
	return unit, amount, nil
}

func newGrantTopup() *cobra.Command {
	var g api.TopupGranted
	c := &cobra.Command{
		Use:   "approve NUMBER",
		Short: "Grant a top-up that somebody else has asked for",
		Long: `Grant a top-up that somebody else has asked for, by its number in the list. Calls
that come from then on follow it. It takes the role approver, and is audited.`,
		Example: `  farebox budgets approve 7 --reason "as agreed"`,
		Args:    one("number"),
	}
	c.Flags().StringVar(&g.Reason, "reason", "", "`text` that says why; no prompts")
	form, farebox := output(c, "table", "json"), admin(c)
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		if g.Number, err = topupNumber(args[0]); err != nil {
			return err
		}
		client, err := farebox.client()
		if err != nil {
			return err
		}
		t, err := client.GrantTopup(c.Context(), g)
		if err != nil {
			return err
		}
		return writeTopups(c.OutOrStdout(), t, []api.Topup{*t}, form.value)
	}
	return c
}

// newEndTopup is the command refuse, or revoke.
func newEndTopup(granted bool) *cobra.Command {
	var r api.TopupRevoked
	c := &cobra.Command{
		Use:   "refuse NUMBER --reason TEXT",
		Short: "Refuse a top-up that waits to be granted",
		Long: `Refuse a top-up that waits to be granted, by its number in the list. Who asked
for it may withdraw it so; else it takes the role approver. It is audited.`,
		Example: `  farebox budgets refuse 7 --reason "there is enough left"`,
		Args:    one("number"),
	}
	if granted {
		c.Use, c.Short, c.Example = "revoke NUMBER --reason TEXT", "Take back a top-up that is in force", `  farebox budgets revoke 7 --reason "the fair is off"`
		c.Long = `Take back a top-up that is in force, by its number in the list. The limit falls
for calls that come from then on; what is held for others stays. Who asked for it
may do so; else it takes the role approver. It is audited.`
	}
	c.Flags().StringVar(&r.Reason, "reason", "", "`text` that says why; no prompts")
	form, farebox := output(c, "table", "json"), admin(c)
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		if r.Number, err = topupNumber(args[0]); err != nil {
			return err
		}
		if r.Reason == "" {
			return fmt.Errorf("%s top-up: say with --reason why", c.Name())
		}
		client, err := farebox.client()
		if err != nil {
			return err
		}
		end := client.RefuseTopup
		if granted {
			end = client.RevokeTopup
		}
		t, err := end(c.Context(), r)
		if err != nil {
			return err
		}
		return writeTopups(c.OutOrStdout(), t, []api.Topup{*t}, form.value)
	}
	return c
}

func topupNumber(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is no number of a top-up; see `farebox budgets topups`", text)
	}
	return n, nil
}

func newTopups() *cobra.Command {
	c := &cobra.Command{
		Use:   "topups",
		Short: "Show by what limits are raised",
		Long: `Show the top-ups that are in force or wait to be granted, and those that were
refused or revoked and would else not be over, the oldest first. It takes the role
viewer.`,
		Example: `  farebox budgets topups`,
		Args:    cobra.NoArgs,
	}
	form, farebox := output(c, "table", "json"), admin(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		client, err := farebox.client()
		if err != nil {
			return err
		}
		a, err := client.Topups(c.Context())
		if err != nil {
			return err
		}
		return writeTopups(c.OutOrStdout(), a, a.Topups, form.value)
	}
	return c
}

// writeTopups writes an answer as JSON, or what it has as a table.
func writeTopups(w io.Writer, answer any, all []api.Topup, form string) error {
	if form == "json" {
		return writeJSON(w, answer)
	}
	if len(all) == 0 {
		_, err := io.WriteString(w, "None.\n")
		return err
	}
	t := table{columns: []column{{"NUMBER", true}, {head: "BUDGET"}, {head: "OF"}, {head: "UNIT"}, {"AMOUNT", true}, {head: "UNTIL"}, {head: "BY"}, {head: "GRANTED BY"}, {head: "REVOKED BY"}, {head: "REASON"}}}
	for i := range all {
		u := &all[i]
		until := "never"
		if u.Until != nil {
			until = u.Until.Format(time.RFC3339)
		}
		t.rows = append(t.rows, []string{
			strconv.FormatInt(u.Number, 10), plain(u.Budget), plain(u.Of), u.Unit, u.Amount, until, plain(u.By), plain(u.GrantedBy), plain(u.RevokedBy), plain(cmp.Or(u.RevokedReason, u.Reason)),
		})
	}
	_, err := io.WriteString(w, t.String())
	return err
}
