package budget

// Include is what counts against a budget: calls, and charges, which are costs that
// no call tells.
type Include uint8

// Calls alone count unless a rule says more.
const (
	Calls Include = iota
	CallsAndCharges
	Charges
	includes
)

// OfCalls reports whether calls count.
func (i Include) OfCalls() bool { return i != Charges }

// OfCharges reports whether charges count.
func (i Include) OfCharges() bool { return i != Calls }

// Names are what counts, in one order.
func (i Include) Names() []string {
	switch i {
	case CallsAndCharges:
		return []string{"calls", "charges"}
	case Charges:
		return []string{"charges"}
	}
	return []string{"calls"}
}
