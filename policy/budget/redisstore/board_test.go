package redisstore

import (
	"strconv"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/board"
	"github.com/farebox/farebox/policy/board/boardtest"
)

// boardAt is the board of an empty organisation. It loses what is in at.
func boardAt(t *testing.T, at *server) boardtest.Harness {
	s := open(t, Options{Addresses: []string{at.address}, Org: newOrg()})
	b := s.Board()
	return boardtest.Harness{Board: b, Advance: func(d time.Duration) { ahead(t, s, d) }, Lose: func() {
		for _, key := range b.keys("a") {
			at.command("DEL", key)
		}
	}}
}

func TestBoardKeepsTheContract(t *testing.T) {
	at := startServer(t)
	boardtest.Run(t, func(t *testing.T) boardtest.Harness { return boardAt(t, at) })
}

// What is posted after the last notes were lost is read by those who had read them.
func TestBoardAfterTheLastNotesWereLost(t *testing.T) {
	at := startServer(t)
	s := open(t, Options{Addresses: []string{at.address}, Org: newOrg()})
	b := s.Board()
	post := func(name string) {
		t.Helper()
		if err := b.Post(t.Context(), "a", board.Note{Name: name, Keep: time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	post("one")
	version := at.bulk("HGET", b.keys("a")[0], "version")
	post("two")
	_, mark, err := b.Since(t.Context(), "a", board.Mark{})
	if err != nil {
		t.Fatal(err)
	}
	for i, key := range b.keys("a") { // as a server has it that was told of one alone
		at.command([][]string{{"HSET", key, "version", version}, {"HDEL", key, "two"}, {"ZREM", key, "two"}, {"ZREM", key, "two"}}[i]...)
	}
	post("three")
	notes, next, err := b.Since(t.Context(), "a", mark)
	if err != nil || len(notes) != 1 || notes[0].Name != "three" {
		t.Errorf("%+v, %v", notes, err)
	}
	if want, _ := strconv.ParseInt(version, 10, 64); next.Epoch != mark.Epoch || next.Seen <= want {
		t.Errorf("the mark is %+v", next)
	}
}
