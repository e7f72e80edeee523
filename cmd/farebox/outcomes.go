package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/api"
)

func newOutcomes() *cobra.Command {
	c := &cobra.Command{
		Use:   "outcomes",
		Short: "Say and show how interactions turned out",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
		Long: `Say whether an interaction did its job, and show what was said.

Farebox sees that an answer came whole, not that it was right. Whoever knows says
so, and the later word counts: "interactions" goes by it.`,
	}
	c.AddCommand(newOutcomesSet(), newOutcomesList())
	return c
}

func newOutcomesSet() *cobra.Command {
	var call, zone string
	var o api.Outcome
	c := &cobra.Command{
		Use:   "set success|failure (--interaction NAME [--team TEAM] | --call ID)",
		Short: "Say whether an interaction or a call did its job",
		Long: `Say that an interaction, or a call, was a success or a failure, in place of what
was said before. What is said of a call counts for its interaction where it is
the last call of it.

An interaction is named as attribution names it: the attribute "interaction",
else the trace id, else the request id. Its team need not be named by who has one
team. Who says it is audited, and needs the role owner.`,
		Example: `  farebox outcomes set success --interaction chat-7 --team support
  farebox outcomes set failure --interaction chat-7 --team support --reason "the customer called again"
  farebox outcomes set failure --call 0198c3f2-7a41-7c02-9d5e-0b7f3c1a2e4d --reason "made up a source"`,
		Args: cobra.MatchAll(one("success or failure"), func(_ *cobra.Command, args []string) error {
			_, err := verdict(args[0])
			return err
		}),
	}
	f := c.Flags()
	f.StringVar(&o.Interaction, "interaction", "", "`name` of the interaction")
	f.StringVar(&o.Team, "team", "", "`team` whose interaction it is")
	f.StringVar(&call, "call", "", "call `id`, in place of an interaction")
	f.StringVar(&o.Reason, "reason", "", "`text` that says why, for a person; no prompts")
	f.StringVar(&zone, "tz", "UTC", "time `zone` of the time shown")
	form, farebox := output(c, "table", "json"), admin(c)
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		if o.Success, err = verdict(args[0]); err != nil {
			return err
		}
		in, err := named(&o, call, zone)
		if err != nil {
			return err
		}
		client, err := farebox.client()
		if err != nil {
			return err
		}
		a, err := client.SetOutcome(c.Context(), o)
		if err != nil {
			return err
		}
		if form.value == "json" {
			return writeJSON(c.OutOrStdout(), a)
		}
		_, err = io.WriteString(c.OutOrStdout(), showOutcomes([]api.OutcomeAnswer{*a}, in))
		return err
	}
	return c
}

// verdict reads one of two words.
func verdict(word string) (success bool, err error) {
	if word != "success" && word != "failure" {
		return false, fmt.Errorf("say success or failure, not %q", word)
	}
	return word == "success", nil
}

// named completes what an outcome is of.
func named(o *api.Outcome, call, zone string) (in *time.Location, err error) {
	switch {
	case (call == "") == (o.Interaction == ""):
		return nil, errors.New("set outcome: name either --interaction or --call")
	case call != "" && o.Team != "":
		return nil, errors.New("set outcome: a call has its team: leave --team out")
	case call != "":
		o.Call = new(policy.CallID)
		if err := o.Call.UnmarshalText([]byte(call)); err != nil {
			return nil, fmt.Errorf("read --call: %w", err)
		}
	}
	if in, err = time.LoadLocation(zone); err != nil {
		return nil, fmt.Errorf("read --tz: %w", err)
	}
	return in, nil
}

func newOutcomesList() *cobra.Command {
	var from, to moment
	var zone string
	var q api.OutcomesQuery
	only := choice{allowed: []string{"success", "failure"}}
	c := &cobra.Command{
		Use:   "list",
		Short: "Show what was said of interactions and calls",
		Long: `Show the last word on each interaction and call of which someone has said how it
turned out, newest first.

--from is included, --to is not: they are of when it was said. A date is its
midnight in the zone of --tz, in which times are shown.`,
		Example: `  farebox outcomes list --team support
  farebox outcomes list --from 2026-08-01 --only failure --limit 1000 -o csv`,
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.Var(&from, "from", "first time (default the start of this month)")
	f.Var(&to, "to", "time after the last (default now)")
	f.StringVar(&zone, "tz", "UTC", "time `zone` of dates and of the times shown, such as Europe/Berlin")
	f.StringVar(&q.Team, "team", "", "only what is of this `team` (default all that may be seen)")
	f.Var(&only, "only", "only what did its job, or only what did not")
	enough := limit(c, "outcomes")
	form, farebox := output(c, "table", "json", "csv"), admin(c)
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		if q.From, q.To, err = between(zone, from, to); err != nil {
			return err
		}
		if success := only.value == "success"; only.value != "" {
			q.Success = &success
		}
		client, err := farebox.client()
		if err != nil {
			return err
		}
		a, err := pages(*enough, func(cursor string, size int) (*api.OutcomesAnswer, error) {
			q.Cursor, q.Limit = cursor, size
			return client.Outcomes(c.Context(), q)
		}, func(a *api.OutcomesAnswer) (*[]api.OutcomeAnswer, *string) { return &a.Outcomes, &a.Next })
		if err != nil {
			return err
		}
		if form.value != "json" {
			sayMore(c.ErrOrStderr(), a.Next, "outcomes")
		}
		return writeOutcomes(c.OutOrStdout(), a, form.value, zone)
	}
	return c
}

func writeOutcomes(w io.Writer, a *api.OutcomesAnswer, form, zone string) error {
	switch form {
	case "json":
		return writeJSON(w, a)
	case "csv":
		return writeOutcomesCSV(w, a.Outcomes)
	}
	in, err := time.LoadLocation(zone)
	if err != nil {
		return fmt.Errorf("read --tz: %w", err)
	}
	_, err = io.WriteString(w, showOutcomes(a.Outcomes, in))
	return err
}

func showOutcomes(all []api.OutcomeAnswer, in *time.Location) string {
	if len(all) == 0 {
		return "Nothing was said.\n"
	}
	t := table{columns: []column{{head: "TIME"}, {head: "TEAM"}, {head: "INTERACTION"}, {head: "CALL"}, {head: "OUTCOME"}, {head: "BY"}, {head: "REASON"}}}
	for i := range all {
		o := &all[i]
		outcome := "failure"
		if o.Success {
			outcome = "success"
		}
		t.rows = append(t.rows, []string{
			o.At.In(in).Format(time.RFC3339), plain(o.Team), plain(o.Interaction), plain(callOf(o)), outcome, plain(o.By), plain(o.Reason),
		})
	}
	return t.String()
}

// callOf is the id of the call that an outcome is of, or nothing.
func callOf(o *api.OutcomeAnswer) string {
	if o.Call == nil {
		return ""
	}
	return o.Call.String()
}

// writeOutcomesCSV writes one line per outcome under the names that JSON has.
func writeOutcomesCSV(w io.Writer, all []api.OutcomeAnswer) error {
	lines := [][]string{{"at", "team", "interaction", "call_id", "success", "by", "reason"}}
	for i := range all {
		o := &all[i]
		lines = append(lines, []string{
			o.At.UTC().Format(time.RFC3339Nano), inert(o.Team), inert(o.Interaction), callOf(o), strconv.FormatBool(o.Success), inert(o.By), inert(o.Reason),
		})
	}
	if err := csv.NewWriter(w).WriteAll(lines); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}
