package config

import (
	"fmt"
	"path/filepath"
	"strings"
)

// LedgerStore names where records are kept: sqlite:PATH.
type LedgerStore string

const sqlitePrefix = "sqlite:"

// UnmarshalText reads the name of a store that this version has.
func (s *LedgerStore) UnmarshalText(text []byte) error {
	given := string(text)
	path, ok := strings.CutPrefix(given, sqlitePrefix)
	switch {
	case strings.HasPrefix(given, "postgres:"), strings.HasPrefix(given, "postgresql:"):
		return notYet("a ledger in PostgreSQL", "write sqlite:PATH")
	case !ok:
		return &Error{Message: fmt.Sprintf("%q is no ledger store", given), Hint: "write sqlite:PATH"}
	case path == ":memory:":
		return &Error{Message: "a ledger in memory would forget what was paid", Hint: "write sqlite:PATH"}
	case path == "" || strings.HasSuffix(path, "/"):
		return &Error{Message: fmt.Sprintf("%q names no file", given), Hint: "write sqlite:PATH"}
	case strings.ContainsAny(path, "?#%\x00"), strings.HasPrefix(path, "file:"), strings.HasPrefix(path, "//"):
		return &Error{Message: fmt.Sprintf("%q is no plain path", given), Hint: "options and URLs are not taken: write sqlite:PATH"}
	}
	*s = LedgerStore(given)
	return nil
}

// Path returns the SQLite file.
func (s LedgerStore) Path() string { return strings.TrimPrefix(string(s), sqlitePrefix) }

// in returns s with a relative path taken from dir.
func (s LedgerStore) in(dir string) LedgerStore {
	if filepath.IsAbs(s.Path()) {
		return s
	}
	return LedgerStore(sqlitePrefix + filepath.Join(dir, s.Path()))
}

// notYet refuses what a later version will have.
func notYet(what, hint string) *Error {
	return &Error{Message: "this version does not have " + what + " yet", Hint: hint}
}
