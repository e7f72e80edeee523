package api

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/api.md")

func described(t *testing.T) *huma.OpenAPI {
	t.Helper()
	return NewHandler(Options{Ledger: &memory{}}).(*server).api.OpenAPI()
}

// TestOpenAPIIsServed in both forms, and nothing that loads from elsewhere.
func TestOpenAPIIsServed(t *testing.T) {
	s, _ := serve(t, &memory{}, nil)
	status, text := get(t, s, openAPIPath+".json")
	var doc struct {
		OpenAPI string
		Info    struct{ Version string }
		Paths   map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil || status != 200 || doc.OpenAPI != "3.1.0" || doc.Info.Version != Version {
		t.Fatalf("%d, %v: %.200s", status, err, text)
	}
	for path, methods := range map[string]string{usagePath: "get", interactionsPath: "get", multipliersPath: "get", callsPath: "get", callsPath + "/{id}": "get", outcomesPath: "get post", alertsPath: "get", alertsPath + "/{number}/acknowledge": "post", mutesPath: "get post", rearmPath: "post", reratePath: "post", auditPath: "get"} {
		for method := range strings.FieldsSeq(methods) {
			if doc.Paths[path][method] == nil {
				t.Errorf("%s %s is not described", method, path)
			}
		}
	}
	status, yaml := get(t, s, openAPIPath+".yaml")
	if status != 200 || !strings.Contains(yaml, "openapi: 3.1.0") || !strings.Contains(yaml, usagePath+":") {
		t.Errorf("as YAML: %d %.200s", status, yaml)
	}
	for _, text := range []string{text, yaml} {
		for _, word := range []string{"http://", "https://", "$schema", "ErrorModel", "problem+json"} {
			if strings.Contains(text, word) {
				t.Errorf("the description has %q", word)
			}
		}
	}
	for _, path := range []string{"/docs", "/api/v1/docs", "/schemas/Row.json", "/openapi.json", "/api/v1/openapi", "/api/v1/openapi-3.0.json"} {
		if status, _ := get(t, s, path); status != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", path, status)
		}
	}
}

// TestMoneyIsText in the description too.
func TestMoneyIsText(t *testing.T) {
	for name, schema := range described(t).Components.Schemas.Map() {
		for field, p := range schema.Properties {
			if strings.HasSuffix(field, "_usd") && p.Type != huma.TypeString || p.Type == huma.TypeNumber {
				t.Errorf("%s.%s is a %s", name, field, p.Type)
			}
		}
	}
}

// TestAPIIsDocumented holds docs/api.md to the description.
func TestAPIIsDocumented(t *testing.T) {
	const file = "../../docs/api.md"
	got := document(described(t))
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got), -update writes it anew:\n%s", file, d)
	}
}

const preface = `# API

The admin server answers people and programs under /api/v1. This page is made from its OpenAPI 3.1 document, which it serves at
` + "`" + openAPIPath + ".json` and `.yaml`" + `; the version described is %s. What is added to an answer later is no new version for a client that ignores
what it does not know.

Money is decimal text in US dollars, exact; times are RFC 3339. Lists come in pages: ask the same question again with ` + "`cursor`" + ` set to the
` + "`next`" + ` of the page before. An unknown or repeated key is an error. An error is ` + "`" + `{"error": {"code": "…", "message": "…"}}` + "`" + ` with its status.

Days and hours are those of ` + "`tz`" + `, with every change of its clocks; without it, of UTC. An hour of a zone is named with its offset, as in
2026-10-25T02+01:00, so that the hour that clocks repeat is two.

## Who may ask

With neither ` + "`tokens` nor `clients` under `listen.admin`" + `, whoever reaches the server is admin; it then listens on this machine only. Otherwise show
` + "`Authorization: Bearer TOKEN`" + ` or a client certificate. 401 means that who asks is not known, 403 that they may not. A role may do what those
before it may. One that is bound to a team sees and changes what is that team's: calls of others are not found.

| role | may |
|---|---|
| viewer | read usage, interactions, multipliers, budgets, calls, outcomes and alerts |
| owner | say how calls turned out; ask for top-ups; acknowledge, mute and re-arm alerts |
| approver | approve what others ask for |
| finance | raise limits of budgets; read the audit |
| admin | all |

` + "```" + `
curl --cacert ca.pem -H "Authorization: Bearer $(cat token)" "https://farebox.example.com:9470/api/v1/usage?by=team,day&tz=Europe/Berlin"
` + "```" + `
`

// document is the description as a page.
func document(doc *huma.OpenAPI) string {
	var b strings.Builder
	fmt.Fprintf(&b, preface, Version)
	for _, path := range []string{usagePath, interactionsPath, multipliersPath, budgetsPath, topupsPath, grantPath, refusePath, revokePath, callsPath, callsPath + "/{id}", outcomesPath, alertsPath, alertsPath + "/{number}/acknowledge", mutesPath, rearmPath, auditPath} {
		item := doc.Paths[path]
		for _, o := range []*huma.Operation{item.Get, item.Post} {
			if o != nil {
				documentOperation(&b, o)
			}
		}
	}
	b.WriteString("\n## Types\n")
	schemas := doc.Components.Schemas.Map()
	names := make([]string, 0, len(schemas))
	for name := range schemas {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		documentSchema(&b, name, schemas[name])
	}
	return b.String()
}

func documentOperation(b *strings.Builder, o *huma.Operation) {
	fmt.Fprintf(b, "\n## %s %s\n\n%s\n", o.Method, o.Path, o.Description)
	if len(o.Parameters) > 0 {
		b.WriteString("\n| key | value | meaning |\n|---|---|---|\n")
	}
	for _, p := range o.Parameters {
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", p.Name, typeWord(p.Schema), p.Description)
	}
	if o.RequestBody != nil {
		fmt.Fprintf(b, "\nBody: %s\n", typeWord(o.RequestBody.Content["application/json"].Schema))
	}
	var statuses []string
	for status := range o.Responses {
		if status != "200" {
			statuses = append(statuses, status)
		}
	}
	slices.Sort(statuses)
	fmt.Fprintf(b, "\nAnswer: %s, or an error: %s.\n", typeWord(o.Responses["200"].Content["application/json"].Schema), strings.Join(statuses, ", "))
}

func documentSchema(b *strings.Builder, name string, s *huma.Schema) {
	fmt.Fprintf(b, "\n### %s\n\n| key | value | meaning |\n|---|---|---|\n", name)
	var fields []string
	for field := range s.Properties {
		fields = append(fields, field)
	}
	slices.Sort(fields)
	for _, field := range fields {
		p, word := s.Properties[field], ""
		if !slices.Contains(s.Required, field) {
			word = ", may be absent"
		}
		if p.Nullable {
			word += ", may be null"
		}
		fmt.Fprintf(b, "| `%s` | %s%s | %s |\n", field, typeWord(p), word, p.Description)
	}
}

// typeWord says what a value is.
func typeWord(s *huma.Schema) string {
	switch {
	case s.Ref != "":
		name := s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]
		return "[" + name + "](#" + strings.ToLower(name) + ")"
	case len(s.Enum) > 0:
		return strings.Trim(strings.ReplaceAll(fmt.Sprint(s.Enum), " ", ", "), "[]")
	case s.Type == huma.TypeArray:
		return "list of " + typeWord(s.Items)
	case s.Type == huma.TypeObject:
		if of, ok := s.AdditionalProperties.(*huma.Schema); ok {
			return "by name: " + typeWord(of)
		}
		return "object"
	case s.Type == huma.TypeInteger && s.Maximum != nil:
		return fmt.Sprintf("%v to %v", *s.Minimum, *s.Maximum)
	case s.Format == "date-time":
		return "time"
	case s.Type == huma.TypeString:
		return "text"
	case s.Type == "":
		return "any"
	}
	return s.Type
}
