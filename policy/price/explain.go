package price

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Explanation tells why a look-up ended as it did.
type Explanation struct {
	Query      Query
	Deployment string // the model that stands behind the name asked, when it is a deployment's
	Row        *Row   // nil: the call has no price
	How        string // how the name led to the row: "by its name", "as a snapshot of gpt-4o", …
	Unmet      Unmet  // what of the call Row does not know of
	Reason     string // why there is no row; empty when there is one
	Lost       []Loss // every other row that the name led to, nearest first; at most MaxLost
	More       int    // rows beyond MaxLost
}

// MaxLost bounds Explanation.Lost.
const MaxLost = 100

// Loss is a row that does not price the call.
type Loss struct {
	Row *Row
	On  string // the condition that decided: name, layer, provider, tier, above, …
	Why string
}

// trace collects what a search meets; a nil one nothing.
type trace struct {
	model string
	seen  []seen
}

type seen struct {
	row   int32
	score int
}

func (t *trace) deployed(model string) {
	if t != nil {
		t.model = model
	}
}

func (t *trace) saw(row int32, score int) {
	if t == nil {
		return
	}
	for i := range t.seen {
		if t.seen[i].row == row { // by two of its names: the better one counts
			t.seen[i].score = max(t.seen[i].score, score)
			return
		}
	}
	t.seen = append(t.seen, seen{row, score})
}

// Explain does what Find does, and tells why. It is for people: it takes longer.
func (c *Catalogue) Explain(q Query) Explanation {
	t := &trace{}
	x := Explanation{Query: q}
	q = q.placed()
	s := search{c: c, q: &q, best: -1, trace: t}
	s.run()
	x.Deployment = t.model
	if s.best >= 0 && !s.ambiguous {
		x.Row = &c.rows[s.best].Row
		x.How = how(&c.rows[s.best], s.score, cmp.Or(t.model, q.Model))
		x.Unmet = c.Unmet(q, x.Row)
	} else {
		x.Reason = s.reason()
	}
	slices.SortFunc(t.seen, func(a, b seen) int {
		x, y := &c.rows[a.row], &c.rows[b.row]
		return cmp.Or(-cmp.Compare(nearness(x, &q), nearness(y, &q)), -cmp.Compare(x.layer, y.layer), -cmp.Compare(a.score, b.score), cmp.Compare(a.row, b.row))
	})
	for _, e := range t.seen {
		if e.row == s.best && x.Row != nil {
			continue
		}
		if len(x.Lost) == MaxLost {
			x.More++
			continue
		}
		x.Lost = append(x.Lost, s.loss(e))
	}
	return x
}

// nearness puts rows that hold first, then those of the same provider.
func nearness(e *entry, q *Query) int {
	switch {
	case e.holds(q):
		return 2
	case holdsProvider(&e.Row, q):
		return 1
	}
	return 0
}

// how tells by what kind of name a row was found.
func how(e *entry, score int, asked string) string {
	switch {
	case score >= exactName && score%2 == 0:
		if strings.EqualFold(e.Model, asked) {
			return "by its name"
		}
		return "by the part of the name after a slash"
	case score >= exactName:
		return "by an alias of " + e.Model
	case score%2 == 1:
		return "as a snapshot of " + e.Model
	}
	return "by the pattern " + e.Model
}

// reason tells why there is no price.
func (s *search) reason() string {
	t := s.trace
	switch {
	case s.q.Model == "":
		return "no model is named"
	case len(s.q.Model) > maxName:
		return fmt.Sprintf("the name of the model is longer than %d bytes", maxName)
	case s.ambiguous:
		return "several providers have a price for this model, and the call does not say which of them it went to"
	case len(t.seen) == 0 && s.tuned:
		return "no row is of this fine-tuned model, and its base model's price is not its own"
	case len(t.seen) == 0:
		return "no row has this name"
	}
	return "no row of this name holds for the call"
}

// loss tells why a row did not win.
func (s *search) loss(e seen) Loss {
	r := &s.c.rows[e.row]
	l := Loss{Row: &r.Row}
	switch {
	case r.tuned != s.tuned:
		l.On, l.Why = "name", "one of the two is a fine-tuned model"
	case !r.holds(s.q):
		l.On, l.Why = fails(&r.Row, s.q)
	case s.ambiguous:
		l.On, l.Why = "provider", "it holds, as does a row of another provider"
	default:
		l.On, l.Why = s.beaten(r, e.score)
	}
	return l
}

// beaten tells what the winner has over a row that holds.
func (s *search) beaten(r *entry, score int) (on, why string) {
	w := &s.c.rows[s.best]
	switch {
	case r.layer != w.layer:
		return "layer", "the configuration's rows come before it"
	case s.kindred && score > s.score:
		return "name", "its family's row knows more of the call, and both cost the same otherwise"
	case score != s.score:
		return "name", "the winner's name is closer to the one asked"
	}
	switch _, on = narrower(&w.Row, &r.Row); on {
	case "above":
		return on, "the winner is for more input"
	case "from":
		return on, "the winner begins later"
	}
	return on, "the winner says more about the " + on
}

// fails names the first condition of r that does not hold.
func fails(r *Row, q *Query) (on, why string) {
	for i := range conditions {
		if on = conditions[i].name; conditions[i].holds(r, q) {
			continue
		}
		switch on {
		case "provider":
			return on, told("it is "+r.Provider+"'s price", q.Provider)
		case "account":
			return on, told("it is for "+r.Account, q.Account)
		case "deployment":
			return on, told("it is for "+r.Deployment, q.Deployment)
		case "region":
			return on, told("it is for "+r.Region, q.Region)
		case "tier":
			return on, told("it is for "+r.Tier, q.Tier)
		case "size":
			return on, told("it is for "+r.Size, q.Size)
		case "quality":
			return on, told("it is for "+r.Quality, q.Quality)
		case "above":
			return on, fmt.Sprintf("it is for more than %d tokens of input, the call has %d", r.Above, q.Input)
		case "hours":
			return on, "it is for " + r.Hours.String() + " UTC, the call was at " + q.At.UTC().Format("Mon 15:04")
		case "from":
			return on, "it begins at " + r.From.UTC().Format("2006-01-02")
		case "until":
			return on, "it ended at " + r.Until.UTC().Format("2006-01-02")
		}
	}
	return "", ""
}

func told(want, have string) string {
	if have == "" {
		return want + ", and the call does not say"
	}
	return want + ", the call says " + have
}
