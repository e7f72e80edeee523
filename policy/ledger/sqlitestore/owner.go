package sqlitestore

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/farebox/farebox/policy"
)

// appendValues appends the JSON object of an owner's values, in order.
func appendValues(out []byte, o policy.Owner) []byte {
	out = append(out, '{')
	for i := range o {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendText(out, o[i].Name)
		out = append(out, ':')
		out = appendText(out, o[i].Value)
	}
	return append(out, '}')
}

// appendRules appends the JSON array of the rules that gave the values.
func appendRules(out []byte, o policy.Owner) []byte {
	out = append(out, '[')
	for i := range o {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendText(out, o[i].Rule)
	}
	return append(out, ']')
}

// appendText appends s as a JSON string. Headers may hold any bytes: what is not
// UTF-8 becomes U+FFFD, a byte at a time.
func appendText(out []byte, s string) []byte {
	const digits = "0123456789abcdef"
	out = append(out, '"')
	for i, r := range s {
		switch {
		case r == '"' || r == '\\':
			out = append(out, '\\', byte(r))
		case r < ' ':
			out = append(out, '\\', 'u', '0', '0', digits[s[i]>>4], digits[s[i]&15])
		default:
			out = utf8.AppendRune(out, r)
		}
	}
	return append(out, '"')
}

// readOwner is the inverse of appendValues, given the rules as well.
func readOwner(values string, rule []string) (policy.Owner, error) {
	if len(rule) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(strings.NewReader(values))
	if _, err := d.Token(); err != nil { // the opening brace
		return nil, fmt.Errorf("read owner: %w", err)
	}
	owner := make(policy.Owner, len(rule))
	for i := range owner {
		var pair [2]string
		for j := range pair {
			token, err := d.Token()
			if err != nil {
				return nil, fmt.Errorf("read owner: %w", err)
			}
			text, ok := token.(string)
			if !ok {
				return nil, fmt.Errorf("read owner: %v is no text", token)
			}
			pair[j] = text
		}
		owner[i] = policy.Attribute{Name: pair[0], Value: pair[1], Rule: rule[i]}
	}
	return owner, nil
}
