package config

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/farebox/farebox/policy/attribution"
	"github.com/farebox/farebox/policy/terms"
)

// jsonSchema is a schema object of JSON Schema 2020-12, as far as a configuration
// needs one. What is zero is not said.
type jsonSchema struct {
	Dialect     string                 `json:"$schema,omitempty"`
	Title       string                 `json:"title,omitempty"`
	Description string                 `json:"description,omitempty"`
	Type        any                    `json:"type,omitempty"` // a name, or several
	Enum        []string               `json:"enum,omitempty"`
	Const       any                    `json:"const,omitempty"`
	Default     any                    `json:"default,omitempty"`
	Pattern     string                 `json:"pattern,omitempty"`   // of texts only
	MinLength   int                    `json:"minLength,omitempty"` // of texts only, in characters
	MaxLength   int64                  `json:"maxLength,omitempty"`
	Minimum     *int64                 `json:"minimum,omitempty"` // of numbers only
	Maximum     *int64                 `json:"maximum,omitempty"`
	Items       *jsonSchema            `json:"items,omitempty"`
	MaxItems    int64                  `json:"maxItems,omitempty"`
	Properties  map[string]*jsonSchema `json:"properties,omitempty"`
	Matching    map[string]*jsonSchema `json:"patternProperties,omitempty"` // by the pattern of the key
	Names       *jsonSchema            `json:"propertyNames,omitempty"`
	Additional  any                    `json:"additionalProperties,omitempty"` // false, or what others must be
	Required    []string               `json:"required,omitempty"`
	OneOf       []*jsonSchema          `json:"oneOf,omitempty"`
	AnyOf       []*jsonSchema          `json:"anyOf,omitempty"`
}

// JSONSchema returns docs/config.schema.json, made from the tags of Config and from
// Default. It says what keys there are and how each value is written; what only
// the whole can tell, such as two teams of one name, Parse finds.
func JSONSchema() ([]byte, error) {
	s := sectionSchema(reflect.ValueOf(Default()), "")
	s.Dialect = "https://json-schema.org/draft/2020-12/schema"
	s.Title = "Configuration of Farebox"
	s.Type = []string{"object", "null"} // an empty file means the defaults
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(s); err != nil {
		return nil, fmt.Errorf("write the schema: %w", err)
	}
	return b.Bytes(), nil
}

// sectionSchema describes the keys below v, which holds the defaults.
func sectionSchema(v reflect.Value, path string) *jsonSchema {
	s := &jsonSchema{Type: "object", Properties: map[string]*jsonSchema{}}
	for _, f := range schemaOf(v.Type()).fields {
		p := fieldSchema(v.Field(f.index), f, join(path, f.name))
		p.Description = f.doc
		s.Properties[f.name] = p
		if f.need {
			s.Required = append(s.Required, f.name)
		}
	}
	if o, ok := reflect.New(v.Type()).Interface().(open); ok {
		s.open(o)
	} else {
		s.Additional = false
	}
	if v.Type() == reflect.TypeFor[Source]() {
		s.OneOf = places()
	}
	return s
}

// fieldSchema describes one key or an item of a list; v holds its default.
func fieldSchema(v reflect.Value, f field, path string) *jsonSchema {
	switch typ := f.typ; {
	case typ.Kind() == reflect.Slice:
		return listSchema(typ, f, defaultOf(v, f, path), path)
	case isSection(typ):
		if v.Type() != typ {
			v = reflect.Zero(typ) // a section that may be absent
		}
		s := sectionSchema(v, path)
		if l, ok := reflect.New(typ).Interface().(listed); ok {
			list := listSchema(reflect.TypeOf(l.items()).Elem(), f, nil, path)
			return &jsonSchema{AnyOf: []*jsonSchema{s, list}}
		}
		return s
	default:
		s := valueSchema(f)
		s.Default = defaultOf(v, f, path)
		return s
	}
}

func listSchema(typ reflect.Type, f field, def any, path string) *jsonSchema {
	item := field{typ: typ.Elem(), one: f.one}
	return &jsonSchema{
		Type: "array", MaxItems: whole(f.max), Default: def,
		Items: fieldSchema(reflect.Zero(typ.Elem()), item, path+"[]"),
	}
}

// defaultOf is the default of a key as JSON has it; items of lists have none.
func defaultOf(v reflect.Value, f field, path string) any {
	if f.need || v.Kind() == reflect.Pointer || strings.Contains(path, "[") || v.Kind() == reflect.Slice && v.Len() == 0 {
		return nil
	}
	if n, ok := v.Interface().(Tokens); ok && n == 0 {
		return nil
	}
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		if text, err := m.MarshalText(); err == nil && len(text) > 0 {
			return string(text)
		}
		return nil
	}
	if v.Kind() == reflect.String && v.Len() == 0 {
		return nil
	}
	return v.Interface()
}

// forms are the texts that a type reads. Those whose type is not here may be any.
var forms = map[string]jsonSchema{
	"Size":        {Type: []string{"string", "integer"}, Pattern: "^[0-9]+ *([KMGT]iB|[kMGT]?B)?$"},
	"Times":       {Type: "integer"},
	"Tokens":      {Type: []string{"string", "integer"}, Pattern: "^[0-9]+[KMB]?$", Minimum: new(int64)},
	"Duration":    {Type: "string", Pattern: "^(0|(([0-9]+([.][0-9]*)?|[.][0-9]+)(ns|us|µs|ms|s|m|h))+)$"},
	"Date":        {Type: "string", Pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}([.,][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2}))?$"},
	"Address":     {Type: "string", Pattern: "^(unix:///.+|.*:[0-9]{1,5})$"},
	"File":        {Type: []string{"string", "number"}, Pattern: "[^/]$"},
	"LedgerStore": {Type: "string", Pattern: "^sqlite:[^?#%]*[^/?#%]$"},
	"StateStore":  {Type: "string", Pattern: "^(memory|rediss?://([^:@/]+@)?[^@/?#]+:[0-9]{1,5}(/[0-9]*)?)$"},
	"Glob":        {Type: []string{"string", "number"}, MinLength: 1, MaxLength: maxGlob},
	"Hours":       {Type: "string", Pattern: "^(" + days + " )?" + clock + "-(" + clock + "|24:00)$"},
	"Days":        {Type: "string", Pattern: "^" + days + "$"},
	"Clock":       {Type: "string", Pattern: "^(" + clock + "|24:00)$"},
	"PriceBound":  {Type: []string{"string", "number"}, Pattern: "^[0-9]+([.][0-9]{1,6})?$", Minimum: new(int64)},
	"Currency":    {Type: "string", Pattern: "^[A-Z]{3}$"},
	"Percent":     {Type: []string{"string", "number"}, Pattern: "^[0-9]{1,3}([.][0-9]{1,4})?$", Minimum: new(int64), Maximum: new(int64(100))},
	"FXRate":      {Type: []string{"string", "number"}, Pattern: "^[0-9]+([.][0-9]{1,9})?$", Minimum: new(int64)},
	"UnitPrice":   {Type: []string{"string", "number"}, Pattern: "^[0-9]+([.][0-9]{1,12})?$", Minimum: new(int64)},
}

// Parts of Hours; that a span of days does not end before it begins, Parse finds.
const (
	clock = "([01][0-9]|2[0-3]):[0-5][0-9]"
	day   = "(mon|tue|wed|thu|fri|sat|sun)"
	days  = day + "(-" + day + ")?(," + day + "(-" + day + ")?)*"
)

// valueSchema describes a key that has one value.
func valueSchema(f field) *jsonSchema {
	typ := f.typ
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	form, known := forms[typ.Name()]
	switch {
	case len(f.one) > 0:
		return &jsonSchema{Enum: f.one}
	case known:
		return bounded(&form, typ, f)
	case typ.Kind() == reflect.Bool:
		return &jsonSchema{Type: "boolean"}
	case typ.Kind() == reflect.Int:
		return bounded(&jsonSchema{Type: "integer"}, typ, f)
	}
	// A text without letters need not be in quotes.
	s := &jsonSchema{Type: []string{"string", "number"}, MinLength: 1}
	if !isText(typ) {
		s.MaxLength = whole(f.max) // bytes, of which a character has one or more
	}
	return s
}

// bounded sets the range of a number; text is not compared.
func bounded(s *jsonSchema, typ reflect.Type, f field) *jsonSchema {
	if f.min != "" {
		s.Minimum = new(bound(typ, f.min))
	}
	if f.max != "" {
		s.Maximum = new(bound(typ, f.max))
	}
	return s
}

// whole reads a bound of a tag that is a number; 0 is none.
func whole(tag string) int64 {
	n, err := strconv.ParseInt(tag, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// open describes the keys that a section has beside its fields.
func (s *jsonSchema) open(o open) {
	const names = "^[a-z][a-z0-9_]{0,31}$" // of attributes
	switch o.(type) {
	case *Attributes:
		sources := field{typ: reflect.TypeFor[[]Source](), max: strconv.Itoa(attribution.MaxSources)}
		list := fieldSchema(reflect.Zero(sources.typ), sources, "attribution.NAME[]")
		list.Description = "Sources of the attribute of this name, in order: the first that gives a value wins. An empty list removes it."
		s.Names, s.Additional = &jsonSchema{Pattern: names}, list
	case *CallMatch, *AccessExcept:
		pattern := valueSchema(field{typ: reflect.TypeFor[string]()})
		list := &jsonSchema{Type: "array", MaxItems: terms.MaxPatterns, Items: pattern}
		s.Matching, s.Additional = map[string]*jsonSchema{names: {
			Description: "Pattern of the provider, model, operation or attribute of this name, or a list of them of which one must fit.",
			AnyOf:       []*jsonSchema{pattern, list},
		}}, false
	case *Excepts:
		s.Additional = fieldSchema(reflect.ValueOf(Amounts{}), field{typ: reflect.TypeFor[Amounts]()}, "budgets[].except.VALUE")
	case *Receivers:
		one := fieldSchema(reflect.ValueOf(Receiver{}), field{typ: reflect.TypeFor[Receiver]()}, "receivers.NAME")
		s.Names, s.Additional = &jsonSchema{Pattern: "^[a-z0-9][a-z0-9._-]{0,63}$"}, one
	case *Deployments:
		model := valueSchema(field{typ: reflect.TypeFor[string](), max: "256"})
		model.Description = "The model behind the deployment of this name."
		s.Additional = model
	case *Rate:
		// A divisor is from 2 to money.MaxPer.
		s.meters(o, "^[0-9]+([.][0-9]{1,6})?(/0*([2-9]|[1-9][0-9]{1,5}|1000000))?$")
	case *ContractRates:
		s.meters(o, "^[0-9]+([.][0-9]{1,6})?$")
	}
}

// meters describes a price of each meter, as the pattern has it.
func (s *jsonSchema) meters(o open, pattern string) {
	for _, meter := range o.others() {
		s.Properties[meter] = &jsonSchema{
			Description: "Price of " + strings.ReplaceAll(meter, "_", " ") + ".",
			Type:        []string{"string", "number"}, Pattern: pattern, Minimum: new(int64),
		}
	}
	s.Additional = false
}

// places says that a source names exactly one place.
func places() (one []*jsonSchema) {
	for _, f := range schemaOf(reflect.TypeFor[Source]()).fields {
		switch f.name {
		case "one_of", "default":
			continue
		}
		p := &jsonSchema{Required: []string{f.name}}
		if f.typ.Kind() == reflect.Bool {
			p.Properties = map[string]*jsonSchema{f.name: {Const: true}}
		}
		one = append(one, p)
	}
	return one
}
