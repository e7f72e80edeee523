package redisstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// Bounds of connections. What a call may take is its context's.
const (
	dialFor    = 2 * time.Second
	redialWait = time.Second     // from a dial that failed to the next
	silentFor  = 5 * time.Second // until a connection is taken for dead
	bufferOf   = 32 << 10        // bytes, each way of each connection
)

// link is the connections to the store. They are made when they are first needed,
// so that a server may come later than who uses it; once made, they mend themselves.
type link struct {
	options rueidis.ClientOption
	client  atomic.Pointer[rueidis.Client]

	turn   chan struct{} // has room for one, who may use what is below
	failed error         // of the last dial
	next   time.Time     // when another may be tried
}

func newLink(o *Options) *link {
	return &link{turn: make(chan struct{}, 1), options: rueidis.ClientOption{
		InitAddress: o.Addresses, Username: o.Username, Password: o.Password, TLSConfig: o.TLS, SelectDB: o.Database,
		ClientName: "farebox",
		Sentinel: rueidis.SentinelOption{
			MasterSet: o.Master, Username: o.SentinelUsername, Password: o.SentinelPassword, TLSConfig: o.TLS, ClientName: "farebox",
		},
		Dialer:           net.Dialer{Timeout: dialFor},
		ConnWriteTimeout: silentFor, ReadBufferEachConn: bufferOf, WriteBufferEachConn: bufferOf,
		DisableCache: true,
		DisableRetry: true, // a script may have run though its answer was lost
		// A call that gives up leaves its answer to be read and thrown away. Otherwise
		// its connection would be closed, and all who wait for that fail with it.
		AlwaysPipelining: true,
	}}
}

// get is the client. It waits for one that is being made, but not longer than ctx,
// and fails at once for a while after that failed.
func (l *link) get(ctx context.Context) (rueidis.Client, error) {
	for {
		if c := l.client.Load(); c != nil {
			return *c, nil
		}
		select {
		case l.turn <- struct{}{}:
		case <-ctx.Done():
			return nil, fmt.Errorf("connect to %s: %w", l.addresses(), ctx.Err())
		}
		if l.client.Load() == nil && time.Now().After(l.next) {
			go l.dial()
			continue
		}
		err := l.failed
		<-l.turn
		if err != nil {
			return nil, err
		}
	}
}

// dial connects, and gives back the turn that its caller took.
func (l *link) dial() {
	client, err := rueidis.NewClient(l.options)
	if err == nil {
		if err = keepsAll(client); err != nil {
			client.Close()
		}
	}
	l.failed = err
	if err != nil {
		l.failed = fmt.Errorf("connect to %s: %w", l.addresses(), err)
		l.next = time.Now().Add(redialWait)
	} else {
		l.client.Store(&client)
	}
	<-l.turn
}

func (l *link) addresses() string { return strings.Join(l.options.InitAddress, ", ") }

var errClosed = errors.New("the store is closed")

// errForgets is what keepsAll finds.
var errForgets = errors.New("forgets accounts when its memory is full: set its maxmemory-policy to noeviction")

// NotMeant reports whether err says that a server is there and is not as it was
// meant, which waiting does not mend: it wants another password or user, shows no
// certificate that is known, or forgets accounts.
func NotMeant(err error) bool {
	var unknown *tls.CertificateVerificationError
	if errors.Is(err, errForgets) || errors.As(err, &unknown) {
		return true
	}
	var said *rueidis.RedisError
	if !errors.As(err, &said) {
		return false
	}
	word, _, _ := strings.Cut(said.Error(), " ")
	return word == "WRONGPASS" || word == "NOAUTH" || word == "NOPERM"
}

// close ends all connections, after the calls under way; later ones fail.
func (l *link) close() {
	l.turn <- struct{}{}
	l.failed, l.next = errClosed, time.Now().AddDate(100, 0, 0)
	if c := l.client.Load(); c != nil {
		(*c).Close()
	}
	<-l.turn
}

// keepsAll refuses servers that forget keys when their memory is full: a limit
// would open again. One that does not tell is trusted.
func keepsAll(client rueidis.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), dialFor)
	defer cancel()
	for address, node := range client.Nodes() {
		info, err := node.Do(ctx, node.B().Info().Section("memory").Build()).ToString()
		if err != nil {
			continue // it may not be asked, or is down
		}
		bounded := !strings.Contains(info, "\nmaxmemory:0\r")
		if told := strings.Contains(info, "\nmaxmemory_policy:"); told && bounded && !strings.Contains(info, "\nmaxmemory_policy:noeviction") {
			return fmt.Errorf("%s %w", address, errForgets)
		}
	}
	return nil
}
