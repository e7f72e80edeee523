package config

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// StateStore names where holds and counts are kept: memory, or
// redis://[USER@]HOST:PORT[,HOST:PORT…][/DATABASE], or the same with rediss.
type StateStore string

const writeStore = "write memory, redis://host:6379/0 or rediss://host:6379/0"

// maxNodes bounds the addresses of a store.
const maxNodes = 16

// Redis is a StateStore in its parts.
type Redis struct {
	TLS       bool
	Username  string // empty: none
	Addresses []string
	Database  int
}

// UnmarshalText reads the name of a store that this version has.
func (s *StateStore) UnmarshalText(text []byte) error {
	given := string(text)
	if given != "memory" {
		if _, err := parseRedis(given); err != nil {
			return err
		}
	}
	*s = StateStore(given)
	return nil
}

// Redis returns the parts of s, and false where it is memory.
func (s StateStore) Redis() (Redis, bool) {
	r, err := parseRedis(string(s))
	return r, err == nil
}

// parseRedis reads a URL. Of what is wrong it repeats no user part: there may be a
// password in it.
func parseRedis(given string) (r Redis, wrong *Error) {
	scheme, rest, _ := strings.Cut(given, "://")
	if scheme != "redis" && scheme != "rediss" {
		scheme, _, _ = strings.Cut(scheme, "@")
		return r, &Error{Message: fmt.Sprintf("%q is no state store", clip(scheme)), Hint: writeStore}
	}
	r.TLS = scheme == "rediss"
	if user, after, there := cutLast(rest, "@"); there {
		name, err := url.PathUnescape(user)
		if err != nil || user == "" || strings.Contains(user, ":") {
			return r, &Error{Message: "before @ stands the name of a user alone", Hint: "write the password into a file and name it in `state.password_file`"}
		}
		r.Username, rest = name, after
	}
	hosts, database, there := strings.Cut(rest, "/")
	if n, err := strconv.ParseUint(database, 10, 16); there && database != "" {
		if err != nil {
			return r, &Error{Message: fmt.Sprintf("%q is no number of a database", clip(database)), Hint: writeStore + "; options are not taken"}
		}
		r.Database = int(n)
	}
	for address := range strings.SplitSeq(hosts, ",") {
		if !validHostPort(address) {
			return r, &Error{Message: fmt.Sprintf("%q is no host:port", clip(address)), Hint: writeStore}
		}
		r.Addresses = append(r.Addresses, address)
	}
	switch {
	case len(r.Addresses) > maxNodes:
		return r, &Error{Message: fmt.Sprintf("%d addresses are more than %d", len(r.Addresses), maxNodes), Hint: "a few nodes tell of the others"}
	case len(r.Addresses) > 1 && r.Database != 0:
		return r, &Error{Message: "a Cluster has database 0 alone", Hint: "remove the number"}
	}
	return r, nil
}

func cutLast(text, sep string) (before, after string, found bool) {
	if at := strings.LastIndex(text, sep); at >= 0 {
		return text[:at], text[at+len(sep):], true
	}
	return "", text, false
}

func validHostPort(address string) bool {
	host, port, err := net.SplitHostPort(address)
	n, errPort := strconv.ParseUint(port, 10, 16)
	return err == nil && host != "" && errPort == nil && n > 0 && !strings.ContainsAny(host, " \t\n?#/")
}

// files are those that s names.
func (s *State) files() []*File {
	all := []*File{&s.PasswordFile, &s.CAFile}
	if s.Sentinel != nil {
		all = append(all, &s.Sentinel.PasswordFile)
	}
	return all
}

// in takes relative paths from dir.
func (s *State) in(dir string) {
	for _, f := range s.files() {
		*f = f.in(dir)
	}
}

// validateState finds keys that say nothing of the store that is named.
func (d *decoder) validateState(s *State) {
	say := func(wrong bool, key, message, hint string) {
		if wrong && !d.mistakenAt("state."+key) {
			d.addAt("state."+key, &Error{Message: message, Hint: hint})
		}
	}
	r, shared := s.Store.Redis()
	const alone = "the store is memory, which has none"
	say(!shared && s.PasswordFile != "", "password_file", alone, "remove it, or name a store in `state.store`")
	say(!shared && s.Sentinel != nil, "sentinel", alone, "remove it, or name a store in `state.store`")
	say(!shared && s.Org != "", "org", alone, "remove it, or name a store in `state.store`")
	say(!shared && s.Leases, "leases", "the store is memory, of which nobody else takes", "remove it, or name a store in `state.store`")
	say(!r.TLS && s.CAFile != "", "ca_file", "no certificate is asked for without rediss://", "write rediss:// in `state.store`, or remove it")
	say(shared && r.Username != "" && s.PasswordFile == "", "store", "a user has a password", "name its file in `state.password_file`")
	say(strings.ContainsFunc(s.Org, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_'
	}), "org", fmt.Sprintf("%q has other than letters, digits, dots, dashes and underscores", clip(s.Org)), "")
	if s.Sentinel == nil {
		return
	}
	for i, address := range s.Sentinel.Addresses {
		say(!validHostPort(address), fmt.Sprintf("sentinel.addresses[%d]", i), fmt.Sprintf("%q is no host:port", clip(address)), "")
	}
	say(len(s.Sentinel.Addresses) == 0, "sentinel.addresses", "is empty", "write host:port of each Sentinel")
}
