package openai

import "github.com/farebox/farebox/tokenizer"

// tools counts the calls of hosted tools that are billed one by one: each search of
// the web (opening a page that was found is none), each of files.
// https://platform.openai.com/docs/pricing
type tools struct{ web, files int64 }

func (t *tools) count(as role, raw []byte) {
	switch string(raw) {
	case `"web_search_call"`:
		t.web++
	case `"file_search_call"`:
		t.files++
	case `"open_page"`, `"find_in_page"`, `"find"`:
		if as == actionRole && t.web > 0 {
			t.web--
		}
	}
}

func (t *tools) set(u *tokenizer.Usage) {
	if t.web > 0 {
		u.Set(tokenizer.WebSearch, t.web, tokenizer.Reported)
	}
	if t.files > 0 {
		u.Set(tokenizer.FileSearch, t.files, tokenizer.Reported)
	}
}

// putOff says that a response goes on in the background, or still does.
func (m *meter) putOff(r *tokenizer.Reading) {
	switch {
	case !m.going || len(r.Usage) > 0:
	case m.of != "":
		r.Deferred.ID = m.of
	case m.background:
		r.Deferred.ID = r.ResponseID
	}
}
