// Package inflate undoes content codings of a body that arrives in pieces.
//
// Compressed bytes come in, in any pieces; the bytes they stand for go out to a
// sink as soon as they are determined, so that an event which the sender flushed
// is seen before the next one is sent. Known are gzip (with any number of
// members), deflate (zlib, or raw as some send it), br, zstd and identity. It
// refuses to know what the bytes mean, and codings on top of one another.
//
// Memory is bounded by the window of the coding (32 KiB, 8 MiB for zstd, 16 MiB
// for br), time is linear. The decoders pull their input, so each runs as a
// coroutine (iter.Pull) that Feed resumes: no channel, no scheduler.
//
// An Inflater belongs to one body and is not safe for concurrent use. It must be
// closed.
package inflate

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"strings"
)

// Bounds against bombs.
const (
	// MaxOutput is the most that one body may inflate to, in bytes.
	MaxOutput = 1 << 30
	// MaxRatio is the most bytes of output per byte of input, once there are
	// FreeOutput bytes of output.
	MaxRatio   = 1000
	FreeOutput = 1 << 20
)

// Errors that a body can cause, besides those of its decoder and
// io.ErrUnexpectedEOF.
var (
	ErrTooLarge = errors.New("inflate: body inflates to more than is allowed")
	ErrTrailing = errors.New("inflate: bytes after the end of the compressed body")
	ErrClosed   = errors.New("inflate: already closed")
)

// Inflater undoes the coding of one body.
type Inflater struct {
	decode decoder // nil: identity
	in     int64   // bytes fed
	out    int64   // bytes given to the sink
	limit  int64
	err    error // why no more can be done

	// The coroutine, while there is one.
	next func() (struct{}, bool)
	stop func()

	// What passes between the coroutine and Feed; only one of them runs.
	yield  func(struct{}) bool
	piece  []byte // fed, not yet read
	ended  bool   // nothing follows piece
	closed bool   // nobody wants the rest
	inSink bool
	sink   func([]byte)
}

// New makes the Inflater for a content-encoding as the header has it, in any
// case; empty is identity. An unknown coding is an error, and so is more than
// one.
func New(encoding string) (*Inflater, error) {
	var found decoder
	for name := range strings.SplitSeq(encoding, ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		if name == "" || name == "identity" {
			continue
		}
		d, ok := decoderOf(name)
		if !ok {
			return nil, fmt.Errorf("inflate: unknown content-encoding %.32q", name)
		}
		if found != nil {
			return nil, fmt.Errorf("inflate: several codings in content-encoding %.64q", encoding)
		}
		found = d
	}
	return &Inflater{decode: found, limit: MaxOutput}, nil
}

// Feed takes the next bytes of the body and gives sink all that they determine,
// in order, before it returns. It keeps no reference to p; sink must keep none to
// what it is given, nor call the Inflater. After an error, which is final, what
// was given before is good.
func (f *Inflater) Feed(p []byte, sink func([]byte)) error {
	if f.err != nil || len(p) == 0 {
		return f.err
	}
	f.in += int64(len(p))
	f.piece, f.sink = p, sink
	if f.decode == nil {
		f.piece = nil
		f.err = f.emit(p)
	} else {
		f.resume()
	}
	f.piece, f.sink = nil, nil
	return f.err
}

// End says that nothing follows and gives sink what was still held back, which
// is something when the sender did not flush or the body was cut. It returns
// io.ErrUnexpectedEOF (wrapped) when the body ends too early. Only Close is left
// to call after it.
func (f *Inflater) End(sink func([]byte)) error {
	if f.err != nil {
		return f.err
	}
	if f.next != nil { // else nothing is held
		f.ended, f.sink = true, sink
		f.resume()
		f.sink = nil
	}
	err := f.err
	if err == nil {
		f.err = ErrClosed
	}
	return err
}

// Close releases the Inflater, at whatever point it is. It may be called more
// than once and returns the error, if any, that the body caused.
func (f *Inflater) Close() error {
	err := f.err
	if f.stop != nil {
		f.stop()
		f.next, f.stop = nil, nil
	}
	if errors.Is(err, ErrClosed) {
		return nil
	}
	f.err = ErrClosed
	return err
}

// resume runs the decoder until it wants more than there is, or is done.
func (f *Inflater) resume() {
	if f.next == nil {
		f.next, f.stop = iter.Pull(f.run)
	}
	f.next()
}

// run is the body of the coroutine.
func (f *Inflater) run(yield func(struct{}) bool) {
	f.yield = yield
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if f.inSink { // the caller's own panic
			panic(p)
		}
		f.err = errDecoder
		if bug, ok := p.(runtime.Error); ok {
			f.err = fmt.Errorf("%w: %w", errDecoder, bug)
		}
	}()
	f.err = f.decode(source{f}, f.emit)
}

// errDecoder stands for a panic of a decoder.
var errDecoder = errors.New("inflate: decoder gave up")

// source is what the decoder reads.
type source struct{ f *Inflater }

// Read gives the decoder what was fed, and stops it until there is more.
func (s source) Read(p []byte) (int, error) {
	f := s.f
	for len(f.piece) == 0 {
		if f.ended {
			return 0, io.EOF
		}
		if !f.yield(struct{}{}) {
			f.ended, f.closed = true, true
		}
	}
	n := copy(p, f.piece)
	f.piece = f.piece[n:]
	return n, nil
}

// emit gives p to the sink, within the bounds.
func (f *Inflater) emit(p []byte) error {
	if f.closed {
		return ErrClosed
	}
	f.out += int64(len(p))
	if f.out > f.limit || f.decode != nil && f.out > FreeOutput && f.out/MaxRatio > f.in {
		return ErrTooLarge
	}
	f.inSink = true
	f.sink(p)
	f.inSink = false
	return nil
}
