package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/e2e/harness"
)

// council is three fareboxes behind one Envoy that share their budgets, and the
// people who decide, each of whom asks any of them.
type council struct {
	*harness.Stack
	redis *harness.Redis
	ca    string
	dir   string // of tokens, by name
}

func newCouncil(t *testing.T, config string) *council {
	t.Helper()
	a := newAuthority(t)
	shown := newSecret(t, a, "127.0.0.1")
	c := &council{redis: kit.StartRedis(t), ca: shown.file("ca.crt"), dir: t.TempDir()}
	var list []string
	for name, role := range map[string]string{"lead": "owner, team: support", "boss": "approver", "reports": "finance"} {
		file := filepath.Join(c.dir, name)
		if err := os.WriteFile(file, []byte("token-of-"+name+"-0123456789\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		list = append(list, fmt.Sprintf("{name: %s, file: %q, role: %s}", name, file, role))
	}
	c.Stack = kit.Start(t, harness.StackOptions{
		Config: config + fmt.Sprintf("state: {store: \"redis://%s/0\", timeout: 5s}\n", c.redis.Addr()), Replicas: 3,
		Guard: harness.Guard{
			Admin:  shown.tls("") + ", metrics: token, tokens: [" + strings.Join(list, ", ") + "]",
			Client: asking(a, "token-of-reports-0123456789"),
		},
	})
	plays(c.Stack)
	return c
}

// at has someone ask a replica.
func (c *council) at(t *testing.T, replica int, who string, args ...string) string {
	t.Helper()
	out, errOut, status := command(t, append(args, "--admin", c.Replicas[replica].AdminURL(), "--ca", c.ca, "--token-file", filepath.Join(c.dir, who))...)
	if status != 0 {
		t.Fatalf("%s asks replica %d: %v: %s%s", who, replica, args, out, errOut)
	}
	return out
}

// shows waits until a replica answers as is said: it may have heard late of what was
// said at another.
func (c *council) shows(t *testing.T, replica int, who string, so func(out string) bool, args ...string) {
	t.Helper()
	eventually(t, fmt.Sprintf("replica %d tells of %v as the others do", replica, args), func(context.Context) (bool, error) {
		out := c.at(t, replica, who, args...)
		if !so(out) {
			return false, fmt.Errorf("it says %s", out)
		}
		return true, nil
	})
}

// number is that of the only line that a replica shows.
func (c *council) number(t *testing.T, replica int, who string, args ...string) (number string) {
	t.Helper()
	c.shows(t, replica, who, func(out string) bool {
		all := numbers(out)
		if len(all) == 1 {
			number = all[0]
		}
		return len(all) == 1
	}, args...)
	return number
}

// all waits until every replica answers calls so: Envoy asks them in turn.
func (c *council) all(t *testing.T, status int, says string) {
	t.Helper()
	last := ""
	defer func() {
		if t.Failed() {
			t.Logf("the last answer: %s", last)
		}
	}()
	eventually(t, fmt.Sprint("all answer ", status, " ", says), func(context.Context) (bool, error) {
		for range 2 * len(c.Replicas) {
			g := ask(c.Stack, chatPath, modest(1, false)).run(t.Context())
			if last = fmt.Sprint(g.status, " ", string(g.body)); g.status != status || !strings.Contains(last, says) {
				return false, nil
			}
		}
		return true, nil
	})
}

// TestWhatPeopleDecideAtOneReplicaHoldsAtAll: an approval and a top-up are asked for
// at one, granted at another, and the third lets calls pass as well; so it is after
// their store has lost all, and after a restart.
func TestWhatPeopleDecideAtOneReplicaHoldsAtAll(t *testing.T) {
	t.Parallel()
	c := newCouncil(t, thrifty("0.000001")+"access: [{deny: [replay], approval: required}]\n")
	c.all(t, http.StatusForbidden, "has no approval")
	until := time.Now().Add(48 * time.Hour).UTC().Format(time.RFC3339)
	c.at(t, 0, "lead", "approvals", "request", "replay", "--until", until)
	approval := c.number(t, 1, "boss", "approvals", "list")
	c.at(t, 1, "boss", "approvals", "grant", approval)
	c.all(t, http.StatusTooManyRequests, "budget_exhausted")
	c.at(t, 2, "lead", "budgets", "topup", "month", "--of", "support", "--usd", "5", "--reason", "the fair")
	topup := c.number(t, 0, "boss", "budgets", "topups")
	c.at(t, 0, "boss", "budgets", "approve", topup)
	c.all(t, http.StatusOK, "")
	if err := c.redis.Forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Replicas[1].Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.all(t, http.StatusOK, "")
	c.at(t, 2, "boss", "approvals", "revoke", approval)
	c.all(t, http.StatusForbidden, "has no approval")
	c.shows(t, 1, "reports", func(out string) bool {
		return strings.Count(out, "budget.grant") == 1 && strings.Contains(out, "boss") && strings.Count(out, "approval.revoke") == 1
	}, "audit", "-o", "csv")
}

// TestAnAlertIsRaisedOnceAndAcknowledgedAtAnyReplica, whichever of them saw it.
func TestAnAlertIsRaisedOnceAndAcknowledgedAtAnyReplica(t *testing.T) {
	t.Parallel()
	c := newCouncil(t, thrifty("0.000001"))
	c.all(t, http.StatusTooManyRequests, "budget_exhausted")
	raised := c.number(t, 0, "lead", "alerts", "list", "--review")
	for replica := range c.Replicas {
		if n := c.number(t, replica, "lead", "alerts", "list", "--review"); n != raised {
			t.Errorf("replica %d shows alert %s, another %s", replica, n, raised)
		}
	}
	c.at(t, 1, "lead", "alerts", "ack", raised, "--reason", "known")
	none := func(out string) bool { return out == "No alerts.\n" }
	for replica := range c.Replicas {
		c.shows(t, replica, "lead", none, "alerts", "list", "--review")
	}
	c.at(t, 2, "lead", "alerts", "mute", "month", "--of", "support", "--for", "1h", "--reason", "a load test")
	c.shows(t, 0, "lead", func(out string) bool { return strings.Contains(out, "a load test") }, "alerts", "mutes")
}
