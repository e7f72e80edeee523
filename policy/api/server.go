package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Options are what NewHandler needs.
type Options struct {
	Ledger   Ledger           // required
	Rater    Rater            // nil: nothing can be priced anew
	Rearmed  func()           // called when alerts were re-armed; nil: nobody is
	Budgets  Budgets          // nil: there are none
	Identify Identify         // nil: everyone is admin
	Now      func() time.Time // nil is time.Now
	Logger   *slog.Logger     // nil discards
}

// server answers everything below /api/.
type server struct {
	ledger   Ledger
	rater    Rater
	rearmed  func()
	budgets  Budgets
	rerating chan struct{} // holds one: whose turn it is
	identify Identify
	now      func() time.Time
	log      *slog.Logger

	mux     *http.ServeMux
	api     huma.API
	methods map[string][]string // by path
	pages   *http.CrossOriginProtection
}

// NewHandler serves everything below /api/. It panics without a ledger, which
// is a fault of the program.
func NewHandler(o Options) http.Handler {
	if o.Ledger == nil {
		panic("api: no ledger")
	}
	s := &server{
		ledger: o.Ledger, rater: o.Rater, budgets: o.Budgets, rearmed: o.Rearmed, rerating: make(chan struct{}, 1), identify: o.Identify, now: o.Now, log: o.Logger,
		mux: http.NewServeMux(), methods: map[string][]string{}, pages: http.NewCrossOriginProtection(),
	}
	if s.identify == nil {
		s.identify = anyone
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.api = newAPI(s.mux)
	s.register()
	asJSON, asYAML, err := s.document()
	if err != nil {
		panic(err) // the same for every run: a test would have met it
	}
	s.static(openAPIPath+".json", "application/json", asJSON)
	s.static(openAPIPath+".yaml", "application/yaml", asYAML)
	for path, methods := range s.methods {
		s.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { s.wrongMethod(w, methods) })
	}
	s.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		s.fail(w, &Error{Status: http.StatusNotFound, Code: NotFound, Message: "there is nothing here; " + openAPIPath + ".json says what there is"})
	})
	return s
}

// static serves a document that does not change.
func (s *server) static(path, kind string, text []byte) {
	s.methods[path] = []string{http.MethodGet}
	s.mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(text) // to memory
	})
}

func (s *server) wrongMethod(w http.ResponseWriter, methods []string) {
	var allowed []string
	for _, m := range methods {
		allowed = append(allowed, m)
		if m == http.MethodGet {
			allowed = append(allowed, http.MethodHead)
		}
	}
	slices.Sort(allowed)
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	s.fail(w, &Error{Status: http.StatusMethodNotAllowed, Code: MethodNotAllowed, Message: "use " + strings.Join(allowed, " or ")})
}

// ServeHTTP answers, or says why not. The answer is whole before any of it is
// sent, so that what fails half-way is an error and not half an answer.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := &answer{under: w, header: http.Header{}, status: http.StatusOK}
	defer func() {
		if fault := recover(); fault != nil {
			s.log.Error("answer operator: fault of the program", "path", r.URL.Path, "fault", fmt.Sprint(fault), "stack", string(debug.Stack()))
			a.reset()
			s.fail(a, &Error{Status: http.StatusInternalServerError, Code: Internal, Message: "the answer could not be written; farebox's log says why"})
		}
		if err := a.send(w); err != nil {
			s.log.Debug("write answer", "path", r.URL.Path, "err", err)
		}
	}()
	if err := s.pages.Check(r); err != nil {
		s.fail(a, forbidden("pages of other sites may not ask: %v", err))
		return
	}
	who, err := s.identify(r)
	if err != nil {
		s.fail(a, s.told(r.Context(), err))
		return
	}
	ctx, cancel := context.WithTimeout(withWho(r.Context(), who), answerIn)
	defer cancel()
	s.mux.ServeHTTP(a, r.WithContext(ctx))
}

// fail sends an error.
func (s *server) fail(w http.ResponseWriter, told *Error) {
	if told.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(told.Status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(failure{told}) // two texts, to memory
}

// answer is a response that is not sent yet.
type answer struct {
	under  http.ResponseWriter
	header http.Header
	status int
	body   bytes.Buffer
}

// Unwrap lets deadlines be set on the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.under }

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }

func (a *answer) reset() {
	a.header, a.status = http.Header{}, http.StatusOK
	a.body.Reset()
}

func (a *answer) send(w http.ResponseWriter) error {
	h := w.Header()
	for name, values := range a.header {
		h[name] = values
	}
	if strings.HasSuffix(h.Get("Content-Type"), "json") {
		h.Set("Content-Type", "application/json") // huma has another for errors
	}
	h.Set("Content-Length", strconv.Itoa(a.body.Len()))
	h.Set("Cache-Control", "no-store") // money is not for shared caches
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(a.status)
	_, err := w.Write(a.body.Bytes())
	return err
}
