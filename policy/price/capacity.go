package price

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/farebox/farebox/policy/capacity"
)

// ImportLimits reads what models can read and give from the files that Import
// reads prices from. It keeps what a source states: what it does not state is not
// known. A model that stands there twice, for two regions, has the larger figures.
// Rows are sorted by provider and model.
func ImportLimits(format string, in io.Reader) ([]capacity.Row, error) {
	text, err := io.ReadAll(io.LimitReader(in, maxImport+1))
	if err == nil && len(text) > maxImport {
		err = fmt.Errorf("longer than %d bytes", maxImport)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s limits: %w", format, err)
	}
	all := make(bounds)
	switch format {
	case LiteLLM:
		err = all.litellm(text)
	case GenAI:
		err = all.genai(text)
	default:
		err = fmt.Errorf("no such format; there are %s and %s", LiteLLM, GenAI)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s limits: %w", format, err)
	}
	return all.sorted(), nil
}

// bounds are rows by provider and lower-case model.
type bounds map[[2]string]capacity.Row

func (all bounds) sorted() []capacity.Row {
	return slices.SortedFunc(maps.Values(all), func(a, b capacity.Row) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Model, b.Model))
	})
}

// add takes what is known of a model under the name that prices have for it.
func (all bounds) add(r *Row, window, output int64) {
	if window <= 0 && output <= 0 || r.Provider == "" {
		return
	}
	key := [2]string{strings.ToLower(r.Provider), strings.ToLower(strings.TrimSpace(r.Model))}
	row, ok := all[key]
	if !ok {
		row = capacity.Row{Provider: key[0], Model: strings.TrimSpace(r.Model), Resold: r.Resold, Source: r.Source}
	}
	row.Window, row.Output = max(row.Window, window), max(row.Output, output)
	row.Aliases = append(row.Aliases, r.Aliases...)
	slices.Sort(row.Aliases)
	row.Aliases = slices.Compact(row.Aliases)
	all[key] = row
}

// ranked are modes of models that give no text: what litellm calls their output
// is not counted.
var ranked = map[string]bool{"embedding": true, "rerank": true}

func (all bounds) litellm(text []byte) error {
	models, err := litellmModels(bytes.NewReader(text))
	if err != nil {
		return err
	}
	aliases := aliasesOf(models)
	for _, name := range slices.Sorted(maps.Keys(models)) {
		m := models[name]
		if m.text("litellm_provider") == "" {
			continue
		}
		r := litellmName(name, m)
		for _, alias := range aliases[name] {
			if a := litellmName(alias, m); a.Model != r.Model {
				r.Aliases = append(r.Aliases, a.Model)
			}
		}
		r.Source = LiteLLM
		output := m.tokens("max_output_tokens")
		if ranked[m.text("mode")] {
			output = 0
		}
		all.add(&r, m.tokens("max_input_tokens"), output)
	}
	return nil
}

// tokens is a whole number above 0 of at most capacity.MaxTokens, or 0: not known.
func (m litellmModel) tokens(key string) int64 {
	n := m.number(key)
	if n == nil || !n.IsInt() || !n.Num().IsInt64() || n.Sign() < 0 || n.Num().Int64() > capacity.MaxTokens {
		return 0
	}
	return n.Num().Int64()
}

func (all bounds) genai(text []byte) error {
	var providers []genaiProvider
	if err := json.Unmarshal(text, &providers); err != nil {
		return err
	}
	for _, p := range providers {
		for i := range p.Models {
			m := &p.Models[i]
			r := Row{Provider: genaiHost(p.ID, m.ID), Model: m.ID, Source: GenAI}
			if !(&importer{}).genaiNames(&r, m) {
				continue
			}
			r.Resold = !makers[r.Provider] || strings.Contains(r.Model, "/")
			if m.Window <= capacity.MaxTokens {
				all.add(&r, m.Window, 0)
			}
		}
	}
	return nil
}
