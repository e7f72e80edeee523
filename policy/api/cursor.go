package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// A cursor is where a page ended, for the question that it was an answer to: JSON
// in base64url. It is no secret and grants nothing: a question with a cursor is
// checked like one without.

// cursor is what every cursor has. To pins what "now" was.
type cursor[T any] struct {
	Question string    `json:"q"` // digest of it
	From     time.Time `json:"f"`
	To       time.Time `json:"t"`
	After    T         `json:"a"` // the last that was told
}

func (c *cursor[T]) String() string {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // texts, numbers and times can be written
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// readCursor reads a cursor, which must belong to the question.
func readCursor[T any](text, question string) (*cursor[T], *Error) {
	c := new(cursor[T])
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(data, c) != nil {
		return nil, invalid("cursor: it is not one that an answer gave")
	}
	if c.Question != question {
		return nil, invalid("cursor: it belongs to another question: ask the same as for the page before, and add the cursor")
	}
	return c, checkRange(c.From, c.To)
}

// digest names a question by what was asked.
func digest(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "%q ", p)
	}
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:6])
}
