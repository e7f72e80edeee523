package openai

import (
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

// hostsOwn are usages with members that hosts of their own add, with numbers
// whose price can be told from what the host says it cost.
var hostsOwn = []struct {
	name, operation, body string
	want, cost, quality   string
}{
	{
		name: "a deep research", operation: chat,
		body: `{"id":"p1","model":"sonar-deep-research","choices":[{"message":{"content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":40,"completion_tokens":9000,"total_tokens":9040,
			"citation_tokens":20000,"num_search_queries":12,"reasoning_tokens":70000,"search_context_size":"high","cost":{"input_tokens_cost":0.00008,"output_tokens_cost":0.072,"citation_tokens_cost":0.04,"reasoning_tokens_cost":0.21,"search_queries_cost":0.06,"total_cost":0.38208}}}`,
		want: `sonar-deep-research{"input":40,"input_tool":20000,"output":9000,"reasoning":70000,"web_search":12}`, cost: "0.38208", quality: "high",
	},
	{
		name: "a deep research that thought less than it said", operation: chat,
		body: `{"model":"m","choices":[],"usage":{"prompt_tokens":40,"completion_tokens":900,"total_tokens":940,"citation_tokens":0,"num_search_queries":1,"reasoning_tokens":70}}`,
		want: `m{"input":40,"input_tool":0,"output":900,"reasoning":70,"web_search":1}`,
	},
	{
		name: "a search that is paid by the request", operation: chat,
		body: `{"model":"sonar-pro","choices":[],"usage":{"prompt_tokens":20,"completion_tokens":1645,"total_tokens":1665,"citation_tokens":null,"num_search_queries":null,"reasoning_tokens":null,"search_context_size":"low","cost":{"request_cost":0.006,"total_cost":3.1e-2}}}`,
		want: `sonar-pro{"input":20,"output":1645}`, cost: "3.1e-2", quality: "low",
	},
	{
		name: "reasoning of others at the top", operation: chat,
		body: `{"model":"m","choices":[],"usage":{"prompt_tokens":20,"completion_tokens":100,"total_tokens":120,"reasoning_tokens":30,"search_context_size":"huge"}}`,
		want: `m{"input":20,"output":70,"reasoning":30}`,
	},
	{
		name: "tools of Perplexity's agents", operation: responses,
		body: `{"id":"r","model":"perplexity/sonar","status":"completed","output":[{"type":"search_results"}],"usage":{"input_tokens":5000,"output_tokens":100,"total_tokens":5100,"input_tokens_details":{"cache_creation_input_tokens":300,"cache_read_input_tokens":200},
			"tool_calls_details":{"search_web":{"invocation":2},"fetch_url":{"invocation":1}},"cost":{"currency":"USD","tool_calls_cost":0.0055,"total_cost":0.00908}}}`,
		want: `perplexity/sonar{"cache_read":200,"cache_write":300,"input":4500,"output":100,"web_search":2}`, cost: "0.00908",
	},
	{
		name: "tools of xAI, of which only successes are paid", operation: responses,
		body: `{"id":"r","model":"grok-4.3","status":"completed","output":[{"type":"web_search_call"},{"type":"web_search_call"},{"type":"web_search_call"},{"type":"custom_tool_call"}],
			"usage":{"input_tokens":5689,"input_tokens_details":{"cached_tokens":2048},"output_tokens":444,"output_tokens_details":{"reasoning_tokens":245},"total_tokens":6133,"num_sources_used":0,"num_server_side_tools_used":4,"cost_in_usd_ticks":185708500,
			"server_side_tool_usage_details":{"web_search_calls":1,"x_search_calls":2,"code_interpreter_calls":0,"file_search_calls":1,"mcp_calls":0,"document_search_calls":0}}}`,
		want: `grok-4.3{"cache_read":2048,"file_search":1,"input":3641,"output":199,"reasoning":245,"web_search":3}`, cost: "0.01857085",
	},
	{
		name: "no tool of xAI was used", operation: responses,
		body: `{"model":"grok-4.3","status":"completed","output":[{"type":"web_search_call"}],"usage":{"input_tokens":10,"output_tokens":5,"total_tokens":15,"cost_in_usd_ticks":0,"server_side_tool_usage_details":{"web_search_calls":0,"x_search_calls":0,"file_search_calls":0}}}`,
		want: `grok-4.3{"input":10,"output":5}`, cost: "0",
	},
	{
		name: "tools that are seen and not told", operation: responses,
		body: `{"model":"grok-4.3","status":"completed","output":[{"type":"web_search_call"},{"type":"file_search_call"}],"usage":{"input_tokens":10,"output_tokens":5,"total_tokens":15,"num_server_side_tools_used":2}}`,
		want: `grok-4.3{"file_search":1,"input":10,"output":5,"web_search":1}`,
	},
	{
		name: "pictures of a hosted tool", operation: responses,
		body: `{"model":"gpt-5.9","status":"completed","tools":[{"type":"function","name":"f"},{"type":"image_generation","model":"gpt-image-9","size":"auto"}],"output":[{"type":"image_generation_call","status":"completed","result":"iVBORw0K"}],
			"tool_usage":{"image_gen":{"input_tokens":70,"input_tokens_details":{"image_tokens":50,"text_tokens":20},"output_tokens":1056,"output_tokens_details":{"image_tokens":1056,"text_tokens":0},"total_tokens":1126},"web_search":{"num_requests":0}},
			"usage":{"input_tokens":1889,"input_tokens_details":{"cached_tokens":0},"output_tokens":1434,"output_tokens_details":{"reasoning_tokens":1280},"total_tokens":3323}}`,
		want: `gpt-5.9{"cache_read":0,"input":1889,"output":154,"reasoning":1280} gpt-image-9{"input":20,"input_image":50,"output":0,"output_image":1056}`,
	},
	{
		name: "pictures of a model that is not named", operation: responses,
		body: `{"model":"gpt-5.9","status":"completed","tools":[{"type":"image_generation"}],"tool_usage":{"image_gen":{"input_tokens":7,"output_tokens":9}},"usage":{"input_tokens":1,"output_tokens":2}}`,
		want: `gpt-5.9{"input":1,"output":2} image_generation{"input":7,"output":9}`,
	},
	{
		name: "a tool that made none", operation: responses,
		body: `{"model":"gpt-5.9","status":"completed","tool_usage":{"image_gen":{"input_tokens":0,"output_tokens":0,"total_tokens":0}},"usage":{"input_tokens":1,"output_tokens":2}}`,
		want: `gpt-5.9{"input":1,"output":2}`,
	},
}

func TestWhatHostsAdd(t *testing.T) {
	for _, c := range hostsOwn {
		w := work{call: tokenizer.Call{Operation: c.operation}, body: c.body}
		for cut := range c.body {
			r := w.feed(cut)
			if got := told(t, &r); got != c.want || r.Cost != c.cost || r.Quality != c.quality || r.Unreadable != 0 {
				t.Fatalf("%s cut at %d: %s, cost %q, quality %q\nwant %s, %q, %q", c.name, cut, got, r.Cost, r.Quality, c.want, c.cost, c.quality)
			}
		}
	}
}

// TestPicturesOfAStream: their usage stands in the last event, beside that of the
// answer, and is nothing without it.
func TestPicturesOfAStream(t *testing.T) {
	const last = `{"type":"response.completed","response":{"id":"r","status":"completed","model":"m","tools":[{"type":"image_generation","model":"p"}],"tool_usage":{"image_gen":{"input_tokens":7,"output_tokens":9}},"usage":`
	a := answer{op: responses, events: true, body: sseOf(`{"type":"response.created","response":{"id":"r","status":"in_progress","model":"m","tool_usage":{"image_gen":{"input_tokens":0,"output_tokens":0}}}}`, last+`{"input_tokens":1,"output_tokens":2}}}`)}
	for cut := range a.body {
		if r, complete := meterOf(a, tokenizer.Complete, cut); !complete || told(t, &r) != `m{"input":1,"output":2} p{"input":7,"output":9}` {
			t.Fatalf("cut at %d: %s", cut, told(t, &r))
		}
	}
	a.body = sseOf(last + `null}}`)
	if r, _ := meterOf(a, tokenizer.Complete); len(r.Usage) != 0 {
		t.Errorf("pictures alone: %s", told(t, &r))
	}
}
