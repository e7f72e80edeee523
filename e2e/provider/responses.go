package provider

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"time"
)

// response is the object of /v1/responses, whole or as events carry it.
type response struct {
	ID      string         `json:"id"`
	Object  string         `json:"object"`
	Created int            `json:"created_at"`
	Status  string         `json:"status"`
	Error   any            `json:"error"`
	Model   string         `json:"model"`
	Output  []item         `json:"output"`
	Usage   *responseUsage `json:"usage"`
}

type item struct {
	ID      string    `json:"id"`
	Type    string    `json:"type"`
	Status  string    `json:"status"`
	Role    string    `json:"role"`
	Content []content `json:"content"`
}

type content struct {
	Type        string `json:"type"`
	Annotations []any  `json:"annotations"`
	Text        string `json:"text"`
}

type responseUsage struct {
	Input        int           `json:"input_tokens"`
	InputDetails inputDetails  `json:"input_tokens_details"`
	Output       int           `json:"output_tokens"`
	OutDetails   outputDetails `json:"output_tokens_details"`
	Total        int           `json:"total_tokens"`
}

type inputDetails struct {
	Cached int `json:"cached_tokens"`
}

type outputDetails struct {
	Reasoning int `json:"reasoning_tokens"`
}

func (s Scenario) responseUsage() *responseUsage {
	if s.Report == Never {
		return nil
	}
	u := s.usage()
	return &responseUsage{
		Input: u.Prompt, InputDetails: inputDetails{u.Cached},
		Output: u.Completion, OutDetails: outputDetails{u.Reasoning}, Total: u.Prompt + u.Completion,
	}
}

func outputItem(id, status, text string) item {
	it := item{ID: id, Type: "message", Status: status, Role: "assistant", Content: []content{}}
	if status == "completed" {
		it.Content = []content{outputText(text)}
	}
	return it
}

func outputText(text string) content {
	return content{Type: "output_text", Annotations: []any{}, Text: text}
}

func responsesJSON(x *exchange, q asked) ([]byte, error) {
	r := response{ID: x.id("resp_"), Object: "response", Created: created, Status: "completed", Model: q.Model, Usage: x.play.responseUsage()}
	return x.play.sized(func(text string) any {
		r.Output = []item{outputItem("msg_1", "completed", text)}
		return r
	})
}

// typed collects the events of a Responses stream; they are numbered, and say
// their type twice.
type typed struct {
	parts []part
	err   error
}

func (t *typed) add(kind string, fields map[string]any, wait time.Duration) {
	fields["type"], fields["sequence_number"] = kind, len(t.parts)
	b, err := json.Marshal(fields)
	if err != nil {
		t.err = err
	}
	t.parts = append(t.parts, part{text: []byte("event: " + kind + "\ndata: " + string(b) + "\n\n"), wait: wait})
}

func responsesStream(x *exchange, q asked) ([]part, error) {
	s := x.play
	r := response{ID: x.id("resp_"), Object: "response", Created: created, Status: "in_progress", Model: q.Model, Output: []item{}}
	const msg = "msg_1"
	at := func(extra map[string]any) map[string]any {
		extra["item_id"], extra["output_index"], extra["content_index"] = msg, 0, 0
		return extra
	}
	var t typed
	t.add("response.created", map[string]any{"response": r}, 0)
	t.add("response.in_progress", map[string]any{"response": r}, 0)
	t.add("response.output_item.added", map[string]any{"output_index": 0, "item": outputItem(msg, "in_progress", "")}, 0)
	t.add("response.content_part.added", at(map[string]any{"part": outputText("")}), 0)
	for i := range s.chunks() {
		t.add("response.output_text.delta", at(map[string]any{"delta": s.text(i)}), s.Pace)
	}
	text := s.whole()
	t.add("response.output_text.done", at(map[string]any{"text": text}), 0)
	t.add("response.content_part.done", at(map[string]any{"part": outputText(text)}), 0)
	done := outputItem(msg, "completed", text)
	t.add("response.output_item.done", map[string]any{"output_index": 0, "item": done}, 0)
	r.Status, r.Output, r.Usage = "completed", []item{done}, s.responseUsage()
	t.add("response.completed", map[string]any{"response": r}, 0)
	return t.parts, t.err
}

// embedding is one vector of /v1/embeddings, as numbers or in base64.
type embedding struct {
	Object string `json:"object"`
	Index  int    `json:"index"`
	Vector any    `json:"embedding"`
}

// vector is the embedding of input i: numbers, or their bytes in base64.
func vector(i int, encoding string) any {
	numbers := []float32{0.25, -0.5, float32(i)}
	if encoding != "base64" {
		return numbers
	}
	var raw []byte
	for _, n := range numbers {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(n))
	}
	return raw // JSON writes bytes in base64
}

func embeddingsJSON(x *exchange, q asked) ([]byte, error) {
	var inputs []json.RawMessage
	if json.Unmarshal(q.Input, &inputs) != nil {
		inputs = []json.RawMessage{q.Input}
	}
	x.id("embd-") // only remembered: this answer carries no id
	answer := struct {
		Object string      `json:"object"`
		Data   []embedding `json:"data"`
		Model  string      `json:"model"`
		Usage  any         `json:"usage,omitempty"`
	}{Object: "list", Model: q.Model}
	if n := x.play.usage().Prompt; x.play.Report != Never {
		answer.Usage = map[string]int{"prompt_tokens": n, "total_tokens": n}
	}
	for i := range inputs {
		answer.Data = append(answer.Data, embedding{Object: "embedding", Index: i, Vector: vector(i, q.Encoding)})
	}
	if x.play.Size == 0 {
		return json.Marshal(answer)
	}
	return x.play.sized(func(text string) any {
		answer.Data = []embedding{{Object: "embedding", Vector: text}}
		return answer
	})
}
