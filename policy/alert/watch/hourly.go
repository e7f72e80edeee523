package watch

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/alert"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/money"
)

// hourly looks at the hour before end, and the one before that.
func (w *Watch) hourly(ctx context.Context, r *Rules, end time.Time) error {
	start := end.Add(-time.Hour)
	if r.SpendSpike.Severity > 0 || r.Unattributed.Severity > 0 {
		last, all, err := w.chargedByAll(ctx, start)
		if err != nil {
			return err
		}
		before, _, err := w.chargedByAll(ctx, start.Add(-time.Hour))
		if err != nil {
			return err
		}
		w.spikes(&r.SpendSpike, last, before, start)
		w.unattributed(&r.Unattributed, last[""], all, start)
	}
	if r.Unpriced.Severity > 0 {
		return w.unpriced(ctx, &r.Unpriced, start)
	}
	return nil
}

// charged is what the ledger has that each team was charged in an hour, and all of
// it; no team is "".
func (w *Watch) charged(ctx context.Context, start time.Time) (by map[string]money.Amount, all money.Amount, err error) {
	rows, err := w.o.Ledger.Usage(ctx, ledger.Query{From: start, To: start.Add(time.Hour), By: []string{"team"}})
	if err != nil {
		return nil, all, err
	}
	by = make(map[string]money.Amount, len(rows))
	for i := range rows {
		team := rows[i].Keys[0]
		if team == policy.Unattributed {
			team = ""
		}
		by[team] = by[team].Add(rows[i].Charged)
		all = all.Add(rows[i].Charged)
	}
	return by, all, nil
}

// maxSpikes bounds the teams that are told of for one hour: the first by name.
const maxSpikes = 100

func (w *Watch) spikes(r *Spike, last, before map[string]money.Amount, start time.Time) {
	if r.Severity == 0 {
		return
	}
	var teams []string
	for team, sum := range last {
		if sum.Cmp(r.Floor) >= 0 && grew(before[team], sum, int64(r.Percent)) {
			teams = append(teams, team)
		}
	}
	slices.Sort(teams)
	for _, team := range teams[:min(len(teams), maxSpikes)] {
		w.tell(alert.SpendSpike, r.Told, alert.Event{Of: team, Team: team, Start: start, End: start.Add(time.Hour), Message: fmt.Sprintf(
			"%s was charged %s in the hour from %s on, after %s in the hour before", named(team), usd(last[team]), start.Format(time.RFC3339), usd(before[team]))})
	}
}

// grew reports whether after is more than percent above before.
func grew(before, after money.Amount, percent int64) bool {
	more := after.Sub(before)
	if percent > 100 {
		return more.Portion(100, percent).Cmp(before) > 0
	}
	return more.Cmp(before.Portion(percent, 100)) > 0
}

func named(team string) string {
	if team == "" {
		return "what is no team's"
	}
	return "team " + team
}

func usd(a money.Amount) string { return alert.Quantity(int64(a.Nano()), "usd") }

func (w *Watch) unattributed(r *Share, nobodys, all money.Amount, start time.Time) {
	if r.Severity == 0 {
		return
	}
	if nobodys.IsZero() || nobodys.Cmp(r.Floor) < 0 || nobodys.Cmp(all.Portion(int64(r.Percent), 100)) < 0 {
		return
	}
	w.tell(alert.Unattributed, r.Told, alert.Event{Start: start, End: start.Add(time.Hour), Message: fmt.Sprintf(
		"%s of %s that was charged in the hour from %s on is no team's", usd(nobodys), usd(all), start.Format(time.RFC3339))})
}

// shownModels are those that an alert names.
const shownModels = 5

func (w *Watch) unpriced(ctx context.Context, r *Calls, start time.Time) error {
	by, sum, err := w.unpricedByAll(ctx, start)
	if err != nil || sum == 0 || sum < r.Calls {
		return err
	}
	most := slices.SortedFunc(maps.Keys(by), func(a, b model) int {
		return cmp.Or(cmp.Compare(by[b], by[a]), cmp.Compare(a.provider, b.provider), cmp.Compare(a.name, b.name))
	})
	var models []string
	for _, m := range most[:min(len(most), shownModels)] {
		models = append(models, fmt.Sprintf("%s of %s (%d)", m.name, m.provider, by[m]))
	}
	if more := len(most) - len(models); more > 0 {
		models = append(models, fmt.Sprintf("%d more", more))
	}
	w.tell(alert.Unpriced, r.Told, alert.Event{Start: start, End: start.Add(time.Hour), Message: fmt.Sprintf(
		"%d calls of the hour from %s on have no price, and their cost is in no sum: %s", sum, start.Format(time.RFC3339), strings.Join(models, ", "))})
	return nil
}

func (w *Watch) tell(kind alert.Kind, how Told, e alert.Event) {
	e.Kind, e.Severity, e.Page = kind, how.Severity, how.Page
	w.o.Alert(e)
}
