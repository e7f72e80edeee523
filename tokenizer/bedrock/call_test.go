package bedrock

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

// head is a Head of a few headers.
type head map[string]string

func (h head) Header(name string) string { return h[name] }

func TestMatch(t *testing.T) {
	for _, c := range []struct{ method, path, want string }{
		{"POST", "/model/amazon.nova-lite-v1:0/converse", converse},
		{"POST", "/model/amazon.nova-lite-v1:0/converse-stream", converse},
		{"POST", "/model/anthropic.claude-v2/invoke", invoke},
		{"POST", "/gateway/aws/model/anthropic.claude-v2/invoke-with-response-stream", invoke},
		{"POST", "/model/arn:aws:bedrock:us-east-1:123456789012:custom-model/a.b/c1/invoke", invoke},
		{"POST", "/model/amazon.nova-lite-v1:0/count-tokens", ""},
		{"POST", "/model/amazon.nova-sonic-v1:0/invoke-with-bidirectional-stream", ""},
		{"POST", "/async-invoke", ""},
		{"POST", "/model//converse", ""},
		{"POST", "/model/converse", ""},
		{"POST", "/model/a/converse/", ""},
		{"POST", "/models/a/converse", ""},
		{"POST", "/guardrail/g/version/1/apply", ""},
		{"GET", "/model/a/converse", ""},
		{"POST", "", ""},
	} {
		if got, ok := New().Match(c.method, c.path); got != c.want || ok != (c.want != "") {
			t.Errorf("%s %s: %q, %v", c.method, c.path, got, ok)
		}
	}
}

func TestAim(t *testing.T) {
	for id, want := range map[string]target{
		"amazon.nova-lite-v1:0":       {model: "amazon.nova-lite-v1:0"},
		"us.meta.llama3-1-8b-v1:0":    {model: "us.meta.llama3-1-8b-v1:0"},
		"a:b:c:d:e:f":                 {model: "a:b:c:d:e:f"},
		"arn:aws:bedrock:us-east-1":   {model: "arn:aws:bedrock:us-east-1"},
		"arn:aws:bedrock:us-east-1::": {model: "arn:aws:bedrock:us-east-1::", region: "us-east-1"},
		"arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-v2:1":                    {model: "anthropic.claude-v2:1", region: "us-east-1"},
		"arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.amazon.nova-pro-v1:0":     {model: "eu.amazon.nova-pro-v1:0", region: "eu-west-1", account: "123456789012"},
		"arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:application-inference-profile/ab12": {model: "arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:application-inference-profile/ab12", region: "us-gov-west-1", account: "123456789012"},
		"arn:aws:bedrock:us-east-1:123456789012:provisioned-model/x":                           {model: "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/x", region: "us-east-1", account: "123456789012"},
		"arn:aws:bedrock:us-east-1:123456789012:default-prompt-router/anthropic.claude:1":      {model: "arn:aws:bedrock:us-east-1:123456789012:default-prompt-router/anthropic.claude:1", region: "us-east-1", account: "123456789012"},
		"arn:aws:sagemaker:us-east-1:123456789012:endpoint/mine":                               {model: "arn:aws:sagemaker:us-east-1:123456789012:endpoint/mine", region: "us-east-1", account: "123456789012"},
		"arn:aws:bedrock:us-east-1:123456789012:inference-profile/":                            {model: "arn:aws:bedrock:us-east-1:123456789012:inference-profile/", region: "us-east-1", account: "123456789012"},
	} {
		if got := aim(id); got != want {
			t.Errorf("%s: %+v, want %+v", id, got, want)
		}
	}
}

func TestHides(t *testing.T) {
	for model, want := range map[string]bool{
		"": true, "arn:aws:bedrock:us-east-1:1:imported-model/x": true,
		"amazon.nova-lite-v1:0": false, "eu.amazon.nova-pro-v1:0": false,
	} {
		if hides(model) != want {
			t.Errorf("%q: not %v", model, want)
		}
	}
}

const conversation = `{"system":[{"text":"be kind"},{"cachePoint":{"type":"default"}}],
 "messages":[{"role":"user","content":[{"text":"hello"}]},{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"hm","signature":"s"}}},{"toolUse":{"toolUseId":"t","name":"f","input":{"a":1}}}]},
 {"role":"user","content":[{"toolResult":{"toolUseId":"t","content":[{"text":"four"},{"json":{"b":2}}]}},{"image":{"format":"png","source":{"bytes":"QUJD"}}},{"guardContent":{"text":{"text":"g"}}}]}],
 "toolConfig":{"tools":[]},"inferenceConfig":{"temperature":0,"maxTokens":77},"serviceTier":{"type":"priority"}}`

func TestRead(t *testing.T) {
	for name, c := range map[string]struct {
		model, verb, body string
		head              head
		want              string // the call without dialect
	}{
		"converse": {model: "us.amazon.nova-pro-v1:0", verb: "converse-stream", body: conversation,
			want: `{"Operation":"converse","Model":"us.amazon.nova-pro-v1:0","Tier":"priority","Stream":true,"Choices":1,"MaxOutput":77,"Shares":{"system":7,"history":14,"last":12,"tools":12,"media":4}}`},
		"the model goes on": {model: "m", verb: "converse", body: `{"messages":[{"role":"user","content":[{"text":"hello"}]},{"role":"assistant","content":[{"text":"and"}]}],"performanceConfig":{"latency":"optimized"}}`,
			want: `{"Operation":"converse","Model":"m","Tier":"optimized","Choices":1,"Shares":{"system":0,"history":5,"last":3,"tools":0,"media":0}}`},
		"optimized priority": {model: "m", verb: "converse", body: `{"serviceTier":{"type":"flex"},"performanceConfig":{"latency":"optimized"}}`,
			want: `{"Operation":"converse","Model":"m","Tier":"flex","Choices":1}`},
		"profile": {model: "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/ab", verb: "converse", body: `{}`,
			want: `{"Operation":"converse","Model":"arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/ab","Choices":1,"Region":"eu-west-1","Account":"123456789012"}`},
		"anthropic": {model: "anthropic.claude-x", verb: "invoke", head: head{tierHeader: "flex"},
			body: `{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"system":"be","messages":[{"role":"user","content":"hello"}]}`,
			want: `{"Operation":"messages","Model":"anthropic.claude-x","Tier":"flex","Choices":1,"MaxOutput":9,"Shares":{"system":2,"history":0,"last":5,"tools":0,"media":0}}`},
		"anthropic of a profile": {model: "arn:aws:bedrock:eu-west-1:1:application-inference-profile/ab", verb: "invoke-with-response-stream",
			body: `{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":"hello"}]}`,
			want: `{"Operation":"messages","Model":"arn:aws:bedrock:eu-west-1:1:application-inference-profile/ab","Stream":true,"Choices":1,"MaxOutput":9,"Shares":{"system":0,"history":0,"last":5,"tools":0,"media":0},"Region":"eu-west-1","Account":"1"}`},
		"openai": {model: "openai.gpt-oss-20b-1:0", verb: "invoke-with-response-stream", body: `{"max_completion_tokens":8,"n":2,"service_tier":"priority","messages":[{"role":"user","content":"hello"}]}`,
			want: `{"Operation":"chat","Model":"openai.gpt-oss-20b-1:0","Tier":"priority","Stream":true,"Choices":2,"MaxOutput":8,"Shares":{"system":0,"history":0,"last":5,"tools":0,"media":0}}`},
		"nova": {model: "amazon.nova-micro-v1:0", verb: "invoke", body: `{"schemaVersion":"messages-v1","messages":[{"role":"user","content":[{"text":"hello"}]}],"inferenceConfig":{"max_new_tokens":10}}`,
			want: `{"Operation":"invoke","Model":"amazon.nova-micro-v1:0","Choices":1,"MaxOutput":10,"Shares":{"system":0,"history":0,"last":5,"tools":0,"media":0}}`},
		"titan": {model: "amazon.titan-text-lite-v1", verb: "invoke", body: `{"inputText":"hello","textGenerationConfig":{"maxTokenCount":10,"topP":0.1}}`,
			want: `{"Operation":"completions","Model":"amazon.titan-text-lite-v1","Choices":1,"MaxOutput":10,"Shares":{"system":0,"history":0,"last":5,"tools":0,"media":0}}`},
		"llama": {model: "meta.llama3-8b-instruct-v1:0", verb: "invoke", body: `{"prompt":"hello","max_gen_len":10}`,
			want: `{"Operation":"completions","Model":"meta.llama3-8b-instruct-v1:0","Choices":1,"MaxOutput":10,"Shares":{"system":0,"history":0,"last":5,"tools":0,"media":0}}`},
		"cohere chat": {model: "cohere.command-r-v1:0", verb: "invoke", body: `{"message":"hello","chat_history":[{"role":"USER","message":"x"}],"preamble":"be","max_tokens":3}`,
			want: `{"Operation":"completions","Model":"cohere.command-r-v1:0","Choices":1,"MaxOutput":3,"Shares":{"system":2,"history":31,"last":5,"tools":0,"media":0}}`},
		"several": {model: "cohere.command-text-v14", verb: "invoke", body: `{"prompt":"hello","num_generations":3}`,
			want: `{"Operation":"completions","Model":"cohere.command-text-v14","Choices":3,"Shares":{"system":0,"history":0,"last":5,"tools":0,"media":0}}`},
		"titan embed": {model: "amazon.titan-embed-text-v2:0", verb: "invoke", body: `{"inputText":"hello","dimensions":256}`,
			want: `{"Operation":"embeddings","Model":"amazon.titan-embed-text-v2:0","Choices":1,"Shares":{"system":0,"history":0,"last":5,"tools":0,"media":0}}`},
		"cohere embed": {model: "cohere.embed-v4:0", verb: "invoke", body: `{"texts":["hello","you"],"input_type":"search_query","max_tokens":5}`,
			want: `{"Operation":"embeddings","Model":"cohere.embed-v4:0","Choices":1,"Shares":{"system":0,"history":0,"last":15,"tools":0,"media":0}}`},
		"nova embed": {model: "amazon.nova-2-multimodal-embeddings-v1:0", verb: "invoke", body: `{"taskType":"SINGLE_EMBEDDING","singleEmbeddingParams":{"text":{"value":"hello"}}}`,
			want: `{"Operation":"embeddings","Model":"amazon.nova-2-multimodal-embeddings-v1:0","Choices":1,"Shares":{"system":0,"history":0,"last":26,"tools":0,"media":0}}`},
		"canvas": {model: "amazon.nova-canvas-v1:0", verb: "invoke", body: `{"taskType":"TEXT_IMAGE","textToImageParams":{"text":"a cat"},"imageGenerationConfig":{"numberOfImages":2,"width":1024,"height":512,"quality":"premium"}}`,
			want: `{"Operation":"images","Model":"amazon.nova-canvas-v1:0","Choices":2,"Shares":{"system":0,"history":0,"last":5,"tools":0,"media":0},"Size":"1024x512","Quality":"premium"}`},
		"stability": {model: "stability.stable-diffusion-xl-v1", verb: "invoke", body: `{"text_prompts":[{"text":"a cat","weight":1}],"width":512,"height":512,"steps":51,"samples":2}`,
			want: `{"Operation":"images","Model":"stability.stable-diffusion-xl-v1","Choices":2,"Shares":{"system":0,"history":0,"last":5,"tools":0,"media":0},"Size":"512x512","Quality":"max-steps"}`},
		"stability now": {model: "stability.sd3-5-large-v1:0", verb: "invoke", body: `{"prompt":"a cat","image":"QUJD"}`,
			want: `{"Operation":"images","Model":"stability.sd3-5-large-v1:0","Choices":1,"Shares":{"system":0,"history":0,"last":5,"tools":0,"media":4}}`},
		"rerank": {model: "cohere.rerank-v3-5:0", verb: "invoke", body: `{"query":"q","documents":[` + strings.Repeat(`"d",`, 100) + `{"text":"d"}],"api_version":2}`,
			want: `{"Operation":"rerank","Model":"cohere.rerank-v3-5:0","Choices":2,"Shares":{"system":0,"history":0,"last":113,"tools":0,"media":0}}`},
		"nothing": {model: "some.model", verb: "invoke", body: `{}`,
			want: `{"Operation":"invoke","Model":"some.model","Choices":1}`},
	} {
		call := mustRead(t, name, "/model/"+c.model+"/"+c.verb, c.body, c.head)
		if got := short(call); got != short(call.fromJSON(t, c.want)) {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
	}
}

// asked is a call with what the tests do with one.
type asked struct{ tokenizer.Call }

func (asked) fromJSON(t *testing.T, text string) asked {
	t.Helper()
	var n asked
	if err := json.Unmarshal([]byte(text), &n.Call); err != nil {
		t.Fatal(err)
	}
	n.Dialect = Name
	return n
}

func short(n asked) string {
	text, _ := json.Marshal(n.Call)
	return string(text)
}

func mustRead(t *testing.T, name, path, body string, h head) asked {
	t.Helper()
	d := New()
	operation, ok := d.Match("POST", path)
	if !ok {
		t.Fatalf("%s: %s is no call", name, path)
	}
	call, err := d.Read(operation, path, h, []byte(body))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return asked{call}
}

func TestReadMalformed(t *testing.T) {
	for _, body := range []string{"", "[]", `"x"`, `{"a":`, `{"messages":[{"role":"user"`, `{"anthropic_version":"x","messages":[}`, "{}x"} {
		for _, verb := range []string{"converse", "invoke"} {
			call, err := New().Read(verb, "/model/m/"+verb, head{}, []byte(body))
			if !errors.Is(err, jsonscan.ErrMalformed) || call.Dialect != Name || call.Operation == "" || call.Model != "m" {
				t.Errorf("%s %q: %v, %+v", verb, body, err, call)
			}
		}
	}
}

// TestDeepContent: content within content is not followed to where it would cost
// the stack.
func TestDeepContent(t *testing.T) {
	const deep = 1 << 20
	body := `{"messages":[{"role":"user","content":` + strings.Repeat(`[`, deep) + strings.Repeat(`]`, deep) + `}],"prompt":` +
		strings.Repeat(`{"source":`, deep) + `"x"` + strings.Repeat(`}`, deep) + `}`
	if _, err := New().Read(invoke, "/model/m/invoke", head{}, []byte(body)); err != nil {
		t.Error(err)
	}
}

func TestRefuse(t *testing.T) {
	for _, c := range []struct {
		status     int
		code, want string
	}{
		{400, "x", "ValidationException"}, {401, "x", "AccessDeniedException"}, {403, "model_denied", "AccessDeniedException"},
		{404, "x", "ResourceNotFoundException"}, {413, "x", "ValidationException"}, {429, "rate_limited", "ThrottlingException"},
		{429, "budget_exhausted", "ServiceQuotaExceededException"}, {429, "off_peak_only", "ServiceQuotaExceededException"}, {503, "x", "ServiceUnavailableException"}, {500, "x", "InternalServerException"},
	} {
		var got map[string]string
		if err := json.Unmarshal(New().Refuse(c.status, c.code, `no "money"`), &got); err != nil {
			t.Fatal(err)
		}
		if got["__type"] != c.want || got["message"] != `no "money"` || len(got) != 2 {
			t.Errorf("%d %s: %v", c.status, c.code, got)
		}
		want := c.status
		if c.want == quota {
			want = 400
		}
		if got := New().RefusedStatus(c.status, c.code); got != want {
			t.Errorf("%d %s goes out as %d, want %d", c.status, c.code, got, want)
		}
	}
}

// FuzzRead: whatever a body is, it is read or refused, within bounds.
func FuzzRead(f *testing.F) {
	f.Add("converse", conversation)
	f.Add("invoke", `{"anthropic_version":"x","messages":[{"role":"user","content":"a"}]}`)
	f.Add("invoke", `{"query":"q","documents":["d"]}`)
	f.Add("invoke", `{"taskType":"TEXT_IMAGE","imageGenerationConfig":{"numberOfImages":99999999999,"width":1e300}}`)
	f.Fuzz(func(t *testing.T, verb, body string) {
		d := New()
		operation, ok := d.Match("POST", "/model/a.b/"+verb)
		if !ok {
			return
		}
		call, err := d.Read(operation, "/model/a.b/"+verb, head{}, []byte(body))
		if call.Dialect != Name || call.Operation == "" || call.Choices < 1 || call.Choices > maxChoices || call.MaxOutput < 0 {
			t.Fatalf("%+v", call)
		}
		if err == nil && !json.Valid([]byte(body)) && strings.TrimSpace(body)[0] != '{' {
			t.Fatalf("read %q", body)
		}
		if s := call.Shares; s.System < 0 || s.History < 0 || s.Last < 0 || s.Tools < 0 || s.Media < 0 {
			t.Fatalf("%+v", s)
		}
	})
}
