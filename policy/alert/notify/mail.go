package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"time"

	"github.com/farebox/farebox/policy/alert"
)

// StartTLS says when a connection that began in the clear becomes encrypted.
type StartTLS string

// StartTLSRequired sends nothing otherwise; StartTLSOffered takes it where the
// server has it. A password is never sent in the clear, but to this machine.
const (
	StartTLSRequired StartTLS = "required"
	StartTLSOffered  StartTLS = "offered"
)

// MailOptions are what NewMail needs.
type MailOptions struct {
	Address  string      // host:port of the server
	Implicit bool        // TLS from the first byte, as on port 465
	StartTLS StartTLS    // otherwise; empty: required
	TLS      *tls.Config // nil: the system's authorities
	Username string      // empty: the server asks for none
	Password Secret
	From     string // the sender's address
	Hello    string // what this machine calls itself; empty: localhost
	Now      func() time.Time
}

// Mail sends e-mail over SMTP.
type Mail struct {
	o    MailOptions
	host string
	from *mail.Address
}

// NewMail makes a notifier of a server.
func NewMail(o MailOptions) (*Mail, error) {
	host, _, err := net.SplitHostPort(o.Address)
	if err != nil {
		return nil, fmt.Errorf("mail server: %w", err)
	}
	from, err := mail.ParseAddress(o.From)
	if err != nil {
		return nil, fmt.Errorf("sender %q: %w", o.From, err)
	}
	if o.Hello == "" {
		o.Hello = "localhost"
	}
	if o.TLS == nil {
		o.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Mail{o: o, host: host, from: from}, nil
}

// Notify implements alert.Notifier: one message to n.To.
func (m *Mail) Notify(ctx context.Context, n alert.Notice) error {
	to, err := mail.ParseAddress(n.To)
	if err != nil {
		return alert.Final(fmt.Errorf("send mail: %q is no address: %w", n.To, err))
	}
	c, err := m.dial(ctx)
	if err != nil {
		return judged(err)
	}
	defer c.Close()
	if err := m.send(c, to, m.message(to, &n)); err != nil {
		return judged(err)
	}
	_ = c.Quit() // it is sent; what comes after is the server's business
	return nil
}

// dial connects and says who we are. ctx ends what goes on afterwards too.
func (m *Mail) dial(ctx context.Context) (*smtp.Client, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", m.o.Address)
	if err != nil {
		return nil, fmt.Errorf("reach mail server: %w", err)
	}
	context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	secure := m.o.TLS.Clone()
	secure.ServerName = m.host
	if m.o.Implicit {
		conn = tls.Client(conn, secure)
	}
	c, err := smtp.NewClient(conn, m.host)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("greet mail server: %w", err), conn.Close())
	}
	if err := m.greet(c, secure); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (m *Mail) greet(c *smtp.Client, secure *tls.Config) error {
	if err := c.Hello(m.o.Hello); err != nil {
		return fmt.Errorf("greet mail server: %w", err)
	}
	if !m.o.Implicit {
		offered, _ := c.Extension("STARTTLS")
		switch {
		case offered:
			if err := c.StartTLS(secure); err != nil {
				return fmt.Errorf("encrypt to mail server: %w", err)
			}
		case m.o.StartTLS != StartTLSOffered:
			return errors.New("encrypt to mail server: it does not offer STARTTLS; where that is meant, set starttls to offered")
		}
	}
	if m.o.Username == "" {
		return nil
	}
	password, err := m.o.Password.read()
	if err != nil {
		return err
	}
	if err := c.Auth(smtp.PlainAuth("", m.o.Username, password, m.host)); err != nil {
		return fmt.Errorf("log in to mail server: %w", err)
	}
	return nil
}

func (m *Mail) send(c *smtp.Client, to *mail.Address, text []byte) error {
	if err := c.Mail(m.from.Address); err != nil {
		return fmt.Errorf("send mail from %s: %w", m.from.Address, err)
	}
	if err := c.Rcpt(to.Address); err != nil {
		return fmt.Errorf("send mail to %s: %w", to.Address, err)
	}
	w, err := c.Data()
	if err != nil {
		return fmt.Errorf("send mail: %w", err)
	}
	if _, err := w.Write(text); err != nil {
		return fmt.Errorf("send mail: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("send mail: %w", err)
	}
	return nil
}

// judged marks what a server refuses for good (5xx); it takes what it has too much
// of (4xx) another time. A password that is wrong may be set right meanwhile.
func judged(err error) error {
	var said *textproto.Error
	if errors.As(err, &said) && said.Code >= 500 && said.Code != 530 && said.Code != 535 {
		return alert.Final(err)
	}
	return err
}
