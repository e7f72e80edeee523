package extproc

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/farebox/farebox/policy"
	"github.com/google/uuid"
)

func newID() (policy.CallID, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return policy.CallID{}, fmt.Errorf("mint call id: %w", err)
	}
	return policy.CallID(id), nil
}

// traceID returns the trace id of a W3C traceparent header, or "".
// https://www.w3.org/TR/trace-context/#traceparent-header
func traceID(traceparent string) string {
	parts := strings.Split(traceparent, "-")
	if len(parts) < 4 || len(parts[1]) != 32 || strings.Trim(parts[1], "0123456789abcdef") != "" || strings.Trim(parts[1], "0") == "" {
		return ""
	}
	return parts[1]
}

// pathOf returns the path of a :path header, without query and decoded. SDKs
// encode colons (":generateContent" as "%3A…"), so matching is done after
// decoding; a path that does not decode is matched as it is.
func pathOf(raw string) string {
	if i := strings.IndexAny(raw, "?#"); i >= 0 {
		raw = raw[:i]
	}
	if strings.IndexByte(raw, '%') < 0 {
		return raw
	}
	if p, err := url.PathUnescape(raw); err == nil {
		return p
	}
	return raw
}

// searchable bounds what a client may make us remember of its own ids.
func searchable(id string) string {
	const most = 128
	if len(id) > most {
		return id[:most]
	}
	return id
}
