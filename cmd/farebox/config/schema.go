package config

import (
	"reflect"
	"strings"
)

// field is one key of a section, as its tag describes it.
type field struct {
	name     string
	index    int
	doc      string
	min, max string
	one      []string
	later    []string // values of versions to come
	need     bool
	typ      reflect.Type
}

// schema is what a section may hold.
type schema struct {
	fields []field
	later  []string // keys of versions to come
}

// schemaOf reads the tags of a section's type.
func schemaOf(t reflect.Type) schema {
	var s schema
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Name == "_" {
			s.later = strings.Fields(f.Tag.Get("later"))
			continue
		}
		name := f.Tag.Get("yaml")
		if name == "" {
			continue
		}
		typ := f.Type
		if typ.Kind() == reflect.Pointer && isSection(typ.Elem()) {
			typ = typ.Elem() // a section that may be absent
		}
		s.fields = append(s.fields, field{
			name: name, index: i, typ: typ,
			doc: f.Tag.Get("doc"), min: f.Tag.Get("min"), max: f.Tag.Get("max"), need: f.Tag.Get("need") != "",
			one: strings.Fields(f.Tag.Get("one")), later: strings.Fields(f.Tag.Get("later")),
		})
	}
	return s
}

// find returns the field of a key.
func (s *schema) find(name string) (field, bool) {
	for _, f := range s.fields {
		if f.name == name {
			return f, true
		}
	}
	return field{}, false
}

// names lists the keys.
func (s *schema) names() []string {
	names := make([]string, len(s.fields))
	for i, f := range s.fields {
		names[i] = f.name
	}
	return names
}

// elsewhere returns the path of the one key below t that is called name, or "".
// Lists are not entered: their keys make no sense outside of an item.
func elsewhere(t reflect.Type, name, path string) string {
	for _, f := range schemaOf(t).fields {
		at := join(path, f.name)
		if f.name == name {
			return at
		}
		if isSection(f.typ) {
			if found := elsewhere(f.typ, name, at); found != "" {
				return found
			}
		}
	}
	return ""
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// isSection reports whether t is decoded key by key.
func isSection(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && !isText(t)
}

// isText reports whether t reads its own text.
func isText(t reflect.Type) bool { return reflect.PointerTo(t).Implements(textType) }
