package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// request is one call of the script.
type request struct {
	team, project string
	path          string
	stream        bool
	tokens        int // most of the answer
	words         string
}

// script is what the teams ask. Streaming callers do not ask for usage: Farebox
// does, and hides it from them.
func script() []request {
	const chat, text, responses = "/v1/chat/completions", "/v1/completions", "/v1/responses"
	return []request{
		{"support", "helpdesk", chat, false, 24, "A customer cannot log in. What should we ask first?"},
		{"support", "helpdesk", chat, true, 24, "A customer cannot log in. What should we ask first?"},
		{"support", "helpdesk", responses, true, 16, "Say thank you for a bug report."},
		{"support", "search", text, false, 12, "Opening hours on Sunday are"},
		{"research", "search", responses, false, 24, "What is a harbour?"},
		{"research", "search", chat, true, 32, "Name three kinds of boats and what they carry."},
		{"research", "search", text, true, 16, "The tide comes in twice"},
		{"research", "helpdesk", chat, false, 8, "Is this urgent: the printer is out of paper?"},
		{"marketing", "search", chat, true, 32, "Write a short line about slow travel by ferry."},
		{"marketing", "search", text, false, 8, "Come aboard and"},
		{"marketing", "helpdesk", responses, true, 12, "Answer a happy customer in one line."},
		{"marketing", "helpdesk", chat, false, 12, "Answer a happy customer in one line."},
	}
}

// log is one line of the client's own account.
type log struct {
	Team       string `json:"team"`
	Project    string `json:"project"`
	Path       string `json:"path"`
	Stream     bool   `json:"stream"`
	ResponseID string `json:"response_id"`
}

// calls makes the calls of the script, one after the other, through Envoy, and
// writes the client's account.
func (s *stage) calls(ctx context.Context) error {
	all := script()
	s.step("three teams with two projects make %d calls", len(all))
	f, err := os.Create(filepath.Join(s.dir, "calls.jsonl"))
	if err != nil {
		return err
	}
	defer f.Close()
	enc := json.NewEncoder(f)
	for _, r := range all {
		id, err := s.call(ctx, r)
		if err != nil {
			return fmt.Errorf("call %s for %s: %w", r.path, r.team, err)
		}
		if err := enc.Encode(log{r.team, r.project, r.path, r.stream, id}); err != nil {
			return err
		}
	}
	return f.Close()
}

// call makes one call and returns the id that its answer carries.
func (s *stage) call(ctx context.Context, r request) (string, error) {
	body := map[string]any{"model": "smollm2", "stream": r.stream, "temperature": 0}
	switch r.path {
	case "/v1/responses":
		body["input"], body["max_output_tokens"] = r.words, r.tokens
	case "/v1/completions":
		body["prompt"], body["max_tokens"] = r.words, r.tokens
	default:
		body["messages"], body["max_tokens"] = []map[string]string{{"role": "user", "content": r.words}}, r.tokens
	}
	b, err := json.Marshal(body)
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.envoy.URL()+r.path, bytes.NewReader(b))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Team", r.team)
	req.Header.Set("X-Project", r.project)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("answered %s: %s", resp.Status, answer)
	}
	if strings.Contains(string(answer), `"prompt_tokens"`) && r.stream && r.path == "/v1/chat/completions" {
		return "", errors.New("the caller sees usage that it did not ask for")
	}
	return answerID(answer)
}

// answerID finds the id in a JSON answer or in the first event of a stream.
func answerID(answer []byte) (string, error) {
	lines := bufio.NewScanner(bytes.NewReader(answer))
	lines.Buffer(nil, len(answer)+1)
	for lines.Scan() {
		data := bytes.TrimPrefix(lines.Bytes(), []byte("data: "))
		var v struct {
			ID       string
			Response struct{ ID string }
		}
		if json.Unmarshal(data, &v) != nil {
			continue // the name of an event, a blank line
		}
		if v.ID == "" {
			v.ID = v.Response.ID
		}
		if v.ID != "" {
			return v.ID, nil
		}
	}
	return "", errors.New("its answer has no id")
}
