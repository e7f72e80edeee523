package api

import (
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

func TestClientSaysWhatIsWrong(t *testing.T) {
	answer := func(status int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			w.Write([]byte(body))
		}
	}
	for _, tt := range []struct {
		name string
		h    http.HandlerFunc
		says string
	}{
		{"another server", answer(200, "text/html; charset=utf-8", "<html>"), "status 200 without JSON; is this the admin address?"},
		{"no type", answer(200, "", "{}"), "without JSON"},
		{"a reason", answer(422, "application/json", `{"error":{"code":"too_many_rows","message":"too much"}}`), "too much (too_many_rows, status 422)"},
		{"no reason", answer(500, "application/json", `{}`), "status 500 without a reason"},
		{"cut", answer(200, "application/json", `{"rows":[`), "read answer of farebox at http://127.0.0.1"},
		{"unknown meter", answer(200, "application/json", `{"total":{"tokens":{"smell":1}}}`), `"smell"`},
		{"money as a float", answer(200, "application/json", `{"total":{"list_usd":1.5}}`), "want a JSON string"},
	} {
		s := httptest.NewServer(tt.h)
		_, err := NewClient(s.URL, nil).Usage(t.Context(), Query{})
		s.Close()
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.says)
		}
	}
}

func TestClientUnreachable(t *testing.T) {
	s := httptest.NewServer(nil)
	base := s.URL
	s.Close()
	_, err := NewClient(strings.TrimPrefix(base, "http://")+"/", nil).Call(t.Context(), "x")
	if err == nil {
		t.Fatal("a closed server answered")
	}
	for _, want := range []string{"cannot reach farebox at " + base + ": ", "is `farebox serve` running? use --admin"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v: no %q", err, want)
		}
	}
	if strings.Count(err.Error(), base) != 1 {
		t.Errorf("%v: tells the address twice", err)
	}
	if _, err := NewClient("http://bad host", nil).Call(t.Context(), "x"); err == nil {
		t.Error("an address that is none was asked")
	}
	for _, id := range []string{"", ".", ".."} {
		if _, err := NewClient(base, nil).Call(t.Context(), id); err == nil || !strings.Contains(err.Error(), "no id") {
			t.Errorf("Call(%q) = %v, want that it is no id", id, err)
		}
	}
}

func TestClientOverASocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: NewHandler(Options{Ledger: &memory{}})}}
	s.Start()
	defer s.Close()
	if _, err := NewClient("unix://"+path, nil).Usage(t.Context(), Query{}); err != nil {
		t.Error(err)
	}
	_, err = NewClient("unix://"+path+".not", nil).Usage(t.Context(), Query{})
	if err == nil || !strings.Contains(err.Error(), "cannot reach farebox at unix://"+path+".not: ") {
		t.Errorf("a socket that is not there: %v", err)
	}
}
