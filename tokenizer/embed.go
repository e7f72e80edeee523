package tokenizer

// Embedder is a Dialect of which some calls embed several inputs.
type Embedder interface {
	// Inputs calls yield for each input that call embeds, as it stands in body, until
	// yield returns false. It does so for no call that does not embed.
	Inputs(call Call, body []byte, yield func(input []byte) bool)
}
