package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/price"
)

// priceAnswer is an Explanation for a program.
type priceAnswer struct {
	Model      string      `json:"model"`
	Deployment string      `json:"deployment_of,omitempty"` // the model behind the name
	Priced     bool        `json:"priced"`
	Reason     string      `json:"reason,omitempty"` // why there is no price
	How        string      `json:"found,omitempty"`
	Unmet      string      `json:"unmet,omitempty"` // what of the call the row does not know of
	Row        *pricedRow  `json:"row,omitempty"`
	Lost       []pricedRow `json:"lost"`
	More       int         `json:"more_lost,omitempty"`
	Limits     shownLimits `json:"limits"`
}

// shownLimits is what a model can read and give, in tokens; what is not known is
// left out.
type shownLimits struct {
	Window  int64 `json:"context_window,omitempty"`
	Output  int64 `json:"max_output,omitempty"`
	Picture int64 `json:"picture,omitempty"` // that a picture counts at most
}

// String is a sentence, or nothing where nothing is known.
func (l shownLimits) String() string {
	var known []string
	for _, f := range [...]struct {
		words string
		n     int64
	}{{"reads %d tokens at most", l.Window}, {"gives %d", l.Output}, {"counts %d for a picture", l.Picture}} {
		if f.n > 0 {
			known = append(known, fmt.Sprintf(f.words, f.n))
		}
	}
	if known == nil {
		return "\n  Nobody has said how many tokens it reads and gives at most; holds.models may.\n"
	}
	return "\n  It " + strings.Join(known, ", ") + ".\n"
}

type pricedRow struct {
	ID        string            `json:"id"`
	Provider  string            `json:"provider"`
	Developer string            `json:"developer,omitempty"`
	Model     string            `json:"model"`
	Free      bool              `json:"free,omitempty"`
	Prices    map[string]string `json:"usd_per_million"`
	Source    string            `json:"source"`
	From      string            `json:"from,omitempty"`
	Until     string            `json:"until,omitempty"`
	On        string            `json:"lost_on,omitempty"`
	Why       string            `json:"why,omitempty"`
}

func answerRow(r *price.Row) pricedRow {
	a := pricedRow{ID: r.ID, Provider: r.Provider, Developer: r.Developer, Model: r.Model, Free: r.Free, Source: r.Source, Prices: map[string]string{}}
	for c, p := range r.Classes {
		a.Prices[c.String()] = p.String()
	}
	if !r.From.IsZero() {
		a.From = r.From.UTC().Format(time.RFC3339)
	}
	if !r.Until.IsZero() {
		a.Until = r.Until.UTC().Format(time.RFC3339)
	}
	return a
}

func writePrice(w io.Writer, x *price.Explanation, l shownLimits, form string) error {
	switch form {
	case "json":
		a := answerPrice(x)
		a.Limits = l
		return writeJSON(w, a)
	case "csv":
		return writePriceCSV(w, x)
	}
	_, err := io.WriteString(w, showPrice(x, l))
	return err
}

func answerPrice(x *price.Explanation) *priceAnswer {
	a := &priceAnswer{Model: x.Query.Model, Deployment: x.Deployment, Priced: x.Row != nil, Reason: x.Reason, How: x.How, Unmet: x.Unmet.String(), Lost: []pricedRow{}, More: x.More}
	if x.Row != nil {
		row := answerRow(x.Row)
		a.Row = &row
	}
	for _, l := range x.Lost {
		row := answerRow(l.Row)
		row.On, row.Why = l.On, l.Why
		a.Lost = append(a.Lost, row)
	}
	return a
}

// shownLost bounds the rows that a person is shown.
const shownLost = 15

func showPrice(x *price.Explanation, l shownLimits) string {
	var b strings.Builder
	name := plain(x.Query.Model)
	if x.Deployment != "" {
		name += ", which is a deployment of " + plain(x.Deployment) + ","
	}
	if x.Row == nil {
		fmt.Fprintf(&b, "%s has no price: %s.\n", name, x.Reason)
	} else {
		fmt.Fprintf(&b, "%s is priced %s\n\n%s", name, x.How, showRow(x.Row))
		if x.Unmet != (price.Unmet{}) {
			fmt.Fprintf(&b, "\n  Unmet: this row does not know %s. The provider may bill another price; add prices.rates.\n", plain(x.Unmet.String()))
		}
	}
	b.WriteString(l.String())
	if len(x.Lost) == 0 {
		return b.String()
	}
	t := table{columns: []column{{head: "ROW"}, {head: "LOST ON"}, {head: "WHY"}}, indent: "  "}
	for _, l := range x.Lost[:min(len(x.Lost), shownLost)] {
		t.rows = append(t.rows, []string{plain(l.Row.ID), l.On, l.Why})
	}
	b.WriteString("\nOther rows of that name\n" + t.String())
	if more := len(x.Lost) - len(t.rows) + x.More; more > 0 {
		fmt.Fprintf(&b, "  and %d more; -o json has them\n", more)
	}
	return b.String()
}

// showRow is a row's facts and prices.
func showRow(r *price.Row) string {
	facts := table{columns: make([]column, 2), indent: "  ", rows: [][]string{{"row", plain(r.ID)}, {"provider", plain(r.Provider)}}}
	if r.Developer != "" {
		facts.rows = append(facts.rows, []string{"made by", plain(r.Developer)})
	}
	facts.rows = append(facts.rows, []string{"source", plain(r.Source)})
	if r.Free {
		return facts.String() + "\n  It is free.\n"
	}
	prices := table{columns: []column{{head: "METER"}, {head: "USD PER MILLION", right: true}}, indent: "  "}
	fraction := false
	for c, p := range r.Classes {
		prices.rows = append(prices.rows, []string{c.String(), p.String()})
		fraction = fraction || p.Per > 1
	}
	prices.alignPoints(1)
	text := facts.String() + "\n" + prices.String()
	if fraction {
		text += "  A/B is A dollars for B million: 3600 for hours counted in seconds.\n"
	}
	return text
}

func writePriceCSV(w io.Writer, x *price.Explanation) error {
	lines := [][]string{{"won", "row", "lost_on", "why", "prices", "source"}}
	if x.Row != nil {
		lines = append(lines, []string{"true", inert(x.Row.ID), "", x.How, x.Row.Prices(), x.Row.Source})
	}
	for _, l := range x.Lost {
		lines = append(lines, []string{"false", inert(l.Row.ID), l.On, l.Why, l.Row.Prices(), l.Row.Source})
	}
	if err := csv.NewWriter(w).WriteAll(lines); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}

// tellFindings tells what an import doubted.
func tellFindings(w io.Writer, rows []price.Row, found []price.Finding, each bool) {
	fmt.Fprintf(w, "%d rows, %d doubts\n", len(rows), len(found))
	count := make(map[string]int)
	for _, f := range found {
		count[f.Kind]++
		if each {
			fmt.Fprintf(w, "%s: %s: %s\n", f.Kind, plain(f.Row), plain(f.Detail))
		}
	}
	if each {
		return
	}
	for _, kind := range slices.Sorted(maps.Keys(count)) {
		fmt.Fprintf(w, "  %s %d\n", kind, count[kind])
	}
}

func writeChanges(w io.Writer, changes []price.Change, form string) error {
	switch form {
	case "json":
		if changes == nil {
			changes = []price.Change{}
		}
		return writeJSON(w, changes)
	case "csv":
		lines := [][]string{{"row", "what", "was", "now"}}
		for _, c := range changes {
			lines = append(lines, []string{inert(c.Row), c.What, c.Was, c.Now})
		}
		if err := csv.NewWriter(w).WriteAll(lines); err != nil {
			return fmt.Errorf("write CSV: %w", err)
		}
		return nil
	}
	_, err := io.WriteString(w, showChanges(changes))
	return err
}

func showChanges(changes []price.Change) string {
	if len(changes) == 0 {
		return "The tables say the same.\n"
	}
	t := table{columns: []column{{head: "ROW"}, {head: "WHAT"}, {head: "WAS"}, {head: "NOW"}}}
	came, went := 0, 0
	for _, c := range changes {
		if c.What == "row" && c.Was == "" {
			came++
		} else if c.What == "row" {
			went++
		}
		t.rows = append(t.rows, []string{plain(c.Row), c.What, plain(c.Was), plain(c.Now)})
	}
	return t.String() + "\n" + strconv.Itoa(len(changes)) + " changes: " + strconv.Itoa(came) + " rows came, " + strconv.Itoa(went) + " went.\n"
}
