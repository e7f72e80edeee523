// Package sqlitestore keeps a ledger in one SQLite file.
//
// Batches of openings and records come in; records, open calls and exact sums go
// out. One connection writes, a few read beside it (WAL), and what was committed
// survives the process (synchronous=NORMAL) or a power cut as well (FULL). It
// knows nothing of prices or budgets, and refuses a file that is not a ledger or
// that a newer Farebox has changed.
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

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/farebox/farebox/policy/ledger"
)

// readers bounds the connections that read at the same time; more wait.
const readers = 4

// Store is a ledger.Store in a file. Write is for one goroutine at a time, all
// else is safe for concurrent use.
type Store struct {
	path    string
	maxRows int     // of the answer to a Query
	write   *sql.DB // one connection
	read    *sql.DB
	change  *sql.DB // one connection, of Judge: Write keeps its own busy
	writer  *writer // prepared on the first Write, and anew after a failed one
}

var _ ledger.Store = (*Store)(nil)

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
	synchronous := "normal"
	if durability == ledger.Power {
		synchronous = "full"
	}
	pragmas := []string{"busy_timeout(5000)", "journal_mode(wal)", "synchronous(" + synchronous + ")"}
	write, err := connect(abs, 1, url.Values{"_txlock": {"immediate"}, "_pragma": append(pragmas[:3:3],
		// 16 MB each: ids are random, so a batch touches pages all over their indexes
		"cache_size(-16000)", "wal_autocheckpoint(4000)", "journal_size_limit(67108864)",
	)})
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, write); err != nil {
		return nil, errors.Join(explain(err), write.Close())
	}
	read, err := connect(abs, readers, url.Values{"_pragma": {"busy_timeout(5000)", "query_only(1)", "cache_size(-16000)"}})
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	change, err := connect(abs, 1, url.Values{"_txlock": {"immediate"}, "_pragma": pragmas})
	if err != nil {
		return nil, errors.Join(err, read.Close(), write.Close())
	}
	return &Store{path: path, maxRows: ledger.MaxRows, write: write, read: read, change: change}, nil
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
	var err error
	if s.writer != nil {
		err = s.writer.close()
		s.writer = nil
	}
	if err := errors.Join(err, s.read.Close(), s.change.Close(), s.write.Close()); err != nil {
		return fmt.Errorf("close ledger %s: %w", s.path, err)
	}
	return nil
}
