// Package owners is the directory of who pays: which teams there are, what
// finance calls them, who leads them, whose part they are, and which API keys
// are theirs, each from a date until a date.
//
// In come entries, or a CSV file of them; out goes a Directory, or every mistake
// with its entry, field and, in a file, line and column. The package knows no
// calls, no money and no configuration file. It never sees an API key, only the
// keyed hash of one, and repeats none in what it says.
//
// A Directory never changes once made and is safe for concurrent use. Looking
// something up does not allocate.
package owners

import (
	"iter"
	"strings"
	"time"
)

// Bounds of a directory.
const (
	MaxEntries = 100_000
	MaxDated   = 128 // entries of one team
	MaxKeys    = 256 // of one entry
	MaxLevels  = 16  // from a team up to the one without a parent, both counted
	MaxText    = 128 // bytes of any text
)

// Entry is what is known of one team from a moment until just before another. A
// zero time is no bound. Texts that are empty are not known. A caller must not
// change Keys.
type Entry struct {
	Team       string
	CostCentre string
	GLAccount  string // of the general ledger
	Entity     string // the company that pays
	Lead       string // e-mail address
	Slack      string
	Pager      string
	Parent     string   // the team that this one is a part of
	Keys       []string // as ParseKey takes them
	From       time.Time
	Until      time.Time
}

// The facts of an Entry that belong to the record of a call.
const (
	CostCentre = "cost_centre"
	GLAccount  = "gl_account"
	Entity     = "entity"
)

// Fact returns one of the above, or "".
func (e *Entry) Fact(name string) string {
	switch name {
	case CostCentre:
		return e.CostCentre
	case GLAccount:
		return e.GLAccount
	case Entity:
		return e.Entity
	}
	return ""
}

// KeyPrefix begins the text of a key's hash: what follows is its kind, a keyed
// hash, and not something that could be mistaken for the key.
const KeyPrefix = "hmac:"

// keyDigits is the length of the hash in hex digits: 16 bytes of HMAC-SHA-256.
const keyDigits = 32

// ParseKey returns the hex digits of a key's hash as it is written: KeyPrefix and
// 32 digits in lower case.
func ParseKey(text string) (hash string, ok bool) {
	hash, ok = strings.CutPrefix(text, KeyPrefix)
	if !ok || len(hash) != keyDigits {
		return "", false
	}
	for i := range len(hash) {
		if c := hash[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return "", false
		}
	}
	return hash, true
}

// Directory answers questions about teams.
type Directory struct {
	entries []dated
	teams   map[string][]*dated    // by date
	keys    map[string][]possessor // by hash without prefix
	facts   []string
}

// dated is an entry and the teams above it.
type dated struct {
	Entry
	stretches []stretch
}

// stretch is a time in which the lineage of a team stays the same.
type stretch struct {
	span
	teams []string
}

// possessor has a key for a time.
type possessor struct {
	span
	team string
}

// Entries are all, in the order in which they were given.
func (d *Directory) Entries() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for i := range d.entries {
			if !yield(d.entries[i].Entry) {
				return
			}
		}
	}
}

// Facts names which of cost_centre, gl_account and entity any entry has. The
// caller must not change it.
func (d *Directory) Facts() []string { return d.facts }

// HasKeys reports whether any entry has the hash of a key.
func (d *Directory) HasKeys() bool { return len(d.keys) > 0 }

// At returns what is known of a team at a time.
func (d *Directory) At(team string, t time.Time) (e Entry, ok bool) {
	if found := d.find(team, t); found != nil {
		return found.Entry, true
	}
	return Entry{}, false
}

// Has reports whether there is a team at a time.
func (d *Directory) Has(team string, t time.Time) bool { return d.find(team, t) != nil }

func (d *Directory) find(team string, t time.Time) *dated {
	for _, e := range d.teams[team] {
		if e.span().has(t) {
			return e
		}
	}
	return nil
}

// ByKey returns the team whose key has the hash at a time. The hash may stand
// without KeyPrefix.
func (d *Directory) ByKey(hash string, t time.Time) (team string, ok bool) {
	for _, p := range d.keys[strings.TrimPrefix(hash, KeyPrefix)] {
		if p.has(t) {
			return p.team, true
		}
	}
	return "", false
}

// Lineage returns the team, its parent, and so on upwards at a time; nil for a
// team that is not there. The caller must not change it.
func (d *Directory) Lineage(team string, t time.Time) []string {
	e := d.find(team, t)
	if e == nil {
		return nil
	}
	for i := range e.stretches {
		if e.stretches[i].has(t) {
			return e.stretches[i].teams
		}
	}
	return nil
}
