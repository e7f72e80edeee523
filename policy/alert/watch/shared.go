package watch

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/policy/parts"
)

// When other replicas are told what the ledger has of an hour, and are heard.
const (
	tellEvery  = time.Minute
	tellRests  = 50               // of an hour that is not over: not before so many times as long has passed as reading took
	tellWithin = 5 * time.Second  // the board's time for all
	allTold    = 3 * time.Minute  // how long after an hour all have told of it that can
	notHeard   = 10 * time.Minute // how long after it others are waited for who cannot be heard
	toldHours  = 3                // that of now, the last one, and the one before that
)

// sharing is what was read of the ledger to be told.
type sharing struct {
	hours   map[time.Time]*hour // by their beginning
	next    time.Time           // when that of now is read again
	failing bool                // as was said
}

// hour is what a ledger has of one: of teams and of models.
type hour struct {
	charged, unpriced map[string]int64
	whole             bool // it was read after all was in the ledger
}

// Keys of an hour: of all, of a team, and of a model of a provider.
const everything = "="

func keyOf(team string) string             { return "team " + team }
func keyOfModel(provider, m string) string { return "model " + provider + "\x00" + m }

func chargedIn(start time.Time) string  { return "charged " + start.Format(time.RFC3339) }
func unpricedIn(start time.Time) string { return "unpriced " + start.Format(time.RFC3339) }

// share tells others what the ledger has of these hours, and hears the same of them.
// It reports whether it could.
func (w *Watch) share(ctx context.Context) bool {
	err := w.tellHours(ctx, w.o.Now().UTC())
	if ctx.Err() != nil {
		return false
	}
	switch was := w.shared.failing; {
	case err != nil && !was:
		w.o.Logger.WarnContext(ctx, "watches look at what is known of other replicas; they will be asked again", "err", err)
	case err == nil && was:
		w.o.Logger.InfoContext(ctx, "watches look at what other replicas tell again")
	}
	w.shared.failing = err != nil
	return err == nil
}

// leave tells what there is at an end, which ctx was the sign of.
func (w *Watch) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellWithin)
	defer cancel()
	w.shared.next = time.Time{}
	w.share(ctx)
}

func (w *Watch) tellHours(ctx context.Context, now time.Time) error {
	if err := w.readHours(ctx, now); err != nil {
		return fmt.Errorf("read what was charged in these hours: %w", err)
	}
	var marks []string
	var all []parts.Span
	for start, h := range w.shared.hours {
		for mark, spent := range map[string]map[string]int64{chargedIn(start): h.charged, unpricedIn(start): h.unpriced} {
			marks = append(marks, mark)
			all = append(all, parts.Span{Mark: mark, From: start, To: start.Add(time.Hour), Spent: spent})
		}
	}
	ctx, cancel := context.WithTimeout(ctx, tellWithin)
	defer cancel()
	if err := w.o.Hours.Hear(ctx, marks, now); err != nil {
		return err
	}
	return w.o.Hours.Tell(ctx, all, now)
}

// readHours reads what is not known yet: of each hour once after it is over, and of
// that of now so far.
func (w *Watch) readHours(ctx context.Context, now time.Time) error {
	s := &w.shared
	this := now.Truncate(time.Hour)
	first := this.Add(-(toldHours - 1) * time.Hour)
	if s.hours == nil {
		s.hours = map[time.Time]*hour{}
	}
	maps.DeleteFunc(s.hours, func(start time.Time, _ *hour) bool { return start.Before(first) || start.After(this) }) // the clock may be set
	for start := first; !start.After(this); start = start.Add(time.Hour) {
		h := s.hours[start]
		over := now.Sub(start) >= time.Hour+settled
		if h != nil && (h.whole || !over && now.Before(s.next) && s.next.Sub(now) <= time.Hour) {
			continue
		}
		began := w.o.Now()
		h, err := w.readHour(ctx, start)
		if err != nil {
			return err
		}
		h.whole, s.hours[start] = over, h
		if !over {
			ended := w.o.Now()
			s.next = ended.Add(min(max(tellEvery/2, tellRests*ended.Sub(began)), time.Hour))
		}
	}
	return nil
}

func (w *Watch) readHour(ctx context.Context, start time.Time) (*hour, error) {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	h := &hour{charged: map[string]int64{}, unpriced: map[string]int64{}}
	by, all, err := w.charged(ctx, start)
	if err != nil {
		return nil, err
	}
	for team, sum := range by {
		h.charged[keyOf(team)] = int64(sum.Nano())
	}
	models, err := w.unpricedOf(ctx, start)
	if err != nil {
		return nil, err
	}
	sum := int64(0)
	for m, n := range models {
		h.unpriced[keyOfModel(m.provider, m.name)] = n
		sum += n
	}
	if len(by) > 0 {
		h.charged[everything] = int64(all.Nano())
	}
	if len(models) > 0 {
		h.unpriced[everything] = sum
	}
	return h, nil
}

// chargedByAll is what each team was charged in an hour by all replicas, as far as
// they have told, and all of it.
func (w *Watch) chargedByAll(ctx context.Context, start time.Time) (by map[string]money.Amount, all money.Amount, err error) {
	if by, all, err = w.charged(ctx, start); err != nil || w.o.Hours == nil {
		return by, all, err
	}
	for key, n := range w.o.Hours.Others(chargedIn(start), start, start.Add(time.Hour)) {
		sum := money.Nano(n).Amount()
		if team, is := strings.CutPrefix(key, keyOf("")); is {
			by[team] = by[team].Add(sum)
		} else if key == everything {
			all = all.Add(sum)
		}
	}
	return by, all, nil
}

// model is one of a provider.
type model struct{ provider, name string }

// unpricedByAll are the calls without a price of each model, likewise.
func (w *Watch) unpricedByAll(ctx context.Context, start time.Time) (by map[model]int64, all int64, err error) {
	if by, err = w.unpricedOf(ctx, start); err != nil {
		return nil, 0, err
	}
	for _, n := range by {
		all += n
	}
	if w.o.Hours == nil {
		return by, all, nil
	}
	for key, n := range w.o.Hours.Others(unpricedIn(start), start, start.Add(time.Hour)) {
		if rest, is := strings.CutPrefix(key, "model "); is {
			var m model
			m.provider, m.name, _ = strings.Cut(rest, "\x00")
			by[m] += n
		} else if key == everything {
			all += n
		}
	}
	return by, all, nil
}

// unpricedOf are those of the own ledger.
func (w *Watch) unpricedOf(ctx context.Context, start time.Time) (map[model]int64, error) {
	rows, err := w.o.Ledger.Usage(ctx, ledger.Query{From: start, To: start.Add(time.Hour), By: []string{"provider", "model"}})
	if err != nil {
		return nil, err
	}
	by := map[model]int64{}
	for i := range rows {
		if n := rows[i].Unpriced; n > 0 {
			by[model{rows[i].Keys[0], rows[i].Keys[1]}] = n
		}
	}
	return by, nil
}
