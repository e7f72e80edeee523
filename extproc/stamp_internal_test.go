package extproc

import (
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
)

func TestStamps(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	id := policy.CallID{1, 2, 3}
	old, next := stamps{[]byte("first key of thirty-two bytes....")}, stamps{[]byte("second key"), []byte("first key of thirty-two bytes....")}
	good := old.sign(id, now)
	for _, c := range []struct {
		name  string
		keys  stamps
		stamp string
		after time.Duration
		want  bool
	}{
		{"fresh", old, good, 0, true},
		{"by an older key", next, good, time.Minute, true},
		{"by a key not known yet", old, next.sign(id, now), 0, false},
		{"at its last moment", old, good, stampLasts, true},
		{"stale", old, good, stampLasts + time.Second, false},
		{"from a clock that is ahead", old, good, -stampLasts, true},
		{"from the future", old, good, -stampLasts - time.Second, false},
		{"without keys", nil, good, 0, false},
		{"of another call", old, strings.Replace(good, "01020300", "01020301", 1), 0, false},
		{"made younger", old, strings.Replace(good, ".17", ".18", 1), 0, false},
		{"cut", old, good[:len(good)-2], 0, false},
		{"no text", old, "", 0, false},
		{"dots", old, "....", 0, false},
		{"of another version", old, "v2" + good[2:], 0, false},
		{"endless", old, good + strings.Repeat("00", 100), 0, false},
	} {
		if got := c.keys.verify(c.stamp, now.Add(c.after)); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
