package serve

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/farebox/farebox/policy/api"
)

// keys say who asks the admin server: by bearer token, by client certificate, or,
// with neither configured, everyone as admin. look reads the tokens again. It is
// safe for concurrent use, but for look, which one goroutine calls.
type keys struct {
	log     *slog.Logger
	files   []config.AdminToken
	wrong   []string // by file: why it was not taken, once logged
	tokens  atomic.Pointer[[]token]
	clients []client
	open    bool // nobody is asked
	local   bool // only this machine reaches the listener
}

// token is one bearer token; only its hash is kept.
type token struct {
	sum [sha256.Size]byte
	who api.Who
}

// client is whoever has a certificate with the name.
type client struct {
	name config.Glob
	who  api.Who
}

// What a token file may hold, in bytes: fewer could be guessed, more is a mistake.
const (
	leastToken = 16
	mostToken  = 512
)

// newKeys reads the tokens, all of which must be good.
func newKeys(a *config.Admin, log *slog.Logger) (*keys, error) {
	k := &keys{
		log: log, files: a.Tokens, wrong: make([]string, len(a.Tokens)),
		open: len(a.Tokens)+len(a.Clients) == 0, local: a.Address.Local(),
	}
	for _, c := range a.Clients {
		role, err := api.ParseRole(c.Role)
		if err != nil {
			return nil, err
		}
		k.clients = append(k.clients, client{c.SAN, api.Who{Role: role, Team: c.Team}})
	}
	tokens, errs := k.read()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	k.tokens.Store(&tokens)
	return k, nil
}

// read reads every file: the good tokens, and by file what is wrong with it.
func (k *keys) read() (tokens []token, wrong []error) {
	wrong = make([]error, len(k.files))
	for i := range k.files {
		t, err := readToken(&k.files[i])
		for _, have := range tokens {
			if err == nil && have.sum == t.sum {
				err = fmt.Errorf("token %s is the token %s too", t.who.Name, have.who.Name)
			}
		}
		if wrong[i] = err; err == nil {
			tokens = append(tokens, t)
		}
	}
	return tokens, wrong
}

func readToken(c *config.AdminToken) (t token, err error) {
	role, err := api.ParseRole(c.Role)
	if err != nil {
		return t, err
	}
	data, err := readAtMost(string(c.File), mostToken+64)
	if err != nil {
		return t, fmt.Errorf("token %s: %w", c.Name, err)
	}
	text := strings.TrimSpace(string(data))
	if len(text) < leastToken || len(text) > mostToken {
		return t, fmt.Errorf("token %s: %s holds %d bytes, want %d to %d", c.Name, c.File, len(text), leastToken, mostToken)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return t, fmt.Errorf("token %s: %s holds bytes that no header can carry", c.Name, c.File)
	}
	return token{sha256.Sum256([]byte(text)), api.Who{Name: c.Name, Role: role, Team: c.Team}}, nil
}

// look takes the tokens as they are now. One that cannot be read is refused until
// it can: removing its file takes it away.
func (k *keys) look() {
	tokens, wrong := k.read()
	for i, err := range wrong {
		why := ""
		if err != nil {
			why = err.Error()
		}
		if why != k.wrong[i] && err != nil {
			k.log.Error("token refused until its file is good again", "err", err)
		}
		k.wrong[i] = why
	}
	k.tokens.Store(&tokens)
}

// identify is api.Identify.
func (k *keys) identify(r *http.Request) (api.Who, error) {
	if k.open {
		return k.anyone(r)
	}
	if given := r.Header.Get("Authorization"); given != "" {
		return k.bearer(given)
	}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 { // verified at the handshake
		return k.certified(r.TLS.PeerCertificates[0])
	}
	return api.Who{}, unknown("show a bearer token or a client certificate")
}

// anyone is admin. A page in a browser must not be: one that has its own name
// resolve to this machine's loopback address asks with that name.
func (k *keys) anyone(r *http.Request) (api.Who, error) {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if k.local && host != "localhost" && net.ParseIP(strings.Trim(host, "[]")) == nil {
		return api.Who{}, &api.Error{Status: http.StatusForbidden, Code: api.Forbidden, Message: "without tokens, ask by IP address or as localhost"}
	}
	return api.Who{Name: "anyone", Role: api.Admin}, nil
}

// bearer looks at every token, and at all of each, whichever is the right one.
func (k *keys) bearer(given string) (who api.Who, err error) {
	scheme, text, _ := strings.Cut(given, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return who, unknown("the authorization header is no bearer token")
	}
	sum := sha256.Sum256([]byte(strings.TrimSpace(text)))
	found := false
	for _, t := range *k.tokens.Load() {
		if subtle.ConstantTimeCompare(sum[:], t.sum[:]) == 1 {
			who, found = t.who, true
		}
	}
	if !found {
		return api.Who{}, unknown("the bearer token is not known")
	}
	return who, nil
}

// certified names who asks by the name in their certificate that has a role.
func (k *keys) certified(leaf *x509.Certificate) (api.Who, error) {
	for _, c := range k.clients {
		if name, ok := named(leaf, c.name); ok {
			return api.Who{Name: name, Role: c.who.Role, Team: c.who.Team}, nil
		}
	}
	return api.Who{}, unknown("no role is given to a name of the client certificate")
}

func unknown(why string) *api.Error {
	return &api.Error{Status: http.StatusUnauthorized, Code: api.Unauthenticated, Message: why}
}

// seesAll lets whoever has a role that is not bound to one team through to next.
func (k *keys) seesAll(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, err := k.identify(r)
		var told *api.Error
		switch {
		case errors.As(err, &told):
			w.Header().Set("WWW-Authenticate", "Bearer")
			say(w, told.Status, told.Message)
		case err != nil:
			say(w, http.StatusInternalServerError, "who asks could not be found out")
		case who.Team != "":
			say(w, http.StatusForbidden, "metrics are those of all teams, and "+who.Name+" sees one")
		default:
			next.ServeHTTP(w, r)
		}
	})
}
