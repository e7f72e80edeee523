package config

import (
	"fmt"
	"maps"
	"net"
	"net/mail"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/farebox/farebox/policy/alert"
)

// Alerts is what people are told.
type Alerts struct {
	Thresholds []int    `yaml:"thresholds" max:"16" doc:"Percents of a budget's limit at which spending is told, ascending, from 1 to 1000, for budgets that name none: below 75 is info, from there on warning, from 90 on critical, from 100 on emergency. A call that is refused for its budget is told as 100."`
	Notify     Notify   `yaml:"notify" doc:"Who is told. A receiver is told of its severity and of all that is graver, one that pages only of what is to page."`
	Digest     Duration `yaml:"digest" max:"1h" doc:"How long alerts gather before a receiver is told of all of them in one message; of several shares of one budget the highest alone."`
	GiveUp     Duration `yaml:"give_up" min:"1m" max:"720h" doc:"How long a receiver that cannot be told is tried again, across restarts too."`
	Watch      Watches  `yaml:"watch" doc:"What is looked for beside budgets."`
}

// Notify names receivers by severity.
type Notify struct {
	Info      []string `yaml:"info" max:"16" doc:"Receivers of everything."`
	Warning   []string `yaml:"warning" max:"16" doc:"Receivers from warning on."`
	Critical  []string `yaml:"critical" max:"16" doc:"Receivers from critical on. Someone has to acknowledge such an alert of a budget."`
	Emergency []string `yaml:"emergency" max:"16" doc:"Receivers of emergencies alone."`
}

// by is the list of each severity.
func (n *Notify) by(s alert.Severity) []string {
	return [...][]string{alert.Info: n.Info, alert.Warning: n.Warning, alert.Critical: n.Critical, alert.Emergency: n.Emergency}[s]
}

// Receivers are who can be told, by name.
type Receivers struct{ List []Receiver }

// Receiver is one of them. Which keys it has depends on its type.
type Receiver struct {
	Name     string
	Type     string `yaml:"type" one:"email slack webhook pagerduty alertmanager" doc:"How it is told; not given: its name says so."`
	SMTP     string `yaml:"smtp" max:"256" doc:"Of email, needed: smtp://host:port of the server, or smtps:// where TLS begins at once."`
	StartTLS string `yaml:"starttls" one:"required offered" doc:"Of email over smtp://: whether the connection has to become encrypted, or does where the server offers it. Not given: required."`
	From     string `yaml:"from" max:"256" doc:"Of email: the sender's address. Not given: farebox at this machine's name."`
	To       string `yaml:"to" max:"1024" doc:"Of email, needed: addresses, separated by commas; {{lead}} is the lead of the team, as owners tell."`
	Username string `yaml:"username" max:"256" doc:"Of email: who logs in to the server; not given: nobody does."`
	Password File   `yaml:"password_file" doc:"Of email with username: file with the password."`
	URL      string `yaml:"url" max:"1024" doc:"Of webhook and alertmanager, needed; of pagerduty, where it is not https://events.pagerduty.com/v2/enqueue."`
	URLFile  File   `yaml:"url_file" doc:"Of slack, needed: file with the address of an incoming webhook, which is a secret."`
	Key      File   `yaml:"key_file" doc:"Of pagerduty, needed: file with the integration key of an Events API v2 integration."`
	Secret   File   `yaml:"secret_file" doc:"Of webhook: file with the secret that signs what is posted, in the header Farebox-Signature. Not given: it is not signed."`
	Token    File   `yaml:"token_file" doc:"Of webhook and alertmanager: file with a bearer token to show."`
	CA       File   `yaml:"ca_file" doc:"PEM file of the authorities whose certificates are believed; not given: the system's."`
}

// kind is its type, which its name may say.
func (r *Receiver) kind() string {
	if r.Type != "" {
		return r.Type
	}
	return r.Name
}

// maxReceivers bounds receivers.
const maxReceivers = 64

// member takes one receiver.
func (r *Receivers) member(d *decoder, path string, m member) bool {
	at := join(path, clip(m.key))
	one := Receiver{Name: m.key}
	d.value(reflect.ValueOf(&one).Elem(), m.value, field{}, at)
	switch {
	case len(r.List) >= maxReceivers:
		d.addAt(path, &Error{Message: fmt.Sprintf("has more than %d receivers", maxReceivers)})
	case !validProvider(m.key) || len(m.key) > 64:
		d.add(m.place, at, &Error{Message: fmt.Sprintf("`%s` is no name of a receiver", clip(m.key)), Hint: "write [a-z0-9][a-z0-9._-]*, at most 64 bytes"})
	default:
		r.List = append(r.List, one)
	}
	return true
}

func (r *Receivers) others() []string { return nil }

// in takes relative paths from dir.
func (r *Receivers) in(dir string) {
	for i := range r.List {
		one := &r.List[i]
		for _, f := range []*File{&one.Password, &one.URLFile, &one.Key, &one.Secret, &one.Token, &one.CA} {
			*f = f.in(dir)
		}
	}
}

// find returns a receiver by its name, or nil.
func (r *Receivers) find(name string) *Receiver {
	if i := slices.IndexFunc(r.List, func(o Receiver) bool { return o.Name == name }); i >= 0 {
		return &r.List[i]
	}
	return nil
}

// Least is the lightest severity that a receiver is told of; 0: none.
func (c *Config) Least(receiver string) alert.Severity {
	for s := alert.Info; s <= alert.Emergency; s++ {
		if slices.Contains(c.Alerts.Notify.by(s), receiver) {
			return s
		}
	}
	return 0
}

// keysOf are the keys that each type of receiver has beside type and ca_file; the
// first ones are needed.
var keysOf = map[string]struct{ need, may []string }{
	"email":        {[]string{"smtp", "to"}, []string{"starttls", "from", "username", "password_file"}},
	"slack":        {[]string{"url_file"}, nil},
	"webhook":      {[]string{"url"}, []string{"secret_file", "token_file"}},
	"pagerduty":    {[]string{"key_file"}, []string{"url"}},
	"alertmanager": {[]string{"url"}, []string{"token_file"}},
}

// given are the keys of a receiver that are written.
func (r *Receiver) given() map[string]string {
	all := map[string]string{
		"smtp": r.SMTP, "starttls": r.StartTLS, "from": r.From, "to": r.To, "username": r.Username, "password_file": string(r.Password),
		"url": r.URL, "url_file": string(r.URLFile), "key_file": string(r.Key), "secret_file": string(r.Secret), "token_file": string(r.Token),
	}
	maps.DeleteFunc(all, func(_, value string) bool { return value == "" })
	return all
}

// validateAlerts finds receivers that cannot be told, and names of none.
func (d *decoder) validateAlerts(c *Config) {
	for s := alert.Info; s <= alert.Emergency; s++ {
		for i, name := range c.Alerts.Notify.by(s) {
			if c.Receivers.find(name) == nil {
				d.addAt(fmt.Sprintf("alerts.notify.%s[%d]", s, i), &Error{Message: fmt.Sprintf("%q is none of `receivers`", clip(name)), Hint: "add it there, or remove it here"})
			}
		}
	}
	if t := c.Alerts.Thresholds; !slices.IsSorted(t) || len(t) > 0 && (t[0] < 1 || t[len(t)-1] > 1000) || len(slices.Compact(slices.Clone(t))) != len(t) {
		d.addAt("alerts.thresholds", &Error{Message: "is no ladder", Hint: "write percents from 1 to 1000, ascending, such as [50, 75, 90, 100]"})
	}
	for i := range c.Receivers.List {
		if key := "receivers." + c.Receivers.List[i].Name; !d.mistakenAt(key) {
			d.validateReceiver(key, &c.Receivers.List[i])
		}
	}
}

func (d *decoder) validateReceiver(key string, r *Receiver) {
	keys, known := keysOf[r.kind()]
	if !known {
		d.addAt(key, &Error{Message: "needs a `type`", Hint: "it can be " + orList(slices.Sorted(maps.Keys(keysOf)))})
		return
	}
	given := r.given()
	for _, name := range keys.need {
		if given[name] == "" {
			d.addAt(key, &Error{Message: "lacks `" + name + "`", Hint: "a receiver of type " + r.kind() + " needs it"})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(keys.need, name) && !slices.Contains(keys.may, name) {
			d.addAt(join(key, name), &Error{Message: "is not of a receiver of type " + r.kind(), Hint: "remove it"})
		}
	}
	if r.URL != "" {
		if u, err := url.Parse(r.URL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
			d.addAt(join(key, "url"), &Error{Message: "is nothing that can be posted to", Hint: "write https://host/path, without a password"})
		}
	}
	if r.kind() == "email" {
		d.validateEmail(key, r)
	}
}

func (d *decoder) validateEmail(key string, r *Receiver) {
	if _, _, err := r.Server(); r.SMTP != "" && err != nil {
		d.addAt(join(key, "smtp"), &Error{Message: err.Error(), Hint: "write smtp://host:port or smtps://host:port"})
	}
	if (r.Username == "") != (r.Password == "") {
		d.addAt(key, &Error{Message: "has one of `username` and `password_file`", Hint: "write both or neither"})
	}
	if r.From != "" && !isAddress(r.From) {
		d.addAt(join(key, "from"), &Error{Message: fmt.Sprintf("%q is no e-mail address", clip(r.From))})
	}
	for one := range strings.SplitSeq(r.To, ",") {
		if one = strings.TrimSpace(one); r.To != "" && one != alert.LeadOf && !isAddress(one) {
			d.addAt(join(key, "to"), &Error{Message: fmt.Sprintf("%q is no e-mail address", clip(one)), Hint: "write addresses, separated by commas, or \"" + alert.LeadOf + "\""})
		}
	}
}

func isAddress(s string) bool {
	_, err := mail.ParseAddress(s)
	return err == nil
}

// Server is host:port of smtp, and whether TLS begins at once.
func (r *Receiver) Server() (address string, implicit bool, err error) {
	u, err := url.Parse(r.SMTP)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || u.Port() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return "", false, fmt.Errorf("%q is no mail server", clip(r.SMTP))
	}
	return net.JoinHostPort(u.Hostname(), u.Port()), u.Scheme == "smtps", nil
}

// Kind is how it is told.
func (r *Receiver) Kind() string { return r.kind() }

// checkAlerts finds receivers that are never told, and alerts that nobody is.
func checkAlerts(c *Config) (found []Finding) {
	for i := range c.Receivers.List {
		if r := &c.Receivers.List[i]; c.Least(r.Name) == 0 {
			found = append(found, warn("receivers."+r.Name, "it is never told", "name it in alerts.notify, or remove it"))
		} else if strings.HasPrefix(r.URL, "http://") && r.Token != "" {
			found = append(found, warn("receivers."+r.Name+".url", "the token crosses the network unencrypted", "write https://"))
		}
	}
	for i := range c.Budgets {
		pages := func(r Receiver) bool { return r.kind() == "pagerduty" && c.Least(r.Name) > 0 }
		if c.Budgets[i].Page && !slices.ContainsFunc(c.Receivers.List, pages) {
			found = append(found, warn(fmt.Sprintf("budgets[%d].page", i), "nobody can be paged", "add a receiver of type pagerduty, and name it in alerts.notify"))
		}
	}
	return found
}
