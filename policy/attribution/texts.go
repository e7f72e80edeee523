package attribution

// flaw is the first thing wrong with what the sources of a rule gave: sound, or
// a number for each source and kind.
type flaw int

const sound flaw = 0

func unusable(source int) flaw { return flaw(1 + 2*source) }
func unlisted(source int) flaw { return flaw(2 + 2*source) }

func (f flaw) or(next flaw) flaw {
	if f == sound {
		return next
	}
	return f
}

// texts holds, for each way a rule can end and each flaw met on the way there,
// what the attribute's Rule says, so that resolving builds no strings.
type texts [][]string // by ending (each source, default, missing), then by flaw

// newTexts makes the texts of a rule that reads headers.
func newTexts(headers []string) texts {
	flaws := make([]string, 1, 1+2*len(headers))
	endings := make([]string, 0, len(headers)+2)
	for _, h := range headers {
		flaws = append(flaws, "; header "+h+" unusable", "; header "+h+" not one of the values allowed")
		endings = append(endings, "header "+h)
	}
	endings = append(endings, "default", "missing")
	t := make(texts, len(endings))
	for i, e := range endings {
		t[i] = make([]string, len(flaws))
		for j, f := range flaws {
			t[i][j] = e + f
		}
	}
	return t
}

func (t texts) source(i int, f flaw) string { return t[i][f] }
func (t texts) fallback(f flaw) string      { return t[len(t)-2][f] }
func (t texts) missing(f flaw) string       { return t[len(t)-1][f] }
