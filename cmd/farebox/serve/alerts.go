package serve

import (
	"context"
	"fmt"
	"log/slog"
	"net/mail"
	"os"
	"sync/atomic"
	"time"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/farebox/farebox/policy/alert"
	"github.com/farebox/farebox/policy/alert/notify"
	"github.com/farebox/farebox/policy/alert/watch"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/parts"
	"github.com/prometheus/client_golang/prometheus"
)

// alerts is who tells people, of what the engine and the watches see.
type alerts struct {
	desk    *alert.Desk
	watches *watch.Watch // nil until they run
	engine  atomic.Pointer[engine.Engine]
	log     *slog.Logger
}

func newAlerts(c *config.Config, store ledger.Store, reg prometheus.Registerer, log *slog.Logger) (*alerts, error) {
	rules, err := alertRules(c)
	if err != nil {
		return nil, err
	}
	a := &alerts{log: log}
	if a.desk, err = alert.New(alert.Options{Store: store, Registerer: reg, Logger: log, Kept: a.kept}, *rules); err != nil {
		return nil, err
	}
	a.missing(c)
	return a, nil
}

// missing says which secrets of receivers cannot be read: they are read for each
// message, so that nobody would hear of it before there is one to tell.
func (a *alerts) missing(c *config.Config) {
	for i := range c.Receivers.List {
		r := &c.Receivers.List[i]
		if c.Least(r.Name) == 0 {
			continue
		}
		for key, name := range map[string]config.File{
			"password_file": r.Password, "url_file": r.URLFile, "key_file": r.Key, "secret_file": r.Secret, "token_file": r.Token,
		} {
			if name == "" {
				continue
			}
			f, err := os.Open(string(name))
			if err != nil {
				a.log.Warn("a receiver cannot be told until its file can be read", "key", "receivers."+r.Name+"."+key, "err", err)
				continue
			}
			_ = f.Close() // nothing was written
		}
	}
}

// kept has the store of budgets know that the ledger has an alert.
func (a *alerts) kept(ctx context.Context, is *ledger.Alert) {
	e := a.engine.Load()
	if e == nil { // then it is of no budget
		return
	}
	ctx, cancel := context.WithTimeout(ctx, keptWithin)
	defer cancel()
	if err := e.Told(ctx, is); err != nil {
		a.log.WarnContext(ctx, "the store of budgets does not know yet that an alert was raised", "err", err)
	}
}

// keptWithin bounds how long alerts wait for the store of budgets.
const keptWithin = 500 * time.Millisecond

// configure takes what a reload says. Watches run by then.
func (a *alerts) configure(c *config.Config, rules *alert.Rules) error {
	if a.watches != nil {
		a.watches.Configure(watchRules(c))
	}
	a.missing(c)
	return a.desk.Configure(*rules)
}

// watch looks for what budgets do not see, until the function that it returns is
// called: that tells other replicas what the ledger has then, so it outlives ctx. hours
// are those of other replicas, or nil.
func (a *alerts) watch(ctx context.Context, c *config.Config, store ledger.Store, hours *parts.Spans, counters prometheus.Gatherer, log *slog.Logger) (stop func(), err error) {
	a.watches, err = watch.New(watch.Options{Ledger: store, Counters: counters, Alert: a.desk.Alert, Hours: hours, Logger: log}, watchRules(c))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.watches.Run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}, nil
}

// how reads how grave something is; none is 0.
func how(severity string, page bool) alert.How {
	s, err := alert.ParseSeverity(severity)
	if err != nil {
		return alert.How{}
	}
	return alert.How{Severity: s, Page: page}
}

func watchRules(c *config.Config) watch.Rules {
	w := &c.Alerts.Watch
	told := func(severity string, page bool) watch.Told { return watch.Told(how(severity, page)) }
	return watch.Rules{
		Every:         w.Every.Std(),
		SpendSpike:    watch.Spike{Told: told(w.SpendSpike.Severity, w.SpendSpike.Page), Percent: w.SpendSpike.Percent, Floor: w.SpendSpike.Floor.Amount},
		Unpriced:      watch.Calls{Told: told(w.Unpriced.Severity, w.Unpriced.Page), Calls: int64(w.Unpriced.Calls)},
		Unattributed:  watch.Share{Told: told(w.Unattributed.Severity, w.Unattributed.Page), Percent: w.Unattributed.Percent, Floor: w.Unattributed.Floor.Amount},
		StoreDegraded: told(w.StoreDegraded.Severity, w.StoreDegraded.Page),
		FailOpen:      told(w.FailOpen.Severity, w.FailOpen.Page),
	}
}

// alertRules makes the receivers of c.
func alertRules(c *config.Config) (*alert.Rules, error) {
	w := &c.Alerts.Watch
	r := &alert.Rules{Digest: c.Alerts.Digest.Std(), GiveUp: c.Alerts.GiveUp.Std(), Kinds: map[alert.Kind]alert.How{
		alert.Runaway:       how(w.Runaway.Severity, w.Runaway.Page),
		alert.StoreDegraded: how(w.StoreDegraded.Severity, w.StoreDegraded.Page),
		alert.FailOpen:      how(w.FailOpen.Severity, w.FailOpen.Page),
		alert.HoldExceeded:  how(w.HoldExceeded.Severity, w.HoldExceeded.Page),
	}}
	if c.Owners != nil && c.Owners.Directory != nil {
		directory := c.Owners.Directory
		r.Lead = func(team string, at time.Time) string {
			e, _ := directory.At(team, at)
			return e.Lead
		}
	}
	for i := range c.Receivers.List {
		one := &c.Receivers.List[i]
		least := c.Least(one.Name)
		if least == 0 {
			continue
		}
		n, err := notifier(one)
		if err != nil {
			return nil, fmt.Errorf("receivers.%s: %w", one.Name, err)
		}
		r.Receivers = append(r.Receivers, alert.Receiver{Name: one.Name, Least: least, Pages: one.Kind() == "pagerduty", To: one.To, Notifier: n})
	}
	return r, r.Check()
}

func notifier(r *config.Receiver) (alert.Notifier, error) {
	secure, err := notify.TLSWith(string(r.CA))
	if err != nil {
		return nil, err
	}
	web := notify.HTTP{TLS: secure, Token: notify.Secret(r.Token)}
	switch r.Kind() {
	case "slack":
		return notify.NewSlack(notify.Secret(r.URLFile), web), nil
	case "webhook":
		return notify.NewWebhook(r.URL, notify.Secret(r.Secret), web, nil), nil
	case "pagerduty":
		return notify.NewPagerDuty(r.URL, notify.Secret(r.Key), hostname(), web), nil
	case "alertmanager":
		return notify.NewAlertmanager(r.URL, web), nil
	}
	address, implicit, err := r.Server()
	if err != nil {
		return nil, err
	}
	from := r.From
	if from == "" {
		from = (&mail.Address{Name: "Farebox", Address: "farebox@" + hostname()}).String()
	}
	return notify.NewMail(notify.MailOptions{
		Address: address, Implicit: implicit, StartTLS: notify.StartTLS(r.StartTLS), TLS: secure, Username: r.Username,
		Password: notify.Secret(r.Password), From: from, Hello: hostname(),
	})
}

// hostname is what this machine calls itself.
func hostname() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "localhost"
	}
	return name
}
