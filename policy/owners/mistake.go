package owners

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Mistake is one thing wrong with the entries of a directory. It never repeats
// what was written where a key's hash belongs, which may be a key.
type Mistake struct {
	Entry   int    // index, from 0; -1 where it is of none
	Field   string // the name of the column; empty: the entry as a whole
	Line    int    // of a file, from 1; else 0
	Column  int    // in bytes, from 1; else 0
	Message string
}

func (m *Mistake) Error() string {
	text := m.Message
	if m.Field != "" {
		text = m.Field + ": " + text
	}
	switch {
	case m.Line > 0:
		return fmt.Sprintf("line %d, column %d: %s", m.Line, m.Column, text)
	case m.Entry >= 0:
		return fmt.Sprintf("owner %d: %s", m.Entry+1, text)
	}
	return text
}

// maxMistakes bounds what is said of one directory.
const maxMistakes = 20

// mistakes collects them.
type mistakes []*Mistake

func (m *mistakes) add(entry int, field, format string, args ...any) {
	*m = append(*m, &Mistake{Entry: entry, Field: field, Message: fmt.Sprintf(format, args...)})
}

// err joins them in the order of entries, nil when there are none.
func (m mistakes) err() error {
	slices.SortStableFunc(m, func(a, b *Mistake) int {
		return cmp.Or(cmp.Compare(a.Entry, b.Entry), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	var all []error
	for i, one := range m {
		if i == maxMistakes {
			all = append(all, &Mistake{Entry: -1, Message: fmt.Sprintf("%d more mistakes are not shown", len(m)-i)})
			break
		}
		all = append(all, one)
	}
	return errors.Join(all...)
}
