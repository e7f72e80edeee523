package alert

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/money"
)

// text says an event in a sentence.
func (e *Event) text() string {
	switch {
	case e.Kind == Budget:
		return e.budgetText()
	case e.Message != "":
		return e.Message
	}
	return strings.ReplaceAll(string(e.Kind), "_", " ")
}

func (e *Event) budgetText() string {
	var b strings.Builder
	b.WriteString("budget " + e.Rule)
	if e.Of != "" {
		b.WriteString(" for " + e.Of)
	}
	sums := number(e.Spent, e.Unit) + " of " + Quantity(e.Limit, e.Unit)
	if e.Percent >= 100 && e.Spent < e.Limit { // a call needed more than the rest
		b.WriteString(": too little is left, " + sums + " is spent or held")
	} else {
		fmt.Fprintf(&b, ": %d %% is spent, %s", e.Percent, sums)
	}
	if !e.End.IsZero() {
		b.WriteString("; the window ends " + e.End.UTC().Format(time.RFC3339))
	}
	if e.Message != "" {
		b.WriteString(". " + e.Message)
	}
	return b.String()
}

// Quantity shows what is spent or limited, with its unit. Money is rounded to a
// cent, and below a dollar to a hundredth of one, half up.
func Quantity(n int64, unit string) string {
	s := number(n, unit)
	switch unit {
	case "usd":
		s += " USD"
	case "contracted_usd":
		s += " USD to the provider"
	case "":
	default:
		s += " " + unit
	}
	return s
}

// A dollar has so many hundredths of a cent, and one of them so many nano-USD.
const (
	partsPerUSD = 10_000
	nanoPerPart = 1_000_000_000 / partsPerUSD
)

func number(n int64, unit string) string {
	if !isMoney(unit) {
		return strconv.FormatInt(n, 10)
	}
	if finely := (n + nanoPerPart/2) / nanoPerPart; n > 0 && finely < partsPerUSD {
		text := fmt.Sprintf("0.%04d", finely)
		return text[:len("0.00")] + strings.TrimRight(text[len("0.00"):], "0")
	}
	cents, sign := money.Cents([]money.Amount{money.Nano(n).Amount()})[0], ""
	if cents < 0 {
		cents, sign = -cents, "-"
	}
	return fmt.Sprintf("%s%d.%02d", sign, cents/100, cents%100)
}
