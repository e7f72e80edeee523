package engine

// Remembered is how many failed calls are remembered.
func (e *Engine) Remembered() int {
	e.failed.mu.Lock()
	defer e.failed.mu.Unlock()
	return len(e.failed.last)
}
