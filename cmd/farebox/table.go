package main

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// table is text in columns for a person. A head that is empty in every column
// is not written; neither is a foot of no cells.
type table struct {
	columns []column
	rows    [][]string
	foot    []string
	indent  string
}

// column is one column. Numbers stand on the right.
type column struct {
	head  string
	right bool
}

// String aligns the cells with spaces. Lines have no trailing space.
func (t *table) String() string {
	var lines [][]string
	head := make([]string, len(t.columns))
	for i, c := range t.columns {
		head[i] = c.head
	}
	if strings.Join(head, "") != "" {
		lines = append(lines, head)
	}
	lines = append(lines, t.rows...)
	if len(t.foot) > 0 {
		lines = append(lines, t.foot)
	}
	width := make([]int, len(t.columns))
	for _, l := range lines {
		for i, cell := range l {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(t.line(l, width))
	}
	return b.String()
}

func (t *table) line(cells []string, width []int) string {
	var b strings.Builder
	b.WriteString(t.indent)
	for i, cell := range cells {
		if i > 0 {
			b.WriteString("  ")
		}
		space := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
		if t.columns[i].right {
			b.WriteString(space + cell)
		} else {
			b.WriteString(cell + space)
		}
	}
	return strings.TrimRight(b.String(), " ") + "\n"
}

// alignPoints gives the decimal numbers of each of the columns, foot included,
// the same number of decimals, at least two, so that exact sums are seen to add
// up. What is no number is left alone.
func (t *table) alignPoints(columns ...int) {
	lines := t.rows
	if len(t.foot) > 0 {
		lines = append(lines[:len(lines):len(lines)], t.foot)
	}
	for _, i := range columns {
		most := 2
		for _, l := range lines {
			if _, decimals, ok := strings.Cut(l[i], "."); ok && isDecimal(l[i]) {
				most = max(most, len(decimals))
			}
		}
		for _, l := range lines {
			if isDecimal(l[i]) {
				l[i] = pad(l[i], most)
			}
		}
	}
}

// isDecimal reports whether s is a number as money writes it.
func isDecimal(s string) bool {
	s = strings.TrimPrefix(s, "-")
	return s != "" && strings.Trim(s, "0123456789.") == "" && strings.Count(s, ".") <= 1
}

func pad(number string, decimals int) string {
	whole, part, _ := strings.Cut(number, ".")
	return whole + "." + part + strings.Repeat("0", decimals-len(part))
}

// maxCell bounds what one value takes of a line, in characters.
const maxCell = 100

// plain makes a value that callers chose safe for a terminal: what cannot be
// printed is escaped, and what is long is cut.
func plain(s string) string {
	if s == "" {
		return "-"
	}
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n++; n > maxCell {
			b.WriteString("…")
			break
		}
		if unicode.IsPrint(r) && r != utf8.RuneError {
			b.WriteRune(r)
		} else {
			q := strconv.QuoteRuneToASCII(r)
			b.WriteString(q[1 : len(q)-1])
		}
	}
	return b.String()
}
