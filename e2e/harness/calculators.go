package harness

import (
	"context"
	"os"
	"path/filepath"
)

// calculators are litellm and genai-prices, which say what calls cost.
var calculators = wheels{folder: "../policy/price/testdata", cache: "calculators", what: "litellm and genai-prices, 60 MB"}

// Calculators returns an interpreter that has the calculators of litellm and of
// genai-prices, pinned by version and by content, fetched at the first use. Its
// error is a *Missing.
func (k *Kit) Calculators(ctx context.Context) (python string, err error) {
	if python, err = k.venv(ctx, calculators); err != nil {
		return "", &Missing{"the calculators of litellm and genai-prices", err}
	}
	return python, nil
}

// HasCalculators reports whether they are there already.
func (k *Kit) HasCalculators() bool {
	_, home, err := k.home(calculators)
	if err != nil {
		return false
	}
	_, err = os.Stat(filepath.Join(home, "bin", "python"))
	return err == nil
}
