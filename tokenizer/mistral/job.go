package mistral

import (
	"strings"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
	"github.com/tidwall/gjson"
)

// job is what an answer says of a batch.
type job struct {
	status, endpoint string
	file             string // of its results
	model            string // that its results tell
	succeeded        string // how many requests did, as written; empty: not said
	results          tokenizer.Usage
}

// value takes a value of a batch.
func (j *job) value(as role, raw []byte) {
	switch as {
	case statusRole:
		jsonscan.SetWord(&j.status, raw)
	case endpointRole:
		jsonscan.SetWord(&j.endpoint, raw)
	case fileRole:
		jsonscan.SetWord(&j.file, raw)
	case resultModelRole:
		jsonscan.SetWord(&j.model, raw)
	case succeededRole:
		j.succeeded = string(raw)
	case resultUsageRole:
		u := counts(gjson.ParseBytes(raw), tokenizer.Reported)
		add(&j.results, &u)
	case resultPagesRole:
		u := pages(gjson.ParseBytes(raw), tokenizer.Reported)
		add(&j.results, &u)
	default:
	}
}

// settle says what a batch used, or that it goes on. What it used stands in its
// results, where they were asked for with it; else they are a file of bytes that
// are not read, and the batch goes on until it expires. Of one that is over without
// a success nothing is billed. of is the batch that was asked after; empty: it is
// new.
func (j *job) settle(r *tokenizer.Reading, of string) (u tokenizer.Usage) {
	r.Tier, r.Finish = batch, j.status
	id := of
	if id == "" {
		id = r.ResponseID
	}
	switch j.status {
	case "SUCCESS", "FAILED", "TIMEOUT_EXCEEDED", "CANCELLED":
		if j.results.Known() {
			if r.Model == "" {
				r.Model = j.model
			}
			u = j.results
			if strings.HasSuffix(j.endpoint, "/transcriptions") {
				waiveTokens(&u)
			}
		} else if j.succeeded != "0" {
			r.Deferred = tokenizer.Deferred{ID: id, Alias: j.file}
		}
	case "":
	default:
		r.Deferred = tokenizer.Deferred{ID: id}
	}
	return u
}
