package board_test

import (
	"sync"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/board"
	"github.com/farebox/farebox/policy/board/boardtest"
)

func TestMemoryKeepsTheContract(t *testing.T) {
	boardtest.Run(t, func(*testing.T) boardtest.Harness {
		var mu sync.Mutex // guards now
		now := time.Unix(1e9, 0)
		m := board.NewMemory(func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return now
		})
		return boardtest.Harness{Board: m, Lose: m.Lose, Advance: func(d time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			now = now.Add(d)
		}}
	})
}
