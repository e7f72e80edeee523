package generic

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/farebox/farebox/tokenizer"
)

// template is a text with holes that a request fills.
type template []piece

// piece is a text, the name of a part of the path, or a path into the body.
type piece struct{ text, part, member string }

const inBody = "body."

// parseTemplate reads a text in which {NAME} is a part of a path of pattern p, and
// {body.a.b} a member of the request's JSON.
func parseTemplate(text string, p *Pattern) (t template, err error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("it is longer than %d bytes", maxText)
	}
	for text != "" {
		before, after, opened := strings.Cut(text, "{")
		if strings.Contains(before, "}") {
			return nil, errors.New("} closes nothing")
		}
		if before != "" {
			t = append(t, piece{text: before})
		}
		if !opened {
			break
		}
		name, rest, closed := strings.Cut(after, "}")
		member, isMember := strings.CutPrefix(name, inBody)
		switch {
		case !closed:
			return nil, errors.New("{ is not closed")
		case isMember && (member == "" || slices.Contains(strings.Split(member, "."), "")):
			return nil, fmt.Errorf("{%s} names no member: write {body.NAME}, with dots between the names of members of members", name)
		case isMember:
			t = append(t, piece{member: member})
		case !slices.Contains(p.Names(), name):
			return nil, fmt.Errorf("{%s} is in the path nowhere: write a name that is, or {body.NAME} for a member of the body", name)
		default:
			t = append(t, piece{part: name})
		}
		text = rest
	}
	return t, nil
}

// say fills the holes; "" where one of them stays empty or all is too long.
func (t template) say(p *Pattern, path string, body []byte) string {
	if len(t) == 1 && t[0].text != "" {
		return t[0].text
	}
	var all strings.Builder
	for _, piece := range t {
		s := piece.text
		switch {
		case piece.part != "":
			s = p.Part(path, piece.part)
		case piece.member != "":
			s = tokenizer.Field(body, piece.member)
		}
		if s == "" || all.Len()+len(s) > maxText {
			return ""
		}
		all.WriteString(s)
	}
	return all.String()
}
