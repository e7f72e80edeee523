package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/farebox/farebox/e2e/port"
)

// TestReplicasTellALowerLimitOnceThoughOneWasKilled: what is spent is more than nine
// tenths of the new limit, no call is refused for it, and the one that counted the last
// calls is gone.
func TestReplicasTellALowerLimitOnceThoughOneWasKilled(t *testing.T) {
	t.Parallel()
	at, err := port.Reserve()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(at.Release)
	mails := &mailroom{}
	mails.open(t, at.Addr())
	config := func(limit string) string {
		return thrifty(limit) + fmt.Sprintf(`
owners: [{team: support, lead: lead@example.com}, {team: ml}]
alerts: {digest: 1s, notify: {critical: [email]}}
receivers: {email: {smtp: "smtp://%s", starttls: offered, from: farebox@example.com, to: "{{lead}}"}}
`, at.Addr())
	}
	c := startChainWith(t, config("5"), "")
	roundOf(t, c.Stack)
	spent := c.agrees(t)
	if err := c.Replicas[2].Kill9(); err != nil {
		t.Fatal(err)
	}
	limit := fmt.Sprintf("%.9f", float64(spent)/1e9*100/95)
	lower := config(limit) + c.state("")
	for _, f := range c.Replicas[:2] {
		if err := f.Reconfigure(lower); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the lead is told", func(context.Context) (bool, error) { return len(mails.got()) > 0, nil })
	if err := c.Replicas[2].Reconfigure(lower); err != nil {
		t.Fatal(err)
	}
	if err := c.Replicas[2].Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	var numbers []int64
	for _, f := range c.Replicas {
		eventually(t, "the alert is known to all", func(ctx context.Context) (bool, error) {
			out, err := f.Command(ctx, "alerts", "list", "--severity", "critical", "-o", "json")
			var list struct{ Alerts []struct{ Number int64 } }
			if err == nil {
				err = json.Unmarshal([]byte(out), &list)
			}
			if err != nil || len(list.Alerts) == 0 {
				return false, err
			}
			for _, a := range list.Alerts {
				numbers = append(numbers, a.Number)
			}
			return true, nil
		})
	}
	if len(numbers) != 3 || numbers[0] != numbers[1] || numbers[0] != numbers[2] {
		t.Errorf("replicas have alerts %d, want one of all", numbers)
	}
	if all := mails.got(); len(all) != 1 || !strings.Contains(all[0], "[critical] budget month for support: ") {
		t.Errorf("letters %q", all)
	}
}
