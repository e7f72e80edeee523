package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/api"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// showCalls explains each record, and sums them where there are several.
func showCalls(a *api.CallAnswer) string {
	var b strings.Builder
	var sum money.Amount
	costs := soFar{}
	for i := range a.Matches {
		r := &a.Matches[i]
		if i > 0 {
			b.WriteString("\n")
		}
		before := costs.add(r)
		if r.Revision > 0 {
			b.WriteString(showCorrection(r, before))
		} else {
			b.WriteString(showRecord(r))
		}
		for _, l := range r.Lines {
			sum = sum.Add(l.Charged)
		}
	}
	if n := len(a.Matches); n > 1 {
		except := ""
		if !costs.complete() {
			except = ", without what has no price"
		}
		fmt.Fprintf(&b, "\n%s, %s USD charged in all%s.\n", recordsOf(a.Matches), sum, except)
	}
	if a.Truncated {
		b.WriteString("There are more; these are the oldest. A call id finds one call.\n")
	}
	return b.String()
}

func showRecord(r *policy.Record) string {
	title := "Call " + r.ID.String()
	if r.Attempt > 0 {
		title += ", attempt " + strconv.Itoa(r.Attempt)
	}
	by := "answered"
	if r.Outcome == policy.Refused {
		by = "meant for"
	}
	facts := table{columns: make([]column, 2), indent: "  ", rows: [][]string{
		{"asked", asked(r)},
		{by, answered(r)},
		{"outcome", outcome(r)},
		{"purpose", plain(r.Purpose)},
		{"measured", measured(r.Source)},
		{"admitted", r.Admitted.UTC().Format(time.RFC3339Nano)},
	}}
	if !r.FirstToken.IsZero() {
		facts.rows = append(facts.rows, []string{"first token", "after " + r.FirstToken.Sub(r.Admitted).String()})
	}
	facts.rows = append(facts.rows, []string{"completed", "after " + r.Completed.Sub(r.Admitted).String()})
	if !r.Held.IsZero() {
		facts.rows = append(facts.rows, []string{"held", r.Held.String() + " USD of its budgets"})
	}
	for _, id := range [][]string{
		{"x-request-id", r.RequestID}, {"trace id", r.TraceID}, {"response id", r.ResponseID}, {"key hash", r.KeyHash},
	} {
		if id[1] != "" {
			facts.rows = append(facts.rows, []string{id[0], plain(id[1])})
		}
	}
	return title + "\n" + facts.String() + "\n" + showOwner(r.Owner) + showRulings(r.Rulings) + "\n" + showLines(r)
}

// did says in words what a rule did to a call.
var did = map[string]string{
	policy.Refused: "refused it", policy.WouldRefuse: "would have refused it", policy.Passed: "let it pass",
	policy.Changed: "changed it", policy.WouldChange: "would have changed it", policy.NotPossible: "could not change it",
	policy.Stopped: "stopped its answer", policy.WouldStop: "would have stopped its answer",
	policy.RunawayInput: "flags its input", policy.RunawayOutput: "flags its output", policy.HoldExceeded: "held too little for it",
}

// showRulings is what rules did to a call, or nothing.
func showRulings(all []policy.Ruling) string {
	if len(all) == 0 {
		return ""
	}
	t := table{columns: []column{{head: "RULE"}, {head: "WHAT IT DID"}, {head: "WHY"}}, indent: "  "}
	for i := range all {
		words := did[all[i].Did]
		if words == "" {
			words = plain(all[i].Did) // a newer Farebox wrote it
		}
		t.rows = append(t.rows, []string{plain(all[i].Rule), words, plain(all[i].Why)})
	}
	return "\n" + t.String()
}

// asked is what the request asked for, in words.
func asked(r *policy.Record) string {
	s := plain(r.Operation) + " of " + plain(r.ModelAsked)
	if r.Stream {
		s += ", streamed"
	}
	if r.TierAsked != "" {
		s += ", tier " + plain(r.TierAsked)
	}
	s += ", in the " + plain(r.Dialect) + " dialect"
	if r.Host != "" {
		s += ", at " + plain(r.Host)
	}
	return s
}

// answered is which model gave the answer, and where.
func answered(r *policy.Record) string {
	s := plain(r.Model) + " at "
	if r.Provider == "" {
		s += "a provider that is not known"
	} else {
		s += plain(r.Provider)
	}
	if r.Developer != "" && r.Developer != r.Provider {
		s += ", made by " + plain(r.Developer)
	}
	for _, c := range [][2]string{
		{"account", r.Account}, {"deployment", r.Deployment}, {"region", r.Region}, {"tier", r.Tier}, {"size", r.Size}, {"quality", r.Quality},
	} {
		if c[1] != "" {
			s += ", " + c[0] + " " + plain(c[1])
		}
	}
	if r.AccountTold != "" {
		s += ", whose headers tell " + plain(r.AccountTold)
	}
	if r.ProviderCost != "" {
		s += ", which says it cost " + plain(r.ProviderCost) + " USD"
	}
	return s
}

// outcome is how the call fared.
func outcome(r *policy.Record) string {
	s := plain(r.Outcome)
	if r.Reason != "" {
		s += " (" + plain(r.Reason) + ")"
	}
	if r.Status != 0 {
		s += ", status " + strconv.Itoa(r.Status)
	}
	if r.Finish != "" {
		s += ", finish " + plain(r.Finish)
	}
	if r.Tries > 1 {
		s += fmt.Sprintf(", %d upstream tries", r.Tries)
	}
	return s
}

// measured says how the tokens came to be known.
func measured(s tokenizer.Source) string {
	switch s {
	case tokenizer.Reported:
		return "reported: the provider said so"
	case tokenizer.Partial:
		return "partial: the answer was cut; what was reported so far, and the text that was seen, counted"
	case tokenizer.Counted:
		return "counted: the text was counted exactly"
	case tokenizer.Estimated:
		return "estimated: from bytes and experience"
	}
	return "none: tokens are not known"
}

func showOwner(o policy.Owner) string {
	if len(o) == 0 {
		return "  No owner.\n"
	}
	t := table{columns: []column{{head: "OWNER"}, {head: "VALUE"}, {head: "RULE"}}, indent: "  "}
	for _, a := range o {
		t.rows = append(t.rows, []string{plain(a.Name), plain(a.Value), plain(a.Rule)})
	}
	return t.String()
}
