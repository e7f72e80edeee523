package serve

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/farebox/farebox/cmd/farebox/config"
)

// What a stamp key may be, in bytes, and how many there may be.
const (
	leastStampKey = 32
	mostStampKey  = 512
	mostStampKeys = 16
)

// stampKeys reads the keys that Fareboxes share; none when nothing is stamped.
func stampKeys(s *config.Stamp) (keys [][]byte, err error) {
	if s == nil {
		return nil, nil
	}
	data, err := readAtMost(string(s.KeyFile), mostStampKeys*(mostStampKey+2))
	if err != nil {
		return nil, fmt.Errorf("stamp: %w", err)
	}
	for line := range bytes.Lines(data) {
		key := strings.TrimSpace(string(line))
		switch {
		case key == "":
			continue
		case len(key) < leastStampKey || len(key) > mostStampKey:
			return nil, fmt.Errorf("stamp: a key in %s has %d bytes, want %d to %d", s.KeyFile, len(key), leastStampKey, mostStampKey)
		}
		keys = append(keys, []byte(key))
	}
	if len(keys) == 0 || len(keys) > mostStampKeys {
		return nil, fmt.Errorf("stamp: %s holds %d keys, want 1 to %d", s.KeyFile, len(keys), mostStampKeys)
	}
	return keys, nil
}
