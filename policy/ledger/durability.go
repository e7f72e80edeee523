package ledger

import "fmt"

// Durability says what an acknowledged record survives.
type Durability uint8

// Process: the death of Farebox, but not a power cut. Power: a power cut too.
// Async: nothing, for Record does not wait for the commit.
const (
	Process Durability = iota
	Power
	Async
)

var durabilityNames = [...]string{Process: "process", Power: "power", Async: "async"}

func (d Durability) String() string {
	if int(d) < len(durabilityNames) {
		return durabilityNames[d]
	}
	return fmt.Sprintf("durability(%d)", uint8(d))
}

// ParseDurability is the inverse of Durability.String.
func ParseDurability(name string) (Durability, error) {
	for d, n := range durabilityNames {
		if n == name {
			return Durability(d), nil
		}
	}
	return 0, fmt.Errorf("read durability: %q is none of process, power, async", name)
}

// MarshalText writes the name.
func (d Durability) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a name, as ParseDurability does.
func (d *Durability) UnmarshalText(text []byte) error {
	parsed, err := ParseDurability(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}
