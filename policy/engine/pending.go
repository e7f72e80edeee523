package engine

import (
	"slices"
	"sync"
	"time"

	"github.com/farebox/farebox/policy"
)

// maxPending bounds the names of work that is put off.
const maxPending = 100_000

// pending is the work that goes on at providers. Accounts of one provider may give
// works the same name: they are told apart by the keys of who asks. It is safe for
// concurrent use.
type pending struct {
	mu    sync.Mutex // guards the map; held for a look-up or a change
	works map[workKey][]*policy.Deferral
}

// workKey is work by the name that its provider gave it.
type workKey struct{ provider, id string }

func (p *pending) init() { p.works = map[workKey][]*policy.Deferral{} }

// put keeps d under its names, in place of what was known of its call; false: there
// are too many.
func (p *pending) put(d *policy.Deferral) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	provider := d.Ticket.Provider
	if len(p.works[workKey{provider, d.ID}]) == 0 && len(p.works) >= maxPending {
		return false
	}
	p.add(workKey{provider, d.ID}, d)
	if d.Alias != "" {
		p.add(workKey{provider, d.Alias}, d)
	}
	return true
}

func (p *pending) add(key workKey, d *policy.Deferral) {
	if i := slices.IndexFunc(p.works[key], sameCall(d)); i >= 0 {
		p.works[key][i] = d
		return
	}
	p.works[key] = append(p.works[key], d)
}

// sameCall finds what is known of the call of d.
func sameCall(d *policy.Deferral) func(*policy.Deferral) bool {
	return func(there *policy.Deferral) bool { return there.Ticket.ID == d.Ticket.ID }
}

// begunBy is the other call that began this very work: a provider gives one name to
// one work of an account.
func (p *pending) begunBy(d *policy.Deferral) (first policy.CallID, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, there := range p.works[workKey{d.Ticket.Provider, d.ID}] {
		if there.Ticket.KeyHash == d.Ticket.KeyHash && there.Ticket.ID != d.Ticket.ID {
			return there.Ticket.ID, true
		}
	}
	return first, false
}

// find returns a copy of what is known under a name: of who asks with the same key, or
// what is known longest.
func (p *pending) find(key workKey, keyHash string) (d policy.Deferral, found bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.works[key]
	if len(all) == 0 {
		return d, false
	}
	if i := slices.IndexFunc(all, func(d *policy.Deferral) bool { return d.Ticket.KeyHash == keyHash }); i >= 0 {
		return *all[i], true
	}
	return *all[0], true
}

// knows reports whether work is waited for under a name.
func (p *pending) knows(key workKey) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.works[key]) > 0
}

// take removes d; false: somebody else did.
func (p *pending) take(d *policy.Deferral) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	provider := d.Ticket.Provider
	all := p.works[workKey{provider, d.ID}]
	i := slices.IndexFunc(all, sameCall(d))
	if i < 0 {
		return false
	}
	for _, id := range []string{all[i].Alias, d.ID} {
		key := workKey{provider, id}
		if p.works[key] = slices.DeleteFunc(p.works[key], sameCall(d)); len(p.works[key]) == 0 {
			delete(p.works, key)
		}
	}
	return true
}

// due returns what has expired.
func (p *pending) due(now time.Time) (over []policy.Deferral) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, all := range p.works {
		for _, d := range all {
			if key.id == d.ID && !d.Expires.After(now) {
				over = append(over, *d)
			}
		}
	}
	return over
}

// count is how many works go on.
func (p *pending) count() (n float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, all := range p.works {
		for _, d := range all {
			if key.id == d.ID {
				n++
			}
		}
	}
	return n
}
