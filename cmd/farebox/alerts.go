package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/farebox/farebox/policy/alert"
	"github.com/farebox/farebox/policy/api"
	"github.com/farebox/farebox/policy/ledger"
)

func newAlerts() *cobra.Command {
	c := &cobra.Command{
		Use:   "alerts",
		Short: "Show, acknowledge and mute alerts",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
		Long: `Show what people should know: budgets of which a share is spent, teams that
suddenly spend more, calls without a price, stores that do not answer. Say that
someone knows, or that nobody wants to be told for a time.

Who is told is configured in alerts and receivers; docs/alerts.md tells the rest.`,
	}
	c.AddCommand(newAlertsList(), newAlertsAck(), newAlertsMute(), newAlertsUnmute(), newAlertsMutes(), newAlertsRearm())
	return c
}

func newAlertsList() *cobra.Command {
	var from, to moment
	var zone string
	var q api.AlertsQuery
	severity, state := choice{allowed: alert.Severities()}, choice{allowed: ledger.AlertStates}
	c := &cobra.Command{
		Use:   "list",
		Short: "Show alerts",
		Long: `Show alerts, newest first. --from is included, --to is not. A date is its
midnight in the zone of --tz, in which times are shown.`,
		Example: `  farebox alerts list --review
  farebox alerts list --team support --severity emergency --from 2026-11-01 -o json`,
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.Var(&from, "from", "first time (default the start of this month)")
	f.Var(&to, "to", "time after the last (default now)")
	f.StringVar(&zone, "tz", "UTC", "time `zone` of dates and of the times shown, such as Europe/Berlin")
	f.StringVar(&q.Team, "team", "", "only alerts of this `team` (default all that may be seen)")
	f.StringVar(&q.Rule, "rule", "", "only of this `budget or watch`")
	f.Var(&severity, "severity", "only as grave as this")
	f.Var(&state, "state", "only in this state")
	f.BoolVar(&q.Review, "review", false, "only what someone has still to acknowledge")
	enough := limit(c, "alerts")
	form, farebox := output(c, "table", "json"), admin(c)
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		if q.From, q.To, err = between(zone, from, to); err != nil {
			return err
		}
		q.Severity, q.State = severity.value, state.value
		client, err := farebox.client()
		if err != nil {
			return err
		}
		a, err := pages(*enough, func(cursor string, size int) (*api.AlertsAnswer, error) {
			q.Cursor, q.Limit = cursor, size
			return client.Alerts(c.Context(), q)
		}, func(a *api.AlertsAnswer) (*[]api.Alert, *string) { return &a.Alerts, &a.Next })
		if err != nil {
			return err
		}
		if form.value == "json" {
			return writeJSON(c.OutOrStdout(), a)
		}
		sayMore(c.ErrOrStderr(), a.Next, "alerts")
		return writeAlerts(c.OutOrStdout(), a.Alerts, zone)
	}
	return c
}

func writeAlerts(w io.Writer, all []api.Alert, zone string) error {
	in, err := time.LoadLocation(zone)
	if err != nil {
		return fmt.Errorf("read --tz: %w", err)
	}
	if len(all) == 0 {
		_, err := io.WriteString(w, "No alerts.\n")
		return err
	}
	t := table{columns: []column{{head: "NUMBER", right: true}, {head: "TIME"}, {head: "SEVERITY"}, {head: "STATE"}, {head: "REVIEW"}, {head: "TEAM"}, {head: "TEXT"}}}
	for i := range all {
		a := &all[i]
		review := "-"
		if a.Review {
			review = "required"
		}
		t.rows = append(t.rows, []string{
			strconv.FormatInt(a.Number, 10), a.At.In(in).Format(time.RFC3339), a.Severity, stateWord(a), review, plain(a.Team), plain(a.Text),
		})
	}
	_, err = io.WriteString(w, t.String())
	return err
}

// stateWord is the state, and who could not be told.
func stateWord(a *api.Alert) string {
	var failed []string
	for _, d := range a.Deliveries {
		if d.State == ledger.AlertFailed {
			failed = append(failed, d.Receiver)
		}
	}
	if len(failed) == 0 {
		return a.State
	}
	return a.State + " (" + strings.Join(failed, ", ") + ")"
}

func newAlertsAck() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "ack NUMBER",
		Short: "Say that someone knows of an alert",
		Long: `Acknowledge an alert: who has not been told yet is not told any more, and it
needs no review. Who says it is audited, and needs the role owner.`,
		Example: `  farebox alerts ack 7 --reason "the limit will be raised on Monday"`,
		Args:    one("number of an alert"),
	}
	c.Flags().StringVar(&reason, "reason", "", "`text` that says what is done about it, for a person")
	form, farebox := output(c, "table", "json"), admin(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		number, err := strconv.ParseInt(args[0], 10, 64)
		if err != nil {
			return fmt.Errorf("%q is no number of an alert", args[0])
		}
		client, err := farebox.client()
		if err != nil {
			return err
		}
		a, err := client.Acknowledge(c.Context(), number, reason)
		if err != nil {
			return err
		}
		if form.value == "json" {
			return writeJSON(c.OutOrStdout(), a)
		}
		return writeAlerts(c.OutOrStdout(), []api.Alert{*a}, "UTC")
	}
	return c
}

// muteFlags adds the flags that say whose alerts are meant.
func muteFlags(c *cobra.Command, of, team, reason *string) {
	f := c.Flags()
	f.StringVar(of, "of", "", "only of this `value`, as the budget counts apart")
	f.StringVar(team, "team", "", "only alerts of this `team`")
	f.StringVar(reason, "reason", "", "`text` that says why, for a person")
}

func newAlertsMute() *cobra.Command {
	var m api.Mute
	var until moment
	var span time.Duration
	c := &cobra.Command{
		Use:   "mute RULE (--for TIME | --until TIME)",
		Short: "Have nobody told of a budget or a watch for a time",
		Long: `Mute the alerts of a budget, or of a watch such as spend_spike, until a time. They
are kept all the same, and are not told afterwards. Who says it is audited, and
needs the role owner.`,
		Example: `  farebox alerts mute support-month --for 4h --reason "a load test"
  farebox alerts mute each-team-day --of research --until 2026-12-01`,
		Args: one("name of a budget or a watch"),
	}
	muteFlags(c, &m.Of, &m.Team, &m.Reason)
	c.Flags().DurationVar(&span, "for", 0, "how `long`, such as 4h")
	c.Flags().Var(&until, "until", "when it ends")
	form, farebox := output(c, "table", "json"), admin(c)
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		m.Rule = args[0]
		switch {
		case (span > 0) == (until.text != ""):
			return errors.New("mute alerts: say either --for or --until")
		case span > 0:
			m.Until = time.Now().Add(span)
		default:
			if m.Until, err = until.in(time.UTC); err != nil {
				return err
			}
		}
		return sendMute(c, farebox, m, form.value)
	}
	return c
}

func newAlertsUnmute() *cobra.Command {
	var m api.Mute
	c := &cobra.Command{
		Use:     "unmute RULE",
		Short:   "End a mute",
		Long:    `End the mute of a budget or a watch: --of and --team are those with which it was muted.`,
		Example: `  farebox alerts unmute support-month`,
		Args:    one("name of a budget or a watch"),
	}
	muteFlags(c, &m.Of, &m.Team, &m.Reason)
	form, farebox := output(c, "table", "json"), admin(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		m.Rule, m.Until = args[0], time.Unix(0, 0).UTC()
		return sendMute(c, farebox, m, form.value)
	}
	return c
}

// sendMute sends a mute, or the end of one, and shows what is muted then.
func sendMute(c *cobra.Command, farebox *adminFlags, m api.Mute, form string) error {
	client, err := farebox.client()
	if err != nil {
		return err
	}
	if _, err := client.Mute(c.Context(), m); err != nil {
		return err
	}
	return showMutes(c, client, form)
}

func newAlertsMutes() *cobra.Command {
	c := &cobra.Command{
		Use: "mutes", Short: "Show what is muted", Args: cobra.NoArgs,
		Long:    `Show the mutes that hold, the next to end first.`,
		Example: `  farebox alerts mutes`,
	}
	form, farebox := output(c, "table", "json"), admin(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		client, err := farebox.client()
		if err != nil {
			return err
		}
		return showMutes(c, client, form.value)
	}
	return c
}

func showMutes(c *cobra.Command, client *api.Client, form string) error {
	a, err := client.Mutes(c.Context())
	if err != nil {
		return err
	}
	if form == "json" {
		return writeJSON(c.OutOrStdout(), a)
	}
	if len(a.Mutes) == 0 {
		_, err := io.WriteString(c.OutOrStdout(), "Nothing is muted.\n")
		return err
	}
	t := table{columns: []column{{head: "RULE"}, {head: "OF"}, {head: "TEAM"}, {head: "UNTIL"}, {head: "BY"}, {head: "REASON"}}}
	for i := range a.Mutes {
		m := &a.Mutes[i]
		t.rows = append(t.rows, []string{plain(m.Rule), plain(m.Of), plain(m.Team), m.Until.UTC().Format(time.RFC3339), plain(m.By), plain(m.Reason)})
	}
	_, err = io.WriteString(c.OutOrStdout(), t.String())
	return err
}

func newAlertsRearm() *cobra.Command {
	var r api.Rearm
	c := &cobra.Command{
		Use:   "rearm RULE",
		Short: "Have alerts told anew when they come again",
		Long: `Have the alerts of a budget or a watch told anew when they come again, in the
window that they were told in. A budget whose limit was raised needs none: its
shares are others then. Who says it is audited, and needs the role owner.`,
		Example: `  farebox alerts rearm support-month --of support`,
		Args:    one("name of a budget or a watch"),
	}
	muteFlags(c, &r.Of, &r.Team, &r.Reason)
	farebox := admin(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		r.Rule = args[0]
		client, err := farebox.client()
		if err != nil {
			return err
		}
		a, err := client.Rearm(c.Context(), r)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "%d alerts are told anew when they come again.\n", a.Rearmed)
		return err
	}
	return c
}
