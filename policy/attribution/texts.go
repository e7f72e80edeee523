package attribution

// flaw is the first thing wrong with what the sources of a rule gave: sound, or
// a number for each source and kind.
type flaw int

const sound flaw = 0

// kinds of flaws that a source can have.
const kinds = 3

func unusable(source int) flaw { return flaw(1 + kinds*source) }
func unlisted(source int) flaw { return flaw(2 + kinds*source) } // not in one_of
func unknown(source int) flaw  { return flaw(3 + kinds*source) } // of no owner

func (f flaw) or(next flaw) flaw {
	if f == sound {
		return next
	}
	return f
}

// texts holds, for each way a rule can end and each flaw met on the way there,
// what the attribute's Rule says, so that resolving builds no strings.
type texts [][]string // by ending (each source, default, missing, unknown), then by flaw

// newTexts makes the texts of a rule.
func newTexts(sources []source) texts {
	flaws := make([]string, 1, 1+kinds*(len(sources)+1))
	endings := make([]string, 0, len(sources)+3)
	for _, s := range sources {
		flaws = append(flaws, "; "+s.says+" unusable", "; "+s.says+" not one of the values allowed", "; "+s.says+" of no owner")
		endings = append(endings, s.says)
	}
	flaws = append(flaws, "", "", "; default of no owner")
	endings = append(endings, "default", "missing", "unknown")
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
func (t texts) fallback(f flaw) string      { return t[len(t)-3][f] }
func (t texts) missing(f flaw) string       { return t[len(t)-2][f] }
func (t texts) unknown(f flaw) string       { return t[len(t)-1][f] }
