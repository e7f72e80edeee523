package jsonscan

// keyPart passes bytes of a key up to its closing quote or an escape.
func (s *Scanner) keyPart(p []byte, i int) int {
	for j := i; j < len(p); j++ {
		switch p[j] {
		case '"':
			s.endKey(p[i:j])
			return j + 1
		case '\\':
			s.keyBytes(p[i:j])
			s.st = keyEscape
			return j + 1
		}
	}
	s.keyBytes(p[i:])
	return len(p)
}

func (s *Scanner) keyBytes(part []byte) {
	if s.keyLen+len(part) > maxKey {
		s.keyLen = maxKey + 1
		return
	}
	s.keyLen += copy(s.key[s.keyLen:], part)
}

// endKey looks the key up; rest is its last part.
func (s *Scanner) endKey(rest []byte) {
	n := &s.plan.nodes[s.stack[s.depth-1].node]
	s.st = colon
	if s.keyLen > 0 {
		s.keyBytes(rest)
		if s.keyLen > maxKey {
			s.at = none
			return
		}
		rest = s.key[:s.keyLen]
	}
	s.at = n.child(rest)
}

// escapedKey handles the byte after a backslash. A key with a character that no
// watched key can have is made too long to match.
func (s *Scanner) escapedKey(c byte) {
	s.st = inKey
	switch c {
	case 'u':
		s.st, s.hex, s.code = keyHex, 4, 0
	case '/':
		s.keyBytes([]byte{c})
	case '"', '\\', 'b', 'f', 'n', 'r', 't':
		s.keyLen = maxKey + 1
	default:
		s.st = bad
	}
}

func (s *Scanner) hexDigit(c byte) {
	switch {
	case c >= '0' && c <= '9':
		s.code = s.code<<4 | rune(c-'0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		s.code = s.code<<4 | rune(c|0x20-'a'+10)
	default:
		s.st = bad
		return
	}
	if s.hex--; s.hex > 0 {
		return
	}
	s.st = inKey
	if s.code > ' ' && s.code < 0x7f {
		s.keyBytes([]byte{byte(s.code)})
		return
	}
	s.keyLen = maxKey + 1
}
