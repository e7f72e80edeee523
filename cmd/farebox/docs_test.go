package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestCommandsAreDocumented holds docs/commands.md to the commands' own words.
func TestCommandsAreDocumented(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Commands\n\nThis page is made from the commands' own help texts.\n\n")
	root := newRoot()
	b.WriteString(root.Long + "\n")
	for _, c := range root.Commands() {
		writeCommand(&b, c)
	}
	compare(t, "../../docs/commands.md", b.String())
}

func writeCommand(b *strings.Builder, c *cobra.Command) {
	fmt.Fprintf(b, "\n## %s\n\n%s.\n\n```\n%s\n```\n\n%s\n", c.CommandPath(), c.Short, c.UseLine(), c.Long)
	if flags := c.LocalFlags().FlagUsages(); flags != "" {
		fmt.Fprintf(b, "\n```\n%s```\n", flags)
	}
	if c.Example != "" {
		fmt.Fprintf(b, "\nFor example:\n\n```\n%s\n```\n", c.Example)
	}
	for _, below := range c.Commands() {
		writeCommand(b, below)
	}
}

// TestHelp: every command says what it does, and how to call it.
func TestHelp(t *testing.T) {
	for _, c := range newRoot().Commands() {
		if c.Short == "" || c.Long == "" || c.Example == "" && c.HasAvailableLocalFlags() {
			t.Errorf("%s: no short text, long text or example", c.Name())
		}
		status, out, _ := try(c.Name(), "--help")
		if status != 0 || !strings.Contains(out, c.Long) {
			t.Errorf("%s --help: status %d: %s", c.Name(), status, out)
		}
	}
}
