package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/tokenizer"
)

// keptTokens are so many that each second is 2000 token-hours.
const keptTokens = 7_200_000

// keptContent is the answer that tells of a cached content.
func keptContent(name string, until time.Time) []byte {
	return fmt.Appendf(nil, `{"name":%q,"model":"models/gemini-ferry","createTime":"2026-01-01T00:00:00Z","expireTime":%q,"usageMetadata":{"totalTokenCount":%d}}`,
		name, until.UTC().Format(time.RFC3339Nano), keptTokens)
}

// keeper is a provider that keeps contents: it says until when, an hour on, or as
// soon as it is asked to change that, a few seconds.
func keeper(t *testing.T) (addr string) {
	t.Helper()
	var made atomic.Int64
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", jsonContent)
		name := strings.TrimPrefix(r.URL.Path, "/v1beta/")
		body := []byte("{}")
		switch r.Method {
		case http.MethodPost:
			body = keptContent(fmt.Sprintf("%s/c%d", name, made.Add(1)), time.Now().Add(time.Hour))
		case http.MethodPatch:
			body = keptContent(name, time.Now().Add(3*time.Second))
		}
		_, _ = w.Write(body) // who does not read it fails by itself
	}))
	t.Cleanup(up.Close)
	return up.Listener.Addr().String()
}

// TestACachedContentIsPaidByWhoMadeItForAsLongAsItIsKept: another team changes how
// long one is kept, and deletes another.
func TestACachedContentIsPaidByWhoMadeItForAsLongAsItIsKept(t *testing.T) {
	t.Parallel()
	o := harness.StackOptions{Config: tariff("gemini")}
	o.Envoy.Upstream = keeper(t)
	s := kit.Start(t, o)

	const brief, deleted = "/v1beta/cachedContents", "/v1/projects/p/locations/north/cachedContents"
	changes, ends := keeps(t, s, brief), keeps(t, s, deleted)
	var told struct{ ExpireTime time.Time }
	if body := strangerAsks(t, s, http.MethodPatch, brief+"/c1", `{"ttl":"3s"}`); json.Unmarshal(body, &told) != nil || told.ExpireTime.IsZero() {
		t.Fatalf("the provider said %s", body)
	}
	both := recordsOf(t, s, changes, 2)
	paidForKeeping(t, both, told.ExpireTime)
	strangerAsks(t, s, http.MethodDelete, deleted+"/c2", "")
	both = recordsOf(t, s, ends, 2)
	paidForKeeping(t, both, both[1].Completed)
	if n := metric(t, s, "farebox_deferred_pending"); n != 0 {
		t.Errorf("%v contents are still kept", n)
	}
	if u, err := s.Farebox.Usage(t.Context(), "team"); err != nil || len(u.Rows) != 1 {
		t.Errorf("%+v have paid, %v", u.Rows, err)
	}
}

// keeps has the provider keep a content.
func keeps(t *testing.T, s *harness.Stack, path string) errand {
	t.Helper()
	e := ask(s, path, `{"model":"models/gemini-ferry","contents":[{"role":"user","parts":[{"text":"The whole timetable."}]}],"ttl":"3600s"}`)
	if g := e.run(t.Context()); g.err != nil || g.status != http.StatusOK {
		t.Fatalf("%s: status %d, %v", path, g.status, g.err)
	}
	return e
}

// strangerAsks is a request of a team that made none of it.
func strangerAsks(t *testing.T, s *harness.Stack, method, path, body string) (answer []byte) {
	t.Helper()
	e := ask(s, path, body)
	e.method = method
	e.header.Set("X-Team", "other")
	if body == "" {
		e.header.Del("Content-Type")
	}
	g := e.run(t.Context())
	if g.err != nil || g.status != http.StatusOK {
		t.Fatalf("%s %s: status %d, %v", method, path, g.status, g.err)
	}
	return g.body
}

// paidForKeeping holds the records of a content: what it cost to make, and what to
// keep until then.
func paidForKeeping(t *testing.T, of []policy.Record, until time.Time) {
	t.Helper()
	made, kept := of[0], of[1]
	if l := made.Lines; made.Owner.Value("team") != "support" || len(l) == 0 || l[0].Class != tokenizer.CacheWrite || l[0].Quantity != keptTokens {
		t.Errorf("its making is %+v of %v", made, made.Owner)
	}
	seconds := int64(until.Sub(made.Completed) / time.Second)
	if seconds == 0 {
		t.Fatal("it was not kept for a second")
	}
	if l := kept.Lines; kept.Owner.Value("team") != "support" || len(l) != 1 || l[0].Class != tokenizer.CacheTokenHours || l[0].Quantity != keptTokens/3600*seconds || l[0].Source != tokenizer.Reported {
		t.Errorf("its keeping is %+v of %v, want %d seconds", kept.Lines, kept.Owner, seconds)
	}
}
