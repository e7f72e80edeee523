package main

import (
	"io"

	"github.com/spf13/cobra"
)

func newExplain() *cobra.Command {
	c := &cobra.Command{
		Use:   "explain ID",
		Short: "Explain what one call cost, and why",
		Long: `Show every settled record of a call: who pays and the rule that says so, what was
asked and what answered, and each line as tokens × rate = cost with the row of
the prices that gave the rate and how the tokens came to be known.

ID is a call id, an x-request-id, a trace id or the provider's id of the answer.
Only the call id is farebox's own: the others are what callers and providers
sent, and may find several calls. Corrections, see "prices rerate", are shown
as such: what each line was charged, what it is, the difference, and the number
of the entry of the audit that says who made it.`,
		Example: `  farebox explain 0198c3f2-7a41-7c02-9d5e-0b7f3c1a2e4d
  farebox explain chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG -o json`,
		Args: one("ID"),
	}
	form, farebox := output(c, "table", "json"), admin(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		client, err := farebox.client()
		if err != nil {
			return err
		}
		a, err := client.Call(c.Context(), args[0])
		if err != nil {
			return err
		}
		if form.value == "json" {
			return writeJSON(c.OutOrStdout(), a)
		}
		_, err = io.WriteString(c.OutOrStdout(), showCalls(a))
		return err
	}
	return c
}
