package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/money"
)

// groups is how sums of one kind are asked for, told apart, added and put in order.
type groups[T any] struct {
	ask  func(context.Context, ledger.Query) ([]T, error)
	keys func(*T) *[]string
	add  func(to, from *T)
	sort func([]T)
}

func usageGroups(l Ledger) groups[ledger.Row] {
	return groups[ledger.Row]{ask: l.Usage, keys: func(r *ledger.Row) *[]string { return &r.Keys }, add: addRow, sort: ledger.SortRows}
}

// interactionGroups are those of the last calls, of which each has one moment: no
// interaction is in two stretches of time.
func interactionGroups(l Ledger) groups[ledger.Interactions] {
	return groups[ledger.Interactions]{
		ask: l.Interactions, keys: func(i *ledger.Interactions) *[]string { return &i.Keys }, add: addInteractions, sort: ledger.SortInteractions,
	}
}

func multiplierGroups(l Ledger) groups[ledger.Multipliers] {
	return groups[ledger.Multipliers]{
		ask: l.Multipliers, keys: func(m *ledger.Multipliers) *[]string { return &m.Keys }, add: (*ledger.Multipliers).Add, sort: ledger.SortMultipliers,
	}
}

// in sums like the ledger, with the days and hours of a zone instead of those of
// UTC. Every row has a key for each name.
func (g groups[T]) in(ctx context.Context, q ledger.Query, zone *time.Location) ([]T, error) {
	days, hours := slices.Contains(q.By, "day"), slices.Contains(q.By, "hour")
	switch {
	case zone == time.UTC || !days && !hours:
		return g.plain(ctx, q)
	case hours && wholeHours(q.From.In(zone), q.To):
		return g.hourly(ctx, q, zone)
	}
	return g.bySpan(ctx, q, spans(q.From.In(zone), q.To, !hours))
}

// plain asks, and looks at the keys.
func (g groups[T]) plain(ctx context.Context, q ledger.Query) ([]T, error) {
	rows, err := g.ask(ctx, q)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		if keys := *g.keys(&rows[i]); len(keys) != len(q.By) {
			return nil, fmt.Errorf("a row has %d keys, want %d", len(keys), len(q.By))
		}
	}
	return rows, nil
}

// wholeHours reports whether the clock of from's zone is whole hours away from
// UTC until to.
func wholeHours(from, to time.Time) bool {
	for at := from; at.Before(to); {
		if _, offset := at.Zone(); offset%3600 != 0 {
			return false
		}
		_, end := at.ZoneBounds()
		if end.IsZero() {
			break
		}
		at = end
	}
	return true
}

// hourly sums by hour of UTC, each of which is an hour of the zone under another
// name.
func (g groups[T]) hourly(ctx context.Context, q ledger.Query, zone *time.Location) ([]T, error) {
	by := q.By
	q.By = slices.DeleteFunc(slices.Clone(by), func(name string) bool { return name == "day" })
	rows, err := g.plain(ctx, q)
	if err != nil {
		return nil, err
	}
	at := slices.Index(q.By, "hour")
	for i := range rows {
		keys := g.keys(&rows[i])
		hour, err := time.ParseInLocation(hourForm, (*keys)[at], time.UTC)
		if err != nil {
			return nil, fmt.Errorf("read hour: %w", err)
		}
		*keys = labelled(slices.Delete(slices.Clone(*keys), at, at+1), by, hour.In(zone).Format(zoneHourForm))
	}
	g.sort(rows)
	return rows, nil
}

// bySpan asks for each span, and adds up what has the same keys.
func (g groups[T]) bySpan(ctx context.Context, q ledger.Query, all []span) ([]T, error) {
	by := q.By
	q.By = slices.DeleteFunc(slices.Clone(by), func(name string) bool { return name == "day" || name == "hour" })
	var rows []T
	index := map[string]int{}
	for _, s := range all {
		q.From, q.To = s.from, s.to
		part, err := g.plain(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range part {
			keys := g.keys(&part[i])
			*keys = labelled(*keys, by, s.label)
			group := fmt.Sprintf("%q", *keys)
			if have, ok := index[group]; ok {
				g.add(&rows[have], &part[i])
				continue
			}
			index[group] = len(rows)
			rows = append(rows, part[i])
		}
		if len(rows) > ledger.MaxRows {
			return nil, ledger.ErrTooManyRows
		}
	}
	g.sort(rows)
	return rows, nil
}

// labelled puts a label where by has day and hour among the keys of the others.
func labelled(keys, by []string, label string) []string {
	day, _, _ := strings.Cut(label, "T")
	out := make([]string, 0, len(by))
	for _, name := range by {
		switch name {
		case "day":
			out = append(out, day)
		case "hour":
			out = append(out, label)
		default:
			out, keys = append(out, keys[0]), keys[1:]
		}
	}
	return out
}

func addRow(to, from *ledger.Row) {
	to.Calls += from.Calls
	to.Unpriced += from.Unpriced
	for c, n := range from.Tokens {
		to.Tokens[c] += n
	}
	to.List = to.List.Add(from.List)
	to.Contracted = to.Contracted.Add(from.Contracted)
	to.Charged = to.Charged.Add(from.Charged)
}

func addInteractions(to, from *ledger.Interactions) {
	to.Interactions += from.Interactions
	to.Successful += from.Successful
	to.Calls += from.Calls
	to.Unpriced += from.Unpriced
	to.Input += from.Input
	to.Output += from.Output
	to.Charged = to.Charged.Add(from.Charged)
}

// dearest is where a page of sums ended: the dearest come first, and equals in the
// order of their keys.
type dearest struct {
	Charged money.Amount `json:"c"`
	Keys    []string     `json:"k"`
}

// before reports whether d comes before o.
func (d *dearest) before(o *dearest) bool {
	return cmp.Or(d.Charged.Cmp(o.Charged), slices.Compare(o.Keys, d.Keys)) > 0
}

// page picks the rows of one page out of all that there are.
type page struct {
	of    *asked
	limit int // 0: all
	told  int
	last  dearest // that was told
	next  string  // cursor; empty: there is no more
}

// tells reports whether the page has the row that comes next.
func (p *page) tells(charged money.Amount, keys []string) bool {
	row := dearest{charged, keys}
	switch {
	case p.of.after != nil && !p.of.after.before(&row):
		return false
	case p.limit == 0 || p.told < p.limit:
		p.told, p.last = p.told+1, row
		return true
	case p.next == "":
		c := cursor[dearest]{p.of.digest, p.of.From, p.of.To, p.last}
		p.next = c.String()
	}
	return false
}
