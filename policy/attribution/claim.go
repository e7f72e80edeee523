package attribution

import (
	"fmt"
	"strings"

	"github.com/farebox/farebox/policy"
)

// MaxClaim bounds the name of a claim and that of its provider, in bytes.
const MaxClaim = 256

// check reports what can be no claim.
func (c Claim) check() error {
	for what, name := range map[string]string{"claim": c.Name, "provider": c.Provider} {
		switch {
		case name == "":
			return fmt.Errorf("a claim of a token needs a claim and a provider, and there is no %s", what)
		case len(name) > MaxClaim || !policy.Printable(name) || strings.TrimSpace(name) != name:
			return fmt.Errorf("the %s of a token is at most %d bytes that can be seen", what, MaxClaim)
		}
	}
	if n := strings.Count(c.Name, "."); n > MaxSteps {
		return fmt.Errorf("%q has %d dots, at most %d are possible", c.Name, n, MaxSteps)
	}
	return nil
}
