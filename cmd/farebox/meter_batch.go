package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/farebox/farebox/cmd/farebox/meter"
	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// captureLine is one line of a batch.
type captureLine struct {
	URL         string               `json:"url"`
	Method      string               `json:"method"`
	Status      statusCode           `json:"status"`
	ContentType string               `json:"content_type"`
	Headers     map[string]firstText `json:"headers"`
	BodyPath    *string              `json:"body_path"`
	BodyBase64  *string              `json:"body_base64"`
	Cuts        []int                `json:"cuts"`
}

// statusCode is a status as recorders write it: 200, "200" or "200 OK".
type statusCode int

// UnmarshalJSON reads the number.
func (s *statusCode) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	number, _, _ := strings.Cut(strings.Trim(string(data), `"`), " ")
	n, err := strconv.Atoi(number)
	if err != nil {
		return errors.New("status: no number")
	}
	*s = statusCode(n)
	return nil
}

// firstText is a header's value as recorders write it: a text, or a list of them
// of which the first counts.
type firstText string

// UnmarshalJSON reads the text.
func (f *firstText) UnmarshalJSON(data []byte) error {
	var list []string
	if json.Unmarshal(data, &list) == nil {
		if len(list) > 0 {
			*f = firstText(list[0])
		}
		return nil
	}
	var one string
	if json.Unmarshal(data, &one) != nil {
		return errors.New("headers: a value is neither a text nor a list of texts")
	}
	*f = firstText(one)
	return nil
}

// metered is a Count for a program.
type metered struct {
	Dialect   string           `json:"dialect"`
	Operation string           `json:"operation"`
	Model     string           `json:"model"`
	Stream    bool             `json:"stream"`
	Source    tokenizer.Source `json:"source"`
	Usage     *tokenizer.Usage `json:"usage"`
	Lines     []policy.Line    `json:"lines,omitempty"`
	CostUSD   *money.Amount    `json:"cost_usd,omitempty"`
	Priced    bool             `json:"priced"`
	Deferred  string           `json:"deferred,omitempty"` // the provider's id of work that goes on
	Of        string           `json:"of,omitempty"`       // its id of the work that was asked after
	Why       string           `json:"why,omitempty"`
	Error     string           `json:"error,omitempty"`
}

func meteredOf(n *meter.Count) *metered {
	r := &n.Record
	m := &metered{
		Dialect: r.Dialect, Operation: r.Operation, Model: r.Model, Stream: r.Stream, Source: n.Source, Usage: &n.Usage,
		Lines: r.Lines, Priced: n.Priced, Deferred: n.Deferred, Of: n.Of, Why: n.Why,
	}
	if n.Priced {
		m.CostUSD = &n.Cost
	}
	return m
}

// progressEvery is how often a long batch says how far it is.
const progressEvery = 2 * time.Second

// batch meters the lines of a file, one after another.
type batch struct {
	meter         *meter.Meter
	errOut        io.Writer
	now           func() time.Time
	lines, failed int
}

// run answers every line that is not empty, in order. What is wrong with a line
// is said in its answer, and in the end by an error.
func (b *batch) run(ctx context.Context, from io.Reader, to io.Writer) error {
	in, out := bufio.NewReaderSize(from, 1<<16), bufio.NewWriterSize(to, 1<<16)
	answers := json.NewEncoder(out)
	answers.SetEscapeHTML(false)
	said := b.now()
	for {
		line, tooLong, err := readLine(in, maxCapture)
		if err != nil && !errors.Is(err, io.EOF) {
			return errors.Join(fmt.Errorf("read batch: %w", err), out.Flush())
		}
		if tooLong || len(bytes.TrimSpace(line)) > 0 {
			if wrong := answers.Encode(b.answer(ctx, line, tooLong)); wrong != nil {
				return fmt.Errorf("write counts: %w", wrong)
			}
		}
		if err != nil {
			break
		}
		if in.Buffered() == 0 { // whoever writes line by line may wait for the answer
			if err := out.Flush(); err != nil {
				return fmt.Errorf("write counts: %w", err)
			}
		}
		if at := b.now(); at.Sub(said) >= progressEvery {
			said = at
			fmt.Fprintf(b.errOut, "farebox: %d captures, %d failed\n", b.lines, b.failed)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write counts: %w", err)
	}
	if b.failed > 0 {
		return fmt.Errorf("%d of %d captures failed: their lines say why", b.failed, b.lines)
	}
	return nil
}

// answer meters one line.
func (b *batch) answer(ctx context.Context, line []byte, tooLong bool) *metered {
	b.lines++
	n, err := meter.Count{}, fmt.Errorf("line is longer than %d bytes", maxCapture)
	if !tooLong {
		n, err = b.count(ctx, line)
	}
	m := meteredOf(&n)
	if err != nil {
		b.failed++
		m.Error = err.Error()
	}
	return m
}

func (b *batch) count(ctx context.Context, line []byte) (meter.Count, error) {
	var l captureLine
	if err := json.Unmarshal(line, &l); err != nil {
		return meter.Count{}, fmt.Errorf("read line: %w", err)
	}
	c, err := l.capture()
	if err != nil {
		return meter.Count{}, err
	}
	return b.meter.Read(ctx, c)
}

func (l *captureLine) capture() (c *meter.Capture, err error) {
	c = &meter.Capture{URL: l.URL, Method: l.Method, Status: int(l.Status), Cuts: l.Cuts, Headers: make(map[string]string, len(l.Headers)+1)}
	for name, value := range l.Headers {
		c.Headers[strings.ToLower(name)] = string(value)
	}
	if l.ContentType != "" {
		c.Headers["content-type"] = l.ContentType
	}
	switch {
	case l.BodyPath != nil && l.BodyBase64 != nil:
		return nil, errors.New("body_path and body_base64: there can be one of them")
	case l.BodyBase64 != nil:
		if c.Body, err = base64.StdEncoding.DecodeString(*l.BodyBase64); err != nil {
			return nil, fmt.Errorf("body_base64: %w", err)
		}
	case l.BodyPath != nil:
		f, err := os.Open(*l.BodyPath)
		if err != nil {
			return nil, fmt.Errorf("body_path: %w", err)
		}
		defer f.Close()
		if c.Body, err = readCapture(f); err != nil {
			return nil, err
		}
	default:
		return nil, errors.New("neither body_path nor body_base64 is there")
	}
	return c, nil
}

// readLine reads a line of at most so many bytes, without its end. A longer one
// is passed over whole. The line is valid until the next is read.
func readLine(in *bufio.Reader, most int) (line []byte, tooLong bool, err error) {
	line, err = in.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, len(line) > most, err
	}
	whole := bytes.Clone(line)
	for errors.Is(err, bufio.ErrBufferFull) {
		line, err = in.ReadSlice('\n')
		if tooLong = tooLong || len(whole)+len(line) > most; tooLong {
			whole = nil
			continue
		}
		whole = append(whole, line...)
	}
	return whole, tooLong, err
}
