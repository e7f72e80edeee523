package sqlitestore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/farebox/farebox/policy"
)

// journalKept is the size from which a journal is written anew, when less than
// half of it is of calls that are open.
const journalKept = 4 << 20

// journal keeps the openings in a file beside the database: one line an opening,
// its checksum, call id and ticket. Lines are only appended; that a call was
// settled is known from its record. From time to time the file is written anew
// without the settled ones. It belongs to the one who calls Write.
type journal struct {
	path  string
	sync  bool // appended lines survive a power cut
	file  *os.File
	size  int64
	bound int64                      // the size at which it is written anew
	open  map[policy.CallID]struct{} // the calls of its lines, but for those that a record closed
	line  bytes.Buffer
	json  *json.Encoder   // into line
	added []policy.CallID // by the last append
}

// openJournal opens the journal at path, or makes it, without the lines of calls
// that are settled.
func openJournal(path string, sync bool, settled func(policy.CallID) (bool, error)) (*journal, error) {
	j := &journal{path: path, sync: sync, open: map[policy.CallID]struct{}{}}
	j.json = json.NewEncoder(&j.line)
	j.json.SetEscapeHTML(false)
	var failed error
	err := readJournal(path, func(id policy.CallID, _ []byte) {
		over, err := settled(id)
		failed = errors.Join(failed, err)
		if !over {
			j.open[id] = struct{}{}
		}
	})
	if err := errors.Join(err, failed); err != nil {
		return nil, err
	}
	return j, j.rewrite()
}

// append writes the openings that are not there yet. After an error nothing of
// them is there, or close must follow.
func (j *journal) append(openings []policy.Opening) error {
	if j.size >= j.bound {
		if err := j.rewrite(); err != nil {
			return err
		}
	}
	j.line.Reset()
	j.added = j.added[:0]
	for i := range openings {
		t := &openings[i].Ticket
		if _, there := j.open[t.ID]; there {
			continue
		}
		if err := j.appendLine(t); err != nil {
			return fmt.Errorf("opening %s: %w", t.ID, err)
		}
		j.open[t.ID] = struct{}{}
		j.added = append(j.added, t.ID)
	}
	if j.line.Len() == 0 {
		return nil
	}
	if _, err := j.file.Write(j.line.Bytes()); err != nil {
		return err
	}
	j.size += int64(j.line.Len())
	if j.sync {
		return j.file.Sync()
	}
	return nil
}

const checksumDigits = 8

// appendLine appends a ticket to j.line: checksum, blank, id, blank, JSON.
func (j *journal) appendLine(t *policy.Ticket) error {
	start := j.line.Len()
	j.line.WriteString("00000000 ")
	j.line.WriteString(t.ID.String())
	j.line.WriteByte(' ')
	if err := j.json.Encode(t); err != nil { // ends the line
		return err
	}
	line := j.line.Bytes()[start:]
	putChecksum(line, checksum(line[:len(line)-1]))
	return nil
}

// checksum is that of a line without its end.
func checksum(line []byte) uint32 {
	return crc32.Checksum(line[checksumDigits:], crc32.MakeTable(crc32.Castagnoli))
}

func putChecksum(line []byte, sum uint32) {
	const digits = "0123456789abcdef"
	for i := checksumDigits - 1; i >= 0; i-- {
		line[i] = digits[sum&15]
		sum >>= 4
	}
}

// cut takes back what the last append wrote. After an error close must follow.
func (j *journal) cut() error {
	for _, id := range j.added {
		delete(j.open, id)
	}
	j.size -= int64(j.line.Len())
	return j.file.Truncate(j.size)
}

func (j *journal) settle(records []policy.Record) {
	for i := range records {
		delete(j.open, records[i].ID)
	}
}

// rewrite puts a file with the open calls only in the place of the one before,
// which may have been torn by a crash.
func (j *journal) rewrite() (err error) {
	j.line.Reset()
	err = readJournal(j.path, func(id policy.CallID, line []byte) {
		if _, open := j.open[id]; open {
			j.line.Write(line)
		}
	})
	if err != nil {
		return err
	}
	name := j.path + ".new"
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	if _, err := f.Write(j.line.Bytes()); err != nil {
		return err
	}
	if err := j.close(); err != nil { // before its place is taken
		return err
	}
	if err := j.replace(f, name); err != nil {
		return err
	}
	j.file, j.size = f, int64(j.line.Len())
	j.bound = max(journalKept, 2*j.size)
	return nil
}

// replace puts f in the place of the journal.
func (j *journal) replace(f *os.File, name string) error {
	if j.sync {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	if err := os.Rename(name, j.path); err != nil {
		return err
	}
	if !j.sync || runtime.GOOS == "windows" { // which cannot sync folders
		return nil
	}
	dir, err := os.Open(filepath.Dir(j.path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func (j *journal) close() error {
	if j.file == nil {
		return nil
	}
	f := j.file
	j.file = nil
	return f.Close()
}

// readJournal calls each with every whole line, its end included, which is valid
// until each returns. No file is no lines, and a line that is torn or damaged is
// none.
func readJournal(path string, each func(id policy.CallID, line []byte)) error {
	all, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for line := range bytes.Lines(all) {
		if id, ok := readLine(line); ok {
			each(id, line)
		}
	}
	return nil
}

// The places of a line.
const (
	idAt   = checksumDigits + 1
	jsonAt = idAt + 36 + 1
)

func readLine(line []byte) (id policy.CallID, ok bool) {
	if len(line) <= jsonAt || line[len(line)-1] != '\n' {
		return id, false
	}
	sum, err := strconv.ParseUint(string(line[:checksumDigits]), 16, 32)
	if err != nil || uint32(sum) != checksum(line[:len(line)-1]) {
		return id, false
	}
	return id, id.UnmarshalText(line[idAt:jsonAt-1]) == nil
}
