package config

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/policy/price"
	"github.com/farebox/farebox/tokenizer"
)

// Rate is one price row. USD holds the price of each meter given. Its conditions
// are those of price.Row, which says when each holds.
type Rate struct {
	Provider   string   `yaml:"provider" max:"128" doc:"Who hosts the model; not given: any."`
	Model      string   `yaml:"model" max:"256" doc:"The model, * stands for any characters; not given: any."`
	Aliases    []string `yaml:"aliases" max:"64" doc:"Other names of the model, each written out."`
	Account    string   `yaml:"account" max:"128" doc:"Of one account of the provider only, as providers or the call tells it."`
	Deployment string   `yaml:"deployment" one:"global data_zone regional provisioned" doc:"Of models deployed like this only, as providers tells it."`
	Region     Glob     `yaml:"region" doc:"Of calls that run in such a region or geography only, as the call or providers tells it; * is every one that is told but global, which is none."`
	Tier       string   `yaml:"tier" max:"64" doc:"Of calls served in this service tier only, such as priority or flex; batch for a batch."`
	Size       string   `yaml:"size" max:"64" doc:"Of images and films of this size only, such as 1024x1024 or 720p."`
	Quality    string   `yaml:"quality" max:"64" doc:"Of images of this quality only, such as high."`
	Above      Tokens   `yaml:"above" max:"1000000000" doc:"Of calls with more input than this only, cached input too; the whole call then has this price. 0: of any."`
	Hours      Hours    `yaml:"hours" doc:"Of calls at these hours only, in UTC, such as 00:30-16:30 or mon-fri 22:00-06:00: the days are those of the beginning, the end is excluded."`
	From       Date     `yaml:"from" doc:"Valid from then on."`
	Until      Date     `yaml:"until" doc:"Valid until just before then."`
	Free       bool     `yaml:"free" doc:"true: costs nothing, in place of prices."`
	Currency   Currency `yaml:"currency" doc:"Of the prices: three letters, which prices.fx knows; not given: USD. They are turned into USD when they are read, to 10^-6 USD per million, half up; of a price with a divisor, what is divided."`

	USD map[tokenizer.Class]price.Price // of Currency per million units
}

// Hours is a part of each day or of some days; the zero Hours are all.
type Hours struct{ price.Window }

const hoursHint = "write UTC such as 00:30-16:30 or mon-fri 22:00-06:00"

// MarshalText writes what UnmarshalText reads, or nothing.
func (h Hours) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads hours, perhaps behind days.
func (h *Hours) UnmarshalText(text []byte) (err error) {
	const most = 64 // all days with commas, and the hours
	switch {
	case len(text) == 0:
		return &Error{Message: "is empty", Hint: "write a value, or remove the key"}
	case len(text) > most:
		return &Error{Message: fmt.Sprintf("is longer than %d bytes", most), Hint: hoursHint}
	}
	if h.Window, err = price.ParseWindow(string(text)); err != nil {
		return &Error{Message: err.Error(), Hint: hoursHint}
	}
	return nil
}

// member takes the price of one meter.
func (r *Rate) member(d *decoder, path string, m member) bool {
	class, ok := tokenizer.ParseClass(m.key)
	if !ok {
		return false
	}
	var read fraction
	noted := len(d.errs)
	d.value(reflect.ValueOf(&read).Elem(), m.value, field{}, join(path, m.key))
	if len(d.errs) > noted {
		return true
	}
	if r.USD == nil {
		r.USD = make(map[tokenizer.Class]price.Price)
	}
	r.USD[class] = read.Price
	return true
}

func (r *Rate) others() []string { return meters() }

// meters names the meters that can have a price, in order.
func meters() []string {
	names := make([]string, 0, tokenizer.Classes)
	for c := range tokenizer.Classes {
		names = append(names, c.String())
	}
	return names
}

// fraction is a price that says how it is written.
type fraction struct{ price.Price }

func (f *fraction) UnmarshalText(text []byte) error {
	rate, per, err := money.ParseFraction(string(text))
	if err != nil {
		return &Error{
			Message: err.Error(),
			Hint:    "write the price of a million as decimal text, such as \"2.50\", or with a divisor, such as \"1500000/3600\"",
		}
	}
	f.Price = price.Price{Rate: rate, Per: per}
	return nil
}

// validateRate finds what is wrong with one row by itself.
func (d *decoder) validateRate(key string, r *Rate) {
	switch n := d.nodes[key]; {
	case n == nil || n.kind != mapping:
		return
	case r.Free && len(r.USD) > 0:
		d.addAt(key, &Error{Message: "is free and has prices", Hint: "remove one of the two"})
	case !r.Free && len(r.USD) == 0 && !d.mistakenBelow(key):
		d.addAt(key, &Error{Message: "has no price", Hint: "write one such as `input: \"2.50\"`, or `free: true`"})
	}
	if !r.From.IsZero() && !r.Until.IsZero() && !r.Until.After(r.From.Time) {
		d.addAt(key+".until", &Error{Message: "is not after `from`"})
	}
	if strings.EqualFold(string(r.Region), "global") {
		d.addAt(key+".region", &Error{Message: "global is no region: a call that runs anywhere has none", Hint: "remove it; for calls of any region, write \"*\""})
	}
	d.validateNames(key, r)
}

// validateNames holds that patterns stand only where they are taken.
func (d *decoder) validateNames(key string, r *Rate) {
	for name, value := range map[string]string{"account": r.Account, "tier": r.Tier, "size": r.Size, "quality": r.Quality} {
		if strings.Contains(value, "*") {
			d.addAt(key+"."+name, &Error{Message: fmt.Sprintf("%q is a pattern, which is not taken here", clip(value)), Hint: "write one value, and a row for each"})
		}
	}
	if len(r.Aliases) > 0 && r.Model == "" && !d.mistakenAt(key+".model") {
		d.addAt(key+".aliases", &Error{Message: "are other names of no model", Hint: "write `model` too"})
	}
	for i, alias := range r.Aliases {
		at := fmt.Sprintf("%s.aliases[%d]", key, i)
		switch {
		case len(alias) > maxModel:
			d.addAt(at, &Error{Message: fmt.Sprintf("is longer than %d bytes", maxModel)})
		case strings.Contains(alias, "*"):
			d.addAt(at, &Error{Message: fmt.Sprintf("%q is a pattern, which is not taken here", clip(alias)), Hint: "write the name, or a row whose `model` is the pattern"})
		}
	}
}

// maxModel bounds the name of a model, in bytes.
const maxModel = 256
