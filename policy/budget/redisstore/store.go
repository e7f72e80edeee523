// Package redisstore keeps budgets in Redis or Valkey, version 7 or newer, so that
// all replicas share them: one server, a Cluster, or what Sentinels watch.
//
// In come holds, out go accounts as they stand, and beside them the notes of a
// board; every operation is one script, so
// it is whole or not at all, and windows are cut by the server's clock. It refuses
// to know rules, prices and the ledger.
//
// # Keys
//
// All begin with "farebox:2:{org}:", where 2 is the version of what they hold. The
// braces keep an organisation in one slot of a Cluster, as a script needs that.
//
//	made[:PART]   that what the ledger has was loaded; the time at which it was
//	marks:PART    what of a ledger was added
//	notes:PART    what was noted of that
//	adding:PART   the accounts of a ledger that is being added
//	opens         from when on those who have added their part may take
//	a:KEY         an account, by budget.Account.Key
//	n:KEY[ TIME]  how many were made for values of a rule in one window (in one span
//	              of a moving one, in a minute of a rate), by their key without the value
//	h:ID          a hold, by the 16 bytes of its call and 4 of its attempt; nothing
//	              for a while where it was ended for good
//	due           names of holds, by when they lapse
//	watched       accounts that add up, by their keys, with how they count
//	looking       who looks for what was crossed of them
//	t:KEY         what people were told of an account
//	board:…:TOPIC notes of a Board: what the topic is, their texts, and their order
//
// Values are packed integers of up to 64 bits. Numbers in a script are doubles, so
// sums are made of two halves of 32 bits, and rates of limbs of 24: all are exact,
// and stop at the bounds of int64. A rate is refilled by the microsecond.
//
// Accounts of a window are forgotten 40 days after its end, so that corrections of
// it still count; those of a moving window and of a rate once nothing of them
// counts any more; those that never end stay. Of one rule and window there are at most
// budget.MaxLive, as far as they are counted (n): what comes after shares budget.Others.
// Load, which knows no order, makes all that it is given. The server must forget nothing else:
// its maxmemory-policy must be noeviction, where maxmemory is set.
//
// # Cost
//
// A call is two round trips. Against five accounts it takes about 100 µs of the
// server's processor (BenchmarkReserveAndSettle; moving windows and rates take up to
// twice that), so that one server counts some ten thousand calls a second. A Look takes
// about 6 µs an account, some 200 by one script.
//
// # After a loss
//
// A server that was restarted without its data, or flushed, would let everybody
// spend anew. So nothing is reserved, charged or told before Ready said that what
// the ledger has was loaded: those calls fail with ErrFresh until then. Whoever
// gets it calls Load with what the ledger has spent by account, and then Ready.
// Several replicas may do so at once, as Load never overwrites. Where each replica
// has a ledger of its own, each adds its part by Add, and Open opens the store for
// it when the others have had two seconds to add theirs. Holds that were
// lost are not found when they are settled: the ledger alone counts those calls,
// unless they ended before it was read.
//
// A server that is killed loses nothing that it had answered with appendonly yes and
// appendfsync always; with everysec up to two seconds of it. A replica that takes
// over may lack what was written last, as replication waits for nobody. Windows then
// miss that much until they end: the ledger does not.
package redisstore

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/farebox/farebox/policy/budget"
)

// ErrFresh is budget.ErrFresh: the store is new, or has lost all. Load what the
// ledger has, then call Ready; where there are several ledgers, Add and Open.
var ErrFresh = budget.ErrFresh

// MaxAccounts bounds the accounts of one Hold or Spend.
const MaxAccounts = 1000

// DefaultOrg is used where Options name none.
const DefaultOrg = "farebox"

// Options say where the store is.
type Options struct {
	// Addresses are host:port of one server, of nodes of a Cluster, or of Sentinels if
	// Master is set; required.
	Addresses []string
	// Master is the name by which Sentinels know the server.
	Master string
	// Username and Password are those of the server; empty: it asks for none.
	Username, Password string
	// SentinelUsername and SentinelPassword are those of the Sentinels.
	SentinelUsername, SentinelPassword string
	// TLS is for all connections; nil: they are plain.
	TLS *tls.Config
	// Database is the number of the database; a Cluster has only 0.
	Database int
	// Org sets accounts apart from those of others on the same server: 1 to 64
	// letters, digits, "-", "_" and "."; empty: DefaultOrg.
	Org string
	// Part names the ledger of this process where others share the accounts that have
	// ledgers of their own; it is the same in all its lives. Empty: there is one
	// ledger.
	Part string
}

// Store is a budget.Store in Redis. It is safe for concurrent use.
type Store struct {
	link   *link
	prefix string
	do     scripts
	clock  atomic.Pointer[reading]
	most   int          // accounts of a rule in one window
	shared atomic.Int64 // how often something was taken or spent of budget.Others instead

	self string // tells this process from others

	// Keys, as above.
	made, due, marks, notes, adding, opens, watched, looking string
}

var _ budget.Store = (*Store)(nil)

var orgs = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// New makes a store, which connects with the first call. Who wants to know at once
// whether it can calls Fresh.
func New(o Options) (*Store, error) { return newStore(o, compile(clock)) }

func newStore(o Options, do scripts) (*Store, error) {
	if o.Org == "" {
		o.Org = DefaultOrg
	}
	if !orgs.MatchString(o.Org) {
		return nil, fmt.Errorf("open store of budgets: org %.40q is not of 1 to 64 letters, digits, dots, dashes and underscores", o.Org)
	}
	if len(o.Addresses) == 0 {
		return nil, errors.New("open store of budgets: it needs the address of a server")
	}
	s := &Store{link: newLink(&o), prefix: "farebox:2:{" + o.Org + "}:", do: do, self: rand.Text(), most: budget.MaxLive}
	s.watched, s.looking = s.prefix+"watched", s.prefix+"looking"
	s.made, s.due, s.opens = s.prefix+"made", s.prefix+"due", s.prefix+"opens"
	s.marks, s.notes, s.adding = s.prefix+"marks:"+o.Part, s.prefix+"notes:"+o.Part, s.prefix+"adding:"+o.Part
	if o.Part != "" {
		s.made += ":" + o.Part
	}
	return s, nil
}

// Close ends connections, after the calls under way; later calls fail.
func (s *Store) Close() { s.link.close() }

// Fresh reports whether nothing was loaded yet: the store is new, or has lost all.
func (s *Store) Fresh(ctx context.Context) (bool, error) {
	answer, err := s.run(ctx, s.do.made, []string{s.made}, []string{"0"})
	if err != nil {
		return false, fmt.Errorf("ask if budgets were loaded: %w", err)
	}
	n, err := answer[1].AsInt64()
	return n == 0, err
}

// Ready says that what the ledger has was loaded: from now on all is open.
func (s *Store) Ready(ctx context.Context) error {
	if _, err := s.run(ctx, s.do.made, []string{s.made}, []string{"1"}); err != nil {
		return fmt.Errorf("say that budgets were loaded: %w", err)
	}
	return nil
}

// reading is how far the store's clock is ahead of ours, and how sure that is.
type reading struct {
	ahead, within time.Duration
	at            time.Time
}

// staleAfter is how long a better reading of the clock is kept.
const staleAfter = 10 * time.Second

// Now implements budget.Store. It is read off the answers of the store, to half of
// what the quickest of the last seconds took; before the first, it is our own.
func (s *Store) Now() time.Time {
	if r := s.clock.Load(); r != nil {
		return time.Now().Add(r.ahead)
	}
	return time.Now()
}

// read sets the clock by an answer that told micros, if it is a better reading than
// the last, or that is stale, or both cannot be right: another server has taken over.
func (s *Store) read(micros int64, sent time.Time) {
	got := time.Now()
	within := got.Sub(sent) / 2
	r := &reading{ahead: time.UnixMicro(micros).Sub(sent.Add(within)), within: within, at: got}
	last := s.clock.Load()
	if last == nil || within <= last.within || got.Sub(last.at) > staleAfter || (r.ahead-last.ahead).Abs() > 2*(within+last.within) {
		s.clock.Store(r)
	}
}

// run runs a script, whose answer begins with the store's clock.
func (s *Store) run(ctx context.Context, script *rueidis.Lua, keys, args []string) ([]rueidis.RedisMessage, error) {
	client, err := s.link.get(ctx)
	if err != nil {
		return nil, err
	}
	sent := time.Now()
	answer, err := script.Exec(ctx, client, keys, args).ToArray()
	if err != nil {
		return nil, refusal(err)
	}
	micros, err := answer[0].AsInt64()
	if err != nil {
		return nil, err
	}
	s.read(micros, sent)
	return answer, nil
}

// refusal is what a script refused, or the error as it is.
func refusal(err error) error {
	refused, ok := rueidis.IsRedisErr(err)
	if !ok {
		return err
	}
	switch word, _, _ := strings.Cut(refused.Error(), " "); word {
	case "FRESH":
		return ErrFresh
	case "ENDED":
		return budget.ErrEnded
	}
	return err
}

// Shared is how often this process took or spent something of budget.Others, as its
// account was one too many.
func (s *Store) Shared() int64 { return s.shared.Load() }
