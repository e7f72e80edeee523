package tokenizer

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestWhoRunsATool has tools as providers spell them today.
func TestWhoRunsATool(t *testing.T) {
	for _, c := range []struct{ at, hosted, own string }{
		{
			`{"model":"m","messages":[],"tools":[%s]}`,
			`{"type":"browser_search"} {"type":"code_interpreter"} {"type":"web_search","web_search":{"enable":true}} {"type":"builtin_function","function":{"name":"$web_search"}} {"type":"openrouter:web_search"} {"type":"mcp"} {"google_search":{}}`,
			`{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"tools":{"type":"array"}}}}} {"type":"custom","custom":{"name":"c"}} {"function":{"name":"f"}}`,
		},
		{
			`{"model":"m","input":"x","tools":[%s]}`,
			`{"type":"web_search"} {"type":"web_search_2025_08_26"} {"type":"web_search_preview"} {"type":"web_search_preview_2025_03_11"} {"type":"file_search"} {"type":"code_interpreter"} {"type":"image_generation"} {"type":"mcp"} {"type":"shell"} {"type":"tool_search"} {"type":"x_search"} {"type":"collections_search"} {"type":"namespace","name":"n","tools":[{"type":"mcp"}]}`,
			`{"type":"function","name":"shell","parameters":{}} {"type":"custom","name":"c","format":{"type":"text"}} {"type":"local_shell"} {"type":"apply_patch"} {"type":"computer"} {"type":"namespace","name":"n","tools":[{"type":"function","name":"f"}]}`,
		},
		{
			`{"model":"m","messages":[],"tools":[%s]}`,
			`{"type":"web_search_20250305"} {"type":"web_search_20260318"} {"type":"web_fetch_20250910"} {"type":"code_execution_20250825"} {"type":"tool_search_tool_bm25_20251119"} {"type":"mcp_toolset"} {"type":"advisor_20260301"} {"type":"bash_20250124x"} {"type":"computer_2025"}`,
			`{"name":"f","input_schema":{"type":"object","properties":{"tools":{"type":"string"}}}} {"type":"custom","name":"f"} {"type":null,"name":"f","input_schema":{}} {"type":"bash_20250124"} {"type":"text_editor_20250728"} {"type":"computer_20251124"} {"type":"memory_20250818"}`,
		},
		{
			`{"contents":[],"tools":[%s]}`,
			`{"googleSearch":{}} {"googleSearchRetrieval":{}} {"google_search_retrieval":{}} {"codeExecution":{}} {"urlContext":{}} {"googleMaps":{}} {"fileSearch":{}} {"computerUse":{}} {"mcpServers":[]} {"functionDeclarations":[],"urlContext":{}} {"enterpriseWebSearch":{}} {"parallelAiSearch":{}}`,
			`{"functionDeclarations":[{"name":"f"}]} {"function_declarations":[]}`,
		},
		{
			`{"model":"m","input":"x","tools":[%s]}`, // an interaction
			`{"type":"google_search"} {"type":"url_context"} {"type":"code_execution"} {"type":"mcp_server"} {"type":"computer_use"} {"type":"file_search"} {"type":"google_maps"}`,
			`{"type":"function","name":"f"}`,
		},
		{
			`{"messages":[],"toolConfig":{"tools":[%s]}}`,
			`{"systemTool":{"name":"nova_grounding"}} {"systemTool":{"name":"nova_code_interpreter"}} {"toolSpec":{},"systemTool":{}}`,
			`{"toolSpec":{"name":"f","inputSchema":{"json":{"properties":{"tools":{}}}}}} {"cachePoint":{"type":"default"}}`,
		},
		{
			`{"model":"m","messages":[],"tools":[%s]}`,
			`{"type":"web_search_premium"} {"type":"document_library"} {"type":"connector","connector_id":"c"}`,
			`{"name":"f","description":"d","parameter_definitions":{}}`,
		},
	} {
		for tool := range strings.FieldsSeq(c.hosted) {
			if body := fmt.Sprintf(c.at, tool); !ContentOf([]byte(body)).Hosted {
				t.Errorf("%s is taken to be run by its caller", body)
			}
		}
		for tool := range strings.FieldsSeq(c.own) {
			if body := fmt.Sprintf(c.at, tool); ContentOf([]byte(body)).Hosted {
				t.Errorf("%s is taken for hosted", body)
			}
		}
	}
}

func TestWhatIsStrange(t *testing.T) {
	const own = `{"type":"function","function":{"name":"f"}}`
	for _, c := range []struct {
		body string
		want bool
	}{
		{`{"tools":null}`, false},
		{`{"tools":[]}`, false},
		{`{"tools":[` + own + `,` + own + `]}`, false},
		{`{"tools":{"functionDeclarations":[]}}`, false},
		{`{"tools":{"code_execution":{}}}`, true},
		{`{"tools":"auto"}`, true},
		{`{"tools":["web"]}`, true},
		{`{"tools":[{}]}`, true},
		{`{"tools":[{"name":"f"}]}`, true},
		{`{"tools":[{"type":5}]}`, true},
		{`{"tools":[{"type":"function","type":"oracle"}]}`, true},
		{`{"tools":[{"type":"oracle","type":"function"}]}`, true},
		{`{"tools":[` + own + `],"tools":[{"type":"oracle"}]}`, true},
		{`{"tools" : [ ` + own + ` , {"type" : "oracle"} ] }`, true},
		{`{"additionalModelRequestFields":{"tools":[{"type":"oracle"}]}}`, true},
		{`{"additionalModelRequestFields":{"tools":[{"type":"computer_20250124"}]}}`, false},
		{`{"requests":[{"params":{"tools":[{"type":"oracle"}]}}]}`, true},
		{`{"input":{"tools":[{"type":"oracle"}]}}`, true},
		{`{"messages":[{"content":[{"type":"tool_use","input":{"tools":["hammer"]}}]}]}`, false},
		{`{"contents":[{"parts":[{"functionCall":{"args":{"tools":["hammer"]}}},{"functionResponse":{"response":{"tools":1}}}]}]}`, false},
		{`{"messages":[{"content":[{"toolResult":{"content":[{"json":{"tools":1}}]}}]}]}`, false},
		{`{"response_format":{"type":"json_schema","json_schema":{"schema":{"properties":{"tools":{"type":"array"}}}}}}`, false},
		{`{"format":{"properties":{"tools":{}}}}`, false},
		{`{"messages":[{"content":"which \"tools\"? [{\"tools\":[1]}]"}]}`, false},
		{`{"agent":"a-researcher","input":"x"}`, true},
		{`{"agent":null,"input":"x"}`, false},
		{`{"metadata":{"agent":"billing","tools":"none"}}`, false},
		{`{"tools":[` + own, true},
		{strings.Repeat(`{"a":`, maxNested) + `{"tools":[]}` + strings.Repeat("}", maxNested), true},
		{`{"tools":[` + strings.Repeat(`{"type":"namespace","tools":[`, maxNested) + strings.Repeat("]}", maxNested) + `]}`, true},
	} {
		if got := strange([]byte(c.body)); got != c.want {
			t.Errorf("%s is strange: %v, want %v", c.body, got, c.want)
		}
	}
}

// TestAToolNeverHeardOf is hosted, wherever a provider reads tools, and whatever the
// caller has beside it.
func TestAToolNeverHeardOf(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 9))
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	word := func() string {
		b := make([]byte, 1+random.IntN(12))
		for i := range b {
			b[i] = "abcdefghijklmnopqrstuvwxyz_:.-20"[random.IntN(32)]
		}
		return string(b)
	}
	heard := func(name string) bool {
		return CallerRuns(name) || name == "type" || name == "tools" || slices.Contains(defining, name) || slices.Contains(beside, name)
	}
	for range 4000 {
		name := word()
		if random.IntN(4) == 0 { // as a new version of one that is known
			name = pick("function", "custom", "bash_", "computer_", "memory_", "web_search_", "local_shell") + name
		}
		if heard(name) {
			continue
		}
		tool := pick(
			`{"type":%[1]q}`, `{"name":"f","type":%[1]q,"input_schema":{}}`, `{%[1]q:{}}`, `{"functionDeclarations":[],%[1]q:{}}`, `{"toolSpec":{},%[1]q:{"name":"x"}}`,
			`{"type":"namespace","tools":[{"type":%[1]q}]}`, `{"type" : %[1]q , "function":{"name":"f"}}`, `{"type":"function","type":%[1]q}`,
		)
		tools := []string{fmt.Sprintf(tool, name)}
		for range random.IntN(3) {
			tools = append(tools, pick(`{"type":"function","function":{"name":"f"}}`, `{"name":"g","input_schema":{"properties":{"tools":{}}}}`, `{"functionDeclarations":[{"name":"h"}]}`))
		}
		random.Shuffle(len(tools), func(i, j int) { tools[i], tools[j] = tools[j], tools[i] })
		body := fmt.Sprintf(pick(
			`{"messages":[{"content":"[\"}"}],"tools":[%s]}`, `{"tools":[%s],"input":[{"a":{"b":[1]}}]}`, `{"toolConfig":{"tools":[%s]}}`, `{"contents":[],"tools" :[ %s ]}`,
			`{"additionalModelRequestFields":{"tools":[%s]}}`, `{"requests":[{"custom_id":"1","params":{"tools":[%s]}}]}`, `{"tools":[],"tools":[%s]}`,
		), strings.Join(tools, ","))
		if !json.Valid([]byte(body)) {
			t.Fatalf("%s is no JSON", body)
		}
		if !ContentOf([]byte(body)).Hosted {
			t.Fatalf("%s is taken for harmless", body)
		}
	}
}

func TestLookingAtToolsAllocatesNothing(t *testing.T) {
	body := []byte(`{"messages":[{"content":[{"type":"text","text":"\""}]}],"tools":[{"type":"function","function":{"name":"f"}},{"name":"g","input_schema":{}},{"type":"text_editor_20250728"}]}`)
	if strange(body) {
		t.Fatal("they are strange")
	}
	if n := testing.AllocsPerRun(100, func() { ContentOf(body) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzStrange holds that what is not strange is JSON of which no tool has a type that
// only the provider may run.
func FuzzStrange(f *testing.F) {
	f.Add([]byte(`{"tools":[{"type":"function"},{"type":"oracle"}]}`))
	f.Add([]byte(`{"a":[{"tools":{"name":"f","parameters":{}}}],"agent":null}`))
	f.Add([]byte(`{"tools":[{"type":"namespace","tools":[[]]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var v map[string]any
		if spelt(body) || strings.Contains(string(body), `\`) || json.Unmarshal(body, &v) != nil || strange(body) {
			return
		}
		tools, _ := v["tools"].([]any)
		for _, tool := range tools {
			members, is := tool.(map[string]any)
			kind, typed := members["type"].(string)
			if !is || typed && !CallerRuns(kind) {
				t.Errorf("%v of %s is not strange", tool, body)
			}
		}
	})
}
