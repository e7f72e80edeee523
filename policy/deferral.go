package policy

import "time"

// Deferral is work that goes on at a provider after its call was answered: a
// response in the background, a batch, a cached content. What it used is settled,
// to the owner of that call, when a later answer tells it or when it expires.
type Deferral struct {
	Ticket  Ticket    `json:"ticket"`
	Attempt int       `json:"attempt"`        // of the record that will settle it
	ID      string    `json:"id"`             // the provider's
	Alias   string    `json:"alias,omitzero"` // another id under which its usage may be told
	Model   string    `json:"model,omitzero"` // as answered
	Since   time.Time `json:"since"`          // when the provider said that it had begun
	Expires time.Time `json:"expires"`        // when it is settled in any case
	Stored  int64     `json:"stored,omitzero"`
}
