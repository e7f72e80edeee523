package extproc_test

import (
	"context"
	"testing"

	"github.com/farebox/farebox/extproc"
	"github.com/farebox/farebox/policy"
)

// onlooker sees of calls what attribution could.
type onlooker struct {
	*cashier
	saw chan [2]string // header x-team, and user of the body
}

func (o onlooker) look(r *policy.Request) {
	o.saw <- [2]string{r.Identity.Header("x-team"), r.Identity.Body("user")}
}

func (o onlooker) Admit(ctx context.Context, r *policy.Request) (policy.Ticket, error) {
	o.look(r)
	return o.cashier.Admit(ctx, r)
}

func (o onlooker) Refuse(ctx context.Context, r *policy.Request, why policy.Refusal) {
	o.look(r)
	o.cashier.Refuse(ctx, r, why)
}

func TestACallIsSeenWithHeadersAndBodyWhileItIsDecided(t *testing.T) {
	look := onlooker{&cashier{}, make(chan [2]string, 3)}
	s := newStand(t, func(o *extproc.Options) { o.Decider, o.Rules.MaxRequestBody = look, 60 })
	head := requestHeaders(false, ":method", "POST", ":path", "/v1/chat/completions", ":authority", "a", "x-team", "support")
	for _, c := range []struct{ body, user string }{
		{`{"model":"m","user":"ann"}`, "ann"},
		{`{"model":"m","user":"bob","messages":[{"role":"user","content":"hi"}]}`, "bob"}, // too large: refused, and recorded
	} {
		e := s.begin(t)
		e.send(head)
		e.send(requestBody(c.body))
		if got := <-look.saw; got != [2]string{"support", c.user} {
			t.Errorf("attribution saw %q of %s", got, c.body)
		}
	}
	e := s.begin(t)
	e.send(requestHeaders(false, ":method", "POST", ":path", "/v1/chat/completions", ":authority", "a", "x-team", "support", "content-length", "61"))
	if got := <-look.saw; got != [2]string{"support", ""} {
		t.Errorf("before the body came attribution saw %q", got)
	}
	look.mu.Lock()
	defer look.mu.Unlock()
	if len(look.admitted) != 1 || len(look.refused) != 2 {
		t.Errorf("%d calls were admitted, %d refused", len(look.admitted), len(look.refused))
	}
}
