// Package check finds in an Envoy configuration what goes wrong with Farebox.
// Files come in, as Envoy reads them: bootstrap files, or listeners, routes and
// clusters of a discovery service, as YAML or JSON. Findings go out, each with the
// place, what happens, and what to write. Every one is of a trap that was seen on
// Envoy 1.40.
//
// It refuses to know a running Envoy, and to say that a configuration is right
// beyond that: Envoy's own --mode validate says whether it is one. Functions are
// pure and safe for concurrent use.
package check

import (
	"cmp"
	"slices"
	"strings"
)

// File is one file of a configuration.
type File struct {
	Name string
	Text []byte
}

// Severity says how bad a Finding is.
type Severity string

// With an Alarm calls hang, are refused or go unmetered; a Warning is for a person
// to weigh.
const (
	Alarm   Severity = "error"
	Warning Severity = "warning"
)

// Finding is one mistake. Line and Column start at 1.
type Finding struct {
	Severity     Severity
	File         string
	Line, Column int
	Key          string // the field, or the message that lacks it
	Happens      string // what goes wrong, and when
	Write        string // what to do about it
}

// Report is what was found, the worst first and then by place. Native and Inline
// say how many routes are metered by Envoy and by Farebox.
type Report struct {
	Findings       []Finding
	Native, Inline int
}

// Files checks files that belong together: a listener in one may use routes and
// clusters of another. An error says which file cannot be read, and where.
func Files(files ...File) (Report, error) { return FilesFor(Needs{}, files...) }

// FilesFor is Files for a Farebox that reads of callers what n says.
func FilesFor(n Needs, files ...File) (Report, error) {
	h := newHouse()
	h.needs = n
	for _, f := range files {
		docs, err := read(f)
		if err != nil {
			return Report{}, err
		}
		for _, d := range docs {
			h.collect(d)
		}
	}
	h.check(files)
	slices.SortStableFunc(h.report.Findings, func(a, b Finding) int {
		return cmp.Or(strings.Compare(string(a.Severity), string(b.Severity)), strings.Compare(a.File, b.File), a.Line-b.Line, a.Column-b.Column,
			strings.Compare(a.Key, b.Key), strings.Compare(a.Happens, b.Happens))
	})
	h.report.Findings = slices.Compact(h.report.Findings)
	return h.report, nil
}

// house is all that the files hold and that matters.
type house struct {
	managers []*node          // HTTP connection managers
	loose    []*node          // ext_proc filters that stand in no list: patches of a control plane
	routes   map[string]*node // route configurations
	clusters map[string]*node
	around   map[*node]*node // filter chains of a listener, by the manager in them
	observed bool            // some cluster has a filter that sees each try
	needs    Needs
	report   Report
}

func newHouse() *house {
	return &house{routes: map[string]*node{}, clusters: map[string]*node{}, around: map[*node]*node{}}
}

func (h *house) collect(doc *node) {
	listed := map[*node]bool{}
	doc.each(func(n *node) {
		for _, f := range n.at("http_filters").list() {
			listed[f] = true
		}
		for _, f := range n.at("filters").list() {
			h.around[f.at("typed_config")] = n
		}
		switch {
		case n.at("http_filters") != nil && n.isType("HttpProtocolOptions"):
			for _, f := range n.at("http_filters").list() {
				h.observed = h.observed || metering(f.at("typed_config"), nil) == "observe"
			}
		case n.at("http_filters") != nil:
			h.managers = append(h.managers, n)
		case n.at("virtual_hosts") != nil:
			h.routes[n.at("name").word()] = n
		case n.at("connect_timeout") != nil || n.at("load_assignment") != nil || n.isType("cluster.v3.Cluster"):
			h.clusters[n.at("name").word()] = n
		case n.at("typed_config").isType(processorType) && !listed[n]:
			h.loose = append(h.loose, n)
		}
	})
}

func (h *house) add(s Severity, at *node, f Finding) {
	f.Severity = s
	if at != nil {
		f.File, f.Line, f.Column = at.file, at.line, at.column
	}
	h.report.Findings = append(h.report.Findings, f)
}

func (h *house) alarm(at *node, key, happens, write string) {
	h.add(Alarm, at, Finding{Key: key, Happens: happens, Write: write})
}

func (h *house) warn(at *node, key, happens, write string) {
	h.add(Warning, at, Finding{Key: key, Happens: happens, Write: write})
}

func (h *house) check(files []File) {
	seen := false
	for _, m := range h.managers {
		seen = h.checkManager(m) || seen
	}
	for _, f := range h.loose {
		seen = h.checkPatch(f) || seen
	}
	for _, c := range h.clusters {
		h.checkObservers(c)
	}
	if !seen && len(files) > 0 {
		h.add(Alarm, nil, Finding{
			File: files[0].Name, Key: "http_filters", Happens: "no ext_proc filter asks farebox: no call is metered",
			Write: "add the filter that `farebox envoy` prints",
		})
	}
}

// checkManager checks one filter chain and its routes; asks is whether farebox
// stands in it.
func (h *house) checkManager(m *node) (asks bool) {
	c := newChain(m)
	if c.farebox < 0 {
		return false
	}
	h.checkFilter(&c)
	h.checkOrder(&c)
	h.checkVerifier(&c)
	h.checkCallers(m)
	table := m.at("route_config")
	if table == nil {
		table = h.routes[m.at("rds", "route_config_name").word()]
	}
	routes := routesOf(table)
	if len(routes) == 0 {
		routes = []route{{at: c.filter(), limited: true}} // they are elsewhere: what holds without them is checked
	}
	for i := range routes {
		h.checkRoute(&c, &routes[i])
	}
	return true
}

// checkPatch checks a filter that a control plane puts into a chain.
func (h *house) checkPatch(f *node) (asks bool) {
	c := chain{filters: []*node{f}, farebox: 0, manager: -1, decompressor: -1}
	if !c.ours(f) || metering(f.at("typed_config"), nil) == "observe" {
		return false
	}
	h.checkFilter(&c)
	h.checkRoute(&c, &route{at: f, limited: true})
	return true
}
