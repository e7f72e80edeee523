package redisstore

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/board/boardtest"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/budget/budgettest"
)

// startCluster starts three nodes, each with a third of the slots.
func startCluster(t *testing.T) (nodes []*server) {
	t.Helper()
	for n := range 3 {
		bus := strconv.Itoa(portOf(freeAddress(t)))
		node := startServer(t, "--cluster-enabled", "yes", "--cluster-port", bus, "--appendonly", "yes", "--appendfsync", "always", "--cluster-node-timeout", "15000")
		node.command("CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(n*16384/3), strconv.Itoa((n+1)*16384/3-1))
		node.command("CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(n+1))
		nodes = append(nodes, node)
	}
	first := nodes[0]
	for _, node := range nodes[1:] {
		node.command("CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(portOf(first.address)), first.args[3])
	}
	for _, node := range nodes {
		node.until("cluster_state:ok", "CLUSTER", "INFO")
		node.until("cluster_known_nodes:3", "CLUSTER", "INFO")
		node.until("cluster_slots_assigned:16384", "CLUSTER", "INFO")
	}
	return nodes
}

// until asks until the answer has a text.
func (s *server) until(text string, words ...string) {
	s.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(2 * time.Minute); ; <-tick.C {
		answer := s.command(words...)
		if strings.Contains(answer, text) {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("after 2 minutes %s answers\n%s\nwant %s", words, answer, text)
		}
	}
}

func TestCluster(t *testing.T) {
	nodes := startCluster(t)
	t.Run("keeps the contract", func(t *testing.T) { clusterContract(t, nodes) })
	t.Run("boards keep theirs", func(t *testing.T) {
		boardtest.Run(t, func(t *testing.T) boardtest.Harness { return clusterBoard(t, nodes) })
	})
	t.Run("a node comes back", func(t *testing.T) { nodeComesBack(t, nodes) })
	t.Run("a slot moves", func(t *testing.T) { slotMoves(t, nodes) })
}

func clusterContract(t *testing.T, nodes []*server) {
	budgettest.Run(t, func(t *testing.T) budgettest.Harness { return harness(t, nodes[0].address, nodes[2].address) })
	used := 0
	for _, node := range nodes {
		if node.command("DBSIZE") != ":0" {
			used++
		}
	}
	if used < 2 {
		t.Errorf("%d of three nodes were used: organisations have one slot each, not all the same", used)
	}
}

// clusterBoard is the board of an empty organisation, wherever it is.
func clusterBoard(t *testing.T, nodes []*server) boardtest.Harness {
	s := open(t, Options{Addresses: []string{nodes[0].address, nodes[2].address}, Org: newOrg()})
	b := s.Board()
	return boardtest.Harness{Board: b, Advance: func(d time.Duration) { ahead(t, s, d) }, Lose: func() {
		client, err := s.link.get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := client.Do(t.Context(), client.B().Del().Key(b.keys("a")...).Build()).Error(); err != nil {
			t.Fatal(err)
		}
	}}
}

// nodeComesBack: a node that goes is found again, with all that it had.
func nodeComesBack(t *testing.T, nodes []*server) {
	a := budget.Account{Rule: "r", Unit: budget.Charged, Limit: 100}
	var stores []*Store
	for range 12 { // organisations on every node
		s := ready(t, Options{Addresses: []string{nodes[0].address}, Org: newOrg()})
		stores = append(stores, s)
		reserveOne(t, s, 1, 60, a)
		reserveOne(t, s, 2, 10, a)
		if _, found, err := s.Settle(t.Context(), budgettest.ID(1), 0, budget.Amounts{25}, nil); err != nil || !found {
			t.Fatal(found, err)
		}
	}
	nodes[1].kill()
	nodes[1].start()
	nodes[1].until("cluster_state:ok", "CLUSTER", "INFO")
	for _, s := range stores {
		untilAnswered(t, s)
		if got := state(t, s, a); got.Spent != 25 || got.Held != 10 {
			t.Errorf("%+v, want 25 spent and 10 held", got)
		}
	}
}

// slotMoves: while a slot moves to another node calls may fail, but none is counted
// in part.
func slotMoves(t *testing.T, nodes []*server) {
	s := ready(t, Options{Addresses: []string{nodes[0].address}, Org: newOrg()})
	a := budget.Account{Rule: "r", Of: "a", Unit: budget.Charged, Limit: 1000}
	b := a
	b.Of = "b"
	slot := strings.TrimPrefix(nodes[0].command("CLUSTER", "KEYSLOT", s.made), ":")
	number, _ := strconv.Atoi(slot)
	from := nodes[number*3/16384]
	to := nodes[(number*3/16384+1)%3]
	ids := map[*server]string{from: from.bulk("CLUSTER", "MYID"), to: to.bulk("CLUSTER", "MYID")}
	for n := range 5 {
		reserveOne(t, s, n, 10, a, b)
	}
	to.command("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[from])
	from.command("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[to])
	host, port, _ := net.SplitHostPort(to.address)
	failed, held := 0, int64(50)
	for step, key := range []string{s.account(&a), s.hold(name(budgettest.ID(1), 0)), s.due, s.made, s.account(&b)} {
		if got := from.command("MIGRATE", host, port, key, "0", "5000"); got != "+OK" {
			t.Fatalf("migrate: %s", got)
		}
		if short, err := s.Reserve(t.Context(), holdOf(s, 100+step, 10, a, b)); err != nil {
			failed++
		} else if short.OK() {
			held += 10
		}
		if _, found, err := s.Settle(t.Context(), budgettest.ID(step), 0, budget.Amounts{}, nil); err != nil {
			failed++
		} else if found {
			held -= 10
		}
	}
	from.command("MIGRATE", host, port, s.watched, "0", "5000")
	from.command("MIGRATE", host, port, s.prefix+"n:"+strings.Replace(a.Key(), "\x00a", "", 1), "0", "5000")
	for _, n := range []int{0, 2, 3, 4} {
		from.command("MIGRATE", host, port, s.hold(name(budgettest.ID(n), 0)), "0", "5000")
	}
	for step := range 5 {
		from.command("MIGRATE", host, port, s.hold(name(budgettest.ID(100+step), 0)), "0", "5000")
	}
	for _, node := range []*server{to, from} {
		if got := node.command("CLUSTER", "SETSLOT", slot, "NODE", ids[to]); got != "+OK" {
			t.Fatal(got)
		}
	}
	untilAnswered(t, s)
	for _, account := range []budget.Account{a, b} {
		if got := state(t, s, account); got.Held != held || got.Spent != 0 {
			t.Errorf("%+v, want %d held", got, held)
		}
	}
	if got := looked(t, s); len(got) != 2 {
		t.Errorf("looked at %+v", got)
	}
	if failed == 0 {
		t.Error("no call met the move")
	}
}

// bulk is the answer without its frame.
func (s *server) bulk(words ...string) string {
	_, text, _ := strings.Cut(s.command(words...), "\r\n")
	return strings.TrimSpace(text)
}

// The server may have a password and TLS, and then takes nobody without.
func TestStoreOverTLS(t *testing.T) {
	dir := t.TempDir()
	pool := writeCertificate(t, dir)
	at := startServer(t, "--requirepass", "secret", "--tls-port", strconv.Itoa(portOf(freeAddress(t))), "--tls-auth-clients", "no",
		"--tls-cert-file", filepath.Join(dir, "cert.pem"), "--tls-key-file", filepath.Join(dir, "key.pem"), "--tls-ca-cert-file", filepath.Join(dir, "cert.pem"))
	secure := "127.0.0.1:" + at.args[3]
	a := budget.Account{Rule: "r", Unit: budget.Charged, Limit: 100}
	o := Options{Addresses: []string{secure}, Password: "secret", TLS: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, Database: 3}
	s := ready(t, o)
	reserveOne(t, s, 1, 60, a)
	if got := state(t, s, a); got.Held != 60 {
		t.Errorf("%+v", got)
	}
	for name, wrong := range map[string]func(*Options){
		"no password":      func(o *Options) { o.Password = "" },
		"another password": func(o *Options) { o.Password = "guess" },
		"no TLS":           func(o *Options) { o.TLS = nil },
		"another root":     func(o *Options) { o.TLS = &tls.Config{MinVersion: tls.VersionTLS12} },
	} {
		o := o
		wrong(&o)
		s, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Fresh(t.Context()); err == nil || strings.Contains(err.Error(), "guess") || NotMeant(err) != (name != "no TLS") {
			t.Errorf("%s: %v; not meant: %v", name, err, NotMeant(err))
		}
		s.Close()
	}
	o.Database = 2
	if fresh, err := open(t, o).Fresh(t.Context()); err != nil || !fresh {
		t.Errorf("another database: Fresh = %v, %v", fresh, err)
	}
}

func portOf(address string) int {
	_, port, _ := net.SplitHostPort(address)
	n, _ := strconv.Atoi(port)
	return n
}

// writeCertificate writes a certificate of 127.0.0.1 and its key into dir.
func writeCertificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "store"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	made, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	for file, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: made}, "key.pem": {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made}))
	return pool
}

// Sentinels tell which server to ask, and which after another has taken over.
func TestSentinelsTellTheServer(t *testing.T) {
	first := startServer(t, "--appendonly", "yes")
	second := startServer(t, "--appendonly", "yes", "--replicaof", "127.0.0.1", strconv.Itoa(portOf(first.address)))
	second.until("master_link_status:up", "INFO", "replication")
	conf := filepath.Join(t.TempDir(), "sentinel.conf")
	watch := fmt.Sprintf("sentinel monitor budgets 127.0.0.1 %d 1\nsentinel down-after-milliseconds budgets 60000\n", portOf(first.address))
	if err := os.WriteFile(conf, []byte(watch), 0o600); err != nil {
		t.Fatal(err)
	}
	sentinel := startSentinel(t, conf)
	sentinel.until(strconv.Itoa(portOf(second.address)), "SENTINEL", "REPLICAS", "budgets")
	s := ready(t, Options{Addresses: []string{sentinel.address}, Master: "budgets", Org: newOrg()})
	a := budget.Account{Rule: "r", Unit: budget.Charged, Limit: 100}
	reserveOne(t, s, 1, 60, a)
	second.until("slave_repl_offset:"+offset(first), "INFO", "replication")
	sentinel.until("+OK", "SENTINEL", "FAILOVER", "budgets") // once it knows how the second is
	second.until("role:master", "INFO", "replication")
	first.kill()
	untilAnswered(t, s)
	if _, _, err := s.Settle(t.Context(), budgettest.ID(1), 0, budget.Amounts{25}, nil); err != nil {
		untilAnswered(t, s) // another of its connections was still to the first
		if _, _, err = s.Settle(t.Context(), budgettest.ID(1), 0, budget.Amounts{25}, nil); err != nil {
			t.Errorf("settle: %v", err)
		}
	}
	if got := state(t, s, a); got.Spent != 25 || got.Held != 0 {
		t.Errorf("%+v, want 25 spent", got)
	}
}

// offset is how much a server has told its replicas.
func offset(s *server) string {
	_, after, _ := strings.Cut(s.command("INFO", "replication"), "master_repl_offset:")
	text, _, _ := strings.Cut(after, "\r\n")
	return text
}
