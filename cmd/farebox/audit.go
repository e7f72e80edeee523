package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/farebox/farebox/policy/api"
)

func newAudit() *cobra.Command {
	var from, to moment
	var zone string
	var q api.AuditQuery
	c := &cobra.Command{
		Use:   "audit",
		Short: "Show who changed what",
		Long: `Show the changes that were made to a running farebox, newest first: who made
each, with which role, of what, what it was before and after, and why. Entries
are never changed or removed. The number of an entry is what corrections name as
their audit entry, see "explain". Where replicas share budgets, each has what
people told another, too, and says via which.

Kinds of change are outcome.set, see "outcomes set", prices.rerate, see "prices
rerate", approval.request, approval.grant and approval.revoke, see "approvals",
budget.topup, budget.grant, budget.refuse and budget.revoke, see "budgets topup",
and charge.book and charge.reverse, see "charges".

--from is included, --to is not. A date is its midnight in the zone of --tz, in
which times are shown. The audit takes the role finance. A table cuts what is
long; json and csv have all of it.`,
		Example: `  farebox audit
  farebox audit --from 2026-08-01 --kind prices.rerate
  farebox audit --actor alice --limit 1000 -o csv`,
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.Var(&from, "from", "first time (default the start of this month)")
	f.Var(&to, "to", "time after the last (default now)")
	f.StringVar(&zone, "tz", "UTC", "time `zone` of dates and of the times shown, such as Europe/Berlin")
	f.StringVar(&q.Actor, "actor", "", "only what `who` changed, by the exact name")
	f.StringVar(&q.Action, "kind", "", "only this `kind` of change")
	enough := limit(c, "entries")
	form, farebox := output(c, "table", "json", "csv"), admin(c)
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		if q.From, q.To, err = between(zone, from, to); err != nil {
			return err
		}
		client, err := farebox.client()
		if err != nil {
			return err
		}
		a, err := pages(*enough, func(cursor string, size int) (*api.AuditAnswer, error) {
			q.Cursor, q.Limit = cursor, size
			return client.Audit(c.Context(), q)
		}, func(a *api.AuditAnswer) (*[]api.Change, *string) { return &a.Changes, &a.Next })
		if err != nil {
			return err
		}
		if form.value != "json" {
			sayMore(c.ErrOrStderr(), a.Next, "entries")
		}
		return writeAudit(c.OutOrStdout(), a, form.value, zone)
	}
	return c
}

func writeAudit(w io.Writer, a *api.AuditAnswer, form, zone string) error {
	switch form {
	case "json":
		return writeJSON(w, a)
	case "csv":
		return writeAuditCSV(w, a)
	}
	in, err := time.LoadLocation(zone)
	if err != nil {
		return fmt.Errorf("read --tz: %w", err)
	}
	_, err = io.WriteString(w, showAudit(a, in))
	return err
}

func showAudit(a *api.AuditAnswer, in *time.Location) string {
	if len(a.Changes) == 0 {
		return "No changes.\n"
	}
	t := table{columns: []column{
		{"NUMBER", true}, {head: "TIME"}, {head: "ACTOR"}, {head: "ROLE"}, {head: "KIND"}, {head: "SUBJECT"}, {head: "REASON"}, {head: "BEFORE"}, {head: "AFTER"},
	}}
	via := slices.ContainsFunc(a.Changes, func(c api.Change) bool { return c.Via != "" })
	if via {
		t.columns = append(t.columns, column{head: "VIA"})
	}
	for i := range a.Changes {
		c := &a.Changes[i]
		t.rows = append(t.rows, []string{
			strconv.FormatInt(c.Number, 10), c.At.In(in).Format(time.RFC3339), plain(c.Actor), plain(c.Role), plain(c.Action), plain(c.Subject),
			plain(c.Reason), plain(valueOf(c.Before)), plain(valueOf(c.After)),
		})
		if via {
			t.rows[i] = append(t.rows[i], plain(c.Via))
		}
	}
	return t.String()
}

// valueOf is JSON as text, and nothing for null.
func valueOf(j []byte) string {
	if string(j) == "null" {
		return ""
	}
	return string(j)
}

// writeAuditCSV writes one line per entry under the names that JSON has.
func writeAuditCSV(w io.Writer, a *api.AuditAnswer) error {
	lines := [][]string{{"number", "at", "actor", "role", "action", "subject", "before", "after", "reason", "via"}}
	for i := range a.Changes {
		c := &a.Changes[i]
		lines = append(lines, []string{
			strconv.FormatInt(c.Number, 10), c.At.UTC().Format(time.RFC3339Nano), inert(c.Actor), inert(c.Role), inert(c.Action), inert(c.Subject),
			inert(valueOf(c.Before)), inert(valueOf(c.After)), inert(c.Reason), inert(c.Via),
		})
	}
	if err := csv.NewWriter(w).WriteAll(lines); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}
