package alert

import (
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/ledger"
)

func TestTexts(t *testing.T) {
	end := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name string
		e    Event
		want string
	}{
		{"money", Event{Kind: Budget, Rule: "month", Of: "support", Percent: 90, Spent: 4_512_345_678_901, Limit: 5_000e9, Unit: "usd", End: end},
			"budget month for support: 90 % is spent, 4512.35 of 5000.00 USD; the window ends 2026-12-01T00:00:00Z"},
		{"what the provider is paid", Event{Kind: Budget, Rule: "all", Percent: 100, Spent: 5e6, Limit: 5e6, Unit: "contracted_usd"},
			"budget all: 100 % is spent, 0.005 of 0.005 USD to the provider"},
		{"tokens, refused", Event{Kind: Budget, Rule: "day", Percent: 100, Spent: 900, Limit: 1000, Unit: "tokens", Message: "A call was turned away."},
			"budget day: too little is left, 900 of 1000 tokens is spent or held. A call was turned away."},
		{"no unit", Event{Kind: Budget, Rule: "day", Percent: 50, Spent: 1, Limit: 2}, "budget day: 50 % is spent, 1 of 2"},
		{"below zero", Event{Kind: Budget, Rule: "day", Spent: -15e6, Limit: 1e9, Unit: "usd"}, "budget day: 0 % is spent, -0.02 of 1.00 USD"},
		{"a small budget", Event{Kind: Budget, Rule: "day", Percent: 90, Spent: 45_049_999, Limit: 50_000_000, Unit: "usd"}, "budget day: 90 % is spent, 0.045 of 0.05 USD"},
		{"almost a dollar", Event{Kind: Budget, Rule: "day", Percent: 99, Spent: 999_949_999, Limit: 1e9, Unit: "usd"}, "budget day: 99 % is spent, 0.9999 of 1.00 USD"},
		{"a dollar, rounded", Event{Kind: Budget, Rule: "day", Percent: 99, Spent: 999_950_000, Limit: 1e9, Unit: "usd"}, "budget day: 99 % is spent, 1.00 of 1.00 USD"},
		{"a watch", Event{Kind: SpendSpike, Message: "team ml spends twice as much"}, "team ml spends twice as much"},
		{"nothing else to say", Event{Kind: StoreDegraded}, "store degraded"},
	} {
		if got := test.e.text(); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestTheLadder(t *testing.T) {
	for percent, want := range map[int]Severity{0: Info, 50: Info, 74: Info, 75: Warning, 89: Warning, 90: Critical, 99: Critical, 100: Emergency, 250: Emergency} {
		if got := SeverityOf(percent); got != want {
			t.Errorf("SeverityOf(%d) = %s, want %s", percent, got, want)
		}
	}
	for _, name := range Severities() {
		if s, err := ParseSeverity(name); err != nil || s.String() != name {
			t.Errorf("ParseSeverity(%q) = %s, %v", name, s, err)
		}
	}
	for _, name := range []string{"", "grave", "Info"} {
		if s, err := ParseSeverity(name); err == nil {
			t.Errorf("ParseSeverity(%q) = %s", name, s)
		}
	}
}

// What is critical of a budget is to be reviewed, what is less is not, and no more is
// what a watch has seen.
func TestWhatIsToBeReviewed(t *testing.T) {
	for percent, want := range map[int]bool{50: false, 75: false, 89: false, 90: true, 100: true} {
		for kind, is := range map[Kind]bool{Budget: want, SpendSpike: false} {
			e := Event{Kind: kind, Percent: percent, Severity: SeverityOf(percent)}
			if a := (&Rules{}).alert(&e); a.Review != is {
				t.Errorf("%d %% of %s: review %v, want %v", percent, kind, a.Review, is)
			}
		}
	}
}

// TestKeysTellApart what is not the same, and names that are put together do not
// become one.
func TestKeysTellApart(t *testing.T) {
	at := time.Date(2026, 11, 28, 10, 30, 0, 0, time.UTC)
	base := Event{Kind: Budget, Rule: "a", Of: "b", Unit: "usd", Percent: 90, Limit: 10, Start: at, At: at}
	same := base
	same.Spent, same.Message, same.At, same.Severity, same.Team = 7, "x", at.Add(time.Hour), Info, "t"
	if base.key() != same.key() {
		t.Errorf("%q and %q are the same event", base.key(), same.key())
	}
	seen := map[string]string{base.key(): "base"}
	for name, change := range map[string]func(*Event){
		"kind": func(e *Event) { e.Kind = SpendSpike }, "rule": func(e *Event) { e.Rule = "c" }, "of": func(e *Event) { e.Of = "" },
		"moved": func(e *Event) { e.Rule, e.Of = `a" "b`, "" }, "unit": func(e *Event) { e.Unit = "tokens" },
		"percent": func(e *Event) { e.Percent = 9 }, "limit": func(e *Event) { e.Limit = 100 }, "window": func(e *Event) { e.Start = at.Add(time.Hour) },
		"no window": func(e *Event) { e.Start = time.Time{} },
		"next day":  func(e *Event) { e.Start, e.At = time.Time{}, at.AddDate(0, 0, 1) },
	} {
		e := base
		change(&e)
		if other, taken := seen[e.key()]; taken {
			t.Errorf("%s is the same event as %s", name, other)
		}
		seen[e.key()] = name
	}
	a, b := ledger.Alert{Number: 1, Key: "x"}, ledger.Alert{Number: 2, Key: "x"}
	if ID(&a) == ID(&b) || len(ID(&a)) != 32 {
		t.Errorf("ids %s and %s", ID(&a), ID(&b))
	}
}

func TestNotices(t *testing.T) {
	n := noticeOf([]ledger.Alert{{Number: 1, Severity: "warning", Text: "one"}, {Number: 2, Severity: "emergency", Text: "two", Review: true}, {Number: 3, Severity: "warning", Text: "three"}}, "")
	if got, want := n.Title(), "[emergency] 3 alerts, first: two"; got != want {
		t.Errorf("title %q, want %q", got, want)
	}
	want := "[emergency] two (to be acknowledged: farebox alerts ack 2)\n[warning] one\n[warning] three"
	if got := strings.Join(n.Lines(), "\n"); got != want {
		t.Errorf("lines %q, want %q", got, want)
	}
	again := noticeOf(n.Alerts, "")
	if n.ID() != again.ID() || n.ID() == ID(&n.Alerts[0]) {
		t.Errorf("ids %s and %s", n.ID(), again.ID())
	}
	one := noticeOf(n.Alerts[2:], "")
	if one.Title() != "[warning] three" {
		t.Errorf("title of one: %q", one.Title())
	}
}
