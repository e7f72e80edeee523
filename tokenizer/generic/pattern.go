package generic

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Pattern is the shape of a path. It never changes.
type Pattern struct {
	segments []segment
	rest     bool // any number of segments may follow
}

// segment is one part between two slashes: a text, or any one.
type segment struct {
	text string // empty: any
	name string // of any; empty: it has none
}

const maxSegments = 32

// ParsePattern reads a path from its beginning: each segment is a text, {NAME} for
// any one that has a name then, or * for any one; ** at the end is any number of
// them, none included. A name is [a-z][a-z0-9_]{0,31}.
func ParsePattern(text string) (Pattern, error) {
	var p Pattern
	if !strings.HasPrefix(text, "/") || len(text) > maxText {
		return p, fmt.Errorf("a path begins with a slash and is at most %d bytes long", maxText)
	}
	if i := strings.IndexAny(text, "?#%"); i >= 0 {
		return p, fmt.Errorf("%q is in no path here: paths are compared without query, and decoded", text[i])
	}
	for rest := text; ; {
		part, more, ok := cut(rest)
		switch {
		case !ok && len(p.segments) == 0 && !p.rest:
			return p, errors.New("it has no segment")
		case !ok:
			return p, nil
		case p.rest:
			return p, errors.New("** stands at the end only")
		case len(p.segments) == maxSegments:
			return p, fmt.Errorf("it has more than %d segments", maxSegments)
		}
		if err := p.add(part); err != nil {
			return p, err
		}
		rest = more
	}
}

func (p *Pattern) add(part string) error {
	var s segment
	switch {
	case part == "**":
		p.rest = true
		return nil
	case part == "*":
	case part[0] == '{' && part[len(part)-1] == '}':
		s.name = part[1 : len(part)-1]
		if !validName(s.name) {
			return fmt.Errorf("{%s} has no name that can be used: write [a-z][a-z0-9_]*, at most 32 bytes", s.name)
		}
		if slices.Contains(p.Names(), s.name) {
			return fmt.Errorf("{%s} is there twice", s.name)
		}
	case strings.ContainsAny(part, "*{}"):
		return fmt.Errorf("%q is neither a text nor {NAME}, * or **: one of them stands for a whole segment", part)
	default:
		s.text = part
	}
	p.segments = append(p.segments, s)
	return nil
}

// Names are those that the pattern gives to segments.
func (p *Pattern) Names() (names []string) {
	for _, s := range p.segments {
		if s.name != "" {
			names = append(names, s.name)
		}
	}
	return names
}

// Fits reports whether a path has the shape. Slashes that follow each other count as
// one, one at the end as none, and "." and ".." are resolved first, as servers do.
// It goes once over path.
func (p *Pattern) Fits(path string) bool {
	path = clean(path)
	for i := range p.segments {
		part, rest, ok := cut(path)
		if want := p.segments[i].text; !ok || want != "" && want != part {
			return false
		}
		path = rest
	}
	_, _, more := cut(path)
	return p.rest || !more
}

// Part is the segment of a path that the pattern has a name for, or "".
func (p *Pattern) Part(path, name string) string {
	path = clean(path)
	for i := range p.segments {
		part, rest, ok := cut(path)
		if !ok {
			return ""
		}
		if p.segments[i].name == name {
			return part
		}
		path = rest
	}
	return ""
}

// covers reports whether p fits every path that q does.
func (p *Pattern) covers(q *Pattern) bool {
	if len(q.segments) < len(p.segments) || !p.rest && (q.rest || len(q.segments) > len(p.segments)) {
		return false
	}
	for i, s := range p.segments {
		if s.text != "" && s.text != q.segments[i].text {
			return false
		}
	}
	return true
}

// cut splits off the first segment of a path; ok is false when there is none.
func cut(path string) (part, rest string, ok bool) {
	path = strings.TrimLeft(path, "/")
	if i := strings.IndexByte(path, '/'); i >= 0 {
		return path[:i], path[i:], true
	}
	return path, "", path != ""
}

// clean resolves "." and ".." where there may be any.
func clean(p string) string {
	if strings.Contains(p, "/.") {
		return path.Clean(p)
	}
	return p
}

func validName(name string) bool {
	if name == "" || len(name) > 32 || name[0] < 'a' || name[0] > 'z' {
		return false
	}
	return strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}
