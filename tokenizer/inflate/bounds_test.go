package inflate

import (
	"bytes"
	"errors"
	"testing"
)

func TestBombsAreRefused(t *testing.T) {
	zeros := make([]byte, 1<<20)
	for name, coding := range codings {
		if name == "identity" || name == "stored" {
			continue
		}
		var out bytes.Buffer
		w, err := coding.encode(&out)
		if err != nil {
			t.Fatal(err)
		}
		for range 4 {
			if _, err := w.Write(zeros); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		f := start(t, coding.header)
		seen := 0
		err = f.Feed(out.Bytes(), func(p []byte) { seen += len(p) })
		if ratio := len(zeros) * 4 / out.Len(); ratio > MaxRatio && !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: a body of ratio %d: Feed = %v", name, ratio, err)
		}
		if most := max(FreeOutput, MaxRatio*(out.Len()+1)) + outBuffer; seen > most {
			t.Errorf("%s: %d bytes came out of %d", name, seen, out.Len())
		}

		f = start(t, coding.header)
		f.limit = 1000
		if err := f.Feed(out.Bytes(), func([]byte) {}); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s beyond the limit: Feed = %v", name, err)
		}
		if err := f.Feed([]byte{0}, func([]byte) { t.Error("something came out after an error") }); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: the error did not stay: %v", name, err)
		}
	}
	f := start(t, "")
	f.limit = 10
	if err := f.Feed(make([]byte, 11), func([]byte) {}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("identity: Feed = %v", err)
	}
}

func TestTrailingBytes(t *testing.T) {
	for name, coding := range codings {
		if name == "identity" {
			continue
		}
		body := bytes.Join(flushed(t, name, events(50)), nil)
		for _, together := range []bool{true, false} {
			f := start(t, coding.header)
			sink := func([]byte) {}
			var err error
			if together {
				err = f.Feed(append(bytes.Clone(body), "trailing bytes"...), sink)
			} else {
				err = errors.Join(f.Feed(body, sink), f.Feed([]byte("trailing bytes"), sink))
			}
			if err == nil {
				err = f.End(sink)
			}
			if err == nil {
				t.Errorf("%s, together %v: no error", name, together)
			}
		}
	}
}
