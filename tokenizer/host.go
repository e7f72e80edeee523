package tokenizer

// Host is what a host's name tells of the calls that go there.
type Host struct {
	Provider string // who hosts the models
	Region   string // where, as the provider names it; empty: the name does not say
	// AsksUsage says that its streams report usage only when asked to, and may be
	// asked.
	AsksUsage bool
}
