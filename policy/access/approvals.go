package access

import (
	"strings"
	"sync/atomic"
	"time"

	"github.com/farebox/farebox/policy/names"
)

// Grant is an approval that was given: a team's leave to ask a model.
type Grant struct {
	Number int64 // in the ledger
	Team   string
	Model  string // a name, or a pattern
	Until  time.Time
}

// Approvals are those that were given, whether they are still in force or have
// ended. Its zero value has none.
type Approvals struct {
	byTeam atomic.Pointer[map[string][]Grant]
}

// Set replaces them all. Calls that are admitted from then on follow them.
func (a *Approvals) Set(all []Grant) {
	byTeam := make(map[string][]Grant, len(all))
	for _, g := range all {
		g.Model = strings.ToLower(g.Model)
		byTeam[g.Team] = append(byTeam[g.Team], g)
	}
	a.byTeam.Store(&byTeam)
}

// find returns the number of an approval of model for team that is in force at a
// time, or 0 and when the last one ended.
func (a *Approvals) find(team, model string, at time.Time) (number int64, ended time.Time) {
	if a == nil {
		return 0, ended
	}
	byTeam := a.byTeam.Load()
	if byTeam == nil || team == "" {
		return 0, ended
	}
	for i := range (*byTeam)[team] {
		g := &(*byTeam)[team][i]
		if !names.ModelFits([]string{g.Model}, model) {
			continue
		}
		if at.Before(g.Until) {
			return g.Number, time.Time{}
		}
		if g.Until.After(ended) {
			ended = g.Until
		}
	}
	return 0, ended
}
