package budget

import "slices"

// MaxLive bounds the accounts of one rule in one window, in memory: values of Per
// may be what callers make up. What comes after shares one account, Others, with
// the limit of the rule, so that nobody passes without one. Those that are there go
// on, and values that the rule names have an account in any case.
const MaxLive = 100_000

// Others is what the account is of that values beyond MaxLive share.
const Others = "(others)"

// group names the accounts that p is counted among.
func (p place) group() place {
	p.of = ""
	return p
}

// find is where a is kept, and what is known of it; nil: nothing is.
func (m *Memory) find(a *Account) (place, *count) {
	key := placeOf(a)
	c := m.accounts[key]
	if c == nil && a.Of != "" && a.Of != Others && !a.Named && m.live[key.group()] >= m.most {
		key.of = Others
		c = m.accounts[key]
	}
	return key, c
}

// count is what is known of an account, or of Others in its place, and what that is
// of. A new one has spent nothing.
func (m *Memory) count(a *Account) (c *count, of string, made bool) {
	key, c := m.find(a)
	if made = c == nil; made {
		c = &count{}
		if a.Rolling > 0 {
			c.parts = newParts(a.Rolling)
		}
		m.accounts[key] = c
		if key.of != "" {
			m.live[key.group()]++
		}
	}
	if key.of != a.Of {
		m.shared.Add(1)
	}
	c.end, c.limit = a.End, a.Limit
	return c, key.of, made
}

// forget drops an account.
func (m *Memory) forget(key place) {
	delete(m.accounts, key)
	if key.of == "" {
		return
	}
	group := key.group()
	if m.live[group]--; m.live[group] <= 0 {
		delete(m.live, group)
	}
}

// unmake forgets the accounts that a hold made which was not taken.
func (m *Memory) unmake(t *taking) {
	for i := range t.from {
		if t.from[i].made {
			m.forget(placeOf(&t.Accounts[i]))
		}
	}
}

// tidy forgets accounts of a hold that nobody spent of, as when its call was turned
// away.
func (m *Memory) tidy(t *taking) {
	for i := range t.from {
		c := t.from[i].count
		if key := placeOf(&t.Accounts[i]); m.accounts[key] == c && c.blank() {
			m.forget(key)
		}
	}
}

// blank reports whether nothing is held and nothing was spent.
func (c *count) blank() bool {
	return c.holds == 0 && c.held == 0 && c.spent == 0 && c.full == 0 && (c.parts == nil || c.parts.spent == [partsOf + 1]int64{})
}

// own has account i be of what it is kept as.
func (t *taking) own(i int, of string) {
	if t.Accounts[i].Of == of {
		return
	}
	if !t.copied {
		t.Accounts, t.copied = slices.Clone(t.Accounts), true
	}
	t.Accounts[i].Of = of
}

// Shared is how often something was taken or spent of Others, for want of an account.
func (m *Memory) Shared() int64 { return m.shared.Load() }
