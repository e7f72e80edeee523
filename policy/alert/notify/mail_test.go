package notify_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/http/httptest"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"encoding/pem"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/farebox/farebox/policy/alert"
	"github.com/farebox/farebox/policy/alert/notify"
)

// office is a mail server with one mailbox, which may ask for a password.
type office struct {
	password string // empty: none is asked for
	refuse   map[string]error

	mu     sync.Mutex
	letter []letter
}

// letter is what came.
type letter struct {
	from, to string
	secure   bool
	text     string
}

type visit struct {
	o     *office
	conn  *smtp.Conn
	known bool
	l     letter
}

func (o *office) NewSession(c *smtp.Conn) (smtp.Session, error) { return &visit{o: o, conn: c}, nil }

func (v *visit) AuthMechanisms() []string {
	if v.o.password == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (v *visit) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, name, password string) error {
		if name != "farebox" || password != v.o.password {
			return smtp.ErrAuthFailed
		}
		v.known = true
		return nil
	}), nil
}

func (v *visit) Mail(from string, _ *smtp.MailOptions) error {
	if v.o.password != "" && !v.known {
		return smtp.ErrAuthRequired
	}
	v.l.from = from
	return nil
}

func (v *visit) Rcpt(to string, _ *smtp.RcptOptions) error {
	v.l.to = to
	return v.o.refuse[to]
}

func (v *visit) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	_, v.l.secure = v.conn.TLSConnectionState()
	v.l.text = string(text)
	v.o.mu.Lock()
	defer v.o.mu.Unlock()
	v.o.letter = append(v.o.letter, v.l)
	return nil
}

func (v *visit) Reset()        {}
func (v *visit) Logout() error { return nil }

// letters are those that came.
func (o *office) letters() []letter {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.letter
}

// certificate is of 127.0.0.1, and ca the file of who made it.
func certificate(t *testing.T) (server *tls.Config, ca string) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	ca = filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: s.TLS.Certificates, MinVersion: tls.VersionTLS12}, ca
}

// serve starts the office; implicit is TLS from the first byte, nil offers none.
func (o *office) serve(t *testing.T, secure *tls.Config, implicit bool) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = l.Addr().String()
	s := smtp.NewServer(o)
	s.Domain, s.AllowInsecureAuth, s.ErrorLog = "mail.example.com", true, quiet{}
	if implicit {
		l = tls.NewListener(l, secure)
	} else {
		s.TLSConfig = secure
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		_ = s.Close()
		_ = l.Close() // where it had not begun to serve
		if err := <-done; err != nil && !errors.Is(err, smtp.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	return address
}

// quiet drops what the server says of clients that go in the middle.
type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

func newMail(t *testing.T, o notify.MailOptions) *notify.Mail {
	t.Helper()
	o.From, o.Now = "Farebox <farebox@example.com>", func() time.Time { return at }
	m, err := notify.NewMail(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMail(t *testing.T) {
	secure, file := certificate(t)
	trust, err := notify.TLSWith(file)
	if err != nil {
		t.Fatal(err)
	}
	password := secret(t, "sesame")
	for _, test := range []struct {
		name   string
		office *office
		secure *tls.Config
		o      notify.MailOptions
		sent   bool // over TLS
	}{
		{"STARTTLS and a password", &office{password: "sesame"}, secure, notify.MailOptions{TLS: trust, Username: "farebox", Password: password}, true},
		{"TLS from the start", &office{password: "sesame"}, secure, notify.MailOptions{Implicit: true, TLS: trust, Username: "farebox", Password: password}, true},
		{"STARTTLS where it is offered", &office{}, secure, notify.MailOptions{TLS: trust, StartTLS: notify.StartTLSOffered}, true},
		{"a relay in the clear", &office{}, nil, notify.MailOptions{StartTLS: notify.StartTLSOffered}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.o.Address = test.office.serve(t, test.secure, test.o.Implicit)
			m := newMail(t, test.o)
			sent := notice("Ann Lead <lead@example.com>")
			if err := m.Notify(t.Context(), sent); err != nil {
				t.Fatal(err)
			}
			got := test.office.letters()
			if len(got) != 1 || got[0].secure != test.sent || got[0].from != "farebox@example.com" || got[0].to != "lead@example.com" {
				t.Fatalf("letters %+v", got)
			}
			wantLetter(t, got[0].text, &sent)
		})
	}
}

// wantLetter reads a letter as a mail program does.
func wantLetter(t *testing.T, text string, sent *alert.Notice) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || subject != "Farebox: [critical] 2 alerts, first: budget month for support: 90 % is spent <now> & more" {
		t.Errorf("subject %q, %v", subject, err)
	}
	for name, want := range map[string]string{
		"From": `"Farebox" <farebox@example.com>`, "To": `"Ann Lead" <lead@example.com>`, "Date": "Sat, 28 Nov 2026 10:30:00 +0000",
		"Message-Id": "<" + sent.ID() + "@example.com>", "Auto-Submitted": "auto-generated",
	} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	want := "[critical] budget month for support: 90 % is spent <now> & more (to be acknowledged: farebox alerts ack 7)\r\n    2026-11-28T10:30:00Z, alert 7\r\n\r\n" +
		"[warning] team ml spends 3 × as much\r\n    2026-11-28T10:30:00Z, alert 8\r\n\r\n"
	if err != nil || string(body) != want {
		t.Errorf("body %q, %v, want %q", body, err, want)
	}
}

func TestMailThatIsNotSent(t *testing.T) {
	secure, file := certificate(t)
	trust, err := notify.TLSWith(file)
	if err != nil {
		t.Fatal(err)
	}
	full := &smtp.SMTPError{Code: 452, Message: "mailbox full"}
	gone := &smtp.SMTPError{Code: 550, Message: "no such user"}
	for _, test := range []struct {
		name   string
		office *office
		secure *tls.Config
		o      notify.MailOptions
		to     string
		final  bool
		says   string
	}{
		{"nobody of that name", &office{refuse: map[string]error{"lead@example.com": gone}}, secure, notify.MailOptions{TLS: trust}, "lead@example.com", true, "no such user"},
		{"no room", &office{refuse: map[string]error{"lead@example.com": full}}, secure, notify.MailOptions{TLS: trust}, "lead@example.com", false, "mailbox full"},
		{"no address", &office{}, secure, notify.MailOptions{TLS: trust}, "lead", true, "no address"},
		{"a header in an address", &office{}, secure, notify.MailOptions{TLS: trust}, "lead@example.com\r\nBcc: all@example.com", true, "no address"},
		{"no STARTTLS", &office{}, nil, notify.MailOptions{}, "lead@example.com", false, "set starttls to offered"},
		{"a stranger's certificate", &office{}, secure, notify.MailOptions{}, "lead@example.com", false, "certificate"},
		{"a wrong password", &office{password: "open"}, secure, notify.MailOptions{TLS: trust, Username: "farebox", Password: secret(t, "sesame")}, "lead@example.com", false, "log in"},
		{"no password", &office{password: "open"}, secure, notify.MailOptions{TLS: trust}, "lead@example.com", true, "authenticate"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.o.Address = test.office.serve(t, test.secure, false)
			err := newMail(t, test.o).Notify(t.Context(), notice(test.to))
			if err == nil || alert.IsFinal(err) != test.final || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "sesame") {
				t.Errorf("%v, final %v; want one that says %q, final %v", err, alert.IsFinal(err), test.says, test.final)
			}
			if got := test.office.letters(); len(got) > 0 {
				t.Errorf("sent %+v", got)
			}
		})
	}
}

// TestAMailServerThatDoesNotAnswerIsLeft when the time is over.
func TestAMailServerThatDoesNotAnswerIsLeft(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		conn, err := l.Accept()
		cancel() // once we are there
		if err == nil {
			defer conn.Close()
			_, _ = io.Copy(io.Discard, conn)
		}
	}()
	m := newMail(t, notify.MailOptions{Address: l.Addr().String()})
	if err := m.Notify(ctx, notice("lead@example.com")); err == nil || alert.IsFinal(err) {
		t.Errorf("%v", err)
	}
}

func TestNewMailRefuses(t *testing.T) {
	for _, o := range []notify.MailOptions{{Address: "mail", From: "a@b"}, {Address: "mail:25", From: "nobody"}, {Address: "mail:25"}} {
		if _, err := notify.NewMail(o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
	if _, err := notify.TLSWith(filepath.Join(t.TempDir(), "absent")); err == nil {
		t.Error("no authorities: no error")
	}
}
