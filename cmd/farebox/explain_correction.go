package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/tokenizer"
)

// place names a line of an attempt, the same in each of its revisions: the n-th of
// its model and meter.
type place struct {
	call    policy.CallID
	attempt int
	model   string
	class   tokenizer.Class
	n       int
}

// soFar is what each line costs after the records that were shown: moneys are
// sums, the rest is what was said last.
type soFar map[place]policy.Line

// add takes a record, and returns each of its lines as it was before.
func (s soFar) add(r *policy.Record) (before []policy.Line) {
	seen := map[place]int{}
	for i := range r.Lines {
		l := r.Lines[i]
		at := place{call: r.ID, attempt: r.Attempt, model: l.Model, class: l.Class}
		seen[at]++
		at.n = seen[at]
		was, there := s[at]
		if !there {
			was.State = policy.Free
		}
		before = append(before, was)
		l.List, l.Contracted, l.Charged = was.List.Add(l.List), was.Contracted.Add(l.Contracted), was.Charged.Add(l.Charged)
		s[at] = l
	}
	return before
}

// complete reports whether all charges are known.
func (s soFar) complete() bool {
	for _, l := range s {
		if !l.Chargeable() {
			return false
		}
	}
	return true
}

// showCorrection is what a correction says: what each line was charged, what it is
// charged now, and the difference, which is what the record holds.
func showCorrection(r *policy.Record, before []policy.Line) string {
	title := "Correction " + strconv.Itoa(r.Revision) + " of call " + r.ID.String()
	if r.Attempt > 0 {
		title += ", attempt " + strconv.Itoa(r.Attempt)
	}
	facts := table{columns: make([]column, 2), indent: "  ", rows: [][]string{
		{"made", r.CorrectedAt.UTC().Format(time.RFC3339)}, {"reason", plain(r.Reason)},
	}}
	if r.AuditEntry != 0 {
		facts.rows = append(facts.rows, []string{"audit entry", strconv.FormatInt(r.AuditEntry, 10)})
	}
	t := table{indent: "  ", columns: []column{
		{head: "MODEL"}, {head: "METER"}, {"USD/M", true}, {"WAS USD", true}, {"IS USD", true}, {"DIFFERENCE USD", true},
	}}
	moneys := billOf(r.Lines).moneys
	if moneys {
		t.columns = append(t.columns, column{"OF LIST USD", true}, column{"OF CONTRACTED USD", true})
	}
	t.columns = append(t.columns, column{head: "PRICE ROW"})
	var was, sum policy.Line
	for i := range r.Lines {
		l := &r.Lines[i]
		t.rows = append(t.rows, correctionCells(&before[i], l, moneys))
		was.Charged = was.Charged.Add(before[i].Charged)
		sum.List, sum.Contracted, sum.Charged = sum.List.Add(l.List), sum.Contracted.Add(l.Contracted), sum.Charged.Add(l.Charged)
	}
	t.foot = []string{"total", "", "", was.Charged.String(), was.Charged.Add(sum.Charged).String(), sum.Charged.String()}
	if moneys {
		t.foot = append(t.foot, sum.List.String(), sum.Contracted.String())
	}
	t.foot = append(t.foot, "")
	t.alignPoints(last(len(t.columns)-1, len(t.columns)-4)...)
	return title + "\n" + facts.String() + "\n" + t.String() + unpricedNote(r)
}

func correctionCells(was, l *policy.Line, moneys bool) []string {
	rate := l.Rate.String()
	switch l.State {
	case policy.Unpriced:
		rate = "unpriced"
	case policy.Free:
		rate = "free"
	}
	cells := []string{
		plain(l.Model), l.Class.String(), rate, orUnknown(was.Charged, was.Chargeable()),
		orUnknown(was.Charged.Add(l.Charged), l.Chargeable()), l.Charged.String(),
	}
	if moneys {
		cells = append(cells, l.List.String(), l.Contracted.String())
	}
	return append(cells, plain(l.RateID))
}

// recordsOf counts records in words.
func recordsOf(records []policy.Record) string {
	corrections := 0
	for i := range records {
		if records[i].Revision > 0 {
			corrections++
		}
	}
	switch corrections {
	case 0:
		return fmt.Sprintf("%d records", len(records))
	case 1:
		return fmt.Sprintf("%d records, 1 of them a correction", len(records))
	}
	return fmt.Sprintf("%d records, %d of them corrections", len(records), corrections)
}
