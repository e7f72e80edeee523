package config

import (
	"fmt"
	"math"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Size is a number of bytes.
type Size int64

// sizeUnits from great to small; of two that divide a Size, the first prints it.
var sizeUnits = [...]struct {
	name  string
	bytes int64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1},
}

func (s Size) String() string {
	for _, u := range sizeUnits {
		if s != 0 && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return "0B"
}

// MarshalText writes the greatest unit that leaves no rest.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a whole number and a unit; without a unit, bytes.
func (s *Size) UnmarshalText(text []byte) error {
	number := strings.TrimRight(string(text), "BKMGTiabcdefghjklmnopqrstuvwxyz ")
	unit := strings.TrimSpace(string(text[len(number):]))
	if unit == "" {
		unit = "B"
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 {
		return &Error{Message: fmt.Sprintf("%q is no size", text), Hint: "write a whole number and B, KiB, MiB, GiB or TiB (or kB, MB, GB, TB), such as 32MiB"}
	}
	for _, u := range sizeUnits {
		if u.name != unit {
			continue
		}
		if n > math.MaxInt64/u.bytes {
			return &Error{Message: fmt.Sprintf("%q is more bytes than can be counted", text)}
		}
		*s = Size(n * u.bytes)
		return nil
	}
	e := &Error{Message: fmt.Sprintf("%q is no unit of size", unit), Hint: "write B, KiB, MiB, GiB or TiB (or kB, MB, GB, TB)"}
	if k := strings.ToUpper(unit[:1]); strings.IndexByte("KMGT", k[0]) >= 0 {
		e.Hint = fmt.Sprintf("did you mean `%d%siB`?", n, k)
	}
	return e
}

// Duration is a span of time.
type Duration time.Duration

// Std is d for package time.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String leaves out the zero units that time.Duration prints: 5m, not 5m0s.
func (d Duration) String() string {
	s := time.Duration(d).String()
	for _, zero := range []struct{ from, to string }{{"m0s", "m"}, {"h0m", "h"}} {
		if strings.HasSuffix(s, zero.from) {
			s = strings.TrimSuffix(s, zero.from) + zero.to
		}
	}
	return s
}

// MarshalText writes what UnmarshalText reads.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a number with a unit, such as 100ms or 1m30s.
func (d *Duration) UnmarshalText(text []byte) error {
	span, err := time.ParseDuration(string(text))
	if err != nil || span < 0 {
		return &Error{Message: fmt.Sprintf("%q is no length of time", text), Hint: "write a number and ms, s, m or h, such as 100ms or 1m30s"}
	}
	*d = Duration(span)
	return nil
}

// Date is a moment; the zero Date is none.
type Date struct{ time.Time }

// MarshalText writes the day when d is its first moment in UTC, else RFC 3339.
func (d Date) MarshalText() ([]byte, error) {
	switch {
	case d.IsZero():
		return nil, nil
	case d.UTC().Equal(d.UTC().Truncate(24 * time.Hour)):
		return []byte(d.UTC().Format(time.DateOnly)), nil
	}
	return []byte(d.Format(time.RFC3339)), nil
}

// UnmarshalText reads a day, which begins at midnight UTC, or RFC 3339.
func (d *Date) UnmarshalText(text []byte) error {
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(form, string(text)); err == nil && !t.IsZero() {
			d.Time = t.UTC()
			return nil
		}
	}
	return &Error{Message: fmt.Sprintf("%q is no date", text), Hint: "write 2026-07-01 (midnight UTC) or 2026-07-01T09:00:00Z"}
}

// Address is where to listen: host:port, or unix:///path.
type Address string

// UnmarshalText reads an address. The host may be empty, which is every one of
// the machine's, and must else be an IP address or localhost.
func (a *Address) UnmarshalText(text []byte) error {
	given := string(text)
	if path, ok := strings.CutPrefix(given, "unix:"); ok {
		if !strings.HasPrefix(path, "///") || filepath.Clean(path[2:]) != path[2:] || path == "///" {
			return &Error{Message: fmt.Sprintf("%q is no socket path", given), Hint: "write unix:/// and an absolute path"}
		}
		if len(path)-2 > 107 { // sun_path of unix(7), less its final zero byte
			return &Error{Message: "the socket path is longer than 107 bytes"}
		}
		*a = Address(given)
		return nil
	}
	host, port, err := net.SplitHostPort(given)
	if err != nil {
		return &Error{Message: fmt.Sprintf("%q is no address", given), Hint: "write host:port, [host]:port for IPv6, or unix:///path"}
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return &Error{Message: fmt.Sprintf("%q is no port", port), Hint: "write a number from 0 to 65535"}
	}
	if host != "" && host != "localhost" && net.ParseIP(host) == nil {
		return &Error{Message: fmt.Sprintf("%q is no IP address", host), Hint: "listen on an address of this machine, 0.0.0.0 or localhost"}
	}
	*a = Address(given)
	return nil
}

// Network returns the two arguments that net.Listen takes.
func (a Address) Network() (network, address string) {
	if path, ok := strings.CutPrefix(string(a), "unix://"); ok {
		return "unix", path
	}
	return "tcp", string(a)
}

// Local reports whether only this machine can reach a.
func (a Address) Local() bool {
	if network, _ := a.Network(); network == "unix" {
		return true
	}
	host, _, err := net.SplitHostPort(string(a))
	return err == nil && (host == "localhost" || net.ParseIP(host).IsLoopback())
}
