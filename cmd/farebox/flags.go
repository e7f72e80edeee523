package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/farebox/farebox/policy/api"
)

// choice is a flag that has one of a few words.
type choice struct {
	value   string
	allowed []string
}

func (c *choice) String() string { return c.value }

// Type shows the words in help texts.
func (c *choice) Type() string { return strings.Join(c.allowed, "|") }

func (c *choice) Set(s string) error {
	if !slices.Contains(c.allowed, s) {
		return fmt.Errorf("allowed are %s", strings.Join(c.allowed, ", "))
	}
	c.value = s
	return nil
}

// moment is a flag that has a date or a time.
type moment struct{ text string }

func (m *moment) String() string { return m.text }

// Type shows the form in help texts.
func (m *moment) Type() string { return "date|time" }

func (m *moment) Set(s string) error {
	_, err := api.ParseTime(s)
	m.text = s
	return err
}

// in is the moment; a date begins at midnight in zone. Zero: it was not given.
func (m *moment) in(zone *time.Location) (time.Time, error) {
	if m.text == "" {
		return time.Time{}, nil
	}
	return api.ParseTimeIn(m.text, zone)
}

// output adds -o with the given forms, the first being the default.
func output(c *cobra.Command, forms ...string) *choice {
	o := &choice{value: forms[0], allowed: forms}
	c.Flags().VarP(o, "output", "o", "form of the output")
	return o
}

// one accepts exactly one argument, what.
func one(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("%d arguments, want one %s; see `%s --help`", len(args), what, c.CommandPath())
		}
		return nil
	}
}
