package mistral

import (
	"strings"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

// job is what an answer says of a batch.
type job struct {
	status, endpoint string
	file             string // of its results
	succeeded        string // how many requests did, as written; empty: not said
	results          sums
	lost             int // of them could not be added
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
	case succeededRole:
		j.succeeded = string(raw)
	default:
		if j.results.value(as, raw); as == resultUsageRole {
			j.lost += j.results.add() // one model serves all requests of a batch
		}
	}
}

// settle says what a batch used, or that it goes on. What it used stands in its
// results, where they were asked for with it, else in a file of them. Of one that is
// over without a success nothing is billed. of is the batch that was asked after;
// empty: it is new.
func (j *job) settle(r *tokenizer.Reading, of string) {
	r.Tier, r.Finish = batch, j.status
	id := of
	if id == "" {
		id = r.ResponseID
	}
	switch j.status {
	case "SUCCESS", "FAILED", "TIMEOUT_EXCEEDED", "CANCELLED":
		j.results.sound = j.results.sound || strings.HasSuffix(j.endpoint, "/transcriptions")
		if r.Model == "" {
			r.Model = j.results.model
		}
		j.results.model = r.Model
		r.Unreadable += j.lost
		if r.Usage = j.results.used(); len(r.Usage) == 0 && j.succeeded != "0" {
			r.Deferred = tokenizer.Deferred{ID: id, Alias: j.file}
		}
	case "":
		r.Deferred = tokenizer.Deferred{ID: of}
	default:
		r.Deferred = tokenizer.Deferred{ID: id, Alias: j.file}
	}
}
