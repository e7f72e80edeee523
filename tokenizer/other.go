package tokenizer

import "strings"

// Neighbour is a Dialect that knows its provider's other operations: those that
// Match does not take.
type Neighbour interface {
	// Other names the operation that a request asks for, in a word of a fixed
	// list. free says that the provider takes no money for it; ok is false for what
	// the dialect does not know either. path is as Match wants it.
	Other(method, path string) (operation string, free, ok bool)
}

// Other is one operation that is not metered. Tail is the end of its path, in
// segments: a star is any one of them, and two stars at the end are any number.
type Other struct {
	Tail      string
	Operation string
	Free      bool
}

// FindOther returns the first of list whose tail path has.
func FindOther(list []Other, path string) (operation string, free, ok bool) {
	path = strings.TrimRight(path, "/")
	for _, o := range list {
		for rest := path; ; {
			at := strings.IndexByte(rest, '/')
			if at < 0 {
				break
			}
			rest = rest[at+1:]
			if isTail(rest, o.Tail) {
				return o.Operation, o.Free, true
			}
		}
	}
	return "", false, false
}

// isTail reports whether path has the segments of tail, and none more.
func isTail(path, tail string) bool {
	for {
		want, tailRest, tailMore := strings.Cut(tail, "/")
		if want == "**" {
			return true
		}
		have, pathRest, pathMore := strings.Cut(path, "/")
		if want != have && want != "*" {
			return false
		}
		switch {
		case tailMore && !pathMore:
			return tailRest == "**"
		case tailMore != pathMore:
			return false
		case !tailMore:
			return true
		}
		tail, path = tailRest, pathRest
	}
}
