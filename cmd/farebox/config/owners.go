package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/farebox/farebox/policy/owners"
)

// Owners is the directory of who pays: a list in this file, or a file of its own.
type Owners struct {
	List []Owner
	File File `yaml:"file" need:"yes" doc:"A CSV file in place of the list. Its first row names the columns, which are called as the keys below; several keys are separated by spaces."`

	// Directory is made of both. Until the file is read it is empty.
	Directory *owners.Directory
}

// Owner is what is known of one team for a time.
type Owner struct {
	Team       string   `yaml:"team" need:"yes" max:"128" doc:"What calls name it."`
	CostCentre string   `yaml:"cost_centre" max:"128" doc:"Goes into the records of its calls, as do the next two."`
	GLAccount  string   `yaml:"gl_account" max:"128" doc:"Account of the general ledger."`
	Entity     string   `yaml:"entity" max:"128" doc:"The company that pays."`
	Lead       string   `yaml:"lead" max:"128" doc:"E-mail address of who leads it."`
	Slack      string   `yaml:"slack" max:"128" doc:"Its channel."`
	Pager      string   `yaml:"pager" max:"128" doc:"Whom it pages."`
	Parent     string   `yaml:"parent" max:"128" doc:"The team that it is a part of."`
	Keys       []string `yaml:"keys" max:"256" doc:"Hashes of its API keys, as the command owners hash-key prints them; never the keys."`
	From       Date     `yaml:"from" doc:"Valid from then on."`
	Until      Date     `yaml:"until" doc:"Valid until just before then. A team may have several entries whose dates do not overlap."`
}

// items is the list that may stand in place of the section.
func (o *Owners) items() any { return &o.List }

func (o *Owner) entry() owners.Entry {
	return owners.Entry{
		Team: o.Team, CostCentre: o.CostCentre, GLAccount: o.GLAccount, Entity: o.Entity, Lead: o.Lead, Slack: o.Slack,
		Pager: o.Pager, Parent: o.Parent, Keys: o.Keys, From: o.From.Time, Until: o.Until.Time,
	}
}

// directory is nil where the configuration has no owners.
func (c *Config) directory() *owners.Directory {
	if c.Owners == nil {
		return nil
	}
	return c.Owners.Directory
}

// validateOwners makes the directory of the list, and finds what is wrong in it.
func (d *decoder) validateOwners(o *Owners) {
	if o == nil {
		return
	}
	if slices.ContainsFunc(d.errs, func(e *Error) bool { return private(e.Key) }) {
		return // an entry that was not read well would seem to lack what it has
	}
	entries := make([]owners.Entry, len(o.List))
	for i := range o.List {
		entries[i] = o.List[i].entry()
	}
	var err error
	if o.Directory, err = owners.New(entries); err == nil {
		return
	}
	eachMistake(err, func(m *owners.Mistake) {
		key := "owners"
		if m.Entry >= 0 {
			key = strings.TrimSuffix(fmt.Sprintf("owners[%d].%s", m.Entry, m.Field), ".")
		}
		d.addAt(key, &Error{Message: m.Message})
	})
}

// readOwners reads the file of owners.
func (d *decoder) readOwners(o *Owners) {
	if o == nil || o.File == "" {
		return
	}
	f, err := os.Open(string(o.File))
	if err != nil {
		d.addAt("owners.file", &Error{Message: "cannot be read: " + err.Error()})
		return
	}
	defer f.Close()
	if o.Directory, err = owners.ReadCSV(f); err == nil {
		return
	}
	told := eachMistake(err, func(m *owners.Mistake) {
		e := &Error{File: string(o.File), Line: m.Line, Column: m.Column, Key: "owners.file", Message: m.Message}
		if m.Field != "" {
			e.Message = "`" + m.Field + "`: " + m.Message
		}
		d.errs = append(d.errs, e)
	})
	if !told {
		d.addAt("owners.file", &Error{Message: "cannot be read: " + err.Error()})
	}
}

// eachMistake calls f with each that err joins, and reports whether there is any.
func eachMistake(err error, f func(*owners.Mistake)) (any bool) {
	all := []error{err}
	var many interface{ Unwrap() []error }
	if errors.As(err, &many) {
		all = many.Unwrap()
	}
	for _, one := range all {
		var m *owners.Mistake
		if errors.As(one, &m) {
			f(m)
			any = true
		}
	}
	return any
}

// in makes the path of the file one that starts at dir.
func (o *Owners) in(dir string) {
	if o != nil {
		o.File = o.File.in(dir)
	}
}

// private reports whether a key's line must not be shown: what was written where
// the hash of an API key belongs may be the key.
func private(key string) bool { return key == "owners" || strings.HasPrefix(key, "owners[") }
