package main

import (
	"github.com/spf13/cobra"

	"github.com/farebox/farebox/cmd/farebox/config"
)

func newConfig() *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "Describe the configuration",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
		Long:  `Describe the configuration file, which "check" checks and "serve" reads.`,
	}
	c.AddCommand(newConfigSchema())
	return c
}

func newConfigSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print a JSON Schema of the configuration",
		Args:  cobra.NoArgs,
		Long: `Print a JSON Schema (draft 2020-12) of the configuration file: every key of this
version, what it means, its default and how its value is written. Editors that
know YAML complete and check a file by it, for instance one that begins with

  # yaml-language-server: $schema=farebox.schema.json

The schema sees one value at a time. How values go together, "farebox check"
sees.`,
		Example: `  farebox config schema > farebox.schema.json`,
		RunE: func(c *cobra.Command, _ []string) error {
			text, err := config.JSONSchema()
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(text)
			return err
		},
	}
}
