package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/farebox/farebox/policy/api"
)

// most is how many entries of a list are shown at most.
type most int

// limit adds the flag of a command that lists entries of a kind.
func limit(c *cobra.Command, kind string) *most {
	m := most(100)
	c.Flags().IntVar((*int)(&m), "limit", int(m), "at most so many `"+kind+"`")
	return &m
}

// pages asks page by page until nothing is left or enough entries have come. next
// is empty, or says that there are more.
func pages[T any](enough most, ask func(cursor string, size int) (entries []T, next string, err error)) (all []T, next string, err error) {
	if enough < 1 {
		return nil, "", fmt.Errorf("a --limit of %d: it is at least 1", enough)
	}
	all = []T{}
	for {
		size := min(int(enough)-len(all), api.MaxPage)
		var entries []T
		entries, next, err = ask(next, size)
		if err != nil {
			return nil, "", err
		}
		all = append(all, entries...)
		if next == "" || len(all) >= int(enough) {
			return all, next, nil
		}
	}
}

// sayMore tells on the side that entries are left out.
func sayMore(w io.Writer, next, kind string) {
	if next != "" {
		fmt.Fprintf(w, "There are more %s, which are older; see --limit and --to.\n", kind)
	}
}
