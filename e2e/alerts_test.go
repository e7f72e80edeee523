package e2e_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/e2e/port"
)

// mailroom is a mail server that keeps what comes.
type mailroom struct {
	mu      sync.Mutex
	letters []string // "to: text"
}

// visitor brings one letter.
type visitor struct {
	o  *mailroom
	to string
}

func (o *mailroom) NewSession(*smtp.Conn) (smtp.Session, error) { return &visitor{o: o}, nil }

func (v *visitor) Mail(string, *smtp.MailOptions) error { return nil }

func (v *visitor) Rcpt(to string, _ *smtp.RcptOptions) error {
	v.to = to
	return nil
}

func (v *visitor) Data(r io.Reader) error {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(m.Body)
	if err != nil {
		return err
	}
	v.o.mu.Lock()
	defer v.o.mu.Unlock()
	v.o.letters = append(v.o.letters, v.to+": "+string(text))
	return nil
}

func (v *visitor) Reset()        {}
func (v *visitor) Logout() error { return nil }

// got are the letters that came.
func (o *mailroom) got() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.letters...)
}

// open serves at an address until the test ends.
func (o *mailroom) open(t *testing.T, address string) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s := smtp.NewServer(o)
	s.Domain = "mail.example.com"
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(l) // ends when it is closed
	}()
	t.Cleanup(func() {
		_ = s.Close()
		_ = l.Close()
		<-done
	})
}

// TestALeadIsToldOnceOfASpentBudgetThoughTheMailServerWasDownAndFareboxWasKilled,
// and someone has to acknowledge it.
func TestALeadIsToldOnceOfASpentBudgetThoughTheMailServerWasDownAndFareboxWasKilled(t *testing.T) {
	t.Parallel()
	at, err := port.Reserve() // nobody is there yet
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(at.Release)
	address := at.Addr()
	s := kit.Start(t, harness.StackOptions{Config: thrifty("0.1") + fmt.Sprintf(`
owners: [{team: support, lead: lead@example.com}, {team: ml}]
alerts: {digest: 1s, notify: {warning: [email]}}
receivers: {email: {smtp: "smtp://%s", starttls: offered, from: farebox@example.com, to: "{{lead}}"}}
`, address)})
	plays(s)
	exhaust(t, s)
	list := func(args ...string) string {
		t.Helper()
		out, err := s.Farebox.Command(t.Context(), append([]string{"alerts", "list"}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	eventually(t, "it was tried to tell the lead", func(context.Context) (bool, error) {
		return strings.Contains(list("--severity", "emergency", "-o", "json"), "connection refused"), nil
	})
	if err := s.Farebox.Kill9(); err != nil {
		t.Fatal(err)
	}
	o := &mailroom{}
	o.open(t, address)
	if err := s.Farebox.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the lead is told", func(context.Context) (bool, error) {
		return strings.Contains(list("--severity", "emergency", "--state", "sent"), "budget month for support"), nil
	})
	round(t, s) // of which all is refused, and tells nothing new
	if all := o.got(); len(all) != 1 || !strings.HasPrefix(all[0], "lead@example.com: [emergency] budget month for support: ") || strings.Count(all[0], "budget month") != 1 {
		t.Errorf("letters %q", all)
	}
	if out := list("--review"); !strings.Contains(out, "required") {
		t.Errorf("to review: %s", out)
	}
	for _, n := range numbers(list("--review")) {
		if _, err := s.Farebox.Command(t.Context(), "alerts", "ack", n, "--reason", "known"); err != nil {
			t.Error(err)
		}
	}
	if out := list("--review"); out != "No alerts.\n" {
		t.Errorf("still to review: %s", out)
	}
}

// numbers are the first column of a table.
func numbers(table string) (all []string) {
	for _, line := range strings.Split(strings.TrimSpace(table), "\n")[1:] {
		all = append(all, strings.Fields(line)[0])
	}
	return all
}
