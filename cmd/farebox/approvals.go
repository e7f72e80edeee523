package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/farebox/farebox/policy/api"
)

func newApprovals() *cobra.Command {
	c := &cobra.Command{
		Use:   "approvals",
		Short: "Request, grant and show which teams may ask which models",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
		Long: `Request leave for a team to ask a model that access in the configuration says
takes an approval, grant it, take it back, and show all that was requested.

An owner requests, and an approver other than that one grants: who they are is
said by their tokens or certificates (listen.admin). Every approval ends. What is
requested and decided is audited.`,
	}
	c.AddCommand(newApprovalsRequest(), newApprovalsList(), newApprovalsDecide(true), newApprovalsDecide(false))
	return c
}

func newApprovalsRequest() *cobra.Command {
	var until moment
	var asked api.ApprovalAsked
	zone := "UTC"
	c := &cobra.Command{
		Use:   "request MODEL --until TIME [--team TEAM]",
		Short: "Request that a team may ask a model",
		Long: `Request that a team may ask a model until a time. The model is named as callers
name it; in a pattern, * stands for any characters. The team need not be named by
who has one team.

--until is at most 366 days from now. A date is its midnight in the zone of --tz,
in which times are shown. It takes the role owner.`,
		Example: `  farebox approvals request o3 --team support --until 2026-12-31 --note "pilot of the summaries"
  farebox approvals request "claude-opus-*" --until 2026-09-01T18:00:00Z`,
		Args: one("model"),
	}
	f := c.Flags()
	f.Var(&until, "until", "when it ends")
	f.StringVar(&asked.Team, "team", "", "`team` whose calls it is for")
	f.StringVar(&asked.Note, "note", "", "`text` that says what for; no prompts")
	f.StringVar(&zone, "tz", zone, "time `zone` of dates and of the times shown, such as Europe/Berlin")
	form, farebox := output(c, "table", "json"), admin(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		in, err := time.LoadLocation(zone)
		if err != nil {
			return fmt.Errorf("read --tz: %w", err)
		}
		if asked.Until, err = until.in(in); err != nil {
			return fmt.Errorf("read --until: %w", err)
		}
		if asked.Until.IsZero() {
			return errors.New("request approval: say with --until when it ends")
		}
		asked.Model = args[0]
		client, err := farebox.client()
		if err != nil {
			return err
		}
		a, err := client.RequestApproval(c.Context(), asked)
		if err != nil {
			return err
		}
		return writeApproval(c.OutOrStdout(), a, form.value, in)
	}
	return c
}

// newApprovalsDecide is the command grant, or revoke.
func newApprovalsDecide(grant bool) *cobra.Command {
	d := api.ApprovalDecided{Grant: grant}
	zone := "UTC"
	c := &cobra.Command{
		Use:   "grant NUMBER",
		Short: "Grant an approval that someone else has requested",
		Long: `Grant an approval that someone else has requested, by its number in the list.
Calls that come from then on may ask the model, until it ends. It takes the role
approver.`,
		Example: `  farebox approvals grant 7 --note "as agreed in the review"`,
		Args:    one("number"),
	}
	if !grant {
		c.Use, c.Short, c.Example = "revoke NUMBER", "Refuse an approval, or take it back", `  farebox approvals revoke 7 --note "the pilot is over"`
		c.Long = `Refuse an approval that was requested, or take back one that was granted, by its
number in the list. Calls that come from then on are refused. It takes the role
approver.`
	}
	f := c.Flags()
	f.StringVar(&d.Note, "note", "", "`text` that says why; no prompts")
	f.StringVar(&zone, "tz", zone, "time `zone` of the times shown")
	form, farebox := output(c, "table", "json"), admin(c)
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		if d.Number, err = strconv.ParseInt(args[0], 10, 64); err != nil || d.Number < 1 {
			return fmt.Errorf("%q is no number of an approval; see `farebox approvals list`", args[0])
		}
		in, err := time.LoadLocation(zone)
		if err != nil {
			return fmt.Errorf("read --tz: %w", err)
		}
		client, err := farebox.client()
		if err != nil {
			return err
		}
		a, err := client.DecideApproval(c.Context(), d)
		if err != nil {
			return err
		}
		return writeApproval(c.OutOrStdout(), a, form.value, in)
	}
	return c
}

func newApprovalsList() *cobra.Command {
	var q api.ApprovalsQuery
	zone := "UTC"
	state := choice{allowed: []string{"requested", "granted", "revoked"}}
	c := &cobra.Command{
		Use:   "list",
		Short: "Show approvals and requests of them",
		Long: `Show the approvals that were requested and what became of them, newest first. One
that was granted is in force until it ends. It takes the role viewer.`,
		Example: `  farebox approvals list --state requested
  farebox approvals list --team support --limit 1000 -o csv`,
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.StringVar(&q.Team, "team", "", "only of this `team` (default all that may be seen)")
	f.Var(&state, "state", "only in this state")
	f.StringVar(&zone, "tz", zone, "time `zone` of the times shown, such as Europe/Berlin")
	enough := limit(c, "approvals")
	form, farebox := output(c, "table", "json", "csv"), admin(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		in, err := time.LoadLocation(zone)
		if err != nil {
			return fmt.Errorf("read --tz: %w", err)
		}
		client, err := farebox.client()
		if err != nil {
			return err
		}
		q.State = state.value
		a, err := pages(*enough, func(cursor string, size int) (*api.ApprovalsAnswer, error) {
			q.Cursor, q.Limit = cursor, size
			return client.Approvals(c.Context(), q)
		}, func(a *api.ApprovalsAnswer) (*[]api.Approval, *string) { return &a.Approvals, &a.Next })
		if err != nil {
			return err
		}
		if form.value != "json" && a.Next != "" {
			fmt.Fprintln(c.ErrOrStderr(), "There are more approvals, which are older; see --limit.")
		}
		return writeApprovals(c.OutOrStdout(), a, form.value, in)
	}
	return c
}

func writeApproval(w io.Writer, a *api.Approval, form string, in *time.Location) error {
	if form == "json" {
		return writeJSON(w, a)
	}
	_, err := io.WriteString(w, showApprovals([]api.Approval{*a}, in))
	return err
}

func writeApprovals(w io.Writer, a *api.ApprovalsAnswer, form string, in *time.Location) error {
	switch form {
	case "json":
		return writeJSON(w, a)
	case "csv":
		return writeApprovalsCSV(w, a.Approvals)
	}
	_, err := io.WriteString(w, showApprovals(a.Approvals, in))
	return err
}

func showApprovals(all []api.Approval, in *time.Location) string {
	if len(all) == 0 {
		return "No approvals.\n"
	}
	t := table{columns: []column{
		{"NUMBER", true}, {head: "TEAM"}, {head: "MODEL"}, {head: "STATE"}, {head: "UNTIL"}, {head: "REQUESTED BY"}, {head: "NOTE"}, {head: "DECIDED BY"}, {head: "NOTE"},
	}}
	for i := range all {
		a := &all[i]
		state := a.State
		if a.Ended && state != "revoked" {
			state = "ended"
		}
		t.rows = append(t.rows, []string{
			strconv.FormatInt(a.Number, 10), plain(a.Team), plain(a.Model), state, a.Until.In(in).Format(time.RFC3339), plain(a.By), plain(a.Note), plain(a.DecidedBy), plain(a.DecidedNote),
		})
	}
	return t.String()
}

// writeApprovalsCSV writes one line per approval under the names that JSON has.
func writeApprovalsCSV(w io.Writer, all []api.Approval) error {
	lines := [][]string{{"number", "team", "model", "state", "until", "ended", "by", "at", "note", "decided_by", "decided_at", "decided_note"}}
	for i := range all {
		a := &all[i]
		decided := ""
		if a.DecidedAt != nil {
			decided = a.DecidedAt.UTC().Format(time.RFC3339Nano)
		}
		lines = append(lines, []string{
			strconv.FormatInt(a.Number, 10), inert(a.Team), inert(a.Model), a.State, a.Until.UTC().Format(time.RFC3339Nano), strconv.FormatBool(a.Ended),
			inert(a.By), a.At.UTC().Format(time.RFC3339Nano), inert(a.Note), inert(a.DecidedBy), decided, inert(a.DecidedNote),
		})
	}
	if err := csv.NewWriter(w).WriteAll(lines); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}
