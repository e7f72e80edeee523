// Package e2e holds the stories: what a person is promised, told from outside
// and with the real parts. Calls go through a real Envoy with the shipped
// configuration to the built farebox and on to a provider or a small model; the
// answers are what callers see, the evidence is what operators may ask: metrics,
// usage and the records of calls.
//
// Each test function is one promise, and its name says which. The parts are
// started by package harness, the provider is package provider or, in the ways of
// speaking that are not OpenAI's, package replay. The stories refuse to know
// farebox from the inside.
package e2e
