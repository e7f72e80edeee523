package jsonscan

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Walker goes once over a JSON value that lies whole in memory. It stands before
// a value, which one of Raw, Members and Elements then passes. Long strings pass
// at the speed of memory, and nothing is copied or allocated but keys with
// escapes. As a Scanner does, it checks of values that are not entered only that
// strings are closed and brackets balanced.
type Walker struct {
	raw []byte
	at  int
	bad bool
}

// Walk starts before the value in raw.
func Walk(raw []byte) *Walker { return &Walker{raw: raw, at: space(raw, 0)} }

// At is the index of the next byte: before a value, its first.
func (w *Walker) At() int { return w.at }

// Kind is the first byte of the value to come, which tells what it is; 0 if there
// is none.
func (w *Walker) Kind() byte {
	if w.bad || w.at == len(w.raw) {
		return 0
	}
	return w.raw[w.at]
}

// Raw passes the value and returns it as it stands, a sub-slice; nil if it is
// malformed.
func (w *Walker) Raw() []byte {
	start := w.at
	end := valueEnd(w.raw, start)
	if end < 0 || w.bad {
		w.bad = true
		return nil
	}
	w.at = end
	return w.raw[start:end]
}

// Members passes an object, key by key, unescaped; w stands before the member's
// value then, and one that is left is passed. Of another value there are none.
func (w *Walker) Members(yield func(key []byte) bool) {
	if w.Kind() != '{' {
		w.Raw()
		return
	}
	for more := w.enter('}'); more; more = w.next('}') {
		key, ok := w.key()
		if !ok {
			w.bad = true
			return
		}
		start := w.at
		if !yield(key) {
			w.leave(start)
			return
		}
		w.pass(start)
	}
}

// Elements passes an array; at each call of yield w stands before an element, and
// one that is left is passed. Of another value there are none.
func (w *Walker) Elements(yield func() bool) {
	if w.Kind() != '[' {
		w.Raw()
		return
	}
	for more := w.enter(']'); more; more = w.next(']') {
		start := w.at
		if !yield() {
			w.leave(start)
			return
		}
		w.pass(start)
	}
}

// End returns ErrMalformed, wrapped, if anything that was passed was malformed,
// or if anything but space follows.
func (w *Walker) End() error {
	if !w.bad {
		w.at = space(w.raw, w.at)
	}
	if w.bad || w.at < len(w.raw) {
		return fmt.Errorf("read at byte %d: %w", w.at, ErrMalformed)
	}
	return nil
}

// enter steps into a container and reports whether it has a first member.
func (w *Walker) enter(closing byte) bool {
	w.at = space(w.raw, w.at+1)
	if w.Kind() == closing {
		w.at++
		return false
	}
	return true
}

// next steps over what follows a member and reports whether there is another.
func (w *Walker) next(closing byte) bool {
	if w.bad {
		return false
	}
	w.at = space(w.raw, w.at)
	switch w.Kind() {
	case closing:
		w.at++
		return false
	case ',':
		w.at = space(w.raw, w.at+1)
		return true
	}
	w.bad = true
	return false
}

// pass passes the value at start, unless that was done.
func (w *Walker) pass(start int) {
	if w.at == start {
		w.Raw()
	}
}

// leave passes the rest of the container that w is in, and its end.
func (w *Walker) leave(start int) {
	if w.pass(start); w.bad {
		return
	}
	end := containerEnd(w.raw, w.at)
	if w.bad = end < 0; !w.bad {
		w.at = end
	}
}

// key passes a key and its colon.
func (w *Walker) key() (key []byte, ok bool) {
	if w.Kind() != '"' {
		return nil, false
	}
	quoted := w.Raw()
	if w.bad {
		return nil, false
	}
	if key = quoted[1 : len(quoted)-1]; bytes.IndexByte(key, '\\') >= 0 {
		var plain string
		if json.Unmarshal(quoted, &plain) != nil {
			return nil, false
		}
		key = []byte(plain)
	}
	if w.at = space(w.raw, w.at); w.Kind() != ':' {
		return nil, false
	}
	w.at = space(w.raw, w.at+1)
	return key, true
}

// space returns the index of the first byte of raw[i:] that is not space.
func space(raw []byte, i int) int {
	for i < len(raw) && (raw[i] == ' ' || raw[i] == '\n' || raw[i] == '\r' || raw[i] == '\t') {
		i++
	}
	return i
}

// valueEnd returns the index after the value that starts at raw[i], or -1.
func valueEnd(raw []byte, i int) int {
	if i == len(raw) {
		return -1
	}
	switch c := raw[i]; {
	case c == '"':
		return stringEnd(raw, i+1)
	case c == '{' || c == '[':
		return containerEnd(raw, i+1)
	case !scalarByte[c]:
		return -1
	}
	for i < len(raw) && scalarByte[raw[i]] {
		i++
	}
	return i
}

// stringEnd returns the index after the quote that closes the string whose
// content starts at raw[i], or -1.
func stringEnd(raw []byte, i int) int {
	for from := i; ; {
		q := bytes.IndexByte(raw[from:], '"')
		if q < 0 {
			return -1
		}
		q += from
		escapes := 0
		for q-escapes > i && raw[q-escapes-1] == '\\' {
			escapes++
		}
		if from = q + 1; escapes%2 == 0 {
			return from
		}
	}
}

// containerEnd returns the index after the bracket that closes the container
// whose content goes on at raw[i], or -1.
func containerEnd(raw []byte, i int) int {
	for open := 1; i < len(raw); i++ {
		switch structure[raw[i]] {
		case quote:
			end := stringEnd(raw, i+1)
			if end < 0 {
				return -1
			}
			i = end - 1
		case opening:
			open++
		case closing:
			if open--; open == 0 {
				return i + 1
			}
		}
	}
	return -1
}
