package tokenizer

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/farebox/farebox/tokenizer/jsonscan"
)

// Editor edits an object of a body: it goes once over the object, and copies
// nothing of it. It belongs to one goroutine.
type Editor struct {
	// ZeroIsNone says that a bound below 1 is none, as some servers have it: it is
	// lowered like one that is too great.
	ZeroIsNone bool

	body    []byte
	found   []member
	open    int  // the index after the object's brace
	members bool // it has some
	added   bool // it was given one
	valid   bool // it is an object
	shared  *[]Edit
}

// member is where a value stands in a body.
type member struct {
	name    string
	at, end int
}

// NewEditor is an Editor of the object that body is, which will be asked for
// these members. What is no object, or not well formed, has none and gets none.
func NewEditor(body []byte, names ...string) *Editor {
	return newEditor(body, 0, len(body), new([]Edit), names)
}

func newEditor(body []byte, at, end int, edits *[]Edit, names []string) *Editor {
	e := &Editor{body: body, shared: edits}
	w := jsonscan.Walk(body[at:end])
	e.open = at + w.At() + 1
	object := w.Kind() == '{'
	for key := range w.Members {
		e.members = true
		if i := slices.Index(names, string(key)); i >= 0 {
			m := member{name: names[i], at: at + w.At()}
			m.end = m.at + len(w.Raw())
			e.found = append(e.found, m)
		}
	}
	if e.valid = object && w.End() == nil; !e.valid {
		e.found = nil
	}
	return e
}

// Edits are all that were made, also of objects within, in their order.
func (e *Editor) Edits() []Edit {
	slices.SortStableFunc(*e.shared, func(a, b Edit) int { return cmp.Compare(a.At, b.At) })
	return *e.shared
}

// Raw is the last value of that name, which is the one that counts, as it stands;
// nil: there is none.
func (e *Editor) Raw(name string) []byte {
	if m := e.last(name); m != nil {
		return e.raw(m)
	}
	return nil
}

// last is the last member of that name, or nil.
func (e *Editor) last(name string) *member {
	for i := len(e.found) - 1; i >= 0; i-- {
		if e.found[i].name == name {
			return &e.found[i]
		}
	}
	return nil
}

func (e *Editor) raw(m *member) []byte { return e.body[m.at:m.end] }

// all calls f with each value of that name, and reports whether there is one that
// is not null.
func (e *Editor) all(name string, f func(m *member)) (any bool) {
	for i := range e.found {
		if m := &e.found[i]; m.name == name && string(e.raw(m)) != "null" {
			any = true
			f(m)
		}
	}
	return any
}

func (e *Editor) replace(m *member, put string) {
	*e.shared = append(*e.shared, Edit{At: m.at, Cut: m.end - m.at, Put: []byte(put)})
}

// insert puts text at an index of the body.
func (e *Editor) insert(at int, put string) {
	*e.shared = append(*e.shared, Edit{At: at, Put: []byte(put)})
}

// Set gives a member that is not there, or is null, a value.
func (e *Editor) Set(name, raw string) bool {
	if m := e.last(name); m != nil {
		e.replace(m, raw)
		return true
	}
	if !e.valid {
		return false
	}
	text := Quote(name) + ":" + raw
	switch {
	case e.members:
		text += ","
	case e.added:
		text = "," + text
	}
	e.insert(e.open, text)
	e.added = true
	return true
}

// Replace puts a raw value in place of what the last member of that name is.
func (e *Editor) Replace(name, raw string) {
	if m := e.last(name); m != nil {
		e.replace(m, raw)
	}
}

// SetText puts a text in place of what a member is, where it is there, and reports
// whether it is.
func (e *Editor) SetText(name, text string) bool {
	return e.all(name, func(m *member) { e.replace(m, Quote(text)) })
}

// Lower makes the number of a member at most most: of each of names that is there.
// Where none is, the first gets it.
func (e *Editor) Lower(most int64, names ...string) bool {
	return e.lowered(most, names) || e.Set(names[0], strconv.FormatInt(most, 10))
}

// LowerGiven is Lower of what is there alone, and reports whether anything is.
func (e *Editor) LowerGiven(most int64, names ...string) bool { return e.lowered(most, names) }

func (e *Editor) lowered(most int64, names []string) (any bool) {
	for _, name := range names {
		there := e.all(name, func(m *member) {
			if !e.within(e.raw(m), most) {
				e.replace(m, strconv.FormatInt(most, 10))
			}
		})
		any = any || there
	}
	return any
}

// within reports whether a raw number, or a text of one, is from 0 to most, or from
// 1 where 0 is none.
func (e *Editor) within(raw []byte, most int64) bool {
	if len(raw) > 2 && raw[0] == '"' {
		raw = raw[1 : len(raw)-1] // as protocol buffers may be written
	}
	n, err := strconv.ParseFloat(string(raw), 64)
	return err == nil && n >= 0 && n <= float64(most) && (n >= 1 || !e.ZeroIsNone)
}

// In is an Editor of the last object of that name, or nil where there is none:
// null is none.
func (e *Editor) In(name string, names ...string) *Editor {
	if m := e.last(name); m != nil && e.body[m.at] == '{' {
		inner := newEditor(e.body, m.at, m.end, e.shared, names)
		inner.ZeroIsNone = e.ZeroIsNone
		return inner
	}
	return nil
}

// LowerIn is Lower of a member of the object of one of some names: where none of
// them is there, the first is made. It is false where one is there that is no
// object.
func (e *Editor) LowerIn(objects []string, most int64, names ...string) bool {
	any := false
	for _, object := range objects {
		if inner := e.In(object, names...); inner != nil {
			any = inner.Lower(most, names...) || any
		} else if raw := e.Raw(object); raw != nil && string(raw) != "null" {
			return false
		}
	}
	return any || e.Set(objects[0], "{"+Quote(names[0])+":"+strconv.FormatInt(most, 10)+"}")
}

// Items calls f with an Editor of each object of the list of that name, which will be
// asked for these members, until f is false. It is true where f was of all; and of
// no list, or null. It is false of anything else, or where there are two lists.
func (e *Editor) Items(name string, names []string, f func(item *Editor) bool) bool {
	lists, ok := 0, true
	e.all(name, func(m *member) {
		lists++
		w := jsonscan.Walk(e.raw(m))
		ok = ok && w.Kind() == '['
		for range w.Elements {
			at := m.at + w.At()
			item := newEditor(e.body, at, at+len(w.Raw()), e.shared, names)
			if ok = ok && item.valid && f(item); !ok {
				return
			}
		}
	})
	return ok && lists <= 1
}

// Append adds text to the text of a member, behind an empty line; to a list of
// parts it adds the part, which is raw. Where the member is not there, it is set
// to absent, which is raw too. Anything else it leaves, and is false.
func (e *Editor) Append(name, text, part, absent string) bool {
	m := e.last(name)
	if m == nil || string(e.raw(m)) == "null" {
		return e.Set(name, absent)
	}
	switch raw := e.raw(m); {
	case raw[0] == '"':
		lead := `\n\n`
		if len(raw) == len(`""`) {
			lead = ""
		}
		quoted := Quote(text)
		e.insert(m.end-1, lead+quoted[1:len(quoted)-1])
	case raw[0] == '[' && part != "":
		e.push(m, part)
	default:
		return false
	}
	return true
}

// push adds a raw value at the end of a list.
func (e *Editor) push(m *member, value string) {
	if !isEmpty(e.raw(m)) {
		value = "," + value
	}
	e.insert(m.end-1, value)
}

// isEmpty reports whether a raw list has nothing in it.
func isEmpty(raw []byte) bool {
	w := jsonscan.Walk(raw)
	for range w.Elements {
		return false
	}
	return true
}

// AppendSystem adds a text to what the system says at the beginning of a list of
// messages: to the content of the first, where that has one of the roles, which
// are the system's, or as a message of its own before it, with the first of them.
// Parts of a content are of OpenAI's shape: {"type":"text","text":…}.
func (e *Editor) AppendSystem(name, text string, roles ...string) bool {
	m := e.last(name)
	if m == nil {
		return false
	}
	w := jsonscan.Walk(e.raw(m))
	for range w.Elements {
		at := m.at + w.At()
		first := newEditor(e.body, at, at+len(w.Raw()), e.shared, []string{"role", "content"})
		if slices.Contains(roles, jsonscan.Word(first.Raw("role"))) {
			return first.Append("content", text, TextPart(text), Quote(text))
		}
		e.insert(at, `{"role":`+Quote(roles[0])+`,"content":`+Quote(text)+`},`)
		return true
	}
	return false // no message: nothing is asked
}

// TextPart is a raw part of a content, of the shape that most providers share.
func TextPart(text string) string { return `{"type":"text","text":` + Quote(text) + `}` }

// Quote is text as JSON.
func Quote(text string) string {
	raw, err := json.Marshal(text)
	if err != nil { // strings always marshal
		return `""`
	}
	return string(raw)
}
