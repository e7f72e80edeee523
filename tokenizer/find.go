package tokenizer

// Find returns the dialect that reads a request, and its operation: of those that
// take the path the one that is named as the provider, else the first. provider
// is who hosts the models; empty: only the path tells. path is as Match wants it.
func Find(dialects []Dialect, provider, method, path string) (found Dialect, operation string, ok bool) {
	for _, d := range dialects {
		named, takes := d.Match(method, path)
		if !takes {
			continue
		}
		own := d.Name() == provider
		if own || !ok {
			found, operation, ok = d, named, true
		}
		if own {
			break
		}
	}
	return found, operation, ok
}
