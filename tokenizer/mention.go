package tokenizer

import "bytes"

// maxNested bounds how deep containers may nest for their mentions to be paired.
const maxNested = 64

// mentions are those of an open object or array.
type mentions struct {
	names, values int64
	object        bool
}

// most is how many parts they stand for at most: the type of a part and the member
// that holds it are one, two members are two, as are two values of an array.
func (m mentions) most() int64 { return max(m.names, m.values) }

// partsOf counts the parts that words, in their quotes, stand for in a JSON body: at
// least as many as there are, as each part is an object that has one of the words
// for its type or for the name of a member. Of {"type":"image_url","image_url":…}
// both mean one part. What is nested too deep, or is not JSON, counts a part for
// each mention. It allocates nothing.
func partsOf(body []byte, words [][]byte) int64 {
	all := count(body, words)
	if all < 2 {
		return all // nothing to pair, as nearly always
	}
	n, whole := paired(body, words)
	if !whole {
		return all
	}
	return n
}

// paired counts parts by the containers that mention them; false: body is nested too
// deep, or its strings or brackets do not end.
func paired(body []byte, words [][]byte) (n int64, whole bool) {
	var open [maxNested]mentions
	depth := 0 // of what is open; open[0] stands for what is in no container
	for i := 0; i < len(body); i++ {
		switch c := body[i]; c {
		case '{', '[':
			if depth++; depth == maxNested {
				return 0, false
			}
			open[depth] = mentions{object: c == '{'}
		case '}', ']':
			if depth == 0 || open[depth].object != (c == '}') {
				return 0, false
			}
			n += open[depth].most()
			depth--
		case '"':
			end := endOfString(body, i)
			if end < 0 {
				return 0, false
			}
			if oneOf(body[i:end], words) {
				if isName(body[end:]) {
					open[depth].names++
				} else {
					open[depth].values++
				}
			}
			i = end - 1
		}
	}
	return n + open[0].most(), depth == 0
}

// endOfString is where the string that begins at from has ended, or -1.
func endOfString(body []byte, from int) int {
	for at := from + 1; ; {
		i := bytes.IndexByte(body[at:], '"')
		if i < 0 {
			return -1
		}
		before := at + i // of backslashes and of the string's begin
		for before > at && body[before-1] == '\\' {
			before--
		}
		end := at + i
		if at = end + 1; (end-before)%2 == 0 {
			return at
		}
	}
}

func oneOf(text []byte, words [][]byte) bool {
	for _, word := range words {
		if bytes.Equal(text, word) {
			return true
		}
	}
	return false
}

// isName reports whether what follows a string makes it the name of a member.
func isName(rest []byte) bool {
	for _, c := range rest {
		switch c {
		case ' ', '\t', '\r', '\n':
		default:
			return c == ':'
		}
	}
	return false
}
