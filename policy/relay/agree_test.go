package relay

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/farebox/farebox/policy/ledger"
)

// say has someone decide something at r.
func (w *wall) say(r *replica, random *rand.Rand) {
	c := w.by([]string{"ann", "bob", "eve"}[random.IntN(3)])
	ctx := r.testing.Context()
	switch kind := random.IntN(11); kind {
	case 0:
		r.asks(c)
	case 1:
		r.requests(c)
	case 2:
		r.raises(fmt.Sprint(random.IntN(4)), c.At)
	case 3, 4:
		all, _ := r.own.Topups(ctx, c.At)
		if len(all) > 0 {
			_, _ = r.GrantTopup(ctx, all[random.IntN(len(all))].Number, c) // it may be their own, or granted
		}
	case 9, 10:
		all, _ := r.own.Topups(ctx, c.At)
		if c.Action = ledger.ActRefuseTopup; kind == 10 {
			c.Action = ledger.ActRevokeTopup
		}
		if len(all) > 0 {
			_, _ = r.RevokeTopup(ctx, all[random.IntN(len(all))].Number, c) // it may wait, or be revoked
		}
	case 5, 6:
		all, _ := r.own.Approvals(ctx, ledger.Petition{Limit: 9})
		if len(all) > 0 {
			_, _ = r.DecideApproval(ctx, all[random.IntN(len(all))].Number, decided(c, kind == 5), c)
		}
	case 7:
		all, _ := r.own.Alerts(ctx, ledger.AlertSearch{From: noon, To: c.At.Add(time.Hour), Limit: 9})
		if len(all) > 0 {
			_, _ = r.Acknowledge(ctx, all[random.IntN(len(all))].Number, c)
		}
	case 8:
		m := ledger.Mute{Rule: fmt.Sprint(random.IntN(2)), At: c.At, Until: c.At.Add(time.Duration(random.IntN(3)) * time.Hour), By: c.Actor}
		if err := r.Mute(ctx, m, c); err != nil {
			r.testing.Error(err)
		}
	}
}

// said is what a ledger has of what people decided.
type said struct {
	Topups    []ledger.Topup
	Approvals []ledger.Approval
	Alerts    []ledger.Alert
	Mutes     []ledger.Mute
}

func (r *replica) said(at time.Time) (s said) {
	r.testing.Helper()
	var errs [4]error
	ctx := r.testing.Context()
	s.Topups, errs[0] = r.own.Topups(ctx, at)
	s.Approvals, errs[1] = r.own.Approvals(ctx, ledger.Petition{Limit: ledger.MaxPage})
	s.Alerts, errs[2] = r.own.Alerts(ctx, ledger.AlertSearch{From: noon, To: at.Add(time.Hour), Limit: ledger.MaxPage})
	s.Mutes, errs[3] = r.own.Mutings(ctx, noon)
	for _, err := range errs {
		if err != nil {
			r.testing.Fatal(err)
		}
	}
	return s
}

// Whatever people say at whichever replica, while the board is away now and then and
// loses what it has, and replicas are restarted: once all have heard each other, all
// have the same, and nobody has granted their own.
func TestReplicasComeToAgree(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w, random := newWall(), rand.New(rand.NewPCG(seed, 3))
			all := []*replica{w.replica(t, "a"), w.replica(t, "b"), w.replica(t, "c")}
			for range 120 {
				i := random.IntN(3)
				switch random.IntN(12) {
				case 0:
					w.away.Store(!w.away.Load())
				case 1:
					w.Lose()
				case 2:
					all[i] = w.over(t, all[i].own, all[i].o.Name)
				case 3, 4, 5:
					_ = all[i].Hear(t.Context()) // fails while the board is away
				default:
					w.say(all[i], random)
				}
				for len(all[i].followed) > 0 {
					<-all[i].followed
				}
			}
			w.away.Store(false)
			for range 3 {
				for _, r := range all {
					r.hears()
				}
			}
			want := all[0].said(w.now())
			apart := cmpopts.IgnoreFields(ledger.Alert{}, "Key", "Family", "Elsewhere") // each has its own
			for _, r := range all[1:] {
				if diff := cmp.Diff(want, r.said(w.now()), apart, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%s (-a +%s):\n%s", r.o.Name, r.o.Name, diff)
				}
			}
			for i := range want.Topups {
				if u := &want.Topups[i]; u.GrantedBy == u.By {
					t.Errorf("%+v", u)
				}
			}
			for i := range want.Approvals {
				if a := &want.Approvals[i]; a.State == ledger.ApprovalGranted && a.DecidedBy == a.By {
					t.Errorf("%+v", a)
				}
			}
			if len(want.Topups) == 0 || len(want.Approvals) == 0 || len(want.Alerts) == 0 || len(want.Mutes) == 0 {
				t.Errorf("too little was said: %+v", want)
			}
		})
	}
}
