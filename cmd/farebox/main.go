// Package main is the farebox command. A command line comes in; a running
// processor, a table, JSON, CSV or a configuration file goes out, and an exit
// status: 0 for done, 1 for not.
//
// What is asked about calls and money is asked of a running farebox over
// policy/api. The package refuses to know how anything is counted, priced or
// kept: serve wires that.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// errReported is a failure whose reasons are already written.
var errReported = errors.New("reported")

// run runs one command line and returns its exit status. Results go to out,
// what went wrong and logs to errOut.
func run(args []string, out, errOut io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(context.Background())
	switch {
	case err == nil:
		return 0
	case !errors.Is(err, errReported):
		fmt.Fprintln(errOut, "farebox:", err)
	}
	return 1
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "farebox",
		Short: "Make LLM traffic pay its fare",
		Long: `Farebox is an Envoy external processor. For each LLM call that passes through
Envoy it says who pays, counts the tokens of the answer, prices them and
remembers.

"serve" runs it. "check", "config", "envoy", "owners" and "prices" prepare it.
"meter" counts and prices captured answers without it.
"usage", "budgets", "charges", "interactions", "multipliers", "outcomes",
"alerts", "explain", "approvals" and "audit" ask a running one.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fmt.Errorf("%w; see `%s --help`", err, c.CommandPath())
	})
	root.AddCommand(newServe(), newCheck(), newEnvoy(), newUsage(), newBudgets(), newCharges(), newInteractions(), newMultipliers(), newOutcomes(), newAlerts(), newExplain(), newApprovals(), newAudit(), newOwners(), newPrices(), newMeter(), newConfig(), newVersion())
	return root
}
