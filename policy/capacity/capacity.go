// Package capacity knows what models can read and give.
//
// Rows of limits come in, read from CSV; for a provider and the name of a model,
// what is known of it goes out: its context window, the longest answer, and the
// most that a picture counts, in tokens. What no source states is not known,
// which is not zero and not without limit. It refuses to know what a call asks,
// what tokens cost, and what follows when a limit is not known.
//
// A Table never changes after New and is safe for concurrent use; Find allocates
// nothing. Names are compared as those of prices are (see Find of policy/price).
package capacity

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/farebox/farebox/policy/names"
)

// Limit is what a model can take and give, in tokens. 0: not known.
type Limit struct {
	Window  int64 // that it can read
	Output  int64 // of one answer, thoughts too
	Picture int64 // that one picture is charged at most, which may be more than it takes of the window
}

// Or fills what l does not know from other.
func (l Limit) Or(other Limit) Limit {
	for _, f := range [...]struct {
		to   *int64
		from int64
	}{{&l.Window, other.Window}, {&l.Output, other.Output}, {&l.Picture, other.Picture}} {
		if *f.to == 0 {
			*f.to = f.from
		}
	}
	return l
}

// Row is the limits of one model of one provider.
type Row struct {
	Provider string // who hosts the model
	Model    string
	Aliases  []string
	// Resold says that the provider hosts another's model: the row never holds for a
	// call whose provider is not known.
	Resold bool
	Limit
	Source string // where the figures are from
}

// MaxRows bounds a Table, and MaxTokens each of its figures.
const (
	MaxRows   = 100_000
	MaxTokens = 1_000_000_000
)

// Table holds rows by their names. The nil one knows nothing.
type Table struct {
	rows        []Row
	names       map[string][]int32 // lower-case name to rows, those of that very name first
	deployments map[string]string  // lower-case name to lower-case model
}

// New makes a table. deployments tells what model stands behind a name that only
// its owner knows, as for prices; it may be nil. An error names the row at fault:
// two of one provider and name are one.
func New(rows []Row, deployments map[string]string) (*Table, error) {
	if len(rows) > MaxRows {
		return nil, fmt.Errorf("make a table of limits: more than %d rows", MaxRows)
	}
	t := &Table{rows: rows, names: make(map[string][]int32, len(rows)), deployments: make(map[string]string, len(deployments))}
	for name, model := range deployments {
		t.deployments[strings.ToLower(name)] = strings.ToLower(model)
	}
	for i := range rows {
		if err := rows[i].check(); err != nil {
			return nil, fmt.Errorf("check limits of %s/%s: %w", rows[i].Provider, rows[i].Model, err)
		}
		if err := t.add(rows[i].Model, i); err != nil {
			return nil, err
		}
	}
	for i := range rows {
		for _, alias := range rows[i].Aliases {
			if err := t.add(alias, i); err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

func (r *Row) check() error {
	if r.Provider == "" || r.Model == "" || len(r.Model) > names.MaxName {
		return fmt.Errorf("want a provider, and a model of 1 to %d bytes", names.MaxName)
	}
	for _, n := range [...]int64{r.Window, r.Output, r.Picture} {
		if n < 0 || n > MaxTokens {
			return fmt.Errorf("%d tokens, want 1 to %d, or nothing where it is not known", n, MaxTokens)
		}
	}
	return nil
}

func (t *Table) add(name string, row int) error {
	name = strings.ToLower(name)
	for _, other := range t.names[name] {
		if t.rows[other].Provider == t.rows[row].Provider {
			return fmt.Errorf("check limits of %s/%s: another row has the name %s", t.rows[row].Provider, t.rows[row].Model, name)
		}
	}
	t.names[name] = append(t.names[name], int32(row)) //nolint:gosec // at most MaxRows
	return nil
}

// bedrock names profiles of a region by it: "us.anthropic.claude-…". What the
// model can read and give is the same in each.
const bedrock = "bedrock"

// Find returns the row of a model, which the caller must not change. The whole
// name is tried first, then what follows each slash; then the model of which it is
// a dated snapshot; of a fine-tuned model ("ft:base:…") its base's; of a profile
// of Bedrock the model's. Without a provider only rows of those who host their own
// models count, and only where one provider alone has the name.
func (t *Table) Find(provider, model string) (*Row, bool) {
	if t == nil {
		return nil, false
	}
	var room, other [names.MaxName]byte
	name := names.Lower(room[:0], model)
	if real, ok := t.deployments[string(name)]; ok && len(real) <= len(other) {
		name = append(other[:0], real...)
	}
	r := t.search(provider, name)
	if r == nil && provider == bedrock {
		for part := name; part != nil && r == nil; part = names.AfterSlash(part) {
			if at := bytes.IndexByte(part, '.'); at >= 0 {
				r = t.search(provider, part[at+1:])
			}
		}
	}
	return r, r != nil
}

func (t *Table) search(provider string, name []byte) *Row {
	if base := tunedOf(name); base != nil {
		return t.named(provider, base)
	}
	for part := name; part != nil; part = names.AfterSlash(part) {
		if r := t.named(provider, part); r != nil {
			return r
		}
	}
	for part := name; part != nil; part = names.AfterSlash(part) {
		if stem := names.Family(part); stem != nil {
			if r := t.named(provider, stem); r != nil {
				return r
			}
		}
	}
	return nil
}

// tunedOf is "ft:base" of "ft:base:organisation:name:id", or nil.
func tunedOf(name []byte) []byte {
	if !bytes.HasPrefix(name, []byte("ft:")) {
		return nil
	}
	if at := bytes.IndexByte(name[3:], ':'); at > 0 {
		return name[:3+at]
	}
	return name
}

func (t *Table) named(provider string, name []byte) (found *Row) {
	for _, i := range t.names[string(name)] {
		r := &t.rows[i]
		switch {
		case provider != "" && r.Provider == provider:
			return r
		case provider != "" || r.Resold:
		case found != nil:
			return nil // of which of them, nobody says
		default:
			found = r
		}
	}
	return found
}
