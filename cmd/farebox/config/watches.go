package config

import (
	"time"

	"github.com/farebox/farebox/policy/alert"
	"github.com/farebox/farebox/policy/money"
)

// Watches is what is looked for beside budgets. A severity of none looks for nothing.
type Watches struct {
	Every         Duration   `yaml:"every" min:"10s" max:"1h" doc:"How often it is looked."`
	SpendSpike    SpikeWatch `yaml:"spend_spike" doc:"A team that is charged much more in the last full hour (UTC) than in the one before."`
	Unpriced      CallsWatch `yaml:"unpriced" doc:"Calls without a price, so that what they cost is not known, in the last full hour."`
	Unattributed  ShareWatch `yaml:"unattributed" doc:"What is charged and no team's, in the last full hour."`
	Runaway       StateWatch `yaml:"runaway" doc:"Calls took more tokens than the section runaway says is right for one."`
	StoreDegraded StateWatch `yaml:"store_degraded" doc:"The ledger or the store of budgets did not answer, or too late."`
	FailOpen      StateWatch `yaml:"fail_open" doc:"Calls passed without a decision, or without what a decision needs."`
	HoldExceeded  StateWatch `yaml:"hold_exceeded" doc:"A call took more than was held for it, so that limits may be exceeded by as much. With holds.output_bound: learned one in a hundred may; with strict none should."`
}

// SpikeWatch is of spending that grows.
type SpikeWatch struct {
	Severity string    `yaml:"severity" one:"none info warning critical emergency" doc:"How grave it is."`
	Page     bool      `yaml:"page" doc:"Whether receivers that page are told."`
	Percent  int       `yaml:"percent" min:"1" max:"100000" doc:"How much more it has to be, in percent."`
	Floor    UnitPrice `yaml:"floor" doc:"What the hour has to cost at least, in USD."`
}

// CallsWatch is of calls.
type CallsWatch struct {
	Severity string `yaml:"severity" one:"none info warning critical emergency" doc:"How grave it is."`
	Page     bool   `yaml:"page" doc:"Whether receivers that page are told."`
	Calls    int    `yaml:"calls" min:"1" max:"1000000000" doc:"How many there have to be."`
}

// ShareWatch is of a share of what is charged.
type ShareWatch struct {
	Severity string    `yaml:"severity" one:"none info warning critical emergency" doc:"How grave it is."`
	Page     bool      `yaml:"page" doc:"Whether receivers that page are told."`
	Percent  int       `yaml:"percent" min:"1" max:"100" doc:"How great the share has to be."`
	Floor    UnitPrice `yaml:"floor" doc:"What it has to be at least, in USD."`
}

// StateWatch is of something that must not happen.
type StateWatch struct {
	Severity string `yaml:"severity" one:"none info warning critical emergency" doc:"How grave it is."`
	Page     bool   `yaml:"page" doc:"Whether receivers that page are told."`
}

// defaultAlerts are kept, and told to nobody until receivers are named.
func defaultAlerts() Alerts {
	usd := func(n int64) UnitPrice { return UnitPrice{money.Amount{Micro: n * 1e6}, true} }
	return Alerts{
		Thresholds: []int{50, 75, 90, 100},
		Digest:     Duration(alert.DefaultDigest), GiveUp: Duration(alert.DefaultGiveUp),
		Watch: Watches{
			Every:         Duration(time.Minute),
			SpendSpike:    SpikeWatch{Severity: "warning", Percent: 50, Floor: usd(10)},
			Unpriced:      CallsWatch{Severity: "warning", Calls: 1},
			Unattributed:  ShareWatch{Severity: "warning", Percent: 5, Floor: usd(1)},
			Runaway:       StateWatch{Severity: "warning"},
			StoreDegraded: StateWatch{Severity: "critical"},
			FailOpen:      StateWatch{Severity: "critical"},
			HoldExceeded:  StateWatch{Severity: "info"},
		},
	}
}
