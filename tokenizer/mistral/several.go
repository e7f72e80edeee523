package mistral

import (
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

// Bounds of what a batch may make us believe.
const (
	maxRequests = 1 << 20 // the API takes a million
	maxBound    = 1 << 32 // tokens of output that one request allows
)

// several is the requests of a new batch, where they come with it and not in a
// file: their texts are added up, and each is one answer. Their bound is the mean,
// so that all may generate as much as they allow together; one without a bound
// leaves all without.
type several struct {
	dialect   *Dialect
	operation string // of each
	n, most   int64
	unbounded bool
	model     string
	shares    tokenizer.Shares
}

// read reads a list of requests.
func (s *several) read(w *jsonscan.Walker) {
	for range w.Elements {
		for key := range w.Members {
			if string(key) == "body" && s.n < maxRequests && s.operation != "" && s.operation != batch {
				s.one(w.Raw())
			}
		}
	}
}

// one adds one request. One that cannot be read is left for the provider to refuse.
func (s *several) one(body []byte) {
	call, err := s.dialect.Read(s.operation, "", tokenizer.NoHead{}, body)
	if err != nil {
		return
	}
	s.n++
	s.most += min(call.MaxOutput, maxBound)
	s.unbounded = s.unbounded || call.MaxOutput == 0
	if s.model == "" {
		s.model = call.Model
	}
	s.shares.System += call.Shares.System
	s.shares.History += call.Shares.History
	s.shares.Last += call.Shares.Last
	s.shares.Tools += call.Shares.Tools
	s.shares.Media += call.Shares.Media
}

func (s *several) fill(call *tokenizer.Call) {
	if s.n == 0 {
		return
	}
	call.Shares, call.Choices = s.shares, int(s.n)
	if !s.unbounded {
		call.MaxOutput = (s.most + s.n - 1) / s.n
	}
	if call.Model == "" {
		call.Model = s.model
	}
}
