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

// pages asks page by page until nothing is left or enough entries have come, and
// returns all of them as one answer. parts are an answer's entries and the cursor of
// the next page.
func pages[A, T any](enough most, ask func(cursor string, size int) (*A, error), parts func(*A) (*[]T, *string)) (*A, error) {
	if enough < 1 {
		return nil, fmt.Errorf("a --limit of %d: it is at least 1", enough)
	}
	all := new(A)
	entries, next := parts(all)
	*entries = []T{}
	for {
		a, err := ask(*next, min(int(enough)-len(*entries), api.MaxPage))
		if err != nil {
			return nil, err
		}
		more, cursor := parts(a)
		*entries, *next = append(*entries, *more...), *cursor
		if *next == "" || len(*entries) >= int(enough) {
			return all, nil
		}
	}
}

// sayMore tells on the side that entries are left out.
func sayMore(w io.Writer, next, kind string) {
	if next != "" {
		fmt.Fprintf(w, "There are more %s, which are older; see --limit and --to.\n", kind)
	}
}
