package board

import (
	"context"
	"crypto/rand"
	"slices"
	"sync"
	"time"
)

// Memory is a Board of one process.
type Memory struct {
	now func() time.Time

	mu     sync.Mutex // guards topics
	topics map[string]*topic
}

var _ Board = (*Memory)(nil)

type topic struct {
	epoch   string
	version int64  // of the last note that was posted
	notes   []held // in the order of their versions
}

type held struct {
	Note
	version int64
	until   time.Time
}

// NewMemory makes a board without notes; a nil now is time.Now.
func NewMemory(now func() time.Time) *Memory {
	if now == nil {
		now = time.Now
	}
	return &Memory{now: now, topics: map[string]*topic{}}
}

// Lose forgets all notes, as a server without a disk does that starts anew.
func (m *Memory) Lose() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.topics)
}

// open is a topic without what was kept long enough; m.mu is held.
func (m *Memory) open(name string) *topic {
	t := m.topics[name]
	if t == nil {
		t = &topic{epoch: rand.Text()}
		m.topics[name] = t
	}
	now := m.now()
	t.notes = slices.DeleteFunc(t.notes, func(h held) bool { return !now.Before(h.until) })
	return t
}

// Post implements Board.
func (m *Memory) Post(_ context.Context, name string, notes ...Note) error {
	if err := Check(name, notes); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.open(name)
	all, version := slices.Clone(t.notes), t.version
	for _, n := range notes {
		if n.Once && slices.ContainsFunc(all, func(h held) bool { return h.Name == n.Name }) {
			return ErrTaken
		}
		all = slices.DeleteFunc(all, func(h held) bool { return h.Name == n.Name })
		n.Text = slices.Clone(n.Text)
		version++
		all = append(all, held{n, version, m.now().Add(n.Keep)})
	}
	if len(all) > MaxNotes {
		return ErrFull
	}
	t.notes, t.version = all, version
	return nil
}

// Since implements Board.
func (m *Memory) Since(_ context.Context, name string, mark Mark) ([]Note, Mark, error) {
	if err := CheckTopic(name); err != nil {
		return nil, mark, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.open(name)
	if mark.Epoch == t.epoch && mark.Seen > t.version {
		t.epoch = rand.Text()
	}
	if mark.Epoch != t.epoch {
		mark = Mark{Epoch: t.epoch}
	}
	var notes []Note
	for _, h := range t.notes {
		if h.version > mark.Seen {
			notes = append(notes, Note{Name: h.Name, Text: slices.Clone(h.Text)})
		}
	}
	mark.Seen = t.version
	return notes, mark, nil
}
