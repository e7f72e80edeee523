package policy

import (
	"encoding/hex"
	"fmt"
)

// CallID is a UUIDv7 that Farebox mints for each exchange. What clients send as
// x-request-id is repeatable and forgeable, so it is only searched by.
type CallID [16]byte

func (id CallID) String() string {
	var b [36]byte
	hex.Encode(b[:8], id[:4])
	b[8] = '-'
	hex.Encode(b[9:13], id[4:6])
	b[13] = '-'
	hex.Encode(b[14:18], id[6:8])
	b[18] = '-'
	hex.Encode(b[19:23], id[8:10])
	b[23] = '-'
	hex.Encode(b[24:], id[10:])
	return string(b[:])
}

// MarshalText writes the usual form with dashes.
func (id CallID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads the usual form with dashes.
func (id *CallID) UnmarshalText(text []byte) error {
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return fmt.Errorf("read call id: %d bytes are not the form 8-4-4-4-12", len(text))
	}
	var flat [32]byte
	n := 0
	for i, c := range text {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			continue
		}
		flat[n] = c
		n++
	}
	if _, err := hex.Decode(id[:], flat[:]); err != nil {
		return fmt.Errorf("read call id: %w", err)
	}
	return nil
}
