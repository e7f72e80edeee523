package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// A checkpoint moves what the WAL holds into the database and waits for the disk.
// Commits must not wait with it, so it runs beside them, on its own connection,
// once about checkpointAfter pages were written: seldom, for the file system may
// hold up whoever writes while it syncs. The WAL begins anew when a checkpoint
// finds that nothing was added meanwhile; under a flood that never happens, so
// that beyond checkpointMost pages the last one, of little, holds up the commits.
const (
	checkpointAfter = 16_000 // 64 MB
	checkpointMost  = 32_000 // 128 MB
	checkpointTries = 3      // in a row: each has less to do than the one before
)

// checkpointer runs checkpoints until it is stopped.
type checkpointer struct {
	db    *sql.DB     // one connection
	gate  *sync.Mutex // held by whoever writes
	after int         // pages
	most  int64       // pages
	wake  chan struct{}
	stop  context.CancelFunc
	ended chan struct{}
	err   error // of the last one; read after ended

	pages int // written since the last wake; belongs to the one who writes
}

func startCheckpointer(db *sql.DB, gate *sync.Mutex) *checkpointer {
	ctx, stop := context.WithCancel(context.Background())
	c := &checkpointer{
		db: db, gate: gate, after: checkpointAfter, most: checkpointMost,
		wake: make(chan struct{}, 1), stop: stop, ended: make(chan struct{}),
	}
	go c.run(ctx)
	return c
}

// wrote counts pages that were written, give or take some, and never waits.
func (c *checkpointer) wrote(pages int) {
	c.pages += pages
	if c.pages < c.after {
		return
	}
	select {
	case c.wake <- struct{}{}:
		c.pages = 0
	default: // it is behind, and will look again
	}
}

func (c *checkpointer) run(ctx context.Context) {
	defer close(c.ended)
	for {
		select {
		case <-c.wake:
		case <-ctx.Done():
			return
		}
		if err := c.checkpoint(ctx); ctx.Err() == nil {
			c.err = err
		}
	}
}

func (c *checkpointer) checkpoint(ctx context.Context) error {
	var before int64
	for range checkpointTries {
		pages, err := c.pass(ctx, "PASSIVE")
		if err != nil || pages == before {
			return err // nothing was added: the next commit begins the WAL anew
		}
		before = pages
	}
	if before < c.most {
		return nil
	}
	c.gate.Lock()
	defer c.gate.Unlock()
	_, err := c.pass(ctx, "PASSIVE")
	return err
}

// pass moves what it can and returns how many pages the WAL holds. PASSIVE waits
// for nobody, TRUNCATE for readers.
func (c *checkpointer) pass(ctx context.Context, mode string) (pages int64, err error) {
	var busy, moved int64
	err = c.db.QueryRowContext(ctx, "PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &pages, &moved)
	return pages, err
}

// close ends with the WAL empty, unless another process reads it.
func (c *checkpointer) close() error {
	c.stop()
	<-c.ended
	_, err := c.pass(context.Background(), "TRUNCATE")
	return errors.Join(c.err, err, c.db.Close())
}
