package cohere

import (
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/cells"
	"github.com/tidwall/gjson"
)

// counts reads a usage object, or the meta that holds one.
//
// Cohere tells three numbers: tokens, what the model read and wrote; cached_tokens,
// a part of the tokens read; and billed_units, what is billed, which leaves out the
// preamble that Cohere puts before a prompt and the marks around an answer. Tokens
// fill the classes, and what exceeds the billed units is waived: of the cached ones
// first, for the preamble is what is cached. Where only billed units are told, they
// are the tokens.
//
// Rerankers of other makers tell prompt_tokens, or total_tokens alone, as they bill
// by the token what they read and write nothing (Voyage, OpenRouter, Jina, vLLM).
// https://docs.cohere.com/docs/tokens-and-tokenizers
// https://docs.voyageai.com/reference/reranker-api
func counts(g gjson.Result, from tokenizer.Source) (u tokenizer.Usage) {
	in, out := cells.First(g, "tokens.input_tokens"), cells.First(g, "tokens.output_tokens")
	billedIn, billedOut := cells.First(g, "billed_units.input_tokens"), cells.First(g, "billed_units.output_tokens")
	if !in.Known {
		in = billedIn
	}
	if !in.Known {
		in = cells.First(g, "prompt_tokens", "total_tokens")
	}
	if !out.Known {
		out = billedOut
	}
	cells.Split(&u, from, in.As(tokenizer.Input), cells.First(g, "cached_tokens").As(tokenizer.CacheRead))
	cells.Set(&u, from, out.As(tokenizer.Output),
		cells.First(g, "billed_units.search_units").As(tokenizer.RerankUnits),
		cells.First(g, "billed_units.image_tokens").As(tokenizer.InputImage),
		cells.First(g, "billed_units.classifications").As(tokenizer.Requests))
	waive(&u, in, billedIn, tokenizer.CacheRead, tokenizer.Input)
	waive(&u, out, billedOut, tokenizer.Output)
	return u
}

// waive takes what was told beyond what is billed out of the bill, from one class
// after the other.
func waive(u *tokenizer.Usage, told, billed cells.Part, classes ...tokenizer.Class) {
	if !told.Known || !billed.Known {
		return
	}
	over := told.Count - billed.Count
	for _, c := range classes {
		n, _ := u.Count(c)
		n = min(n, over)
		u.Waive(c, n)
		over -= max(n, 0)
	}
}
