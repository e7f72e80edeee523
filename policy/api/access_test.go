package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
)

// ofTeams are two records, of support and of ml.
func ofTeams() (support, ml policy.Record) {
	support, ml = ledgertest.Record(1), ledgertest.Record(2)
	ml.Owner = policy.Owner{{Name: "team", Value: "ml"}}
	ml.RequestID = support.RequestID
	return support, ml
}

// TestRoles is the table of who may do what.
func TestRoles(t *testing.T) {
	support, ml := ofTeams()
	s, _ := kept(t, support, ml)
	from := ledgertest.Start
	outcome := func(c *Client, o Outcome) error { _, err := c.SetOutcome(t.Context(), o); return err }
	questions := map[string]func(*Client) error{
		"own usage":   func(c *Client) error { _, err := c.Usage(t.Context(), Query{From: from, Team: "support"}); return err },
		"other usage": func(c *Client) error { _, err := c.Usage(t.Context(), Query{From: from, Team: "ml"}); return err },
		"own talks": func(c *Client) error {
			_, err := c.Interactions(t.Context(), InteractionsQuery{From: from, Team: "support"})
			return err
		},
		"other talks": func(c *Client) error {
			_, err := c.Interactions(t.Context(), InteractionsQuery{From: from, Team: "ml"})
			return err
		},
		"own waste": func(c *Client) error {
			_, err := c.Multipliers(t.Context(), MultipliersQuery{From: from, Team: "support"})
			return err
		},
		"other waste": func(c *Client) error {
			_, err := c.Multipliers(t.Context(), MultipliersQuery{From: from, Team: "ml"})
			return err
		},
		"own calls": func(c *Client) error {
			_, err := c.Calls(t.Context(), CallsQuery{From: from, Team: "support"})
			return err
		},
		"other calls": func(c *Client) error { _, err := c.Calls(t.Context(), CallsQuery{From: from, Team: "ml"}); return err },
		"own call":    func(c *Client) error { _, err := c.Call(t.Context(), support.ID.String()); return err },
		"other call":  func(c *Client) error { _, err := c.Call(t.Context(), ml.ID.String()); return err },
		"own post":    func(c *Client) error { return outcome(c, Outcome{Call: &support.ID}) },
		"other post":  func(c *Client) error { return outcome(c, Outcome{Call: &ml.ID}) },
		"own talk":    func(c *Client) error { return outcome(c, Outcome{Team: "support", Interaction: "chat-1"}) },
		"other talk":  func(c *Client) error { return outcome(c, Outcome{Team: "ml", Interaction: "chat-1"}) },
		"own said": func(c *Client) error {
			_, err := c.Outcomes(t.Context(), OutcomesQuery{From: from, Team: "support"})
			return err
		},
		"other said": func(c *Client) error {
			_, err := c.Outcomes(t.Context(), OutcomesQuery{From: from, Team: "ml"})
			return err
		},
		"audit": func(c *Client) error { _, err := c.Audit(t.Context(), AuditQuery{From: from}); return err },
	}
	const no, hidden = "403 forbidden", "404 not_found"
	for who, want := range map[string]map[string]string{
		"viewer/support": {"other said": no, "other waste": no, "other usage": no, "other talks": no, "other calls": no, "other call": hidden, "own post": no, "other post": no, "own talk": no, "other talk": no, "audit": no},
		"owner/support":  {"other said": no, "other waste": no, "other usage": no, "other talks": no, "other calls": no, "other call": hidden, "other post": hidden, "other talk": no, "audit": no},
		"viewer":         {"own post": no, "other post": no, "own talk": no, "other talk": no, "audit": no},
		"owner":          {"audit": no},
		"approver":       {"audit": no},
		"finance":        {},
		"admin":          {},
		"nobody":         nil,
	} {
		for name, question := range questions {
			expected := want[name]
			if want == nil {
				expected = "401 unauthenticated"
			}
			if got := code(t, question(as(s, who))); got != expected {
				t.Errorf("%s, %s: %q, want %q", who, name, got, expected)
			}
		}
	}
}

// TestATeamSeesItsOwn: what is not asked for by team is that of the team, also
// where one id finds calls of several.
func TestATeamSeesItsOwn(t *testing.T) {
	support, ml := ofTeams()
	s, _ := kept(t, support, ml)
	for who, want := range map[string]int{"viewer/support": 1, "viewer": 2} {
		c := as(s, who)
		usage, err := c.Usage(t.Context(), Query{From: ledgertest.Start, By: []string{"model", "day"}, Zone: "Europe/Berlin"})
		if err != nil || usage.Total.Calls != int64(want) {
			t.Errorf("%s: usage of %d calls, %v, want %d", who, usage.Total.Calls, err, want)
		}
		calls, err := c.Calls(t.Context(), CallsQuery{From: ledgertest.Start})
		if err != nil || len(calls.Calls) != want {
			t.Errorf("%s: %d calls, %v, want %d", who, len(calls.Calls), err, want)
		}
		found, err := c.Call(t.Context(), support.RequestID)
		if err != nil || len(found.Matches) != want {
			t.Errorf("%s: %d matches, %v, want %d", who, len(found.Matches), err, want)
		}
	}
}

func TestOutcomesAreAudited(t *testing.T) {
	support, ml := ofTeams()
	s, _ := kept(t, support, ml)
	lead, chief := as(s, "owner/support"), as(s, "admin")
	first, err := lead.SetOutcome(t.Context(), Outcome{Call: &support.ID, Success: true, Reason: "solved"})
	if err != nil || first.By != "owner/support" || !first.Success || *first.Call != support.ID {
		t.Fatalf("%+v, %v", first, err)
	}
	if _, err := chief.SetOutcome(t.Context(), Outcome{Call: &support.ID, Reason: "came back"}); err != nil {
		t.Fatal(err)
	}
	talk, err := lead.SetOutcome(t.Context(), Outcome{Interaction: "chat-1", Success: true})
	if err != nil || talk.Team != "support" {
		t.Fatalf("%+v, %v", talk, err)
	}
	for query, want := range map[string]string{
		"call_id=" + support.ID.String(): `"success":false,"reason":"came back","by":"admin"`,
		"interaction=chat-1":             `"team":"support","interaction":"chat-1","success":true,"by":"owner/support"`,
		"call_id=" + ml.ID.String():      `"code":"not_found"`,
		"interaction=chat-2":             `"code":"not_found"`,
		"":                               `"code":"invalid_body"`,
		"call_id=1":                      `"code":"invalid_query"`,
	} {
		if body := send(t, s.URL, "owner/support", http.MethodGet, outcomesPath+"?"+query, ""); !strings.Contains(body, want) {
			t.Errorf("%q: %s, want %s", query, body, want)
		}
	}
	a, err := as(s, "finance").Audit(t.Context(), AuditQuery{From: ledgertest.Start, Limit: 2})
	if err != nil || len(a.Changes) != 2 || a.Next == "" {
		t.Fatalf("%+v, %v", a, err)
	}
	c := a.Changes[1]
	got := fmt.Sprint(c.Actor, " ", c.Role, " ", c.Action, " ", c.Subject, " ", string(c.Before), " ", string(c.After), " ", c.Reason)
	want := "admin admin outcome.set call " + support.ID.String() +
		` {"success":true,"reason":"solved","by":"owner/support"} {"success":false,"reason":"came back","by":"admin"} came back`
	if got != want {
		t.Errorf("the audit says\n%s\nwant\n%s", got, want)
	}
	rest, err := as(s, "finance").Audit(t.Context(), AuditQuery{From: ledgertest.Start, Limit: 2, Cursor: a.Next})
	if err != nil || len(rest.Changes) != 1 || string(rest.Changes[0].Before) != "null" || rest.Next != "" {
		t.Errorf("the last page: %+v, %v", rest, err)
	}
}

// send asks by hand and returns the body.
func send(t *testing.T, url, who, method, path, body string, headers ...string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+who)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	var whole json.RawMessage
	if err := json.NewDecoder(a.Body).Decode(&whole); err != nil {
		t.Fatalf("%s %s: %d is no JSON: %v", method, path, a.StatusCode, err)
	}
	if a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %s: %v", method, path, a.Header)
	}
	return fmt.Sprint(a.StatusCode, " ", string(whole))
}

func TestBodiesThatAreRefused(t *testing.T) {
	support, _ := ofTeams()
	s, m := kept(t, support)
	call := `"call_id":"` + support.ID.String() + `"`
	for name, test := range map[string]struct {
		body, want string
		headers    []string
	}{
		"none":                   {"", "400", nil},
		"no JSON":                {"{", "400", nil},
		"nothing said":           {"{" + call + "}", "422", nil},
		"a text for a truth":     {"{" + call + `,"success":"yes"}`, "422", nil},
		"an unknown key":         {"{" + call + `,"success":true,"score":9}`, "422", nil},
		"no subject":             {`{"success":true}`, "422", nil},
		"two subjects":           {"{" + call + `,"interaction":"x","success":true}`, "422", nil},
		"a call and a team":      {"{" + call + `,"team":"support","success":true}`, "422", nil},
		"whose interaction":      {`{"interaction":"x","success":true}`, "422", nil},
		"no call id":             {`{"call_id":"1","success":true}`, "422", nil},
		"a call that is not":     {`{"call_id":"` + ledgertest.ID(9).String() + `","success":true}`, "404", nil},
		"a long reason":          {"{" + call + `,"success":true,"reason":"` + strings.Repeat("a", 1025) + `"}`, "422", nil},
		"a huge body":            {"{" + call + `,"success":true,"reason":"` + strings.Repeat("a", maxBody) + `"}`, "413", nil},
		"another form":           {"success=true", "415", []string{"Content-Type", "application/x-www-form-urlencoded"}},
		"a page of another site": {"{" + call + `,"success":true}`, "403", []string{"Sec-Fetch-Site", "cross-site"}},
	} {
		got := send(t, s.URL, "admin", http.MethodPost, outcomesPath, test.body, append([]string{"Content-Type", "application/json"}, test.headers...)...)
		if !strings.HasPrefix(got, test.want+` {"error":{"code":"`) || strings.Contains(got, "aaaa") {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
	if _, found, err := m.Verdict(t.Context(), ledger.Subject{Call: support.ID}); found || err != nil {
		t.Errorf("one of them was kept: %v", err)
	}
}
