package engine

import (
	"strings"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/price"
	"github.com/farebox/farebox/tokenizer"
)

// query asks for the price of one usage of a record. It is the only place where
// what is known of a call becomes conditions of its price, so that a call that is
// priced anew is asked for as it was when it settled.
//
// The tier is the one served. An answer that does not say one (it was cut, lost,
// or its provider never says) is taken to have kept to what was asked: a provider
// that serves another tier says so, and a call asked for as flex or a batch is
// never served dearer.
func query(rec *policy.Record, u *tokenizer.Usage) price.Query {
	input, _ := u.Totals()
	if u.Context > 0 {
		input = u.Context
	}
	q := price.Query{
		Provider: rec.Provider, Model: u.Model, Account: rec.Account, Deployment: rec.Deployment, Region: rec.Region,
		Tier: rec.Tier, Size: said(rec.Size), Quality: said(rec.Quality), Input: input, At: rec.Admitted,
	}
	if q.Model == "" {
		q.Model = rec.Model
	}
	if q.Tier == "" && !price.Standard(rec.TierAsked) {
		q.Tier = rec.TierAsked
	}
	return q
}

// said is a size or quality that the provider was not left to choose.
func said(v string) string {
	if strings.EqualFold(v, "auto") {
		return ""
	}
	return v
}

// row finds the price of one usage: of the model as answered, else as asked; and
// what of the call that row does not know of.
func (r *Rules) row(rec *policy.Record, u *tokenizer.Usage) (row *price.Row, model, unmet string) {
	q := query(rec, u)
	model = q.Model
	row, q, ok := r.find(q, u)
	if !ok && rec.ModelAsked != model {
		q.Model = rec.ModelAsked
		row, q, ok = r.find(q, u)
	}
	if !ok {
		return nil, model, ""
	}
	if lacks := r.Prices.Unmet(q, row); lacks != (price.Unmet{}) {
		unmet = lacks.String()
	}
	if rec.Provider == "" {
		rec.Provider = row.Provider
	}
	rec.Developer = row.Developer
	return row, model, unmet
}

// find is Prices.Find for a usage, and the query by which the row was found.
// Models that make images are priced by the image of a size and quality, by
// tokens, or by either: a row by the image holds for no usage that is told in
// tokens.
func (r *Rules) find(q price.Query, u *tokenizer.Usage) (*price.Row, price.Query, bool) {
	row, ok := r.Prices.Find(q)
	if !ok || row.Size == "" && row.Quality == "" || pricesTokens(row, u) {
		return row, q, ok
	}
	plain := q
	plain.Size, plain.Quality = "", ""
	if other, found := r.Prices.Find(plain); found && pricesTokens(other, u) {
		return other, plain, true
	}
	return row, q, true
}

// pricesTokens reports whether row has a price for all tokens of u.
func pricesTokens(row *price.Row, u *tokenizer.Usage) bool {
	for class, n := range u.All {
		if _, _, ok := row.Rate(class); n > 0 && class.IsToken() && !ok {
			return false
		}
	}
	return true
}

// byTokens reports whether images are paid for by the tokens that they took, so
// that their number costs nothing more.
func byTokens(u *tokenizer.Usage, row *price.Row) bool {
	if row == nil {
		return false
	}
	if _, _, byImage := row.Rate(tokenizer.Images); byImage {
		return false
	}
	made, _ := u.Count(tokenizer.OutputImage)
	_, _, priced := row.Rate(tokenizer.OutputImage)
	return made > 0 && priced
}
