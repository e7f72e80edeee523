package main

import (
	"fmt"
	"path/filepath"
)

// fareboxConfig has everything on that counts money: attribution, prices, the
// ledger in a file, metrics.
func fareboxConfig(dir string, at places) []byte {
	return fmt.Appendf(nil, `mode: observe
listen:
  extproc: {address: %q}
  admin: {address: %q}
ledger: {store: %q}
providers:
  - {name: bench, dialect: openai, match: {cluster: upstream}}
attribution:
  team: [{header: x-team}]
  project: [{header: x-project}]
prices:
  rates:
    - {provider: bench, model: %q, input: "%.2f", output: "%.2f"}
`, at.processor, at.metrics, "sqlite:"+filepath.Join(dir, "farebox.db"), model, inputPrice, outputPrice)
}
