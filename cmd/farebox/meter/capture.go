package meter

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/farebox/farebox/extproc/wire"
	"github.com/farebox/farebox/tokenizer"
)

// Capture is one answer as it was recorded. Only URL is required.
type Capture struct {
	URL     string            // that was asked, with its query
	Method  string            // empty: POST
	Status  int               // of the answer; 0: 200
	Headers map[string]string // of the answer; names in any case
	Body    []byte            // of the answer, compressed or not
	Cuts    []int             // where the body is cut into pieces: offsets in any order
}

// dropped are headers that speak of how the answer was sent, which is over.
var dropped = []string{"content-length", "transfer-encoding", "connection"}

// exchange plays a capture as Envoy would.
func (c *Capture) exchange() (*exchange, error) {
	host, path, err := c.address()
	if err != nil {
		return nil, err
	}
	status := c.Status
	if status == 0 {
		status = 200
	}
	if status < 100 || status > 599 {
		return nil, fmt.Errorf("status %d: no HTTP status", c.Status)
	}
	x := &exchange{method: strings.ToUpper(strings.TrimSpace(c.Method)), host: host, path: path, status: status}
	if x.method == "" {
		x.method = "POST"
	}
	if x.pieces, err = c.pieces(); err != nil {
		return nil, err
	}
	for name, value := range c.Headers {
		name = strings.ToLower(name)
		if name != "content-type" && !slices.Contains(dropped, name) && !undone(name, value, c.Body) {
			x.headers = append(x.headers, wire.Pair{Name: name, Value: value})
		}
	}
	slices.SortFunc(x.headers, func(a, b wire.Pair) int { return strings.Compare(a.Name, b.Name) })
	x.kind = c.kind()
	return x, nil
}

// address takes host and path out of a URL, as a caller would send them. It is
// less strict than a caller: captures often have placeholders in their hosts.
func (c *Capture) address() (host, path string, err error) {
	_, rest, ok := strings.Cut(c.URL, "://")
	if !ok {
		rest = c.URL
	}
	host, path, _ = strings.Cut(rest, "/")
	if rest == "" || host == "" && path == "" {
		return "", "", errors.New("url: it is empty")
	}
	return host, "/" + path, nil
}

// kind is the content type: a capture that has lost it is looked at.
func (c *Capture) kind() string {
	for name, value := range c.Headers {
		if strings.EqualFold(name, "content-type") && value != "" {
			return value
		}
	}
	start := bytes.TrimLeft(c.Body[:min(len(c.Body), 1<<10)], " \t\r\n\ufeff")
	switch {
	case bytes.HasPrefix(start, []byte("data:")), bytes.HasPrefix(start, []byte("event:")), bytes.HasPrefix(start, []byte(":")),
		bytes.HasPrefix(start, []byte("id:")), bytes.HasPrefix(start, []byte("retry:")):
		return "text/event-stream"
	}
	return "application/json"
}

// undone says that a header names a compression which the recorder has taken off.
func undone(name, value string, body []byte) bool {
	if name != "content-encoding" {
		return false
	}
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "gzip", "x-gzip":
		return !bytes.HasPrefix(body, []byte{0x1f, 0x8b})
	case "zstd":
		return !bytes.HasPrefix(body, []byte{0x28, 0xb5, 0x2f, 0xfd})
	}
	return false
}

// pieces cuts the body. A piece is never empty.
func (c *Capture) pieces() (list [][]byte, err error) {
	cuts := slices.Sorted(slices.Values(c.Cuts))
	if n := len(cuts); n > 0 && (cuts[0] < 0 || cuts[n-1] > len(c.Body)) {
		return nil, fmt.Errorf("cuts: they go from %d to %d in a body of %d bytes", cuts[0], cuts[n-1], len(c.Body))
	}
	from := 0
	for _, to := range append(cuts, len(c.Body)) {
		if to > from {
			list = append(list, c.Body[from:to])
			from = to
		}
	}
	return list, nil
}

// exchange is a Conn that plays one capture.
type exchange struct {
	method, host, path string
	status             int
	kind               string
	headers            []wire.Pair
	pieces             [][]byte

	stage wire.Kind // of the last message
	letGo bool      // the server wants to see no more
	skip  bool      // it wants no body
}

var _ wire.Conn = (*exchange)(nil)

// again makes x ready to be played once more, with the body in one piece.
func (x *exchange) again(body []byte) {
	x.pieces, x.stage, x.letGo, x.skip = [][]byte{body}, wire.Unknown, false, false
}

// Recv gives the next message that Envoy would send.
func (x *exchange) Recv(m *wire.Message) error {
	switch {
	case x.letGo:
		return io.EOF
	case x.stage == wire.Unknown:
		x.stage = wire.RequestHeaders
		*m = wire.MadeOf(x.stage, []wire.Pair{
			{Name: ":method", Value: x.method}, {Name: ":path", Value: x.path}, {Name: ":authority", Value: x.host}, {Name: "content-type", Value: "application/json"},
		})
		m.End = x.bodyless()
	case x.stage == wire.RequestHeaders && !x.bodyless():
		x.stage = wire.RequestBody
		*m = wire.MadeOf(x.stage, nil)
		m.Body, m.End = x.request(), true
	case x.stage == wire.RequestHeaders || x.stage == wire.RequestBody:
		x.stage = wire.ResponseHeaders
		*m = wire.MadeOf(x.stage, append([]wire.Pair{{Name: ":status", Value: strconv.Itoa(x.status)}, {Name: "content-type", Value: x.kind}}, x.headers...))
		m.End = len(x.pieces) == 0
	case x.skip || len(x.pieces) == 0:
		return io.EOF
	default:
		x.stage = wire.ResponseBody
		*m = wire.MadeOf(x.stage, nil)
		m.Body, m.End = x.pieces[0], len(x.pieces) == 1
		x.pieces = x.pieces[1:]
	}
	return nil
}

// Send takes the reply, of which only the modes matter here.
func (x *exchange) Send(r *wire.Reply) error {
	x.letGo = r.Mode == wire.LetGo || r.Local != nil
	x.skip = x.skip || r.Mode == wire.SkipAnswer
	return nil
}

// bodyless says that such a request has no body.
func (x *exchange) bodyless() bool {
	return x.method != "POST" && x.method != "PUT" && x.method != "PATCH"
}

// request is a body that asks for such an answer: what was really asked was not
// captured.
func (x *exchange) request() []byte {
	switch tokenizer.FormOf(x.kind) {
	case tokenizer.SSE, tokenizer.NDJSON, tokenizer.EventStream:
		return []byte(`{"stream":true}`)
	}
	return []byte(`{}`)
}

// unmetered says why nothing was counted.
func (x *exchange) unmetered() string {
	path, _, _ := strings.Cut(x.path, "?")
	return fmt.Sprintf("no dialect meters %s %s%s", x.method, x.host, path)
}
