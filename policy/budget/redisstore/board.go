package redisstore

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"

	"github.com/redis/rueidis"

	"github.com/farebox/farebox/policy/board"
)

// What Since answers at once, at most: it ends with the note that reaches sinceBytes.
const (
	sinceNotes = 1000
	sinceBytes = 1 << 20
)

// Board is a board.Board beside the accounts of a Store, over its connections. It is
// safe for concurrent use, until the Store is closed.
type Board struct {
	store  *Store
	prefix string
	do     notes
}

var _ board.Board = (*Board)(nil)

// notes are the operations of a Board.
type notes struct{ post, since *rueidis.Lua }

// Board is where the replicas that share s leave notes for each other.
func (s *Store) Board() *Board {
	of := func(operation string) *rueidis.Lua { return rueidis.NewLuaScript(s.do.clock + listed + operation) }
	return &Board{store: s, prefix: s.prefix + "board:", do: notes{post: of(post), since: of(since)}}
}

// keys are those of a topic.
func (b *Board) keys(topic string) []string {
	all := []string{"topic:", "notes:", "order:", "until:"}
	for i := range all {
		all[i] = b.prefix + all[i] + topic
	}
	return all
}

// Post implements board.Board.
func (b *Board) Post(ctx context.Context, topic string, notes ...board.Note) error {
	if err := board.Check(topic, notes); err != nil {
		return fmt.Errorf("post notes: %w", err)
	}
	args := append(make([]string, 0, 2+4*len(notes)), rand.Text(), strconv.Itoa(board.MaxNotes))
	for i := range notes {
		n := &notes[i]
		once := "0"
		if n.Once {
			once = "1"
		}
		args = append(args, n.Name, string(n.Text), strconv.FormatInt(n.Keep.Microseconds(), 10), once)
	}
	answer, err := b.store.run(ctx, b.do.post, b.keys(topic), args)
	if err != nil {
		return fmt.Errorf("post notes: %w", err)
	}
	kept, err := answer[1].AsInt64()
	switch {
	case err != nil:
		return err
	case kept == 0:
		return fmt.Errorf("post notes of %s: %w", topic, board.ErrFull)
	case kept == 2:
		return fmt.Errorf("post notes of %s: %w", topic, board.ErrTaken)
	}
	return nil
}

// Since implements board.Board. It returns up to 1000 notes at once.
func (b *Board) Since(ctx context.Context, topic string, mark board.Mark) (notes []board.Note, next board.Mark, err error) {
	if err := board.CheckTopic(topic); err != nil {
		return nil, mark, fmt.Errorf("read notes: %w", err)
	}
	args := []string{rand.Text(), mark.Epoch, strconv.FormatInt(mark.Seen, 10), strconv.Itoa(sinceNotes), strconv.Itoa(sinceBytes)}
	answer, err := b.store.run(ctx, b.do.since, b.keys(topic), args)
	if err == nil {
		notes, next, err = readNotes(answer)
	}
	if err != nil {
		return nil, mark, fmt.Errorf("read notes of %s: %w", topic, err)
	}
	return notes, next, nil
}

// readNotes reads an answer: the clock, an epoch, a version, and names with texts.
func readNotes(answer []rueidis.RedisMessage) (notes []board.Note, next board.Mark, err error) {
	if next.Epoch, err = answer[1].ToString(); err != nil {
		return nil, next, err
	}
	if next.Seen, err = answer[2].AsInt64(); err != nil {
		return nil, next, err
	}
	for at := answer[3:]; len(at) >= 2; at = at[2:] {
		name, err := at[0].ToString()
		if err != nil {
			return nil, next, err
		}
		text, err := at[1].AsBytes()
		if err != nil {
			return nil, next, err
		}
		notes = append(notes, board.Note{Name: name, Text: text})
	}
	return notes, next, nil
}
