package alert_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/farebox/farebox/policy/alert"
	"github.com/farebox/farebox/policy/ledger"
)

// Who wants to know it hears of each alert once the ledger has it, also of one that was
// there.
func TestWhatIsKeptIsHeardOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shaky{broken: 2}
		kept := make(chan string, 9)
		d, err := alert.New(alert.Options{Store: s, Registerer: prometheus.NewRegistry(), Kept: func(_ context.Context, a *ledger.Alert) {
			kept <- fmt.Sprintf("%d is %d %s", a.Number, a.Percent, a.State())
		}}, alert.Rules{})
		if err != nil {
			t.Fatal(err)
		}
		d.Alert(spent(90))
		synctest.Wait()
		if len(kept) > 0 {
			t.Errorf("before the ledger has it: %q", <-kept)
		}
		later(time.Minute)
		d.Alert(spent(75))
		d.Alert(spent(90)) // more than a minute after it came first
		synctest.Wait()
		d.Close(t.Context())
		close(kept)
		for _, want := range []string{"1 is 90 kept", "2 is 75 outdone", "1 is 90 kept", ""} {
			if got := <-kept; got != want {
				t.Errorf("kept %q, want %q", got, want)
			}
		}
	})
}
