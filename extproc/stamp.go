package extproc

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/farebox/farebox/policy"
)

// stampName is the request header in which one Farebox tells the next, as from a
// sidecar to an egress gateway, that the call is admitted and will be settled.
const stampName = "x-farebox-call"

// stampLasts is how old a stamp may be, and how far two clocks may be apart.
const stampLasts = 5 * time.Minute

// stamps makes and checks stamps: "v1.CALL.UNIX-SECONDS.MAC", of which the MAC is
// HMAC-SHA256, in hex, of all that stands before its dot. The first key signs,
// any verifies, so that keys can change without a gap. Without a key nothing is
// signed and nothing verifies.
type stamps [][]byte

// sign stamps a call.
func (s stamps) sign(id policy.CallID, at time.Time) string {
	text := "v1." + id.String() + "." + strconv.FormatInt(at.Unix(), 10)
	return text + "." + hex.EncodeToString(mac(s[0], text))
}

// verify reports whether a stamp is one of ours and fresh.
func (s stamps) verify(stamp string, now time.Time) bool {
	const longest = 160
	dot := strings.LastIndexByte(stamp, '.')
	if len(s) == 0 || dot < 0 || len(stamp) > longest {
		return false
	}
	given, err := hex.DecodeString(stamp[dot+1:])
	if err != nil {
		return false
	}
	parts := strings.Split(stamp[:dot], ".")
	if len(parts) != 3 || parts[0] != "v1" {
		return false
	}
	seconds, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > stampLasts {
		return false
	}
	for _, key := range s {
		if hmac.Equal(given, mac(key, stamp[:dot])) {
			return true
		}
	}
	return false
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
