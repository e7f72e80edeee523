package dialects_test

import (
	"archive/tar"
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/farebox/farebox/tokenizer"
	"github.com/ulikunitz/xz"
)

// samplesIn names the environment variable that holds the path of the recordings:
// a tar.xz of response bodies with a manifest.tsv that tells of each what was
// asked and what a careful reader finds in it.
const samplesIn = "FAREBOX_SAMPLES"

// recording is one recorded answer.
type recording struct {
	path     string // in the archive
	body     []byte
	method   string
	host     string // lower case, without port
	urlPath  string // decoded, without query
	status   int
	kind     string // content type
	form     string // json, sse, evs, ndjson or array
	edited   bool   // by hand, so that its text and its usage need not fit
	model    string
	expected map[string]json.RawMessage
	headers  map[string]string
}

// Header makes a recording the Head of its answer.
func (r *recording) Header(name string) string { return r.headers[name] }

var _ tokenizer.Head = (*recording)(nil)

// group is what a recording is counted under.
func (r *recording) group() string {
	dir, _, _ := strings.Cut(r.path, "/")
	return dir + " " + r.form
}

// want is one expected number, and whether there is one.
func (r *recording) want(name string) (n int64, known bool) {
	raw, there := r.expected[name]
	return n, there && json.Unmarshal(raw, &n) == nil
}

// recordings returns all of them. Without the variable the test is skipped; with
// it they must be there.
func recordings(t *testing.T) []*recording {
	t.Helper()
	name := os.Getenv(samplesIn)
	if name == "" {
		t.Skipf("%s is not set: it names the recordings to hold the dialects against", samplesIn)
	}
	all, err := unpacked(name)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// unpacked reads the archive once for all tests.
var unpacked = func() func(string) ([]*recording, error) {
	var once sync.Once
	var all []*recording
	var err error
	return func(name string) ([]*recording, error) {
		once.Do(func() { all, err = unpack(name) })
		return all, err
	}
}()

func unpack(name string) ([]*recording, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open recordings: %w", err)
	}
	defer f.Close()
	plain, err := xz.NewReader(bufio.NewReaderSize(f, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("read recordings: %w", err)
	}
	files := map[string][]byte{}
	for archive := tar.NewReader(plain); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read recordings: %w", err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if files[path.Clean(h.Name)], err = io.ReadAll(archive); err != nil {
			return nil, fmt.Errorf("read recording %s: %w", h.Name, err)
		}
	}
	return manifest(files)
}

// manifest joins each line of manifest.tsv with its body.
func manifest(files map[string][]byte) ([]*recording, error) {
	lines := bufio.NewScanner(bytes.NewReader(files["manifest.tsv"]))
	lines.Buffer(nil, 1<<20)
	var names []string
	var all []*recording
	for lines.Scan() {
		cells := strings.Split(lines.Text(), "\t")
		if names == nil {
			names = cells
			continue
		}
		row := map[string]string{}
		for i, c := range cells {
			row[names[i]] = c
		}
		body, there := files[row["path"]]
		if !there {
			return nil, fmt.Errorf("read manifest: %s is not in the archive", row["path"])
		}
		r, err := told(row, body)
		if err != nil {
			return nil, fmt.Errorf("read manifest: %s: %w", row["path"], err)
		}
		all = append(all, r)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	if len(all) == 0 {
		return nil, errors.New("read manifest: it tells of nothing")
	}
	return all, nil
}

// told makes a recording of a line of the manifest.
func told(row map[string]string, body []byte) (*recording, error) {
	r := &recording{
		path: row["path"], body: body, method: strings.ToUpper(row["method"]), kind: row["content_type"], form: row["stream"],
		model: row["model"], headers: map[string]string{},
		edited: row["fidelity"] == "mock-edited" || row["fidelity"] == "sdk-fixture",
	}
	r.host, r.urlPath = split(row["url"])
	code, _, _ := strings.Cut(row["status"], " ")
	var err error
	if r.status, err = strconv.Atoi(code); err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(row["expected"]), &r.expected); err != nil {
		return nil, err
	}
	if row["hdr"] != "" {
		var counts map[string]string
		if err := json.Unmarshal([]byte(row["hdr"]), &counts); err != nil {
			return nil, err
		}
		for name, n := range counts {
			r.headers["x-amzn-bedrock-"+name] = n
		}
	}
	if r.kind == "" { // a few were kept without their headers
		r.kind = map[string]string{"sse": "text/event-stream", "ndjson": "application/x-ndjson"}[r.form]
	}
	r.headers["content-type"] = r.kind
	return r, nil
}

// split takes the host and the path out of a URL. Some URLs have a placeholder
// where their host was.
func split(raw string) (host, urlPath string) {
	_, rest, ok := strings.Cut(raw, "://")
	if !ok {
		rest = raw
	}
	if i := strings.IndexAny(rest, "?#"); i >= 0 {
		rest = rest[:i]
	}
	host, urlPath, _ = strings.Cut(rest, "/")
	host, _, _ = strings.Cut(strings.ToLower(host), ":")
	if plain, err := url.PathUnescape("/" + urlPath); err == nil {
		return host, plain
	}
	return host, "/" + urlPath
}
