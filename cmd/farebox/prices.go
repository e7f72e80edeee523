package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/price"
)

func newPrices() *cobra.Command {
	var q price.Query
	var at moment
	var path string
	c := &cobra.Command{
		Use:   "prices MODEL",
		Short: "Show what a model costs, and which price row says so",
		Long: `Show the price row that holds for a call of MODEL, the prices in it, what the
model can read and give, and why every other row that has the name does not. The flags say what is known of the
call; what is not given is not known, as it may be for a real call.

Without --config the built-in table is asked; with it, also the tables, rates
and deployments of that configuration. Nothing is asked of a running farebox. A
tier is that which the provider served: batch for a batch. A region is named as
the provider names it, or the geography of processing: us, eu.

The exit status is 1 when the call has no price. csv has one line per row.`,
		Example: `  farebox prices gpt-4o
  farebox prices gpt-5.6 --provider openai --tier flex --input 300000
  farebox prices claude-opus-4-6 --region us --at 2026-03-01 -o json
  farebox prices chat-prod --provider azure --config farebox.yaml`,
		Args: one("MODEL"),
	}
	f := c.Flags()
	f.StringVar(&q.Provider, "provider", "", "who hosts the `model`: openai, azure, bedrock, … (default not known)")
	f.StringVar(&q.Account, "account", "", "`account` at the provider")
	f.StringVar(&q.Deployment, "deployment", "", "`kind` of deployment: global, data_zone, regional, provisioned")
	f.StringVar(&q.Region, "region", "", "`region` or geography of processing")
	f.StringVar(&q.Tier, "tier", "", "service `tier` as served")
	f.StringVar(&q.Size, "size", "", "`size` of an image or a film: 1024x1024, 720p")
	f.StringVar(&q.Quality, "quality", "", "`quality` of an image")
	f.Int64Var(&q.Input, "input", 0, "all input `tokens` of the call, cached ones too")
	f.Var(&at, "at", "when the call is (default now)")
	f.StringVarP(&path, "config", "c", "", "configuration `file`; none: the built-in table alone")
	form := output(c, "table", "json", "csv")
	c.RunE = func(c *cobra.Command, args []string) error {
		var err error
		if q.At, err = at.in(time.UTC); err != nil {
			return err
		}
		if q.At.IsZero() {
			q.At = time.Now()
		}
		q.Model = args[0]
		prices, known, err := tables(path)
		if err != nil {
			return err
		}
		x := prices.Explain(q)
		if err := writePrice(c.OutOrStdout(), &x, shownLimits(known.Of(q.Provider, q.Model)), form.value); err != nil {
			return err
		}
		if x.Row == nil {
			return errReported
		}
		return nil
	}
	c.AddCommand(newPricesImport(), newPricesDiff(), newPricesRerate())
	return c
}

// tables are the prices and the limits of a configuration, or the built-in ones.
func tables(path string) (*price.Catalogue, *engine.Bounds, error) {
	conf := new(config.Default())
	if path != "" {
		var err error
		if conf, err = config.Load(path); err != nil {
			return nil, nil, err
		}
	}
	prices, err := conf.Catalogue()
	if err != nil {
		return nil, nil, err
	}
	bounds, err := conf.Bounds()
	return prices, bounds, err
}

func newPricesImport() *cobra.Command {
	var to string
	var verbose bool
	c := &cobra.Command{
		Use:   "import litellm|genai-prices FILE",
		Short: "Make a table of prices of another project's file",
		Long: `Read a file of prices and write the rows as CSV that prices.files of the
configuration loads, so that prices can be brought up to date without a new
farebox and without a network. FILE is litellm's
model_prices_and_context_window.json, or genai-prices' data.json; - is standard
input.

What is doubtful is told on standard error, counted by kind, or one by one with
--verbose: a price that is not believed is left out, which makes it unknown and
never 0. Look at the changes with "prices diff builtin rows.csv" first.`,
		Example: `  farebox prices import litellm model_prices_and_context_window.json -o rows.csv
  farebox prices import genai-prices data.json --verbose > rows.csv`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 2 {
				return fmt.Errorf("%d arguments, want a format and one FILE; see `%s --help`", len(args), c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			in := c.InOrStdin()
			if args[1] != "-" {
				f, err := os.Open(args[1])
				if err != nil {
					return fmt.Errorf("import prices: %w", err)
				}
				defer f.Close()
				in = f
			}
			rows, found, err := price.Import(args[0], in)
			if err != nil {
				return err
			}
			tellFindings(c.ErrOrStderr(), rows, found, verbose)
			return writeRows(c.OutOrStdout(), to, rows)
		},
	}
	c.Flags().StringVarP(&to, "output", "o", "", "`file` to write; none: standard output")
	c.Flags().BoolVar(&verbose, "verbose", false, "tell every doubt")
	return c
}

// writeRows writes a table to a file, whole, or to out.
func writeRows(out io.Writer, path string, rows []price.Row) error {
	if path == "" {
		return price.WriteCSV(out, rows)
	}
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write prices: %w", err)
	}
	if err := price.WriteCSV(f, rows); err != nil {
		_ = f.Close() // the first error says more
		return err
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write prices: %w", err)
	}
	return nil
}

func newPricesDiff() *cobra.Command {
	c := &cobra.Command{
		Use:   "diff A B",
		Short: "Show how two tables of prices differ",
		Long: `Show what is different in table B from table A: rows that came or went, and
prices that changed, in USD per million units. A and B are files of CSV, or the
word builtin for the table that this farebox carries. Where figures are from is
not compared.`,
		Example: `  farebox prices diff builtin rows.csv
  farebox prices diff old.csv new.csv -o json`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 2 {
				return fmt.Errorf("%d arguments, want two tables; see `%s --help`", len(args), c.CommandPath())
			}
			return nil
		},
	}
	form := output(c, "table", "json", "csv")
	c.RunE = func(c *cobra.Command, args []string) error {
		a, err := readPrices(args[0])
		if err != nil {
			return err
		}
		b, err := readPrices(args[1])
		if err != nil {
			return err
		}
		return writeChanges(c.OutOrStdout(), price.Diff(a, b), form.value)
	}
	return c
}

// readPrices reads one of the two tables of a diff.
func readPrices(name string) ([]price.Row, error) {
	if name == "builtin" {
		return price.Builtin()
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read prices: %w", err)
	}
	defer f.Close()
	rows, err := price.ReadCSV(f)
	if err != nil {
		return nil, fmt.Errorf("read prices of %s: %w", name, err)
	}
	return rows, nil
}
