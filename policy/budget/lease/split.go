package lease

import "github.com/farebox/farebox/policy/budget"

// parted are the accounts of a hold that are counted in a share, and those that are
// not, with their places in the hold; places are nil where all are in the share.
type parted struct {
	shared, alone     []budget.Account
	sharedAt, aloneAt []int
}

func part(accounts []budget.Account) (p parted) {
	first := 0
	for first < len(accounts) && ofShare(&accounts[first]) {
		first++
	}
	if first == len(accounts) {
		return parted{shared: accounts}
	}
	for i := range accounts {
		if ofShare(&accounts[i]) {
			p.shared, p.sharedAt = append(p.shared, accounts[i]), append(p.sharedAt, i)
		} else {
			p.alone, p.aloneAt = append(p.alone, accounts[i]), append(p.aloneAt, i)
		}
	}
	return p
}

// at is the place in a hold of an account; places nil: it is the same.
func at(places []int, i int) int {
	if places == nil || i < 0 {
		return i
	}
	return places[i]
}

// places is what is kept of p with a call: nil where all are in the share.
func (p *parted) places() *parted {
	if p.alone == nil {
		return nil
	}
	return &parted{sharedAt: p.sharedAt, aloneAt: p.aloneAt}
}
