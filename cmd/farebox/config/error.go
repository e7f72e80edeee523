package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Error is one mistake in a configuration file. Line and Column start at 1; both
// are 0 where the mistake has no place, and columns count characters. Key is the path of the key, such as
// prices.rates[0].input.
type Error struct {
	File         string
	Line, Column int
	Key          string
	Message      string
	Hint         string // what to write instead, or empty
	Excerpt      string // the line of the file with a mark below the column, or empty
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File + ":")
	}
	if e.Line > 0 {
		fmt.Fprintf(&b, "%d:%d:", e.Line, e.Column)
	}
	if b.Len() > 0 {
		b.WriteString(" ")
	}
	b.WriteString(e.Message)
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	return b.String()
}

// maxErrors bounds what is said of one file.
const maxErrors = 20

// place is a line and column of the file, from 1.
type place struct{ line, column int }

// add notes a mistake at a place.
func (d *decoder) add(at place, key string, e *Error) {
	e.File, e.Line, e.Column, e.Key = d.file, at.line, at.column, key
	d.errs = append(d.errs, e)
}

// addValue notes what is wrong with the value of a key: the message then names
// the key.
func (d *decoder) addValue(n *node, key string, e *Error) {
	e.Message = "`" + key + "`: " + e.Message
	d.add(n.place, key, e)
}

// err joins what was noted in the order of the file, nil when nothing was.
func (d *decoder) err() error {
	slices.SortStableFunc(d.errs, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	var all []error
	for i, e := range d.errs {
		if i == maxErrors {
			all = append(all, &Error{File: d.file, Message: fmt.Sprintf("%d more mistakes are not shown", len(d.errs)-i)})
			break
		}
		if e.File == d.file && !private(e.Key) {
			e.Excerpt = d.excerpt(place{e.Line, e.Column})
		}
		all = append(all, e)
	}
	return errors.Join(all...)
}

// maxExcerpt bounds the text of a line that is shown, in characters.
const maxExcerpt = 160

// excerpt shows a line with a mark below the column.
func (d *decoder) excerpt(at place) string {
	if at.line < 1 {
		return ""
	}
	lines := strings.SplitN(string(d.text), "\n", at.line+1)
	if len(lines) < at.line {
		return ""
	}
	line := []rune(strings.ToValidUTF8(lines[at.line-1], "?"))
	column := min(max(at.column, 1), len(line)+1)
	if len(line) > maxExcerpt {
		return ""
	}
	number := fmt.Sprintf("%5d | ", at.line)
	before := strings.Map(func(r rune) rune { // keep tabs, so that the mark stands below its column
		if r == '\t' {
			return r
		}
		return ' '
	}, string(line[:column-1]))
	return number + string(line) + "\n" + strings.Repeat(" ", len(number)-2) + "| " + before + "^\n"
}
