package config

import (
	_ "embed"
	"encoding"
	"fmt"
	"reflect"
	"strings"
)

// Example is a configuration that uses most keys, shown in docs/config.md.
//
//go:embed example.yaml
var Example string

const preface = "# Configuration\n\n" +
	"Farebox reads one YAML file. It is strict: an unknown key, a key given twice, a key without a value or a feature that this version does not\n" +
	"have is an error with line and column, and nothing is started or changed. An empty file is valid and means the defaults below.\n\n" +
	"A list that is given replaces the default list; attributes are replaced one by one, and an empty list removes one. A size is a whole number\n" +
	"with B, KiB, MiB, GiB or TiB (or kB, MB, GB, TB); a length of time is a number with ms, s, m or h; a date is a day, which begins at midnight\n" +
	"UTC, or a moment such as 2026-07-01T09:00:00Z. In a pattern, * stands for any characters. A value that\n" +
	"begins with * must be in quotes.\n\n" +
	"Prices are decimal text with at most six decimals, in USD where no currency is named, and of a million tokens or of whatever the meter counts:\n" +
	"40000 is 0.04 for an image, or for a search. In `prices.rates` a price may have a whole divisor up to 1000000: 1500000/3600 is 1.50 for an hour,\n" +
	"counted in seconds. A row of `prices.rates` holds for the calls that meet all its conditions, and of two that hold the more specific is taken, as\n" +
	"docs/prices.md tells; two of which neither is, and that one call could meet, are an error.\n"

// Markdown returns docs/config.md, made from the tags of Config and from Default.
func Markdown() string {
	var b strings.Builder
	b.WriteString(preface)
	c := Default()
	b.WriteString("\n## Keys\n\n| key | value | default | meaning |\n|---|---|---|---|\n")
	rows(&b, reflect.ValueOf(c), "")
	b.WriteString("\n## Attributes by default\n\n| attribute | sources | one of | default |\n|---|---|---|---|\n")
	for _, a := range c.Attributes.List {
		r := a.rule()
		var sources []string
		for i := range r.Sources {
			sources = append(sources, r.Sources[i].String())
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", a.Name, code(sources), code(r.OneOf), code([]string{r.Default}))
	}
	b.WriteString(whoPays)
	b.WriteString("\n## An example\n\n```yaml\n" + Example + "```\n")
	b.WriteString("\n## Not in this version yet\n\nThese keys and values are refused with a message that says so.\n\n")
	notYetRows(&b, reflect.TypeFor[Config](), "")
	return b.String()
}

// rows writes a row for each key below v, which holds the defaults.
func rows(b *strings.Builder, v reflect.Value, path string) {
	for _, f := range schemaOf(v.Type()).fields {
		at, typ, def := join(path, f.name), f.typ, v.Field(f.index)
		isList := typ.Kind() == reflect.Slice
		if isList {
			typ = typ.Elem()
		}
		if isSection(typ) {
			fmt.Fprintf(b, "| **`%s`** | %s | %s | %s |\n", at, sectionWord(isList, f), emptyDefault(isList, path), f.doc)
			if isList {
				at += "[]"
			}
			if isList || def.Kind() == reflect.Pointer {
				def = reflect.Zero(typ)
			}
			rows(b, def, at)
			continue
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", at, valueWord(f), defaultWord(def, f, path), f.doc)
	}
	switch v.Interface().(type) {
	case Attributes:
		fmt.Fprintf(b, "| **`%s.NAME`** | list, at most 8 | see below | Sources of the attribute NAME, [a-z][a-z0-9_]*, in order: the first that gives a value wins. At most 16 attributes. |\n", path)
		rows(b, reflect.ValueOf(Source{}), path+".NAME[]")
	case Owners:
		fmt.Fprintf(b, "| **`%s[]`** | list in place of the section | | One team for a time. |\n", path)
		rows(b, reflect.ValueOf(Owner{}), path+"[]")
	case AccessExcept:
		termsRows(b, CallMatch{}, path)
	case Excepts:
		fmt.Fprintf(b, "| **`%s.VALUE`** | section | | The limit of that value of per, or of several values joined by a slash, such as research/llm. |\n", path)
		rows(b, reflect.ValueOf(Amounts{}), path+".VALUE")
	case Receivers:
		fmt.Fprintf(b, "| **`%s.NAME`** | section | | The receiver NAME, [a-z0-9][a-z0-9._-]*. At most 64. |\n", path)
		rows(b, reflect.ValueOf(Receiver{}), path+".NAME")
	case Deployments:
		fmt.Fprintf(b, "| `%s.NAME` | model | | The model behind the name NAME, in upper or lower case. |\n", path)
	case CallMatch, ContractRates:
		termsRows(b, v.Interface(), path)
	case Rate:
		for _, meter := range meters() {
			fmt.Fprintf(b, "| `%s.%s` | price of a million | | Price of %s. |\n", path, meter, strings.ReplaceAll(meter, "_", " "))
		}
	}
}

func sectionWord(isList bool, f field) string {
	switch {
	case isList:
		return "list, at most " + f.max
	case f.need:
		return "section, needed"
	case f.max != "":
		return "section, or list of at most " + f.max
	}
	return "section"
}

func emptyDefault(isList bool, path string) string {
	if isList && !strings.Contains(path, "[") {
		return "`[]`"
	}
	return ""
}

var typeNames = map[string]string{
	"Size": "size", "Duration": "length of time", "Date": "date", "Address": "address", "File": "file", "LedgerStore": "store", "StateStore": "store", "Glob": "pattern",
	"Percent": "percentage", "FXRate": "decimal text", "UnitPrice": "decimal text", "Currency": "currency", "Unit": "unit", "Tokens": "number of tokens", "Times": "number", "Hours": "hours", "Days": "days", "Clock": "time of day", "PriceBound": "price of a million",
}

// valueWord says what a key takes.
func valueWord(f field) string {
	typ, word := f.typ, ""
	switch {
	case len(f.one) > 0 && typ.Kind() == reflect.Slice:
		return "list of `" + strings.Join(f.one, "`, `") + "`"
	case len(f.one) > 0:
		word = "`" + strings.Join(f.one, "`, `") + "`"
	case typeNames[typ.Name()] != "":
		word = typeNames[typ.Name()]
	case typ.Kind() == reflect.Bool, typ.Kind() == reflect.Pointer:
		word = "`true`, `false`"
	case typ.Kind() == reflect.Int:
		word = "number"
	case typ.Kind() == reflect.Slice:
		if typ.Elem().Kind() == reflect.Int {
			return "list of numbers, at most " + f.max
		}
		return "list of texts, at most " + f.max
	default:
		word = "text"
		if f.max != "" {
			word += ", at most " + f.max + " bytes"
		}
		f.max = ""
	}
	switch {
	case f.min != "":
		word += ", " + f.min + " to " + f.max
	case f.max != "":
		word += ", at most " + f.max
	}
	if f.need {
		word += ", needed"
	}
	return word
}

// defaultWord prints a default; keys of list items have none but false.
func defaultWord(v reflect.Value, f field, path string) string {
	if f.need || v.Kind() == reflect.Pointer {
		return ""
	}
	if v.Kind() == reflect.Slice {
		if strings.Contains(path, "[") {
			return ""
		}
		if numbers, ok := v.Interface().([]int); ok && len(numbers) > 0 {
			return strings.ReplaceAll("`"+fmt.Sprint(numbers)+"`", " ", ", ")
		}
		words, ok := v.Interface().([]string)
		if !ok || len(words) == 0 {
			return "`[]`"
		}
		return "`[" + strings.Join(words, ", ") + "]`"
	}
	if n, ok := v.Interface().(Tokens); ok && n == 0 {
		return ""
	}
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		if text, err := m.MarshalText(); err == nil {
			return code([]string{string(text)})
		}
	}
	return code([]string{fmt.Sprint(v.Interface())})
}

// code writes words as code, nothing for an empty one.
func code(words []string) string {
	s := strings.Join(words, "`, `")
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

// notYetRows lists the keys and values of versions to come.
func notYetRows(b *strings.Builder, t reflect.Type, path string) {
	s := schemaOf(t)
	for _, k := range s.later {
		fmt.Fprintf(b, "- `%s`\n", join(path, k))
	}
	for _, f := range s.fields {
		at, typ := join(path, f.name), f.typ
		for _, word := range f.later {
			fmt.Fprintf(b, "- `%s: %s`\n", at, word)
		}
		if typ.Kind() == reflect.Slice {
			at, typ = at+"[]", typ.Elem()
		}
		if isSection(typ) {
			notYetRows(b, typ, at)
		}
	}
	switch t {
	case reflect.TypeFor[Attributes]():
		notYetRows(b, reflect.TypeFor[Source](), path+".NAME[]")
	case reflect.TypeFor[Ledger]():
		fmt.Fprintf(b, "- `%s.store: postgres://…`\n", path)
	}
}
