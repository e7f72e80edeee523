package redisstore

import (
	"encoding/binary"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/redis/rueidis"
)

// numbers are int64 of all sizes, with the bounds of halves, limbs and doubles.
func numbers(random *rand.Rand, n int) []int64 {
	all := []int64{0, 1, -1, 1<<24 - 1, 1 << 24, 1<<32 - 1, 1 << 32, -1 << 32, 1<<53 + 1, 5e17, -5e17, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1}
	for len(all) < n {
		all = append(all, int64(random.Uint64())>>random.IntN(63))
	}
	return all
}

// evaluate runs lua, which has the numbers of a case as two int64 in a packed
// ARGV[1], of which it goes through all, and appends to out what it packs.
func evaluate(t *testing.T, s *Store, lua string, pairs []byte) []byte {
	t.Helper()
	script := rueidis.NewLuaScript(sums + `
		local out = {}
		for at = 1, #ARGV[1], 16 do
			local ah, al, bh, bl = struct.unpack('>i4I4i4I4', ARGV[1], at)
			` + lua + `
		end
		return table.concat(out)`)
	client, err := s.link.get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, err := script.Exec(t.Context(), client, []string{s.made}, []string{string(pairs)}).ToString()
	if err != nil {
		t.Fatal(err)
	}
	return []byte(text)
}

func pack(all []int64) (pairs []byte) {
	for _, a := range all {
		for _, b := range all {
			pairs = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(pairs, uint64(a)), uint64(b))
		}
	}
	return pairs
}

func clamp(n *big.Int) int64 {
	switch {
	case n.IsInt64():
		return n.Int64()
	case n.Sign() < 0:
		return math.MinInt64
	}
	return math.MaxInt64
}

// Sums of halves are those of int64, to the last unit, and stop at its bounds.
func TestScriptsAddExactly(t *testing.T) {
	s := open(t, Options{Addresses: []string{startServer(t).address}, Org: newOrg()})
	all := numbers(rand.New(rand.NewPCG(1, 2)), 200)
	got := evaluate(t, s, `
		local h, l = add(ah, al, bh, bl)
		local h2, l2 = sub(ah, al, bh, bl)
		out[#out + 1] = struct.pack('>i4I4i4I4B', h, l, h2, l2, less(ah, al, bh, bl) and 1 or 0)`, pack(all))
	for _, a := range all {
		for _, b := range all {
			x, y := big.NewInt(a), big.NewInt(b)
			sum, rest := int64(binary.BigEndian.Uint64(got)), int64(binary.BigEndian.Uint64(got[8:]))
			if sum != clamp(new(big.Int).Add(x, y)) || rest != clamp(new(big.Int).Sub(x, y)) || (got[16] == 1) != (a < b) {
				t.Fatalf("%d and %d: sum %d, difference %d, less %d", a, b, sum, rest, got[16])
			}
			got = got[17:]
		}
	}
	if len(got) != 0 {
		t.Errorf("%d bytes more", len(got))
	}
}

// readWide reads six limbs of 24 bits, the lowest first.
func readWide(b []byte) *big.Int {
	n := new(big.Int)
	for i := 5; i >= 0; i-- {
		n.Lsh(n, 24).Add(n, big.NewInt(int64(b[3*i])<<16|int64(b[3*i+1])<<8|int64(b[3*i+2])))
	}
	return n
}

// Products of an amount and a time, and what is added to and taken from them, are
// exact.
func TestScriptsMultiplyExactly(t *testing.T) {
	s := open(t, Options{Addresses: []string{startServer(t).address}, Org: newOrg()})
	random := rand.New(rand.NewPCG(3, 4))
	all := numbers(random, 120)
	for i, n := range all {
		all[i] = max(0, n)
	}
	got := evaluate(t, s, `
		local n = bh * half + bl
		if n > 9007199254740992 then n = 9007199254740992 end
		local a, b = wide(ah, al), widened(n)
		local product = times(a, b)
		local function put(w) out[#out + 1] = struct.pack('>I3I3I3I3I3I3', unpack(w)) end
		put(product)
		put(plus(product, times(wide(bh, bl), b)))
		put(minus(product, b))
		put(minus(b, product))
		out[#out + 1] = smaller(a, b) and 'y' or 'n'`, pack(all))
	for _, a := range all {
		for _, b := range all {
			x, y, full := big.NewInt(a), big.NewInt(min(b, 1<<53)), big.NewInt(b)
			product := new(big.Int).Mul(x, y)
			floor := func(n *big.Int) *big.Int {
				if n.Sign() < 0 {
					return new(big.Int)
				}
				return n
			}
			want := []*big.Int{
				product, new(big.Int).Add(product, new(big.Int).Mul(full, y)),
				floor(new(big.Int).Sub(product, y)), floor(new(big.Int).Sub(y, product)),
			}
			for i, w := range want {
				if n := readWide(got[18*i:]); n.Cmp(w) != 0 {
					t.Fatalf("%d and %d: number %d is %s, want %s", a, b, i, n, w)
				}
			}
			if less := got[72] == 'y'; less != (x.Cmp(y) < 0) {
				t.Fatalf("%d and %d: smaller is %v", a, b, less)
			}
			got = got[73:]
		}
	}
}
