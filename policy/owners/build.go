package owners

import (
	"net/mail"
	"slices"
	"strings"

	"github.com/farebox/farebox/policy"
)

// New makes a Directory. Its errors are *Mistake, joined.
func New(entries []Entry) (*Directory, error) {
	var wrong mistakes
	if len(entries) > MaxEntries {
		wrong.add(-1, "", "%d owners are given, at most %d are possible", len(entries), MaxEntries)
		return nil, wrong.err()
	}
	b := builder{
		d: &Directory{
			entries: make([]dated, len(entries)), teams: make(map[string][]*dated, len(entries)), keys: make(map[string][]possessor),
		},
		wrong: wrong,
	}
	for i, e := range entries {
		e.Keys = slices.Clone(e.Keys)
		b.d.entries[i].Entry = e
		b.checkEntry(i, &e)
	}
	if len(b.wrong) == 0 { // what follows trusts every entry by itself
		b.index()
	}
	if len(b.wrong) == 0 {
		b.climbAll()
	}
	if err := b.wrong.err(); err != nil {
		return nil, err
	}
	for _, fact := range [...]string{CostCentre, GLAccount, Entity} {
		if slices.ContainsFunc(b.d.entries, func(e dated) bool { return e.Fact(fact) != "" }) {
			b.d.facts = append(b.d.facts, fact)
		}
	}
	return b.d, nil
}

// builder makes one Directory.
type builder struct {
	d     *Directory
	wrong mistakes

	steps, stretches int // of climbing
}

// checkEntry looks at one entry by itself.
func (b *builder) checkEntry(i int, e *Entry) {
	if e.Team == "" {
		b.wrong.add(i, "team", "is empty")
	}
	for _, f := range [...]struct{ name, text string }{
		{"team", e.Team}, {CostCentre, e.CostCentre}, {GLAccount, e.GLAccount}, {Entity, e.Entity},
		{"lead", e.Lead}, {"slack", e.Slack}, {"pager", e.Pager}, {"parent", e.Parent},
	} {
		switch {
		case len(f.text) > MaxText:
			b.wrong.add(i, f.name, "is longer than %d bytes", MaxText)
		case strings.TrimSpace(f.text) != f.text || !policy.Printable(f.text):
			b.wrong.add(i, f.name, "%q has space around it, or characters that cannot be seen", f.text)
		case f.text == policy.Unattributed:
			b.wrong.add(i, f.name, "%q is what nobody is called", f.text)
		}
	}
	if e.Lead != "" {
		if a, err := mail.ParseAddress(e.Lead); err != nil || a.Address != e.Lead {
			b.wrong.add(i, "lead", "%q is no e-mail address", e.Lead)
		}
	}
	if !e.Until.IsZero() && !e.From.Before(e.Until) {
		b.wrong.add(i, "until", "is not after from")
	}
	b.checkKeys(i, e.Keys)
}

func (b *builder) checkKeys(i int, keys []string) {
	if len(keys) > MaxKeys {
		b.wrong.add(i, "keys", "has %d keys, at most %d are possible", len(keys), MaxKeys)
		return
	}
	for n, key := range keys {
		_, ok := ParseKey(key)
		switch {
		case !ok:
			b.wrong.add(i, "keys", "number %d is no hash of a key: write %s and %d hex digits, as `farebox owners hash-key` prints them, and never the key", n+1, KeyPrefix, keyDigits)
		case slices.Index(keys, key) < n:
			b.wrong.add(i, "keys", "number %d is there twice", n+1)
		}
	}
}

// index fills teams and keys, and finds what two entries both claim.
func (b *builder) index() {
	for i := range b.d.entries {
		e := &b.d.entries[i]
		b.indexTeam(i, e)
		for _, key := range e.Keys {
			hash := strings.TrimPrefix(key, KeyPrefix)
			for _, other := range b.d.keys[hash] {
				if other.overlaps(e.span()) {
					b.wrong.add(i, "keys", "a key of %s is also a key of %s %v", e.Team, other.team, other.within(e.span()))
				}
			}
			b.d.keys[hash] = append(b.d.keys[hash], possessor{e.span(), e.Team})
		}
	}
	for _, all := range b.d.teams {
		slices.SortFunc(all, func(a, b *dated) int { return a.From.Compare(b.From) })
	}
}

func (b *builder) indexTeam(i int, e *dated) {
	same := b.d.teams[e.Team]
	if len(same) == MaxDated {
		b.wrong.add(i, "team", "%s has more than %d entries", e.Team, MaxDated)
	}
	if len(same) >= MaxDated {
		b.d.teams[e.Team] = append(same, e) // told once
		return
	}
	for _, other := range same {
		if other.span().overlaps(e.span()) {
			b.wrong.add(i, "team", "%s has another entry %v", e.Team, other.span().within(e.span()))
			break
		}
	}
	b.d.teams[e.Team] = append(same, e)
}
