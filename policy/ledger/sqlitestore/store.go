// Package sqlitestore keeps a ledger in one SQLite file.
//
// Batches of openings and records come in; records, open calls and exact sums go
// out. One connection writes, a few read beside it (WAL), and what was committed
// survives the process (synchronous=NORMAL) or a power cut as well (FULL).
// Openings are lines of a journal beside it, "-openings", which costs a write of
// some hundred bytes instead of a commit. It knows nothing of prices or budgets,
// and refuses a file that is not a ledger or that a newer Farebox has changed.
// One process at a time may write.
package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/farebox/farebox/policy/ledger"
)

// readers bounds the connections that read at the same time; more wait.
const readers = 4

// Store is a ledger.Store in a file. Write is for one goroutine at a time, all
// else is safe for concurrent use.
type Store struct {
	path    string  // as it was given
	file    string  // the same, absolute
	maxRows int     // of the answer to a Query
	write   *sql.DB // one connection
	read    *sql.DB
	change  *sql.DB // one connection, of Judge: Write keeps its own busy
	power   bool

	gate        sync.Mutex    // held by whoever writes the database
	index       *index        // of the ids that Find looks for
	checkpoints *checkpointer // beside the commits

	// Of the one who calls Write: made on first need, and anew after a failure.
	writer  *writer
	journal *journal
}

var _ ledger.Adopts = (*Store)(nil)

// Open opens the ledger at path, and makes it (mode 0600, with its tables) when
// there is none. The folder must exist. Process and Async are synchronous=NORMAL,
// Power is FULL.
func Open(ctx context.Context, path string, durability ledger.Durability) (*Store, error) {
	s, err := open(ctx, path, durability)
	if err != nil {
		return nil, fmt.Errorf("open ledger %s: %w", path, err)
	}
	return s, nil
}

func open(ctx context.Context, path string, durability ledger.Durability) (*Store, error) {
	abs, err := makeFile(path)
	if err != nil {
		return nil, err
	}
	s := &Store{path: path, file: abs, maxRows: ledger.MaxRows, power: durability == ledger.Power, index: &index{size: indexRun}}
	if err := s.connect(ctx); err != nil {
		return nil, errors.Join(explain(err), s.closeAll())
	}
	return s, nil
}

func (s *Store) connect(ctx context.Context) (err error) {
	synchronous := "normal"
	if s.power {
		synchronous = "full"
	}
	pragmas := []string{
		"busy_timeout(5000)", "journal_mode(wal)", "synchronous(" + synchronous + ")",
		"wal_autocheckpoint(0)", // the checkpointer does that
	}
	writing := url.Values{"_txlock": {"immediate"}, "_pragma": append(pragmas[:len(pragmas):len(pragmas)], "cache_size(-16000)")}
	if s.write, err = connect(s.file, 1, writing); err != nil {
		return err
	}
	if err := migrate(ctx, s.write); err != nil {
		return err
	}
	reading := url.Values{"_pragma": {"busy_timeout(5000)", "query_only(1)", "cache_size(-16000)"}}
	if s.read, err = connect(s.file, readers, reading); err != nil {
		return err
	}
	if s.change, err = connect(s.file, 1, url.Values{"_txlock": {"immediate"}, "_pragma": pragmas}); err != nil {
		return err
	}
	if err := s.index.load(ctx, s.read); err != nil {
		return fmt.Errorf("read ids: %w", err)
	}
	pragmas[0] = "busy_timeout(100)" // the last one waits for readers, though not for long
	checkpoint, err := connect(s.file, 1, url.Values{"_pragma": pragmas})
	if err != nil {
		return err
	}
	s.checkpoints = startCheckpointer(checkpoint, &s.gate)
	return nil
}

// makeFile makes sure that path is a file that can be written, private when it is
// new, and returns its absolute form. SQLite gives the WAL the mode of the file.
func makeFile(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if path == "" || path == ":memory:" {
		return "", errors.New("a ledger is a file: give its path")
	}
	if info, err := os.Stat(abs); err == nil && !info.Mode().IsRegular() {
		return "", errors.New("not a file: give the path of a file in that folder")
	}
	f, err := os.OpenFile(abs, os.O_RDWR|os.O_CREATE, 0o600)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("folder %s does not exist: make it first", filepath.Dir(abs))
	case errors.Is(err, fs.ErrPermission):
		return "", fmt.Errorf("no permission: user %d must be able to write the file and its folder", os.Getuid())
	case err != nil:
		return "", err
	}
	return abs, f.Close()
}

func connect(abs string, connections int, settings url.Values) (*sql.DB, error) {
	uri := url.URL{Path: filepath.ToSlash(abs)}
	db, err := sql.Open("sqlite", "file:"+uri.EscapedPath()+"?"+settings.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// Close closes the file. Reads that are running end with an error.
func (s *Store) Close() error {
	if err := s.closeAll(); err != nil {
		return fmt.Errorf("close ledger %s: %w", s.path, err)
	}
	return nil
}

func (s *Store) closeAll() error {
	err := errors.Join(s.finishJournal(), s.finishIndex(), s.dropWriter())
	for _, db := range []*sql.DB{s.read, s.change, s.write} {
		if db != nil {
			err = errors.Join(err, db.Close())
		}
	}
	if s.checkpoints != nil {
		err = errors.Join(err, s.checkpoints.close())
	}
	return err
}

// finishJournal leaves the journal with the open calls only.
func (s *Store) finishJournal() error {
	if s.journal == nil {
		return nil
	}
	return errors.Join(s.journal.rewrite(), s.dropJournal())
}

// finishIndex adds all ids that wait, so that the next start need not read them.
func (s *Store) finishIndex() error {
	if s.writer == nil {
		return nil
	}
	s.gate.Lock()
	defer s.gate.Unlock()
	part, mark := s.index.rest(s.writer.last)
	if err := s.writer.batch(context.Background(), nil, part, mark); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	return nil
}

// journalPath is where the openings are.
func (s *Store) journalPath() string { return s.file + "-openings" }
