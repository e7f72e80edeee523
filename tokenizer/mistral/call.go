package mistral

import (
	"fmt"
	"strings"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

// annotated is the quality of a document that is read with annotations, which cost
// more by the page.
const annotated = "annotated"

// Read reads a request body. Of a call at Vertex AI the path says the model, and
// the body what is done with it.
func (d *Dialect) Read(operation, path string, head tokenizer.Head, body []byte) (tokenizer.Call, error) {
	v, vertex := tokenizer.OnVertex(strings.TrimRight(path, "/"), publisher)
	if vertex {
		operation = onVertex(v.Model, body)
	}
	call, err := d.read(operation, path, head, body)
	call.Dialect, call.Operation = Name, operation
	if vertex {
		call.Model, call.Account, call.Region = strings.Clone(v.Model), strings.Clone(v.Project), strings.Clone(v.Location)
		call.Stream = call.Stream || v.Stream
	}
	return call, err
}

// onVertex is what a body at Vertex AI asks for, which has one path for all. Where
// the body does not say, the model's name does.
func onVertex(model string, body []byte) (operation string) {
	operation = chat
	if strings.Contains(model, "ocr") {
		operation = ocr
	}
	w := jsonscan.Walk(body)
	for key := range w.Members {
		switch string(key) {
		case "messages":
			operation = chat
		case "prompt":
			operation = fim
		case "document":
			operation = ocr
		}
	}
	return operation
}

func (d *Dialect) read(operation, path string, head tokenizer.Head, body []byte) (call tokenizer.Call, err error) {
	switch operation {
	case chat, embeddings, transcription, speech:
		return d.shape.Read(operation, path, head, body)
	case fim:
		return d.shape.Read("completions", path, head, body)
	case agents:
		call, err = d.shape.Read(chat, path, head, body)
		if call.Model == "" && err == nil {
			call.Model = tokenizer.Field(body, "agent_id") // until the answer tells the model
		}
		return call, err
	}
	switch operation {
	case batch:
		if id := batchID(path); id != "" {
			return tokenizer.Call{Choices: 1, Of: id}, nil
		}
	case batchResults:
		id, _ := ofFile(path)
		return tokenizer.Call{Choices: 1, Of: strings.Clone(id), Results: true}, nil
	}
	return d.readOwn(operation, body)
}

// Inputs yields what an embeddings call embeds.
func (d *Dialect) Inputs(call tokenizer.Call, body []byte, yield func(input []byte) bool) {
	d.shape.Inputs(call, body, yield)
}

// readOwn reads a body that is not shaped as OpenAI's.
func (d *Dialect) readOwn(operation string, body []byte) (tokenizer.Call, error) {
	r := request{operation: operation}
	if operation == batch {
		r.several.dialect = d
		r.several.operation, _ = d.Match("POST", tokenizer.Field(body, "endpoint"))
	}
	w := jsonscan.Walk(body)
	object := w.Kind() == '{'
	for key := range w.Members {
		r.member(key, w)
	}
	if err := w.End(); err != nil {
		return tokenizer.Call{Choices: 1}, fmt.Errorf("read %s request: %w", operation, err)
	}
	if !object {
		return tokenizer.Call{Choices: 1}, fmt.Errorf("read %s request: %w: no object", operation, jsonscan.ErrMalformed)
	}
	return r.told(), nil
}
