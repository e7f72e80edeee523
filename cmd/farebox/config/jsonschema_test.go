package config

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
	schemakind "github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// schemaText is the schema as it is printed.
func schemaText(t *testing.T) []byte {
	t.Helper()
	text, err := JSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// compiled is the schema in a validator, which first holds it to the rules of
// its draft.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaText(t)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	const name = "config.schema.json"
	if err := c.AddResource(name, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestJSONSchema holds docs/config.schema.json to the code.
func TestJSONSchema(t *testing.T) {
	golden(t, "../../../docs/config.schema.json", string(schemaText(t)))
	compiled(t)
}

// TestExamplesFitTheSchema takes every configuration that a page shows.
func TestExamplesFitTheSchema(t *testing.T) {
	s := compiled(t)
	fence := regexp.MustCompile("(?ms)^ *```yaml\n(.*?)^ *```$")
	found := 0
	for _, page := range []string{"../../../README.md", "../../../docs/config.md", "../../../docs/rules.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range fence.FindAllSubmatch(text, -1) {
			found++
			var v any
			if err := yaml.Unmarshal(block[1], &v); err != nil {
				t.Fatalf("%s: %v in\n%s", page, err, block[1])
			}
			if err := s.Validate(v); err != nil {
				t.Errorf("%s: %v in\n%s", page, err, block[1])
			}
		}
	}
	if found < 3 {
		t.Errorf("only %d examples were found", found)
	}
}

// beyondSchema are the bad files that a schema takes, by what it cannot see.
var beyondSchema = map[string][]string{
	"YAML that others read": {"bad_anchor", "bad_directive", "bad_merge", "bad_stray", "bad_tag", "bad_two_documents"},
	"how values go together": {
		"bad_budgets_twice", "bad_ceiling", "bad_ceiling_unused", "bad_many_with_owners", "bad_owners", "bad_owners_both", "bad_owners_facts", "bad_owners_parents", "bad_rates_clash", "bad_rates_currency", "bad_require", "bad_state_database", "bad_state_leases", "bad_state_memory",
		"bad_terms_ambiguous", "bad_terms_together", "bad_too_many",
	},
	"a store that forgets": {"bad_memory_ledger"},
}

// TestFilesFitTheSchema holds the schema and Parse to the same files: a good file
// fits, a bad one does not unless what is bad about it is beyond a schema.
func TestFilesFitTheSchema(t *testing.T) {
	s := compiled(t)
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	var beyond []string
	for _, names := range beyondSchema {
		beyond = append(beyond, names...)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		err = yaml.Unmarshal(bytes.TrimPrefix(data, []byte("\ufeff")), &v)
		if err == nil {
			err = s.Validate(v)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		if good := strings.HasPrefix(name, "good_") || slices.Contains(beyond, name); good != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// structural are mistakes that a schema is to find where Parse finds them.
var structural = regexp.MustCompile("^unknown key|: is (a text|a list|a section|true|false)|^`[^`]*`: is \"[^\"]*\"; (it can be|did you mean|write true|write a whole)|has no `|yet(;|$)|is no (address|unit of size|date)")

func TestMistakesAreFoundWhereParseFindsThem(t *testing.T) {
	s := compiled(t)
	files, err := filepath.Glob("testdata/bad_*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		var bad *jsonschema.ValidationError
		if yaml.Unmarshal(data, &v) != nil || !errors.As(s.Validate(v), &bad) {
			continue
		}
		places := map[string]bool{}
		placesOf(bad, places)
		_, err = Parse("", data)
		var many interface{ Unwrap() []error }
		if !errors.As(err, &many) {
			continue // not read so far
		}
		for _, one := range many.Unwrap() {
			var e *Error
			if !errors.As(one, &e) || !structural.MatchString(e.Message+"; "+e.Hint) {
				continue
			}
			found++
			// A misspelt key that could be an attribute is wrong in its first item.
			if !places[e.Key] && !places[e.Key+"[0]"] {
				t.Errorf("%s: %v, but the schema finds only %v", file, e, places)
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d mistakes were compared", found)
	}
}

// placesOf collects the keys that an error of the validator is about.
func placesOf(e *jsonschema.ValidationError, into map[string]bool) {
	path := ""
	for _, step := range e.InstanceLocation {
		if _, err := strconv.Atoi(step); err == nil {
			path += "[" + step + "]"
		} else {
			path = join(path, step)
		}
	}
	into[path] = true
	switch k := e.ErrorKind.(type) {
	case *schemakind.AdditionalProperties:
		for _, name := range k.Properties {
			into[join(path, name)] = true
		}
	case *schemakind.PropertyNames:
		into[join(path, k.Property)] = true
	}
	for _, cause := range e.Causes {
		placesOf(cause, into)
	}
}

// TestNoSectionIsOpen: a section that takes keys beside its fields says which.
func TestNoSectionIsOpen(t *testing.T) {
	sections := 0
	var walk func(s *jsonSchema, path string)
	walk = func(s *jsonSchema, path string) {
		if s == nil {
			return
		}
		if s.Properties != nil && s.Description != "" {
			sections++
			if s.Additional == nil {
				t.Errorf("%s takes every key", path)
			}
		}
		for name, p := range s.Properties {
			walk(p, join(path, name))
		}
		walk(s.Items, path+"[]")
		for _, p := range s.AnyOf {
			walk(p, path)
		}
		if more, ok := s.Additional.(*jsonSchema); ok {
			walk(more, path+".NAME")
		}
	}
	walk(sectionSchema(reflect.ValueOf(Default()), ""), "")
	if sections < 15 {
		t.Errorf("only %d sections were seen", sections)
	}
}
