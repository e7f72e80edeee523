// Package board is where replicas leave notes for each other: what each of them
// must come to know, but none asks for while a call waits.
//
// In go notes under a topic and a name, out come those that a reader has not seen.
// It refuses to know what a note says, who may post it, and what becomes of it.
//
// A board may lose what it has, as a server without a disk does. Its topics then
// begin anew under another epoch, and every reader learns it of the next Mark: what
// it knows that others must know too, it posts again. A loss of the last notes alone
// may go unnoticed, as when a server takes over that had not heard of them yet. Who
// cannot do without a note reads its topic from the start now and then.
package board

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// Bounds. What is beyond them is an error, and no note of a Post is kept.
const (
	MaxNotes = 10_000               // of a topic
	MaxName  = 256                  // bytes
	MaxText  = 1 << 20              // bytes of a note
	MaxPost  = 1000                 // notes of one Post, and
	MaxBytes = 4 << 20              // bytes of all of them
	MaxKeep  = 400 * 24 * time.Hour // how long a note is kept
)

// Why notes are not posted.
var (
	ErrFull  = errors.New("the topic is full")
	ErrTaken = errors.New("there is a note of that name")
)

// Note is what one replica tells all others.
type Note struct {
	Name string // tells it from others of its topic
	Text []byte
	Keep time.Duration // above 0: how long after it was posted it is forgotten
	Once bool          // of those who post the name, only the first does
}

// Mark is how far a reader has read a topic; the zero Mark: nothing of it.
type Mark struct {
	Epoch string // of the topic: another one means that it has lost notes
	Seen  int64  // the version of the last note that was read
}

// Board keeps notes by topic. It is safe for concurrent use.
type Board interface {
	// Post keeps notes of a topic, all or none of them. One takes the place of what had
	// its name, or fails with ErrTaken where it says Once. It fails with ErrFull where
	// that would be more than MaxNotes.
	Post(ctx context.Context, topic string, notes ...Note) error
	// Since returns notes that were posted after mark, the oldest first, without their
	// Keep, and the mark of the last of them. It may return some of them only: the
	// reader asks again, from next on, until there are none. Where the epoch of next is
	// not that of mark, it begins with the oldest note of all.
	Since(ctx context.Context, topic string, mark Mark) (notes []Note, next Mark, err error)
}

var topics = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)

// CheckTopic reports why nothing can be posted to a topic, nor read of it.
func CheckTopic(topic string) error {
	if !topics.MatchString(topic) {
		return fmt.Errorf("topic %.40q is not of 1 to 64 small letters, digits and dashes", topic)
	}
	return nil
}

// Check reports why notes cannot be posted to a topic. Boards call it first.
func Check(topic string, notes []Note) error {
	if err := CheckTopic(topic); err != nil {
		return err
	}
	if len(notes) > MaxPost {
		return fmt.Errorf("%d notes at once, want at most %d", len(notes), MaxPost)
	}
	bytes := 0
	for i := range notes {
		n := &notes[i]
		switch bytes += len(n.Text); {
		case n.Name == "" || len(n.Name) > MaxName:
			return fmt.Errorf("the name of a note has %d bytes, want 1 to %d", len(n.Name), MaxName)
		case len(n.Text) > MaxText:
			return fmt.Errorf("note %q has %d bytes, want at most %d", n.Name, len(n.Text), MaxText)
		case n.Keep < time.Millisecond || n.Keep > MaxKeep:
			return fmt.Errorf("note %q is to be kept for %v, want 1ms to %v", n.Name, n.Keep, MaxKeep)
		}
	}
	if bytes > MaxBytes {
		return fmt.Errorf("notes of %d bytes at once, want at most %d", bytes, MaxBytes)
	}
	return nil
}
