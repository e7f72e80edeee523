package extproc

import (
	"sync"
	"sync/atomic"
	"time"
)

// askRefusals remembers upstreams that refused to be asked for usage. It forgets
// after askAgainAfter: what an upstream refuses today it may take tomorrow, and a
// caller that provokes such an answer must not switch asking off for good.
type askRefusals struct {
	since sync.Map     // upstream → time.Time
	n     atomic.Int64 // entries, at most maxRefusals
}

const (
	askAgainAfter = 10 * time.Minute
	maxRefusals   = 1000
)

func (a *askRefusals) add(upstream string, now time.Time) {
	if a.n.Load() >= maxRefusals {
		return
	}
	if _, there := a.since.Swap(upstream, now); !there {
		a.n.Add(1)
	}
}

func (a *askRefusals) has(upstream string, now time.Time) bool {
	if a.n.Load() == 0 {
		return false
	}
	since, there := a.since.Load(upstream)
	if !there {
		return false
	}
	if at, ok := since.(time.Time); ok && now.Sub(at) < askAgainAfter {
		return true
	}
	if _, there := a.since.LoadAndDelete(upstream); there {
		a.n.Add(-1)
	}
	return false
}

// upstream is whom a refusal is remembered of.
func (st *stream) upstream() string { return st.way.provider + " " + st.request.Host }
