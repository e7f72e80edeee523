package eventstream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// text is one string header.
func text(name, value string) string {
	return string([]byte{byte(len(name))}) + name + "\x07" + string(binary.BigEndian.AppendUint16(nil, uint16(len(value)))) + value
}

// message frames headers and a payload.
func message(headers, payload string) []byte {
	m := binary.BigEndian.AppendUint32(nil, uint32(overhead+len(headers)+len(payload)))
	m = binary.BigEndian.AppendUint32(m, uint32(len(headers)))
	m = binary.BigEndian.AppendUint32(m, crc32.ChecksumIEEE(m))
	m = append(append(m, headers...), payload...)
	return binary.BigEndian.AppendUint32(m, crc32.ChecksumIEEE(m))
}

func event(kind, payload string) []byte {
	return message(text(":event-type", kind)+text(":content-type", "application/json")+text(":message-type", "event"), payload)
}

// heard writes down what a Splitter says.
type heard struct {
	told  []string
	data  []byte
	open  bool
	wrong string
}

func (h *heard) Begin(head *Headers) {
	if h.open {
		h.wrong = "begun twice"
	}
	h.open, h.data = true, nil
	h.told = append(h.told, fmt.Sprintf("%s|%s|%s|%s", head.MessageType(), head.EventType(), head.ExceptionType(), head.ErrorCode()))
}

func (h *heard) Data(p []byte) {
	if !h.open || len(p) == 0 {
		h.wrong = "data outside a message, or none"
	}
	h.data = append(h.data, p...)
}

func (h *heard) End(whole bool) {
	if !h.open {
		h.wrong = "ended twice"
	}
	h.open = false
	h.told = append(h.told, fmt.Sprintf("%s|%v", h.data, whole))
}

func split(in []byte, cuts ...int) (told []string, wrong string, err error) {
	h := &heard{}
	s := New(h)
	at := 0
	for _, c := range append(cuts, len(in)) {
		_ = s.Feed(bytes.Clone(in[at:c]))
		at = c
	}
	return h.told, h.wrong, s.Close()
}

// everyKind has a header of each kind of value between two that are kept.
var everyKind = text(":event-type", "x") + "\x01a\x00" + "\x01b\x01" + "\x01c\x02\x09" + "\x01d\x03\x01\x02" + "\x01e\x04\x01\x02\x03\x04" +
	"\x01f\x05\x01\x02\x03\x04\x05\x06\x07\x08" + "\x01g\x06\x00\x03abc" + "\x01h\x08\x01\x02\x03\x04\x05\x06\x07\x08" +
	"\x01i\x09" + strings.Repeat("u", 16) + "\x01j\x06\x00\x00" + text("k", "") + text(strings.Repeat("n", 255), "long name") + text(":message-type", "event")

func TestMessages(t *testing.T) {
	for name, c := range map[string]struct {
		in   []byte
		told []string
		err  error
	}{
		"nothing":      {in: nil},
		"two":          {in: slices.Concat(event("a", "{}"), event("b", `{"x":1}`)), told: []string{"event|a||", "{}|true", "event|b||", `{"x":1}|true`}},
		"no payload":   {in: event("a", ""), told: []string{"event|a||", "|true"}},
		"no headers":   {in: message("", "p"), told: []string{"|||", "p|true"}},
		"nothing in":   {in: message("", ""), told: []string{"|||", "|true"}},
		"every kind":   {in: message(everyKind, "p"), told: []string{"event|x||", "p|true"}},
		"exception":    {in: message(text(":message-type", "exception")+text(":exception-type", "throttlingException"), "{}"), told: []string{"exception||throttlingException|", "{}|true"}},
		"error":        {in: message(text(":message-type", "error")+text(":error-code", "500")+text(":error-message", "no"), ""), told: []string{"error|||500", "|true"}},
		"said twice":   {in: message(text(":event-type", "abc")+text(":event-type", "d"), ""), told: []string{"|d||", "|true"}},
		"long value":   {in: message(text(":event-type", strings.Repeat("v", MaxValue+1)), ""), told: []string{"|||", "|true"}},
		"longest":      {in: message(text(":event-type", strings.Repeat("v", MaxValue)), ""), told: []string{"|" + strings.Repeat("v", MaxValue) + "||", "|true"}},
		"not a string": {in: message("\x0b:event-type\x06\x00\x01x", ""), told: []string{"|||", "|true"}},
		"no such kind": {in: message("\x01a\x0a", ""), err: ErrCorrupt},
		"no name":      {in: message("\x00\x00", ""), err: ErrCorrupt},
		"header cut":   {in: message("\x05ab", ""), err: ErrCorrupt},
		"value cut":    {in: message("\x01a\x07\x00\x05ab", "p"), err: ErrCorrupt},
		"length cut":   {in: message("\x01a\x07\x00", "p"), err: ErrCorrupt},
		"not a stream": {in: []byte(`{"message":"some error"}`), err: ErrCorrupt},
		"short":        {in: event("a", "{}")[:20], err: ErrShort},
		"within sum":   {in: event("a", "{}")[:len(event("a", "{}"))-1], told: []string{"event|a||"}, err: ErrShort},
	} {
		told, wrong, err := split(c.in)
		if !slices.Equal(told, c.told) || !errors.Is(err, c.err) || wrong != "" {
			t.Errorf("%s: %q, %v, %s; want %q, %v", name, told, err, wrong, c.told, c.err)
		}
	}
}

// TestLengths: what the prelude claims is not believed beyond the limits, even
// where its checksum holds.
func TestLengths(t *testing.T) {
	for name, c := range map[string]struct{ total, headers uint32 }{
		"shorter than itself":  {overhead - 1, 0},
		"headers beyond it":    {overhead + 4, 5},
		"headers wrap around":  {overhead, ^uint32(0)},
		"too many headers":     {overhead + MaxHeaders + 1, MaxHeaders + 1},
		"too long a payload":   {overhead + MaxPayload + 1, 0},
		"as long as it can be": {^uint32(0), 0},
	} {
		m := binary.BigEndian.AppendUint32(nil, c.total)
		m = binary.BigEndian.AppendUint32(m, c.headers)
		m = binary.BigEndian.AppendUint32(m, crc32.ChecksumIEEE(m))
		if told, _, err := split(append(m, make([]byte, 64)...)); !errors.Is(err, ErrCorrupt) || told != nil {
			t.Errorf("%s: %q, %v", name, told, err)
		}
	}
}

// TestEveryFlippedByte: no single byte can change unnoticed, and nothing is told
// of what follows.
func TestEveryFlippedByte(t *testing.T) {
	one := event("delta", `{"text":"hello"}`)
	in := slices.Concat(one, event("next", "{}"))
	for i := range one {
		bad := bytes.Clone(in)
		bad[i] ^= 0x11
		told, wrong, err := split(bad)
		if err == nil || wrong != "" {
			t.Errorf("byte %d: %q, %v, %s", i, told, err, wrong)
		}
		for _, line := range told {
			if strings.Contains(line, "true") || strings.Contains(line, "next") {
				t.Errorf("byte %d: told %q", i, told)
			}
		}
	}
}

func TestEveryCut(t *testing.T) {
	in := slices.Concat(event("a", `{"x":"yz"}`), message(everyKind, "p"), event("b", ""), message("", ""), event("c", "last"))
	want, _, err := split(in)
	if err != nil || len(want) != 10 {
		t.Fatalf("whole: %q, %v", want, err)
	}
	for i := range in {
		if got, wrong, err := split(in, i); !slices.Equal(got, want) || err != nil || wrong != "" {
			t.Fatalf("cut at %d: %q, %v, %s", i, got, err, wrong)
		}
	}
	var each []int
	for i := range in {
		each = append(each, i)
	}
	if got, wrong, err := split(in, each...); !slices.Equal(got, want) || err != nil || wrong != "" {
		t.Errorf("byte by byte: %q, %v, %s", got, err, wrong)
	}
}

// TestReset: a stream that was corrupt leaves nothing behind.
func TestReset(t *testing.T) {
	h := &heard{}
	s := New(h)
	if s.Feed([]byte("no event stream at all")) == nil {
		t.Fatal("took nonsense")
	}
	s.Reset()
	if err := s.Feed(event("a", "{}")); err != nil || s.Close() != nil || len(h.told) != 2 {
		t.Errorf("%q, %v", h.told, err)
	}
}

func TestNothingAllocated(t *testing.T) {
	s := New(silent{})
	in := event("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"hello"},"p":"abcdefg"}`)
	if n := testing.AllocsPerRun(100, func() { _ = s.Feed(in) }); n != 0 {
		t.Errorf("%v allocations a message", n)
	}
	if s.Err() != nil {
		t.Error(s.Err())
	}
}

type silent struct{}

func (silent) Begin(*Headers) {}
func (silent) Data([]byte)    {}
func (silent) End(bool)       {}

// FuzzSplit: arbitrary bytes at random cuts say what the whole says.
func FuzzSplit(f *testing.F) {
	f.Add(slices.Concat(event("a", `{"x":1}`), message(everyKind, "p")), uint64(1))
	f.Add(event("a", "{}")[:17], uint64(2))
	f.Add([]byte(`{"message":"x"}`), uint64(3))
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		want, wrong, wantErr := split(in)
		if wrong != "" {
			t.Fatal(wrong)
		}
		r := rand.New(rand.NewPCG(seed, 0))
		var cuts []int
		for i := range in {
			if r.IntN(4) == 0 {
				cuts = append(cuts, i)
			}
		}
		if got, wrong, err := split(in, cuts...); !slices.Equal(got, want) || !errors.Is(err, wantErr) || wrong != "" {
			t.Fatalf("cut at %v: %q, %v, %s; want %q, %v", cuts, got, err, wrong, want, wantErr)
		}
	})
}

func BenchmarkSplit(b *testing.B) {
	in := bytes.Repeat(event("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"hello"},"p":"abcdefghijklmnopqrstuv"}`), 100)
	s := New(silent{})
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		_ = s.Feed(in)
	}
}
