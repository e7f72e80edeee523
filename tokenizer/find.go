package tokenizer

// Homebody is a Dialect of which some operations stand at paths that mean
// something else at other providers.
type Homebody interface {
	// AtHome reports whether an operation is taken only where the dialect is the
	// provider's own.
	AtHome(operation string) bool
}

// Find returns the dialect that reads a request, and its operation: of those that
// take the path the one that is named as the provider, else the first that takes
// it anywhere. provider is who hosts the models; empty: only the path tells. path
// is as Match wants it.
func Find(dialects []Dialect, provider, method, path string) (found Dialect, operation string, ok bool) {
	for _, d := range dialects {
		named, takes := d.Match(method, path)
		own := d.Name() == provider
		if !takes || !own && atHome(d, named) {
			continue
		}
		if own || !ok {
			found, operation, ok = d, named, true
		}
		if own {
			break
		}
	}
	return found, operation, ok
}

func atHome(d Dialect, operation string) bool {
	h, is := d.(Homebody)
	return is && h.AtHome(operation)
}
