package parts

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/farebox/farebox/policy/board"
)

// Bounds of what a ledger tells of a window. A name may take six times its bytes as
// JSON writes it.
const (
	partBytes = 128 << 10
	maxParts  = 64
)

// followed is for how many of its lengths a window may be followed back.
const followed = 30

// paper is what a note says: that a replica is there, or what its ledger has of a
// window. Of two with one name the one of the higher version is the later.
type paper struct {
	Ledger  string `json:"ledger"`
	Mark    string `json:"mark"`
	Version int64  `json:"version"`
	Head    *head  `json:"head,omitempty"`
	Word    *word  `json:"word,omitempty"`
}

// head is of all windows of a budget. Times are in µs since 1970.
type head struct {
	AsOf   int64           `json:"as_of"`
	Until  int64           `json:"until"`  // it may spend until then without telling more
	Length int64           `json:"length"` // of a window, in µs
	Words  map[int64]int64 `json:"words"`  // versions, by the start of a window; of others there is nothing
}

// word is a part of what accounts spent in a window.
type word struct {
	Start int64            `json:"start"`
	End   int64            `json:"end"`
	Part  int              `json:"part"` // from 0
	Parts int              `json:"parts"`
	Spent map[string]int64 `json:"spent"`
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

func headOf(ledger string) string { return hashOf(ledger) + " here" }

func wordOf(ledger string, start int64, part int) string {
	return fmt.Sprintf("%s %d %d", hashOf(ledger), start, part)
}

func (p *paper) name() string {
	if p.Head != nil {
		return headOf(p.Ledger)
	}
	return wordOf(p.Ledger, p.Word.Start, p.Word.Part)
}

var errUnsound = errors.New("it is not what a replica posts")

// readPaper reads a note of a budget.
func readPaper(mark string, note *board.Note) (*paper, error) {
	p := &paper{}
	if err := json.Unmarshal(note.Text, p); err != nil {
		return nil, err
	}
	sound := p.Mark == mark && p.Version > 0 && (p.Head == nil) != (p.Word == nil)
	if sound && p.Word != nil {
		sound = p.Word.Start < p.Word.End && p.Word.Part >= 0 && p.Word.Part < p.Word.Parts && p.Word.Parts <= maxParts
	}
	if !sound || p.name() != note.Name {
		return nil, errUnsound
	}
	return p, nil
}

// note is p as it is posted.
func (p *paper) note(now time.Time) board.Note {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // texts and numbers can be written
	}
	return board.Note{Name: p.name(), Text: text, Keep: p.keep(now)}
}

// keep is how long the note is of use. Where a board does not keep it so long, it is
// posted again.
func (p *paper) keep(now time.Time) time.Duration {
	from, length := now.UnixMicro(), int64(0)
	if p.Head != nil {
		length = p.Head.Length
	} else {
		from, length = p.Word.Start, p.Word.End-p.Word.Start
	}
	if length > board.MaxKeep.Microseconds() {
		return board.MaxKeep
	}
	until := time.UnixMicro(from).Add(time.Duration(followed*length) * time.Microsecond)
	return min(max(until.Sub(now), time.Hour), board.MaxKeep)
}

// words are what the ledger has of a window, in parts, if that is not what it had
// told before. They are noted in h.
func (t *topic) words(had, h *paper, w *Window) ([]*paper, error) {
	start := w.Start.UnixMicro()
	if had.Head != nil {
		if before, all := t.spent(had, start); all && maps.Equal(before, w.Spent) {
			if version := had.Head.Words[start]; version > 0 {
				h.Head.Words[start] = version
			}
			return nil, nil
		}
	}
	if len(w.Spent) == 0 {
		return nil, nil // it is not in h any more
	}
	var all []*paper
	bytes := partBytes
	for _, of := range slices.Sorted(maps.Keys(w.Spent)) {
		if bytes += len(of) + 16; bytes > partBytes {
			bytes = len(of) + 16
			all = append(all, &paper{Ledger: h.Ledger, Mark: h.Mark, Version: h.Version, Word: &word{
				Start: start, End: w.End.UnixMicro(), Part: len(all), Spent: map[string]int64{},
			}})
		}
		all[len(all)-1].Word.Spent[of] = w.Spent[of]
	}
	if len(all) > maxParts {
		return nil, fmt.Errorf("%d accounts spent in the window of %s, more than can be told", len(w.Spent), w.Start.UTC().Format(time.RFC3339))
	}
	for _, p := range all {
		p.Word.Parts = len(all)
	}
	h.Head.Words[start] = h.Version
	return all, nil
}
