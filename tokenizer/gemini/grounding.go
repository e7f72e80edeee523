package gemini

import (
	"strings"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/cells"
	"github.com/tidwall/gjson"
)

// grounding counts what hosted searches are paid by. Models before Gemini 3 are
// paid for by prompt that a search served, later ones by query, where the same
// query counts once and an empty one not at all. Pages that a prompt names and
// that are read are paid by their tokens, and are no searches.
// https://ai.google.dev/gemini-api/docs/google-search
type grounding struct {
	prompts   int64 // requests that a search served: one, but in a batch
	queries   int64
	web, maps bool       // that there are sources of that kind
	seen      [64]uint64 // hashes of the queries so far; further ones are not compared
	each      bool       // what comes belongs to a request of its own
}

// search takes the list of what was searched for.
func (g *grounding) search(raw []byte) {
	var queries int64
	gjson.ParseBytes(raw).ForEach(func(_, query gjson.Result) bool {
		if query.Str != "" && (g.each || g.isNew(query.Str)) {
			g.queries++
			queries++
		}
		return true
	})
	if queries > 0 && (g.each || g.prompts == 0) {
		g.prompts++
	}
}

// step counts a call of the search by an interaction, which may hold several
// queries.
func (g *grounding) step() { g.queries, g.prompts = g.queries+1, 1 }

// isNew reports whether a query was not seen before, and remembers it.
func (g *grounding) isNew(query string) bool {
	hash := uint64(14695981039346656037) // FNV-1a
	for i := range len(query) {
		hash = (hash ^ uint64(query[i])) * 1099511628211
	}
	known := min(g.queries, int64(len(g.seen)))
	for _, h := range g.seen[:known] {
		if h == hash {
			return false
		}
	}
	if known < int64(len(g.seen)) {
		g.seen[known] = hash
	}
	return true
}

// set tells u what is to be paid for. Where all sources are places on the map, it
// was the map that was searched. Of look-ups beside a search an answer tells only
// that there were some: they count as one.
func (g *grounding) set(u *tokenizer.Usage, model string) {
	n := g.prompts
	if paidByQuery(model) {
		n = g.queries
	}
	switch {
	case g.maps && !g.web:
		u.Set(tokenizer.Maps, max(n, 1), tokenizer.Reported)
		return
	case g.maps:
		u.Set(tokenizer.Maps, 1, tokenizer.Reported)
	}
	if n > 0 {
		u.Set(tokenizer.WebSearch, n, tokenizer.Reported)
	}
}

// setTools is set by the counts that the usage of an interaction gives, and says
// whether there are any.
func (g *grounding) setTools(u *tokenizer.Usage, usage gjson.Result, model string) bool {
	list := usage.Get("grounding_tool_count")
	list.ForEach(func(_, tool gjson.Result) bool {
		n := cells.First(tool, "count")
		if !paidByQuery(model) {
			n.Count = min(n.Count, 1)
		}
		switch tool.Get("type").Str {
		case "google_search":
			cells.Set(u, tokenizer.Reported, n.As(tokenizer.WebSearch))
		case "google_maps":
			cells.Set(u, tokenizer.Reported, n.As(tokenizer.Maps))
		}
		return true
	})
	return list.IsArray()
}

// paidByQuery reports whether searches of a model are paid for one by one. A name
// that tells no generation is a later one's: such names follow the newest model.
func paidByQuery(model string) bool {
	generation := strings.TrimPrefix(model, "gemini-")
	return len(generation) == 0 || generation[0] != '1' && generation[0] != '2' || len(generation) > 1 && generation[1] >= '0' && generation[1] <= '9'
}

// paidByToken reports whether text to embed is: by the models of the Gemini
// family. https://cloud.google.com/vertex-ai/generative-ai/pricing
func paidByToken(model string) bool { return strings.HasPrefix(model, "gemini-") }
