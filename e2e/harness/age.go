package harness

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// age moves all records of a ledger back in time.
const age = `
import sqlite3, sys
ledger = sqlite3.connect(sys.argv[1])
with ledger:
    ledger.execute("""UPDATE records SET completed = completed - ?1,
        detail = json_set(detail, '$.admitted', json_extract(detail, '$.admitted') - ?1)""", (int(sys.argv[2]),))
ledger.close()
`

// Age makes all calls that a farebox has in its own ledger so much older. It must be
// between two runs.
func (k *Kit) Age(ctx context.Context, f *Farebox, by time.Duration) error {
	python, err := k.Python(ctx)
	if err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, python, "-c", age, filepath.Join(f.o.Dir, "farebox.db"), strconv.FormatInt(by.Microseconds(), 10)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("make the ledger of a farebox older: %w: %s", err, out)
	}
	return nil
}
