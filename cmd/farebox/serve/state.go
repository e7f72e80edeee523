package serve

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/budget/redisstore"
	"github.com/farebox/farebox/policy/engine"
)

// openState opens the store of budgets that c names, and returns what closes it. One
// that does not answer is an error, unless calls pass without it.
func openState(ctx context.Context, c *config.Config, log *slog.Logger) (budget.Store, func(), error) {
	at, shared := c.State.Store.Redis()
	if !shared {
		return budget.NewMemory(nil), func() {}, nil
	}
	o := redisstore.Options{Addresses: at.Addresses, Username: at.Username, Database: at.Database, Org: c.State.Org}
	var err error
	if o.Part, err = partBeside(c.Ledger.Store.Path()); err != nil {
		return nil, nil, err
	}
	if o.Password, err = passwordIn("state.password_file", c.State.PasswordFile); err != nil {
		return nil, nil, err
	}
	if s := c.State.Sentinel; s != nil {
		o.Master, o.Addresses = s.Master, s.Addresses
		if o.SentinelPassword, err = passwordIn("state.sentinel.password_file", s.PasswordFile); err != nil {
			return nil, nil, err
		}
	}
	if at.TLS {
		if o.TLS, err = tlsOf(c.State.CAFile); err != nil {
			return nil, nil, err
		}
	}
	s, err := redisstore.New(o)
	if err != nil {
		return nil, nil, fmt.Errorf("state.store: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	_, err = s.Fresh(ctx)
	if err != nil && passesAway(c) && !redisstore.NotMeant(err) {
		log.WarnContext(ctx, "the store of budgets is away: starting without it, as state.on_error has it", "err", err)
	} else if err != nil {
		s.Close()
		return nil, nil, fmt.Errorf("state.store: %w; see that it runs, and that its address, user and password are right", err)
	}
	return s, s.Close, nil
}

// passesAway reports whether calls pass while the store of budgets is away.
func passesAway(c *config.Config) bool {
	return c.Mode != config.Enforce || c.State.OnError == config.StoreOpen
}

// connectWithin bounds how long a start waits for the store.
const connectWithin = 10 * time.Second

// passwordIn reads a file without the line end; of no file it is empty.
func passwordIn(key string, name config.File) (string, error) {
	if name == "" {
		return "", nil
	}
	text, err := readBounded(string(name))
	if err != nil {
		return "", fmt.Errorf("%s: %w", key, err)
	}
	text = bytes.TrimRight(text, "\r\n")
	if len(text) == 0 {
		return "", fmt.Errorf("%s: %s is empty; write the password into it", key, name)
	}
	return string(text), nil
}

func tlsOf(authorities config.File) (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if authorities == "" {
		return t, nil
	}
	text, err := readBounded(string(authorities))
	if err != nil {
		return nil, fmt.Errorf("state.ca_file: %w", err)
	}
	t.RootCAs = x509.NewCertPool()
	if !t.RootCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("state.ca_file: %s has no certificate in PEM", authorities)
	}
	return t, nil
}

// begin fills the store of budgets for the first time; where it is away and calls
// pass without it, it is filled when it comes.
func (p *callPath) begin(ctx context.Context, c *config.Config, rules *budget.Rules) error {
	err := p.fill(ctx, rules)
	if errors.Is(err, engine.ErrAway) && passesAway(c) {
		p.engine.StartLate()
		return nil
	}
	return err
}

// fill gives the store of budgets what it does not have of the ledger, and waits
// while other replicas have time to do so too.
func (p *callPath) fill(ctx context.Context, rules *budget.Rules) error {
	ctx, cancel := context.WithTimeout(ctx, fillWithin)
	defer cancel()
	tick := time.NewTicker(fillAgain)
	defer tick.Stop()
	for {
		err := p.engine.Fill(ctx, rules)
		if !errors.Is(err, budget.ErrFresh) {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("fill the store of budgets: %w", err)
		}
	}
}

const (
	fillWithin = time.Minute
	fillAgain  = 200 * time.Millisecond
)
