package dialects_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
)

// What must hold: of the bodies that report usage, in all and in each group that
// is not small.
const (
	leastInAll   = 0.995
	leastInGroup = 0.98
	smallGroup   = 20
	mostJoined   = 0.005 // are several answers in one body
	mostMore     = 0.01  // of bodies of which the manifest knows no usage: a dialect does

	shown, shownVerbose = 3, 20 // differences told of a group
)

// tally is what was found in one group.
type tally struct {
	bodies, exact   int // of those that report usage
	silent, invents int // report none; and yet a token was counted
	unmetered       int // report usage at a path that no dialect takes
	torn            int // say that a part is more than its whole: held to the whole
	joined          int // hold another answer after the first, as no server sends: read whole only
	differences     []string
}

// TestRecordings holds every dialect against answers of real providers: each is
// found, and read, as the server does it; whole, cut at random and, where it
// streams, byte by byte.
func TestRecordings(t *testing.T) {
	all := recordings(t)
	seed := rand.Uint64()
	t.Logf("%d recordings, cut by seed %d", len(all), seed)
	groups := map[string][]*recording{}
	for _, r := range all {
		groups[r.group()] = append(groups[r.group()], r)
	}
	var mu sync.Mutex
	found := map[string]*tally{}
	t.Run("group", func(t *testing.T) {
		for name, members := range groups {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				g := &tally{}
				cuts := rand.New(rand.NewPCG(seed, uint64(len(name))))
				for _, r := range members {
					g.take(t, r, cuts)
				}
				mu.Lock()
				defer mu.Unlock()
				found[name] = g
			})
		}
	})
	judge(t, found)
}

// take reads one recording and compares.
func (g *tally) take(t *testing.T, r *recording, cuts *rand.Rand) {
	wanted, torn := expectation(r)
	got, metered := g.read(t, r, cuts)
	if len(wanted) == 0 {
		g.silent++
		if tokens := tokensIn(got.Usage); tokens > 0 {
			g.invents++
			g.differ(r, fmt.Sprintf("reports nothing, and %d tokens were counted", tokens))
		}
		return
	}
	g.bodies++
	if torn {
		g.torn++
	}
	if !metered {
		g.unmetered++
		g.differ(r, "no dialect takes "+r.method+" "+r.host+r.urlPath)
		return
	}
	var wrong []string
	for _, w := range wanted {
		if n := w.sum(got.Usage); n != w.n {
			wrong = append(wrong, fmt.Sprintf("%s is %d, want %d", w.name, n, w.n))
		}
	}
	if wrong == nil {
		g.exact++
		return
	}
	g.differ(r, strings.Join(wrong, ", "))
}

func (g *tally) differ(r *recording, what string) {
	g.differences = append(g.differences, r.path+": "+what)
}

// judge prints the table and fails what falls short.
func judge(t *testing.T, found map[string]*tally) {
	names := slices.Sorted(maps.Keys(found))
	sum := &tally{}
	for _, name := range names {
		sum.add(found[name])
	}
	t.Log(table(names, found, sum))
	most := shown
	if testing.Verbose() {
		most = shownVerbose
	}
	for _, name := range names {
		g := found[name]
		if of := g.bodies; of >= smallGroup && float64(g.exact) < leastInGroup*float64(of) {
			t.Errorf("%s: %d of %d are exact, want %.1f %%", name, g.exact, of, 100*leastInGroup)
		}
		for _, d := range g.differences[:min(len(g.differences), most)] {
			t.Log(d)
		}
	}
	if of := sum.bodies; of == 0 || float64(sum.exact) < leastInAll*float64(of) {
		t.Errorf("%d of %d are exact, want %.1f %%", sum.exact, of, 100*leastInAll)
	}
	if float64(sum.invents) > mostMore*float64(sum.silent) {
		t.Errorf("of %d that report nothing, tokens were counted in %d", sum.silent, sum.invents)
	}
	t.Logf("%d bodies are several answers in one", sum.joined)
	if float64(sum.joined) > mostJoined*float64(sum.bodies) {
		t.Errorf("%d bodies go on after the end of an answer: dialects end too early", sum.joined)
	}
}

func (g *tally) add(o *tally) {
	g.bodies, g.exact, g.unmetered, g.torn = g.bodies+o.bodies, g.exact+o.exact, g.unmetered+o.unmetered, g.torn+o.torn
	g.silent, g.invents, g.joined = g.silent+o.silent, g.invents+o.invents, g.joined+o.joined
}

func table(names []string, found map[string]*tally, sum *tally) string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\ndirectory and form\tbodies\texact\tunmetered\tparts over whole\twithout usage\tof these counted\t")
	row := func(name string, g *tally) {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t\n", name, g.bodies, g.exact, g.unmetered, g.torn, g.silent, g.invents)
	}
	for _, name := range names {
		row(name, found[name])
	}
	row("all", sum)
	w.Flush()
	return out.String()
}
