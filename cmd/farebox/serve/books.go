package serve

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/farebox/farebox/policy/alert"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/sqlitestore"
	"github.com/prometheus/client_golang/prometheus"
)

// books is the ledger with its writer, and the secret that hashes API keys.
type books struct {
	store  *sqlitestore.Store
	writer *ledger.Writer
	secret []byte
	alerts *alert.Desk // nil: none yet
}

// closeWithin bounds how long a stop waits for the last commits.
const closeWithin = 10 * time.Second

func openBooks(ctx context.Context, c *config.Config, reg prometheus.Registerer, log *slog.Logger) (*books, error) {
	durability, err := ledger.ParseDurability(c.Ledger.Durability)
	if err != nil {
		return nil, err
	}
	path := c.Ledger.Store.Path()
	b := &books{}
	if b.secret, err = secretBeside(path); err != nil {
		return nil, err
	}
	if b.store, err = sqlitestore.Open(ctx, path, durability); err != nil {
		return nil, err
	}
	b.writer, err = ledger.NewWriter(ledger.Options{Store: b.store, Durability: durability, Registerer: reg, Logger: log})
	if err != nil {
		return nil, errors.Join(err, b.store.Close())
	}
	return b, nil
}

// close writes what is queued and closes the store.
func (b *books) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	if b.alerts != nil {
		b.alerts.Close(ctx)
	}
	return errors.Join(b.writer.Close(ctx), b.store.Close())
}

func joinClose(err error, b *books) error { return errors.Join(err, b.close()) }

// hashKey makes an API key searchable without keeping it: 16 bytes of
// HMAC-SHA-256 under a secret of this ledger.
func (b *books) hashKey(key string) string { return hashKey(b.secret, key) }

func hashKey(secret []byte, key string) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(key))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// KeyHasher returns what makes of an API key the hash that Run puts into the
// records of the ledger that c names (policy.Request.KeyHash). It makes the secret
// of that ledger when there is none, and opens nothing else.
func KeyHasher(c *config.Config) (hash func(key string) string, err error) {
	secret, err := secretBeside(c.Ledger.Store.Path())
	if err != nil {
		return nil, err
	}
	return func(key string) string { return hashKey(secret, key) }, nil
}

// secretBeside reads the secret that lies beside the ledger's file, or makes it.
func secretBeside(path string) ([]byte, error) {
	secret := make([]byte, sha256.Size)
	if _, err := rand.Read(secret); err != nil {
		return nil, fmt.Errorf("make key-hash secret: %w", err)
	}
	name := path + ".key"
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return readSecret(name)
	}
	if err != nil {
		return nil, fmt.Errorf("make key-hash secret beside the ledger: %w", err)
	}
	if _, err := f.WriteString(hex.EncodeToString(secret) + "\n"); err != nil {
		return nil, errors.Join(fmt.Errorf("write key-hash secret: %w", err), f.Close())
	}
	return secret, f.Close()
}

// partBeside reads the name of the ledger that lies beside its file, or makes it:
// by it a store of budgets knows what of this ledger it has.
func partBeside(path string) (string, error) {
	name := path + ".id"
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		text = []byte(rand.Text() + "\n")
		err = os.WriteFile(name, text, 0o600)
	}
	if err != nil {
		return "", fmt.Errorf("name the ledger: %w", err)
	}
	part := strings.TrimSpace(string(text))
	if len(part) < 16 || len(part) > 64 {
		return "", fmt.Errorf("name the ledger: %s has %d characters, want 16 to 64; remove it to have a new one made, which counts all that the ledger has again", name, len(part))
	}
	return part, nil
}

func readSecret(name string) ([]byte, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read key-hash secret: %w", err)
	}
	if len(text) < 2*sha256.Size {
		return nil, fmt.Errorf("read key-hash secret %s: shorter than %d bytes; remove it to have a new one made", name, sha256.Size)
	}
	secret, err := hex.DecodeString(string(text[:2*sha256.Size]))
	if err != nil {
		return nil, fmt.Errorf("read key-hash secret %s: %w", name, err)
	}
	return secret, nil
}
