package openai

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"unicode/utf8"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
	"github.com/tidwall/gjson"
)

// maxField bounds a field of a form that is read, in bytes: a prompt is only
// weighed.
const maxField = 1 << 10

// readMedia reads a request for pictures or sound: JSON, or a form with files.
func readMedia(call tokenizer.Call, head tokenizer.Head, body []byte) (tokenizer.Call, error) {
	kind, parameters, err := mime.ParseMediaType(head.Header("content-type"))
	if err == nil && kind == "multipart/form-data" {
		return readForm(call, parameters["boundary"], body)
	}
	w := jsonscan.Walk(body)
	object := w.Kind() == '{'
	for key := range w.Members {
		field(&call, string(key), w.Raw())
	}
	if err := w.End(); err != nil {
		return call, fmt.Errorf("read %s request: %w", call.Operation, err)
	}
	if !object {
		return call, fmt.Errorf("read %s request: %w: no object", call.Operation, jsonscan.ErrMalformed)
	}
	return call, nil
}

// field takes one member, as raw JSON.
func field(call *tokenizer.Call, key string, raw []byte) {
	switch key {
	case "model":
		if model := jsonscan.Word(raw); model != "" {
			call.Model = model
		}
	case "n":
		call.Choices = int(min(max(jsonscan.Number(raw), 1), maxChoices))
	case "size":
		call.Size = jsonscan.Word(raw)
	case "quality":
		call.Quality = jsonscan.Word(raw)
	case "stream":
		call.Stream = string(raw) == "true"
	case "prompt":
		call.Shares.Last += jsonscan.StringWeight(raw)
	case "input":
		call.Shares.Last += jsonscan.StringWeight(raw)
		if call.Operation == speech && len(raw) > 1 && raw[0] == '"' {
			call.Characters = int64(utf8.RuneCountInString(gjson.ParseBytes(raw).String()))
		}
	}
}

// readForm reads the fields of a form and weighs its files.
func readForm(call tokenizer.Call, boundary string, body []byte) (tokenizer.Call, error) {
	form := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := form.NextPart()
		if err == io.EOF {
			return call, nil
		}
		if err != nil {
			return call, fmt.Errorf("read %s request: %w: no form", call.Operation, jsonscan.ErrMalformed)
		}
		if part.FileName() != "" {
			n, _ := io.Copy(io.Discard, part) // NextPart tells what is wrong
			call.Shares.Media += n
			continue
		}
		text, _ := io.ReadAll(io.LimitReader(part, maxField))
		rest, _ := io.Copy(io.Discard, part)
		formField(&call, part.FormName(), text, rest)
	}
}

// formField takes one field of a form: text, of which rest bytes were too many.
func formField(call *tokenizer.Call, name string, text []byte, rest int64) {
	switch name {
	case "prompt":
		call.Shares.Last += int64(len(text)) + rest
	case "n", "stream":
		field(call, name, text)
	case "model", "size", "quality":
		if rest == 0 && len(text) <= jsonscan.MaxWord {
			quoted := append(append([]byte{'"'}, text...), '"')
			field(call, name, quoted)
		}
	}
}
