package terms

import (
	"fmt"
	"testing"

	"github.com/farebox/farebox/policy/money"
)

// BenchmarkApply prices one line under so many discounts and as many rows of a
// rate card, half of them of models by name and half by pattern.
func BenchmarkApply(b *testing.B) {
	for _, n := range []int{0, 10, 100, 1000} {
		b.Run(fmt.Sprintf("rows=%d", n), func(b *testing.B) {
			var o Options
			for i := range n {
				m := Match{Model: []string{fmt.Sprintf("model-%d", i)}, Owner: team("support")}
				if i%2 == 1 {
					m.Model[0] += "-*"
				}
				o.Discounts = append(o.Discounts, Discount{ID: fmt.Sprint("d", i), Match: m, Off: 1})
				o.Card = append(o.Card, CardRow{ID: fmt.Sprint("c", i), Match: m, Unit: Unit{1000, token}, Price: money.Amount{Micro: 5}})
			}
			terms := must[*Terms](b)(New(o))
			l, rec := sample(1000)
			l.Model = fmt.Sprintf("model-%d-x", n-1) // by the pattern that is tried last
			b.ReportAllocs()
			for b.Loop() {
				terms.Apply(l, rec)
			}
		})
	}
}
