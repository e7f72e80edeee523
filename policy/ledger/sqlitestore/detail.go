package sqlitestore

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// detail is what of a record is read, but neither searched nor summed, and the
// inverse of appendDetail. Times are as in the columns; a first token at 0 did
// not come.
type detail struct {
	Rules        []string `json:"rules"` // of the owner's values
	Developer    string   `json:"developer"`
	Host         string   `json:"host"`
	Account      string   `json:"account"`
	AccountTold  string   `json:"account_told"`
	Deployment   string   `json:"deployment"`
	Region       string   `json:"region"`
	Size         string   `json:"size"`
	Quality      string   `json:"quality"`
	ProviderCost string   `json:"provider_cost"`
	KeyHash      string   `json:"key_hash"`
	ModelAsked   string   `json:"model_asked"`
	TierAsked    string   `json:"tier_asked"`
	Tier         string   `json:"tier"`
	Stream       int      `json:"stream"`
	Status       int      `json:"status"`
	Finish       string   `json:"finish_reason"`
	Reason       string   `json:"reason"`
	Tries        int      `json:"tries"`
	Priced       int      `json:"priced"`
	Shares       [5]int64 `json:"shares"` // system, history, last, tools, media
	Inputs       int      `json:"inputs"`
	Repeated     int      `json:"repeated"`
	Held         int64    `json:"held"` // in nano-USD
	Admitted     int64    `json:"admitted"`
	FirstToken   int64    `json:"first_token"`
	// Of corrections.
	CorrectedAt int64 `json:"corrected_at"`
	WasUnpriced int   `json:"was_unpriced"`
	AuditEntry  int64 `json:"audit_entry"`

	Rulings []policy.Ruling `json:"rulings"`
}

// object writes the members of a JSON object that are not empty. It is made with
// the brace that opens it, and whoever made it closes it.
type object struct {
	out  []byte
	more bool
}

func (o *object) name(name string) {
	if o.more {
		o.out = append(o.out, ',')
	}
	o.more = true
	o.out = append(o.out, '"')
	o.out = append(o.out, name...)
	o.out = append(o.out, '"', ':')
}

func (o *object) text(name, value string) {
	if value != "" {
		o.name(name)
		o.out = appendText(o.out, value)
	}
}

func (o *object) number(name string, value int64) {
	if value != 0 {
		o.name(name)
		o.out = strconv.AppendInt(o.out, value, 10)
	}
}

// appendDetail appends the JSON object of what has no column of its own. It is
// written by hand for each call: reflection would take as long as all else.
func appendDetail(out []byte, r *policy.Record) []byte {
	o := object{out: append(out, '{')}
	if len(r.Owner) > 0 {
		o.name("rules")
		o.out = appendRules(o.out, r.Owner)
	}
	o.text("developer", r.Developer)
	o.text("host", r.Host)
	o.text("account", r.Account)
	o.text("account_told", r.AccountTold)
	o.text("deployment", r.Deployment)
	o.text("region", r.Region)
	o.text("size", r.Size)
	o.text("quality", r.Quality)
	o.text("provider_cost", r.ProviderCost)
	o.text("key_hash", r.KeyHash)
	o.text("model_asked", r.ModelAsked)
	o.text("tier_asked", r.TierAsked)
	o.text("tier", r.Tier)
	o.number("stream", truth(r.Stream))
	o.number("status", int64(r.Status))
	o.text("finish_reason", r.Finish)
	o.text("reason", r.Reason)
	o.number("tries", int64(r.Tries))
	o.number("priced", truth(r.Priced))
	if s := &r.Shares; *s != (tokenizer.Shares{}) {
		o.name("shares")
		o.out = appendNumbers(append(o.out, '['), s.System, s.History, s.Last, s.Tools, s.Media)
		o.out = append(o.out, ']')
	}
	o.number("inputs", int64(r.Inputs))
	o.number("repeated", int64(r.Repeated))
	o.number("held", int64(r.Held.Nano()))
	o.number("admitted", micros(r.Admitted))
	if !r.FirstToken.IsZero() {
		o.number("first_token", micros(r.FirstToken))
	}
	if !r.CorrectedAt.IsZero() {
		o.number("corrected_at", micros(r.CorrectedAt))
	}
	o.number("was_unpriced", truth(r.WasUnpriced))
	o.number("audit_entry", r.AuditEntry)
	if len(r.Rulings) > 0 {
		o.name("rulings")
		o.out = appendRulings(o.out, r.Rulings)
	}
	return append(o.out, '}')
}

// readDetail fills in r what appendDetail wrote, and returns the owner's rules.
func readDetail(text []byte, r *policy.Record) (rules []string, err error) {
	var d detail
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("read detail: %w", err)
	}
	r.Developer, r.Host, r.KeyHash, r.ModelAsked = d.Developer, d.Host, d.KeyHash, d.ModelAsked
	r.TierAsked, r.Tier, r.Stream, r.Status, r.Finish = d.TierAsked, d.Tier, d.Stream != 0, d.Status, d.Finish
	r.Account, r.AccountTold, r.ProviderCost = d.Account, d.AccountTold, d.ProviderCost
	r.Deployment, r.Region, r.Size, r.Quality = d.Deployment, d.Region, d.Size, d.Quality
	r.Reason, r.Tries, r.Priced = d.Reason, d.Tries, d.Priced != 0
	r.Shares = tokenizer.Shares{System: d.Shares[0], History: d.Shares[1], Last: d.Shares[2], Tools: d.Shares[3], Media: d.Shares[4]}
	r.Inputs, r.Repeated = d.Inputs, d.Repeated
	r.Held = money.Nano(d.Held).Amount()
	r.Admitted = instant(d.Admitted)
	if d.FirstToken != 0 {
		r.FirstToken = instant(d.FirstToken)
	}
	if d.CorrectedAt != 0 {
		r.CorrectedAt = instant(d.CorrectedAt)
	}
	r.WasUnpriced, r.AuditEntry = d.WasUnpriced != 0, d.AuditEntry
	r.Rulings = d.Rulings
	return d.Rules, nil
}

func appendRulings(out []byte, rulings []policy.Ruling) []byte {
	for i := range rulings {
		out = append(out, "[,"[min(i, 1)])
		o := object{out: append(out, '{')}
		o.text("rule", rulings[i].Rule)
		o.text("did", rulings[i].Did)
		o.text("why", rulings[i].Why)
		o.out = append(o.out, '}')
		out = o.out
	}
	return append(out, ']')
}

func appendNumbers(out []byte, numbers ...int64) []byte {
	for i, n := range numbers {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendInt(out, n, 10)
	}
	return out
}

// appendLines appends the lines of a record as a JSON array of arrays: model
// (null: that of the record), meter, quantity, source, state, id of the rate and
// the rate, then micro- and pico-USD of list, contracted and charged, and, unless
// all are empty, ids of contract and charge, their currencies and exchange rates,
// what was not met, what is waived and the context.
func appendLines(out []byte, r *policy.Record) []byte {
	out = append(out, '[')
	for i := range r.Lines {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendLine(append(out, '['), &r.Lines[i], r.Model)
		out = append(out, ']')
	}
	return append(out, ']')
}

func appendLine(out []byte, l *policy.Line, model string) []byte {
	if l.Model == model {
		out = append(out, "null"...)
	} else {
		out = appendText(out, l.Model)
	}
	out = append(out, ',')
	out = append(appendText(out, l.Class.String()), ',')
	out = append(strconv.AppendInt(out, l.Quantity, 10), ',')
	out = append(appendText(out, l.Source.String()), ',')
	out = append(appendText(out, l.State), ',')
	out = append(appendText(out, l.RateID), ',')
	out = appendNumbers(out, int64(l.Rate),
		l.List.Micro, l.List.Pico, l.Contracted.Micro, l.Contracted.Pico, l.Charged.Micro, l.Charged.Pico)
	last := [...]string{l.ContractID, l.ChargeID, l.Currency, l.FXRate, l.ChargeCurrency, l.ChargeFXRate, l.Unmet}
	if last == [len(last)]string{} && l.Waived == 0 && l.Context == 0 {
		return out
	}
	for _, t := range last {
		out = appendText(append(out, ','), t)
	}
	if l.Waived != 0 || l.Context != 0 {
		out = strconv.AppendInt(append(out, ','), l.Waived, 10)
	}
	if l.Context != 0 {
		out = strconv.AppendInt(append(out, ','), l.Context, 10)
	}
	return out
}

// readLines is the inverse of appendLines.
func readLines(text []byte, model string) ([]policy.Line, error) {
	var all []json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("read lines: %w", err)
	}
	lines := make([]policy.Line, len(all))
	for i := range lines {
		l := &lines[i]
		l.Model = model
		var rate int64
		members := []any{
			&l.Model, &l.Class, &l.Quantity, &l.Source, &l.State, &l.RateID, &rate,
			&l.List.Micro, &l.List.Pico, &l.Contracted.Micro, &l.Contracted.Pico, &l.Charged.Micro, &l.Charged.Pico,
			&l.ContractID, &l.ChargeID, &l.Currency, &l.FXRate, &l.ChargeCurrency, &l.ChargeFXRate, &l.Unmet, &l.Waived, &l.Context,
		}
		if err := json.Unmarshal(all[i], &members); err != nil {
			return nil, fmt.Errorf("read line %d: %w", i, err)
		}
		l.Rate = money.Rate(rate)
	}
	return lines, nil
}
