package config

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
)

var textType = reflect.TypeFor[encoding.TextUnmarshaler]()

// open is a section that has keys beside its fields.
type open interface {
	// member takes a key that is no field, and notes what is wrong with its value.
	// It returns false for a key that it does not know either.
	member(d *decoder, path string, m member) bool
	// others names such keys, for suggestions.
	others() []string
}

// listed is a section that may be written as a list of items in its place. Items
// returns a pointer to them.
type listed interface{ items() any }

// section decodes n into the struct that into points to.
func (d *decoder) section(into any, n *node, path string) {
	d.structure(reflect.ValueOf(into).Elem(), n, path)
}

func (d *decoder) structure(v reflect.Value, n *node, path string) {
	if n.kind != mapping {
		e := &Error{Message: "is " + n.kind.String(), Hint: "it must be a section of keys"}
		if _, ok := v.Addr().Interface().(listed); ok {
			e.Hint += ", or a list"
		} else if s := schemaOf(v.Type()); len(s.fields) > 0 && len(s.fields) <= maxChoices {
			e.Hint += ", which can be " + orList(s.names())
		}
		d.addValue(n, path, e)
		return
	}
	s := schemaOf(v.Type())
	strange := false // a key that is not understood may be the one that is needed
	for _, m := range n.members {
		at := join(path, m.key)
		f, known := s.find(m.key)
		switch {
		case known:
			d.value(v.Field(f.index), m.value, f, at)
		case slices.Contains(s.later, m.key):
			strange = true
			d.add(m.place, at, &Error{Message: "this version does not have `" + at + "` yet", Hint: "remove it"})
		default:
			o, ok := v.Addr().Interface().(open)
			if !ok || !o.member(d, path, m) {
				strange = true
				d.unknown(m, path, v)
			}
		}
	}
	for _, f := range s.fields {
		if f.need && !strange && !slices.ContainsFunc(n.members, func(m member) bool { return m.key == f.name }) {
			d.addValue(n, path, &Error{Message: "has no `" + f.name + "`"})
		}
	}
}

// unknown notes a key that nothing knows.
func (d *decoder) unknown(m member, path string, v reflect.Value) {
	if len(d.errs) >= maxErrors { // it will hardly be shown: spare the search
		d.add(m.place, join(path, clip(m.key)), &Error{Message: "unknown key `" + clip(m.key) + "`"})
		return
	}
	s := schemaOf(v.Type())
	words := append(s.names(), s.later...)
	if o, ok := v.Addr().Interface().(open); ok {
		words = append(words, o.others()...)
	}
	e := &Error{Message: "unknown key `" + clip(m.key) + "`"}
	if path != "" {
		e.Message += " in `" + path + "`"
	}
	if w := nearest(m.key, words); w != "" {
		e.Hint = "did you mean `" + w + "`?"
	} else if at := elsewhere(reflect.TypeFor[Config](), m.key, ""); at != "" {
		e.Hint = "did you mean `" + at + "`?"
	} else {
		e.Hint = didYouMean(m.key, words)
	}
	d.add(m.place, join(path, clip(m.key)), e)
}

// value decodes n into v, one key or one item of a list.
func (d *decoder) value(v reflect.Value, n *node, f field, path string) {
	if d.nodes == nil {
		d.nodes = make(map[string]*node)
	}
	d.nodes[path] = n
	if n.kind == empty {
		e := &Error{Message: "has no value", Hint: "write one, or remove the key"}
		if v.Kind() == reflect.Slice {
			e.Hint = "write [] for none, or remove the key"
		}
		d.addValue(n, path, e)
		return
	}
	switch {
	case v.Kind() == reflect.Slice:
		d.list(v, n, f, path)
	case isSection(v.Type()):
		if l, ok := v.Addr().Interface().(listed); ok && n.kind == list {
			d.list(reflect.ValueOf(l.items()).Elem(), n, f, path)
			return
		}
		d.structure(v, n, path)
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(v.Elem(), n, f, path)
	default:
		if e := d.scalar(v, n, f); e != nil {
			d.addValue(n, path, e)
		}
	}
}

func (d *decoder) list(v reflect.Value, n *node, f field, path string) {
	if n.kind != list {
		d.addValue(n, path, &Error{Message: "is " + n.kind.String(), Hint: "it must be a list"})
		return
	}
	if most, err := strconv.Atoi(f.max); err == nil && len(n.items) > most {
		d.addValue(n, path, &Error{Message: fmt.Sprintf("has %d items", len(n.items)), Hint: "at most " + f.max + " are possible"})
		return
	}
	f.max, f.min, f.need = "", "", false
	items := reflect.MakeSlice(v.Type(), len(n.items), len(n.items))
	for i, item := range n.items {
		d.value(items.Index(i), item, f, path+"["+strconv.Itoa(i)+"]")
	}
	v.Set(items)
}

// scalar decodes one word into v and says what is wrong with it.
func (d *decoder) scalar(v reflect.Value, n *node, f field) *Error {
	if n.kind == mapping && len(n.members) > 0 && slices.Contains(f.later, n.members[0].key) {
		return notYet("`"+n.members[0].key+"`", "it can be "+orList(f.one))
	}
	if n.kind == list || n.kind == mapping {
		return &Error{Message: "is " + n.kind.String(), Hint: "it must be one value"}
	}
	switch v.Kind() {
	case reflect.Bool:
		if n.kind != truth {
			return &Error{Message: fmt.Sprintf("is %q", clip(n.text)), Hint: "write true or false"}
		}
		v.SetBool(n.text == "true")
		return nil
	case reflect.Int:
		return intoInt(v, n, f)
	}
	if n.kind == truth {
		return &Error{Message: "is " + n.text, Hint: "a word that looks like true or false must be in quotes"}
	}
	if t, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return intoText(v, t, n.text, f)
	}
	return intoWord(v, n.text, f)
}

func intoInt(v reflect.Value, n *node, f field) *Error {
	i, err := strconv.Atoi(n.text)
	if n.kind != number || err != nil {
		return &Error{Message: fmt.Sprintf("is %q", clip(n.text)), Hint: "write a whole number in digits"}
	}
	v.SetInt(int64(i))
	return outside(v, n.text, f)
}

func intoText(v reflect.Value, t encoding.TextUnmarshaler, given string, f field) *Error {
	if err := t.UnmarshalText([]byte(given)); err != nil {
		var e *Error
		if errors.As(err, &e) {
			return e
		}
		return &Error{Message: err.Error()}
	}
	return outside(v, given, f)
}

func intoWord(v reflect.Value, given string, f field) *Error {
	switch {
	case given == "":
		return &Error{Message: "is empty", Hint: "write a value, or remove the key"}
	case slices.Contains(f.later, given):
		return notYet("`"+given+"`", "it can be "+orList(f.one))
	case len(f.one) > 0 && !slices.Contains(f.one, given):
		return &Error{Message: fmt.Sprintf("is %q", clip(given)), Hint: didYouMean(given, f.one)}
	}
	if most, err := strconv.Atoi(f.max); err == nil && len(given) > most {
		return &Error{Message: "is longer than " + f.max + " bytes"}
	}
	v.SetString(given)
	return nil
}

// outside compares an integer with its range.
func outside(v reflect.Value, given string, f field) *Error {
	if !v.CanInt() {
		return nil
	}
	if f.min != "" && v.Int() < bound(v.Type(), f.min) {
		return &Error{Message: "is " + given, Hint: "the least is " + f.min}
	}
	if f.max != "" && v.Int() > bound(v.Type(), f.max) {
		return &Error{Message: "is " + given, Hint: "the most is " + f.max}
	}
	return nil
}

// bound reads a bound of a tag in the type of its key. A test reads every tag,
// so that none is unreadable.
func bound(t reflect.Type, tag string) int64 {
	v := reflect.New(t)
	if u, ok := v.Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(tag)); err != nil {
			return 0
		}
		return v.Elem().Int()
	}
	n, err := strconv.ParseInt(tag, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
