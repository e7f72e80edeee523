package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/farebox/farebox/cmd/farebox/serve"
	"github.com/farebox/farebox/policy/owners"
)

func newOwners() *cobra.Command {
	c := &cobra.Command{
		Use:   "owners",
		Short: "Prepare the directory of who pays",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
		Long: `Prepare the directory of who pays, which the configuration holds under "owners"
or in a file of its own.`,
	}
	c.AddCommand(newHashKey())
	return c
}

func newHashKey() *cobra.Command {
	var path string
	c := &cobra.Command{
		Use:   "hash-key",
		Short: "Print the hashes by which owners list API keys",
		Long: `Read API keys from standard input, one a line, and print the hash of each, as
"keys" of an owner takes it. Keys are not arguments, so that no list of processes
and no history of a shell has them, and nothing writes them down.

The hash is keyed by the secret of the ledger that the configuration names, which
lies beside the ledger's file and is made when there is none. Another ledger has
another secret and so other hashes.`,
		Example: `  farebox owners hash-key --config /etc/farebox/farebox.yaml < key
  pass show llm/support | farebox owners hash-key -c farebox.yaml`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 { // it may be a key, and is not repeated
				return errors.New("keys are read from standard input and are never arguments")
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error {
			conf := config.Default()
			if path != "" {
				given, err := config.Load(path)
				if err != nil {
					return err
				}
				conf = *given
			}
			hash, err := serve.KeyHasher(&conf)
			if err != nil {
				return err
			}
			return hashKeys(c.OutOrStdout(), c.InOrStdin(), hash)
		},
	}
	c.Flags().StringVarP(&path, "config", "c", "", "configuration `file`; none: defaults")
	return c
}

// maxKey bounds the length of an API key, in bytes.
const maxKey = 16 << 10

// hashKeys writes a hash for every line of in that is not blank. What it says of
// a line never has anything of it.
func hashKeys(out io.Writer, in io.Reader, hash func(key string) string) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxKey)
	n, found := 0, false
	for lines.Scan() {
		n++
		key := strings.TrimSpace(lines.Text())
		switch {
		case key == "":
			continue
		case strings.HasPrefix(key, "Bearer "):
			return fmt.Errorf("hash key of line %d: leave out the word Bearer", n)
		case strings.HasPrefix(key, owners.KeyPrefix):
			return fmt.Errorf("hash key of line %d: it is a hash already", n)
		case strings.ContainsAny(key, " \t"):
			return fmt.Errorf("hash key of line %d: a key has no space in it", n)
		}
		found = true
		if _, err := fmt.Fprintln(out, owners.KeyPrefix+hash(key)); err != nil {
			return fmt.Errorf("hash key of line %d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read keys: line %d: %w", n+1, err)
	}
	if !found {
		return errors.New("read keys: there is none on standard input")
	}
	return nil
}
