package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/farebox/farebox/policy/api"
)

func newBudgets() *cobra.Command {
	var q api.BudgetsQuery
	c := &cobra.Command{
		Use:   "budgets [NAME]",
		Short: "Show what is left of budgets and rate limits",
		Long: `Show how the accounts of budgets and rate limits stand, of all or of the one that
is called NAME: what each may spend in its window, has spent, holds for calls
under way and has left.

PER HOUR is what was spent of the last 24 hours, or of the window where it is
younger, divided by its hours. PROJECTED is what will be spent when the window
ends, at that rate, and RUNS OUT when nothing will be left: "-" where that is not
in this window. REACHED has the highest threshold that was reached. "-" is what
is not known, as the rate in the first minute of a window.

COUNTS says of budgets that include charges what counts: calls and charges, or
charges alone. What is spent has both; PER HOUR is of calls, as charges come at once.

--who shows for each account who spent most of its window, by an owner attribute
(user, project, …) or by model, provider or operation. Where replicas share budgets,
it is of all of them, as all else is, as of a minute ago. A name that nobody has
asked by takes a few seconds at first; "…" says that a replica may have more that
could not be heard in time: ask again.

LIMIT has what it was topped up by and what the window before left, which CARRIED
tells. Shown are accounts that calls counted against in their window, of which the
last 92 days are searched, and those that the configuration names. csv has one line
per account.`,
		Example: `  farebox budgets
  farebox budgets support-month --who user
  farebox budgets --team support -o csv`,
		Args: cobra.MaximumNArgs(1),
	}
	c.Flags().StringVar(&q.Team, "team", "", "only accounts of this `team` alone (default all that may be seen)")
	c.Flags().StringVar(&q.Who, "who", "", "show who spent most, by this `name`")
	form, farebox := output(c, "table", "json", "csv"), admin(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			q.Budget = args[0]
		}
		client, err := farebox.client()
		if err != nil {
			return err
		}
		a, err := client.Budgets(c.Context(), q)
		if err != nil {
			return err
		}
		return writeBudgets(c.OutOrStdout(), a, form.value)
	}
	c.AddCommand(newTopup(), newTopups(), newGrantTopup(), newEndTopup(false), newEndTopup(true))
	return c
}

func writeBudgets(w io.Writer, a *api.BudgetsAnswer, form string) error {
	switch form {
	case "json":
		return writeJSON(w, a)
	case "csv":
		return writeBudgetsCSV(w, a)
	}
	_, err := io.WriteString(w, showBudgets(a))
	return err
}
