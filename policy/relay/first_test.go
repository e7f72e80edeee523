package relay

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/farebox/farebox/policy/board"
	"github.com/farebox/farebox/policy/ledger"
)

// TestWhoRaisesAnAlertIsWaitedFor as long as its claim lives, and no longer.
func TestWhoRaisesAnAlertIsWaitedFor(t *testing.T) {
	for name, raises := range map[string]bool{"it is slow": true, "it has failed": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWall()
				a, b := w.replica(t, "a"), w.replica(t, "b")
				if err := w.Post(t.Context(), raising, board.Note{Name: claimOf("90"), Keep: claimFor, Once: true}); err != nil {
					t.Fatal(err)
				}
				began, done := time.Now(), make(chan ledger.Alert, 1)
				go func() { done <- b.raises("90", w.now()) }()
				time.Sleep(claimFor - time.Second)
				if len(done) > 0 {
					t.Fatal("the other did not wait")
				}
				var raised ledger.Alert
				if raises {
					var err error
					if raised, _, err = a.own.Raise(t.Context(), ledger.Alert{Number: a.number(), Key: "90", Kind: "budget", Severity: "critical", Rule: "month", At: w.now()}); err != nil {
						t.Fatal(err)
					}
					a.tell(t.Context(), ofAlert(&raised))
				}
				got, waited := <-done, time.Since(began)
				if raises && (got.Number != raised.Number || waited > claimFor) || !raises && waited != claimFor {
					t.Errorf("after %v it has alert %d, the first raised %d", waited, got.Number, raised.Number)
				}
			})
		})
	}
}
