package e2e_test

import (
	"cmp"
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
)

// point is one vector of a collection.
type point struct {
	ID     int       `json:"id"`
	Vector []float64 `json:"-"`
	Score  float64   `json:"score"`
}

// vectors is a server of collections that searches as Qdrant's API does, by cosine,
// and runs jobs that tell how long they took.
type vectors struct {
	*httptest.Server
	collections map[string][]point
	searches    atomic.Int64
}

func newVectors(t *testing.T) *vectors {
	t.Helper()
	v := &vectors{collections: map[string][]point{
		"docs":   {{ID: 1, Vector: []float64{1, 0, 0}}, {ID: 2, Vector: []float64{0.6, 0.8, 0}}, {ID: 3, Vector: []float64{0, 0, 1}}},
		"images": {{ID: 7, Vector: []float64{0, 1}}, {ID: 8, Vector: []float64{-1, 0}}},
	}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /collections/{collection}/points/search", v.search)
	mux.HandleFunc("POST /collections/{collection}/points/query/batch", v.batch)
	mux.HandleFunc("POST /jobs/{job}/run", run)
	v.Server = httptest.NewServer(mux)
	t.Cleanup(v.Close)
	return v
}

type search struct {
	Vector []float64 `json:"vector,omitempty"`
	Query  []float64 `json:"query,omitempty"`
	Limit  int       `json:"limit"`
}

// nearest are the points of a collection that are most alike to a vector.
func (v *vectors) nearest(collection string, to []float64, limit int) []point {
	v.searches.Add(1)
	found := slices.Clone(v.collections[collection])
	for i := range found {
		found[i].Score = cosine(found[i].Vector, to)
	}
	slices.SortFunc(found, func(a, b point) int { return cmp.Compare(b.Score, a.Score) })
	return found[:min(limit, len(found))]
}

func cosine(a, b []float64) float64 {
	var dot, aa, bb float64
	for i := range min(len(a), len(b)) {
		dot, aa, bb = dot+a[i]*b[i], aa+a[i]*a[i], bb+b[i]*b[i]
	}
	return dot / math.Sqrt(aa*bb)
}

func (v *vectors) search(w http.ResponseWriter, r *http.Request) {
	var s search
	if json.NewDecoder(r.Body).Decode(&s) != nil || v.collections[r.PathValue("collection")] == nil {
		answer(w, http.StatusNotFound, map[string]any{"status": map[string]string{"error": "no such collection"}})
		return
	}
	answer(w, http.StatusOK, map[string]any{"status": "ok", "result": v.nearest(r.PathValue("collection"), s.Vector, s.Limit)})
}

func (v *vectors) batch(w http.ResponseWriter, r *http.Request) {
	var all struct{ Searches []search }
	if json.NewDecoder(r.Body).Decode(&all) != nil {
		answer(w, http.StatusBadRequest, map[string]string{"status": "error"})
		return
	}
	results := make([][]point, len(all.Searches))
	for i, s := range all.Searches {
		results[i] = v.nearest(r.PathValue("collection"), s.Query, s.Limit)
	}
	answer(w, http.StatusOK, map[string]any{"status": "ok", "result": results})
}

// run tells the hours of a job that takes so many processors for so many minutes.
func run(w http.ResponseWriter, r *http.Request) {
	var job struct{ GPUs, Minutes float64 }
	if json.NewDecoder(r.Body).Decode(&job) != nil {
		answer(w, http.StatusBadRequest, map[string]string{"status": "error"})
		return
	}
	answer(w, http.StatusOK, map[string]any{"status": "done", "usage": map[string]float64{"gpu_hours": job.GPUs * job.Minutes / 60}})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", jsonContent)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a caller that has gone misses it
}
