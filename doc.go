// Package farebox is the map of the house: an Envoy external processor that
// makes LLM traffic pay its fare.
//
//	extproc speaks Envoy, tokenizer speaks LLM, policy speaks money.
//
// A call comes in at extproc/wire, one gRPC stream per HTTP exchange. A
// tokenizer dialect reads what it asks for (a Call); policy/engine says who pays
// and whether it may pass (a Ticket); a tokenizer Meter reads the answer in any
// pieces (a Reading); policy/engine settles it once (a Record of priced Lines),
// which policy/ledger keeps. cmd/farebox holds the commands, envoy the
// configuration shipped for Envoy, e2e the stories that drive all of it.
//
// arch_test.go holds which room may use which.
package farebox
