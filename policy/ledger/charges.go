package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/money"
)

// Charge is a cost that no call tells: a subscription, provisioned throughput, a
// fee, the correction of an invoice. It is contracted and charged alike.
type Charge struct {
	Number int64      `json:"-"`            // from 1, in the order in which they were booked; the store gives it
	ID     string     `json:"id"`           // by which it is booked once
	Amount money.Nano `json:"nano_usd"`     // below 0: it reverses Of
	Of     string     `json:"of,omitempty"` // the ID of the charge that it reverses

	// For are attributes of owners, as records have them.
	For      map[string]string `json:"for,omitempty"`
	Provider string            `json:"provider,omitempty"`
	Model    string            `json:"model,omitempty"`

	At          time.Time `json:"at"` // the moment that it counts at
	Description string    `json:"description"`
	By          string    `json:"by"`
	Booked      time.Time `json:"booked"`
}

// Bounds of charges.
const (
	MaxCharge      = money.Nano(1e18) // a billion dollars
	MaxChargeID    = 64               // bytes
	MaxChargeNames = 16               // of For
	MaxChargeValue = 256              // bytes of a value of For, a provider or model
	MaxDescription = 1024             // bytes
)

// Why a charge is not booked.
var (
	ErrOtherCharge = errors.New("another charge has that id")
	ErrNoCharge    = errors.New("there is no such charge")
	ErrReversal    = errors.New("it is a reversal, which stays")
	ErrReversed    = errors.New("it is reversed already")
	ErrNotYet      = errors.New("the moment that it counts at has not come")
	ErrUncounted   = errors.New("the store of budgets does not answer")
)

// Elsewhere reports that the ledger of another replica has the id of a charge.
type Elsewhere struct {
	ID, Replica string
	Booked      *Charge // what it has under the id; nil: it may have booked it, and has not told
}

func (e *Elsewhere) Error() string {
	if e.Booked == nil {
		return fmt.Sprintf("replica %s was told to book charge %s, and has not told that it did: ask that one, by its own address", e.Replica, e.ID)
	}
	return fmt.Sprintf("charge %s is in the ledger of replica %s: ask that one, by its own address", e.ID, e.Replica)
}

func (c *Charge) String() string { return "charge " + c.ID }

// Said is a charge as the audit keeps it.
func (c *Charge) Said() json.RawMessage {
	said, err := json.Marshal(c)
	if err != nil {
		panic(err) // texts, numbers and times can be written
	}
	return said
}

// Kept is c with its times as the ledger keeps them. Without a moment it counts
// when it is booked.
func (c Charge) Kept() Charge {
	if c.At.IsZero() {
		c.At = c.Booked
	}
	c.At, c.Booked, c.For = kept(c.At), kept(c.Booked), maps.Clone(c.For)
	return c
}

// Value is that of an attribute, or of provider, model or model_asked; of all
// else calls alone have one.
func (c *Charge) Value(name string) string {
	switch {
	case name == "provider":
		return c.Provider
	case name == "model" || name == "model_asked":
		return c.Model
	case IsDimension(name):
		return ""
	}
	return c.For[name]
}

// Reverse is c as the reversal of whole: all of it, at the same moment, for the
// same owners.
func (c Charge) Reverse(whole *Charge) (Charge, error) {
	if whole.Of != "" {
		return c, ErrReversal
	}
	c.Of, c.Amount, c.At, c.For, c.Provider, c.Model = whole.ID, -whole.Amount, whole.At, whole.For, whole.Provider, whole.Model
	return c, nil
}

// Again reports whether c books once more what is there: who books it, and when,
// makes no difference, nor does a moment that c does not have.
func (c *Charge) Again(there *Charge) bool {
	if c.Of != "" {
		return c.Of == there.Of && c.Description == there.Description
	}
	return there.Of == "" && c.Amount == there.Amount && maps.Equal(c.For, there.For) && c.Provider == there.Provider && c.Model == there.Model &&
		c.Description == there.Description && (c.At.IsZero() || kept(c.At).Equal(there.At))
}

// Check reports what is wrong with a charge. Of a reversal nothing else is read
// than ID, Of, Description, By and Booked.
func (c *Charge) Check() error {
	switch {
	case !validChargeID(c.ID):
		return fmt.Errorf("id: %.80q is none: want 1 to %d letters, digits and signs of : . - _", c.ID, MaxChargeID)
	case strings.TrimSpace(c.Description) == "" || len(c.Description) > MaxDescription:
		return fmt.Errorf("description: %d bytes, want 1 to %d", len(c.Description), MaxDescription)
	case c.Of != "":
		return nil
	case c.Amount < 1 || c.Amount > MaxCharge:
		return fmt.Errorf("amount: %s USD is not above 0, or more than %s; to take one back, reverse it", c.Amount.Amount(), MaxCharge.Amount())
	case len(c.For) > MaxChargeNames:
		return fmt.Errorf("for: %d attributes, at most %d", len(c.For), MaxChargeNames)
	case len(c.Provider) > MaxChargeValue || len(c.Model) > MaxChargeValue:
		return fmt.Errorf("provider and model have at most %d bytes", MaxChargeValue)
	case !c.At.IsZero() && (c.At.Year() < 1970 || c.At.Year() > 9999):
		return errors.New("at: it is not between the years 1970 and 9999")
	}
	for name, value := range c.For {
		if !validAttribute(name) || IsDimension(name) {
			return fmt.Errorf("for: %.80q is no attribute", name)
		}
		if value == "" || len(value) > MaxChargeValue {
			return fmt.Errorf("for: %s has %d bytes, want 1 to %d", name, len(value), MaxChargeValue)
		}
	}
	return nil
}

func validChargeID(id string) bool {
	return id != "" && len(id) <= MaxChargeID && !strings.ContainsFunc(id, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("_-.:", c)
	})
}

// ChargeSearch asks for charges, those that were booked last first.
type ChargeSearch struct {
	From, To time.Time // that count in [From, To)
	Where    []Match   // all of them; other than attributes, provider and model nothing has a value
	Below    int64     // the number of the last of the page before; 0: from the newest on
	Limit    int       // charges at most, 1 to MaxPage
}

// Check reports why s cannot be asked. Stores call it first.
func (s ChargeSearch) Check() error {
	if s.Limit < 1 || s.Limit > MaxPage {
		return fmt.Errorf("list charges: a limit of %d, want 1 to %d", s.Limit, MaxPage)
	}
	if err := checkWhere(s.Where); err != nil {
		return fmt.Errorf("list charges: %w", err)
	}
	return nil
}

// Charges keep charges. Their methods may run beside Write and each other.
type Charges interface {
	// Book keeps c, which Check finds right, and audits that, whole or not at all:
	// once. Where c is there already, or another of its ID is (ErrOtherCharge), nothing
	// changes, and fresh is false. A reversal is completed by Reverse; each charge has
	// one at most (ErrReversed), and what is reversed must be there (ErrNoCharge).
	Book(ctx context.Context, c Charge, by Change) (booked Charge, fresh bool, err error)
	// Charge returns the one of that ID; false: there is none.
	Charge(ctx context.Context, id string) (Charge, bool, error)
	// Charges returns those that s asks for.
	Charges(ctx context.Context, s ChargeSearch) ([]Charge, error)
}
