package jsonscan

import (
	"maps"
	"slices"
)

// Script is a Plan of which each watch has a role: what a value is good for,
// whatever path it was found at.
type Script[R ~uint8] struct {
	Plan  *Plan
	roles []R
}

// MustScript compiles the roles of paths. keep says how many bytes of a value of
// each role are captured; 0 for text that passes. It panics as MustCompile does.
func MustScript[R ~uint8](keep func(R) int, places ...map[string]R) Script[R] {
	var s Script[R]
	var watches []Watch
	for _, some := range places {
		for _, path := range slices.Sorted(maps.Keys(some)) {
			watches = append(watches, Watch{Path: path, Keep: keep(some[path])})
			s.roles = append(s.roles, some[path])
		}
	}
	s.Plan = MustCompile(watches...)
	return s
}

// Role is what the value of a watch is good for.
func (s *Script[R]) Role(watch int) R { return s.roles[watch] }
