package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// Version of the API: the first number changes with what breaks a client, the
// second with what is new.
const Version = "1.7.0"

// about is the head of the OpenAPI document.
func about() *huma.OpenAPI {
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "Farebox", Version: Version,
			Description: "What LLM calls cost, and why one call cost what it did. Money is decimal text in US dollars, exact. Times are RFC 3339. " +
				"An error is {\"error\":{\"code\",\"message\"}} with its status.",
		},
		Components: &huma.Components{SecuritySchemes: map[string]*huma.SecurityScheme{
			"bearer":      {Type: "http", Scheme: "bearer", Description: "A token of listen.admin.tokens."},
			"certificate": {Type: "mutualTLS", Description: "A certificate of listen.admin.clients."},
		}},
		Security: []map[string][]string{{"bearer": {}}, {"certificate": {}}},
	}
}

// newAPI makes an API that sends JSON, and nothing beside what is registered: no
// page of documentation, whose scripts would come from elsewhere.
func newAPI(mux *http.ServeMux) huma.API {
	c := huma.Config{
		OpenAPI:       about(),
		Formats:       map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{failed},
	}
	c.AllowAdditionalPropertiesByDefault = true // a client must bear what is new
	return humago.New(mux, c)
}

// reply is an operation's answer as huma takes it.
type reply[T any] struct{ Body *T }

// operation describes one question: who may ask, and what may go wrong.
type operation struct {
	method, path, id string
	summary, text    string
	least            Role
	errors           []int // besides those that every question may get
}

// always may be the answer to every question.
var always = []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusInternalServerError, http.StatusServiceUnavailable}

// register serves an operation.
func register[I, O any](s *server, o operation, answer func(context.Context, Who, *I) (*O, error)) {
	op := huma.Operation{
		Method: o.method, Path: o.path, OperationID: o.id, Summary: o.summary, Description: o.text + " Takes the role " + o.least.String() + ".",
		SkipValidateParams: true, // checkQuery has, with errors of ours
		MaxBodyBytes:       maxBody, BodyReadTimeout: bodyIn,
		Responses: map[string]*huma.Response{},
	}
	problem := s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[failure](), true, "Failure")
	for _, status := range append(slices.Clone(always), o.errors...) {
		op.Responses[strconv.Itoa(status)] = &huma.Response{
			Description: http.StatusText(status), Content: map[string]*huma.MediaType{"application/json": {Schema: problem}},
		}
	}
	op.Middlewares = huma.Middlewares{s.checkQuery}
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*reply[O], error) {
		who, err := asking(ctx, o.least)
		if err != nil {
			return nil, s.told(ctx, err)
		}
		body, err := answer(ctx, who, in)
		if err != nil {
			return nil, s.told(ctx, err)
		}
		return &reply[O]{body}, nil
	})
	s.methods[o.path] = append(s.methods[o.path], o.method)
}

// document finishes the OpenAPI document and returns it as JSON and as YAML.
func (s *server) document() (asJSON, asYAML []byte, err error) {
	doc := s.api.OpenAPI()
	for _, own := range []string{"ErrorModel", "ErrorDetail"} { // errors of huma, which are never sent
		delete(doc.Components.Schemas.Map(), own)
	}
	for _, schema := range doc.Components.Schemas.Map() {
		for _, p := range schema.Properties {
			if p.Type == huma.TypeArray {
				p.Nullable = false // a list that is empty is []
			}
		}
	}
	if asJSON, err = json.MarshalIndent(doc, "", "  "); err != nil {
		return nil, nil, fmt.Errorf("write OpenAPI document: %w", err)
	}
	if asYAML, err = doc.YAML(); err != nil {
		return nil, nil, fmt.Errorf("write OpenAPI document: %w", err)
	}
	return asJSON, asYAML, nil
}
