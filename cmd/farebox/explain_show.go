package main

import (
	"fmt"
	"slices"
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
	except := ""
	for i := range a.Matches {
		r := &a.Matches[i]
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(showRecord(r))
		for _, l := range r.Lines {
			sum = sum.Add(l.Charged)
			if l.State == policy.Unpriced {
				except = ", without what has no price"
			}
		}
	}
	if n := len(a.Matches); n > 1 {
		fmt.Fprintf(&b, "\n%d records, %s USD charged in all%s.\n", n, sum, except)
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
	for _, id := range [][]string{
		{"x-request-id", r.RequestID}, {"trace id", r.TraceID}, {"response id", r.ResponseID}, {"key hash", r.KeyHash},
	} {
		if id[1] != "" {
			facts.rows = append(facts.rows, []string{id[0], plain(id[1])})
		}
	}
	return title + "\n" + facts.String() + "\n" + showOwner(r.Owner) + "\n" + showLines(r)
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
	if r.Tier != "" {
		s += ", tier " + plain(r.Tier)
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

// showLines is the bill: each line a multiplication that can be checked by hand.
func showLines(r *policy.Record) string {
	if len(r.Lines) == 0 {
		if r.Outcome == policy.Refused {
			return "  No lines: a refused call costs nothing.\n"
		}
		return "  No lines: nothing is known of what this call consumed.\n"
	}
	differ := slices.ContainsFunc(r.Lines, func(l policy.Line) bool { return l.List != l.Charged || l.Contracted != l.Charged })
	t := table{indent: "  ", columns: []column{
		{head: "MODEL"}, {head: "METER"}, {"TOKENS", true}, {head: "×"}, {"USD/M", true}, {head: "="},
	}}
	if differ {
		t.columns = append(t.columns, column{"LIST USD", true}, column{"CONTRACTED USD", true}, column{"CHARGED USD", true})
	} else {
		t.columns = append(t.columns, column{"COST USD", true})
	}
	moneys := len(t.columns) - 6
	t.columns = append(t.columns, column{head: "PRICE ROW"}, column{head: "SOURCE"})
	var tokens int64
	var list, contracted, charged money.Amount
	for _, l := range r.Lines {
		t.rows = append(t.rows, lineCells(l, differ))
		tokens += l.Quantity
		list, contracted, charged = list.Add(l.List), contracted.Add(l.Contracted), charged.Add(l.Charged)
	}
	known := slices.ContainsFunc(r.Lines, func(l policy.Line) bool { return l.State != policy.Unpriced })
	t.foot = append([]string{"total", "", strconv.FormatInt(tokens, 10), "", "", ""}, hideZero(!known, amounts(differ, list, contracted, charged))...)
	t.foot = append(t.foot, "", "")
	t.alignPoints(append([]int{4}, last(6+moneys, moneys)...)...)
	return t.String() + unpricedNote(r)
}

func lineCells(l policy.Line, differ bool) []string {
	rate, moneys := l.Rate.String(), amounts(differ, l.List, l.Contracted, l.Charged)
	switch l.State {
	case policy.Unpriced:
		rate = "unpriced"
		hideZero(true, moneys)
	case policy.Free:
		rate = "free"
	}
	cells := append([]string{plain(l.Model), l.Class.String(), strconv.FormatInt(l.Quantity, 10), "×", rate, "="}, moneys...)
	return append(cells, plain(l.RateID), l.Source.String())
}

// amounts are the moneys of a line as cells: three, or the one that they agree
// on.
func amounts(differ bool, list, contracted, charged money.Amount) []string {
	if differ {
		return []string{list.String(), contracted.String(), charged.String()}
	}
	return []string{charged.String()}
}

// hideZero writes ? for zeros that are not known to be zero.
func hideZero(unknown bool, moneys []string) []string {
	for i, m := range moneys {
		if unknown && m == "0" {
			moneys[i] = "?"
		}
	}
	return moneys
}

// unpricedNote names what has no price and what to do about it.
func unpricedNote(r *policy.Record) string {
	provider := "a provider that is not known"
	if r.Provider != "" {
		provider = "provider " + plain(r.Provider)
	}
	var missing []string
	for _, l := range r.Lines {
		what := fmt.Sprintf("model %s at %s", plain(l.Model), provider)
		if l.State == policy.Unpriced && !slices.Contains(missing, what) {
			missing = append(missing, what)
		}
	}
	if len(missing) == 0 {
		return ""
	}
	return fmt.Sprintf("\n  Unpriced: no price row matches %s; add prices.rates. The total leaves it out.\n", strings.Join(missing, ", "))
}
