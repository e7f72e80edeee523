package openai

// object reads the JSON of one event for the two members that matter. It follows
// well-formed text only; at anything else it stops looking.
type object struct {
	at     objectPlace
	key    keyName
	n      int   // bytes of the key or of null that matched
	inner  int   // open brackets within the member's value
	isKey  bool  // the string that is passing is a key
	first  bool  // the member is the first, so that its comma follows it
	member int64 // where a member began that may be "usage":null, or nowhere
	usage  bool  // a usage object has passed
	empty  bool  // choices has passed and was empty
}

const nowhere = -1

type objectPlace uint8

const (
	objectStart objectPlace = iota
	keyStart                // before a key
	keyFirst                // before the first byte of a key
	keyKnown                // in a key that may be a known one
	keyEnd                  // before the colon
	valueStart
	valueNull    // in the null of a usage member
	valueChoices // after the bracket that opens choices
	valueScalar
	valueEnd
	plainString
	stringEscape
	nested
	eatComma // after a first member that was dropped: its comma goes too
	eatSpace // and the space after that
	objectEnd
)

type keyName uint8

const (
	otherKey keyName = iota
	usageKey
	choicesKey
)

// keyText is how a known key goes on after its first quote.
var keyText = [...]string{usageKey: `usage"`, choicesKey: `choices"`}

// json reads piece[i:end], which has no line end.
func (h *hider) json(i, end int) {
	for i < end && !h.dropping {
		switch h.object.at {
		case objectEnd:
			return
		case plainString:
			i = h.stringPart(i, end)
		case nested:
			i = h.nestedPart(i, end)
		default:
			if h.jsonByte(i) {
				i++
			}
		}
	}
}

// stringPart passes a string, in which only its end matters.
func (h *hider) stringPart(i, end int) int {
	o := &h.object
	for ; i < end; i++ {
		switch h.piece[i] {
		case '\\':
			o.at = stringEscape
			return i + 1
		case '"':
			o.at = valueEnd
			if o.inner > 0 {
				o.at = nested
			} else if o.isKey {
				o.at, o.isKey = keyEnd, false
			}
			return i + 1
		}
	}
	return i
}

// nestedPart passes the value of a member that is a container.
func (h *hider) nestedPart(i, end int) int {
	o := &h.object
	for ; i < end; i++ {
		switch h.piece[i] {
		case '"':
			o.at = plainString
			return i + 1
		case '{', '[':
			o.inner++
		case '}', ']':
			if o.inner--; o.inner == 0 {
				o.at = valueEnd
				return i + 1
			}
		}
	}
	return i
}

// jsonByte reads piece[i] in a place where one byte decides. It returns false if
// that byte is to be read again in the next place.
func (h *hider) jsonByte(i int) (taken bool) {
	o, c := &h.object, h.piece[i]
	switch o.at {
	case stringEscape:
		o.at = plainString
		return true
	case keyFirst, keyKnown:
		return h.keyByte(c)
	case valueNull:
		return h.nullByte(i)
	case valueScalar:
		if c != ',' && c != '}' && c != ' ' && c != '\t' {
			return true
		}
		o.at = valueEnd
		return false
	}
	if c == ' ' || c == '\t' {
		if o.at == eatComma || o.at == eatSpace {
			h.drop(i + 1)
		}
		return true
	}
	return h.structural(i)
}

// structural reads piece[i], which is no space, between keys and values.
func (h *hider) structural(i int) (taken bool) {
	o, c := &h.object, h.piece[i]
	switch {
	case o.at == objectStart && c == '{':
		o.at, o.first = keyStart, true
	case o.at == keyStart && c == '"':
		if o.at = keyFirst; o.first {
			o.member = h.base + int64(i)
		}
	case o.at == keyEnd && c == ':':
		o.at = valueStart
	case o.at == valueStart:
		h.startValue(c)
	case o.at == valueChoices:
		return h.firstChoice(c)
	case o.at == valueEnd && c == ',':
		o.at, o.first, o.member = keyStart, false, h.base+int64(i)
	case o.at == eatComma && c == ',':
		h.drop(i + 1)
		o.at = eatSpace
	case o.at == eatSpace && c == '"':
		o.at = keyStart
		return false
	case c == '}' && (o.at == valueEnd || o.at == eatComma || o.at == keyStart && o.first):
		h.endObject(i + 1)
	default:
		h.giveUp()
	}
	return true
}

// keyByte reads a byte of a key that may still be a known one.
func (h *hider) keyByte(c byte) (taken bool) {
	o := &h.object
	if o.at == keyFirst {
		o.at, o.n, o.key = keyKnown, 0, otherKey
		switch c {
		case 'u':
			o.key = usageKey
		case 'c':
			o.key = choicesKey
		}
		if o.key != usageKey {
			o.member = nowhere
		}
	}
	if o.key == otherKey || c != keyText[o.key][o.n] {
		o.at, o.isKey, o.key, o.member = plainString, true, otherKey, nowhere
		return false
	}
	if o.n++; o.n == len(keyText[o.key]) {
		o.at = keyEnd
	}
	return true
}

// startValue reads the first byte of a member's value.
func (h *hider) startValue(c byte) {
	o := &h.object
	switch {
	case o.key == usageKey && c == 'n':
		o.at, o.n = valueNull, 1
		return
	case o.key == usageKey && c == '{':
		o.usage = true
	case o.key == choicesKey && c == '[':
		o.at = valueChoices
		return
	case o.key != otherKey:
		h.settle()
	}
	o.member = nowhere
	switch c {
	case '"':
		o.at = plainString
	case '{', '[':
		o.at, o.inner = nested, 1
	default:
		o.at = valueScalar
	}
}

// firstChoice reads what follows the bracket of choices.
func (h *hider) firstChoice(c byte) (taken bool) {
	o := &h.object
	if c == ']' {
		o.at, o.empty = valueEnd, true
		return true
	}
	h.settle()
	o.at, o.inner = nested, 1
	return false
}

// nullByte reads on in a null, and drops the member at its end.
func (h *hider) nullByte(i int) (taken bool) {
	o := &h.object
	if h.piece[i] != "null"[o.n] {
		h.giveUp()
		return true
	}
	if o.n++; o.n < len("null") {
		return true
	}
	h.settle()
	o.at = valueEnd
	if start := o.member; start != nowhere && h.base+int64(i+1)-start <= maxHeld {
		h.send(start)
		h.drop(i + 1)
		if o.first {
			o.at = eatComma
		}
	}
	o.member = nowhere
	return true
}

// endObject judges the event whose JSON ends before piece[i].
func (h *hider) endObject(i int) {
	o := &h.object
	o.at, o.member = objectEnd, nowhere
	if h.unsure && o.empty && o.usage && h.base+int64(i)-h.event <= maxHeld {
		h.send(h.event)
		h.drop(i)
		h.dropping = true
	}
	h.settle()
}

// giveUp stops looking: this is not what a server sends.
func (h *hider) giveUp() {
	h.settle()
	h.object.at, h.object.member = objectEnd, nowhere
}
