package envoy

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// maxPipe is the longest path of a Unix socket on Linux (sun_path less its NUL).
const maxPipe = 107

// address is one checked place to listen at or to connect to.
type address struct {
	Host string // IP address or name; empty with Pipe
	Port int
	Name bool   // Host must be resolved
	Pipe string // absolute path of a Unix socket
}

// authority is the Host header for a; the scheme's own port is left out.
func (a address) authority(secure bool) string {
	if secure && a.Port == 443 || !secure && a.Port == 80 {
		return a.Host
	}
	return net.JoinHostPort(a.Host, strconv.Itoa(a.Port))
}

// bindable reads an address to listen at. Nothing before the colon is every
// IPv4 address of the machine.
func bindable(what, s string) (address, error) {
	if strings.HasPrefix(s, ":") {
		s = "0.0.0.0" + s
	}
	a, err := reachable(what, s)
	if err == nil && a.Name {
		return address{}, fmt.Errorf("use %s %q: not an IP address", what, s)
	}
	return a, err
}

// processor reads Farebox's address, host:port or unix:///path.
func processor(s string) (address, error) {
	path, found := strings.CutPrefix(s, "unix://")
	if !found {
		return reachable("farebox", s)
	}
	if err := absolute("farebox", path); err != nil {
		return address{}, err
	}
	if len(path) > maxPipe {
		return address{}, fmt.Errorf("use farebox socket %q: longer than %d bytes", path, maxPipe)
	}
	return address{Pipe: path}, nil
}

// reachable reads host:port.
func reachable(what, s string) (address, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return address{}, fmt.Errorf("use %s: %w", what, err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return address{}, fmt.Errorf("use %s %q: port %q is not in 1 to 65535", what, s, port)
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.Zone() == "" {
		return address{Host: host, Port: int(n)}, nil
	}
	if !isName(host) {
		return address{}, fmt.Errorf("use %s %q: %q is neither an IP address nor a host name", what, s, host)
	}
	return address{Host: host, Port: int(n), Name: true}, nil
}

// isName reports whether s is a host name: letters, digits, hyphens and
// underscores in labels of 1 to 63 bytes, 253 in all (RFC 1123, and the
// underscore that container networks allow).
func isName(s string) bool {
	if len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", rune(c)) {
				return false
			}
		}
	}
	_, err := netip.ParseAddr(s)
	return err != nil
}

// absolute checks a path that Envoy opens.
func absolute(what, path string) error {
	switch {
	case !strings.HasPrefix(path, "/"):
		return fmt.Errorf("use %s %q: not an absolute path", what, path)
	case strings.ContainsFunc(path, unprintable):
		return errors.New("use " + what + ": the path has characters that cannot be printed")
	}
	return nil
}

// limit checks a number of bytes; 0 is otherwise.
func limit(what string, n, otherwise, most int) (int, error) {
	if n == 0 {
		return otherwise, nil
	}
	if n < 0 || n > most {
		return 0, fmt.Errorf("use %s %d: not in 1 to %d bytes", what, n, most)
	}
	return n, nil
}
