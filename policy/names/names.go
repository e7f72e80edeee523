// Package names compares names with patterns, in one way wherever a rule is for
// some of them: terms, budgets, prices.
//
// In come a pattern, in which * stands for any characters, and a name as a call
// has it; out goes whether it fits. It refuses to know what the names are of, and
// what follows from a fit. Nothing here allocates, and all is safe for concurrent
// use.
package names

// MaxName bounds the name of a model, in bytes: what is longer is nobody's.
const MaxName = 256

// Fits reports whether a glob covers all of a name. It takes at most len(glob) ×
// len(name) steps.
func Fits[G, N string | []byte](glob G, name N) bool {
	g, i := 0, 0
	star, resume := -1, 0 // the last star seen, and where to go on with it
	for i < len(name) {
		switch {
		case g < len(glob) && glob[g] == '*':
			star, resume = g, i
			g++
		case g < len(glob) && glob[g] == name[i]:
			g++
			i++
		case star >= 0:
			resume++
			g, i = star+1, resume
		default:
			return false
		}
	}
	for g < len(glob) && glob[g] == '*' {
		g++
	}
	return g == len(glob)
}

// OneFits reports whether one of patterns covers name.
func OneFits(patterns []string, name string) bool {
	for _, p := range patterns {
		if Fits(p, name) {
			return true
		}
	}
	return false
}

// ModelFits reports whether one of patterns, in lower case, covers a form of a
// model's name: as it is, without what stands before a slash, and, for a pattern
// that is the whole name of a family, without the date of a snapshot.
func ModelFits(patterns []string, model string) bool {
	var room [MaxName]byte
	for part := Lower(room[:0], model); part != nil; part = AfterSlash(part) {
		stem := Family(part)
		for _, p := range patterns {
			if Fits(p, part) || stem != nil && p == string(stem) {
				return true
			}
		}
	}
	return false
}
