package jsonscan

import "bytes"

// stringPart passes the content of a string value, or of a string in what is
// skipped. Quotes and backslashes are each searched once.
func (s *Scanner) stringPart(p []byte, i int) int {
	end := bytes.IndexByte(p[i:], '"')
	closed := end >= 0
	if !closed {
		end = len(p) - i
	}
	if b := bytes.IndexByte(p[i:i+end], '\\'); b >= 0 {
		return s.escapes(p, i, i+b, i+end)
	}
	s.textPart(p[i : i+end])
	i += end
	if !closed {
		return i
	}
	return s.endString(p, i+1)
}

// escapes goes on from a backslash at b, with the next quote (or the end of the
// piece) at q.
func (s *Scanner) escapes(p []byte, i, b, q int) int {
	for b < q {
		if b+1 >= len(p) {
			s.textPart(p[i:])
			s.st = stringEscape
			return len(p)
		}
		next := b + 2
		if b+1 == q { // the quote was escaped
			q = next + index(p[next:], '"')
		}
		b = next + index(p[next:q], '\\')
	}
	s.textPart(p[i:q])
	if q == len(p) {
		return q
	}
	return s.endString(p, q+1)
}

// index is bytes.IndexByte with len(p) for "not there".
func index(p []byte, c byte) int {
	if i := bytes.IndexByte(p, c); i >= 0 {
		return i
	}
	return len(p)
}

func (s *Scanner) endString(p []byte, end int) int {
	if s.below > 0 {
		s.st = skip
		return end
	}
	s.endValue(p, end)
	return end
}

func (s *Scanner) textPart(piece []byte) {
	if s.text && len(piece) > 0 {
		s.sink.Text(int(s.plan.nodes[s.at].watch), piece)
	}
}
