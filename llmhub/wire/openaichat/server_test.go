package openaichat_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/llmhub/wire/openaichat"
)

func TestRequestRefuses(t *testing.T) {
	for _, tt := range []struct{ name, body, param string }{
		{"no model", `{"messages":[]}`, "model"},
		{"an empty model", `{"model":"","messages":[]}`, "model"},
		{"a model that is no string", `{"model":1,"messages":[]}`, "model"},
		{"a model twice", `{"model":"a","model":"b","messages":[]}`, "model"},
		{"a policy key in another case", `{"model":"a","messages":[],"Fallbacks":[]}`, "Fallbacks"},
		{"no messages", `{"model":"a"}`, "messages"},
		{"messages that are no array", `{"model":"a","messages":"x"}`, "messages"},
		{"stream as a string", `{"model":"a","messages":[],"stream":"true"}`, "stream"},
		{"a cap with an exponent", `{"model":"a","messages":[],"max_tokens":1e3}`, "max_tokens"},
		{"a cap as a string", `{"model":"a","messages":[],"max_completion_tokens":"5"}`, "max_completion_tokens"},
		{"a cap of nothing", `{"model":"a","messages":[],"max_tokens":0}`, "max_tokens"},
		{"a cap beyond all", `{"model":"a","messages":[],"max_tokens":99999999999}`, "max_tokens"},
		{"a negative n", `{"model":"a","messages":[],"n":-1}`, "n"},
		{"stream options that are no object", `{"model":"a","messages":[],"stream_options":true}`, "stream_options"},
		{"include_usage twice", `{"model":"a","messages":[],"stream_options":{"include_usage":true,"include_usage":false}}`, "stream_options"},
		{"include_usage as a number", `{"model":"a","messages":[],"stream_options":{"include_usage":1}}`, "stream_options"},
		{"fallbacks that are no list", `{"model":"a","messages":[],"fallbacks":"b"}`, "fallbacks"},
		{"an empty fallback", `{"model":"a","messages":[],"fallbacks":[""]}`, "fallbacks"},
		{"a recovery that there is not", `{"model":"a","messages":[],"stream_recovery":"continue"}`, "stream_recovery"},
		{"an escaped key inside of messages", `{"model":"a","messages":[{"role":"user","content":[{"type":"file","file":{"file\u005fid":"f"}}]}]}`, "messages"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := openaichat.Server{}.Request(wire.Incoming{Body: []byte(tt.body)})
			var e *llmhub.Error
			if !errors.As(err, &e) || e.Kind != llmhub.InvalidRequest || e.Param != tt.param {
				t.Errorf("Request(%s) failed with %+v, want an invalid request naming %q", tt.body, err, tt.param)
			}
		})
	}
}

func TestRequestReadsTheHead(t *testing.T) {
	req := &callOf(t, []byte(`{"model":"smart","messages":[],"stream":true,"max_tokens":9,"max_completion_tokens":7,"n":2,"fallbacks":["a/b","c"],"stream_recovery":"error"}`)).Request
	if req.Model != "smart" || !req.Stream || req.MaxTokens != 7 || req.Choices != 2 || !reflect.DeepEqual(req.Fallbacks, []string{"a/b", "c"}) || req.Dialect != openaichat.Name {
		t.Errorf("the head reads %+v", req)
	}
}

func TestRequestNamesWhatIsRestricted(t *testing.T) {
	for _, tt := range []struct {
		name, members string
		want          []string
	}{
		{"nothing", `"store":false,"service_tier":"auto","previous_response_id":null`, nil},
		{"the default tier", `"service_tier":"default"`, nil},
		{"another tier", `"service_tier":"priority"`, []string{"service_tier"}},
		{"stored answers", `"store":true,"previous_response_id":"r","conversation":{"id":"c"}`, []string{"previous_response_id", "conversation", "store"}},
		{"web search", `"web_search_options":{}`, []string{"web_search_options"}},
		{"other models behind our back", `"models":["x"]`, []string{"models"}},
		{"tools that the provider runs", `"tools":[{"type":"function","function":{"name":"f"}},{"type":"browser_search"}]`, []string{"server_tools"}},
		{"a tool's own schema is no tool", `"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := callOf(t, []byte(`{"model":"a","messages":[],`+tt.members+`}`)).Restricted
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%s restricts %v, want %v", tt.members, got, tt.want)
			}
		})
	}
	file := callOf(t, []byte(`{"model":"a","messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"f"}},{"type":"text","text":"file_id"}]}]}`))
	if got := file.Restricted; !reflect.DeepEqual(got, []string{"file_id"}) {
		t.Errorf("a file id restricts %v", got)
	}
	text := callOf(t, []byte(`{"model":"a","messages":[{"role":"user","content":"file_id"},{"role":"user","content":"\"file_id\":"}]}`))
	if got := text.Restricted; got != nil {
		t.Errorf("text that says file_id restricts %v", got)
	}
}

func TestTokensCountNoEncodedMedia(t *testing.T) {
	blob := strings.Repeat("iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAIAAAAlC", 5000)
	for name, part := range map[string]string{
		"an image": `{"type":"image_url","image_url":{"url":"data:image/png;base64,` + blob + `"}}`,
		"a sound":  `{"type":"input_audio","input_audio":{"format":"wav","data":"` + blob + `"}}`,
	} {
		n := callOf(t, []byte(`{"model":"a","messages":[{"role":"user","content":[`+part+`]}]}`)).Body.Tokens()
		if n < 1000 || n > 1100 {
			t.Errorf("%s counts %d tokens, want about 1000", name, n)
		}
	}
	text := strings.Repeat("word ", 4000)
	if n := callOf(t, []byte(`{"model":"a","messages":[{"role":"user","content":"`+text+`"}]}`)).Body.Tokens(); n < 5000 || n > 5100 {
		t.Errorf("20,000 bytes of text count %d tokens, want about 5000", n)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, body := range map[string]string{
		"content twice":                `{"model":"a","messages":[{"role":"user","content":"x","content":"y"}]}`,
		"content in two cases":         `{"model":"a","messages":[{"role":"user","content":"x","Content":"y"}]}`,
		"a role that there is not":     `{"model":"a","messages":[{"role":"god","content":"x"}]}`,
		"a message that is no object":  `{"model":"a","messages":["x"]}`,
		"a temperature that is none":   `{"model":"a","messages":[],"temperature":"hot"}`,
		"a tool choice that is none":   `{"model":"a","messages":[],"tool_choice":"sometimes"}`,
		"stop that is no list":         `{"model":"a","messages":[],"stop":{}}`,
		"a seed with a fraction":       `{"model":"a","messages":[],"seed":1.5}`,
		"parallel calls as a question": `{"model":"a","messages":[],"parallel_tool_calls":"yes"}`,
	} {
		t.Run(name, func(t *testing.T) {
			if p, err := callOf(t, []byte(body)).Body.Decode(); !errors.Is(err, llmhub.InvalidRequest) {
				t.Errorf("Decode(%s) = %+v, %v, want an invalid request", body, p, err)
			}
		})
	}
}

func TestDecodeIsCached(t *testing.T) {
	b := callOf(t, []byte(`{"model":"a","messages":[{"role":"user","content":"x"}]}`)).Body
	p, _ := b.Decode()
	if again, _ := b.Decode(); again != p {
		t.Error("Decode twice gave two prompts, want one")
	}
}

func TestServerErrors(t *testing.T) {
	for _, tt := range []struct {
		name   string
		err    *llmhub.Error
		status int
		want   string
	}{
		{"our own words are kept", &llmhub.Error{Kind: llmhub.InvalidRequest, Message: "n must be a whole number", Param: "n"}, 400,
			`{"error":{"message":"n must be a whole number","type":"invalid_request_error","param":"n","code":"invalid_request"},"request_id":"1"}`},
		{"a provider's words are not", &llmhub.Error{Kind: llmhub.ContextLength, Provider: "openai", Status: 400, Message: "gpt-5 holds 10", Param: "messages"}, 400,
			`{"error":{"message":"The prompt is longer than the model's context window; shorten it.","type":"invalid_request_error","param":null,"code":"context_length_exceeded"},"request_id":"1"}`},
		{"waiting", &llmhub.Error{Kind: llmhub.RateLimited}, 429,
			`{"error":{"message":"Too many requests; wait as Retry-After says.","type":"rate_limit_error","param":null,"code":"rate_limited"},"request_id":"1"}`},
		{"no credential", &llmhub.Error{Kind: llmhub.BadCredential, Provider: "x"}, 401,
			`{"error":{"message":"The API key is missing or not valid; send one as Authorization: Bearer lh_…","type":"invalid_request_error","param":null,"code":"invalid_api_key"},"request_id":"1"}`},
		{"our fault", &llmhub.Error{Kind: llmhub.NoProvider}, 503,
			`{"error":{"message":"No model can serve this name now; try again later.","type":"api_error","param":null,"code":"no_provider"},"request_id":"1"}`},
		{"relayed in its own words", &llmhub.Error{Kind: llmhub.InvalidRequest, Provider: "openai", Status: 422, Dialect: openaichat.Name, Raw: []byte(`{"error":{}}`)}, 422, `{"error":{}}`},
		{"not relayed from another dialect", &llmhub.Error{Kind: llmhub.Unprocessable, Provider: "x", Status: 422, Dialect: "anthropic", Raw: []byte(`{}`)}, 422,
			`{"error":{"message":"The request cannot be processed as it is; correct it and send it again.","type":"invalid_request_error","param":null,"code":"invalid_request"},"request_id":"1"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, body := openaichat.Server{}.Error(tt.err, as)
			if status != tt.status || string(body) != tt.want {
				t.Errorf("Error(%v) = %d %s, want %d %s", tt.err, status, body, tt.status, tt.want)
			}
		})
	}
}

func TestEncoderLeavesOutUsageNobodyAskedFor(t *testing.T) {
	r := &llmhub.Response{Parts: []llmhub.Part{{Kind: llmhub.PartText, Text: "x"}}, End: llmhub.End{Stop: llmhub.StopEnd}}
	if out := rendered(t, request(t, true, false), r.Events()); strings.Contains(string(out), "usage") || !strings.HasSuffix(string(out), "data: [DONE]\n\n") {
		t.Errorf("without include_usage an answer is\n%s", out)
	}
	if out := rendered(t, request(t, true, true), r.Events()); strings.Count(string(out), `"usage":null`) != 3 || strings.Count(string(out), `"choices":[],"usage":{`) != 1 {
		t.Errorf("with include_usage an answer is\n%s", out)
	}
	if out := rendered(t, request(t, false, false), r.Events()); !strings.Contains(string(out), `"usage":{"prompt_tokens":0,`) {
		t.Errorf("a whole answer is %s, want usage in it", out)
	}
}

func TestEncoderRemembersUsageThroughAnEdit(t *testing.T) {
	req := request(t, true, true)
	if _, err := req.Edit(); err != nil {
		t.Fatal(err)
	}
	if out := rendered(t, req, (&llmhub.Response{}).Events()); !strings.Contains(string(out), `"choices":[],"usage":{`) {
		t.Errorf("after an edit an answer is\n%s\nwant usage, which was asked for", out)
	}
}

func TestEncoderSpeaksFunctionsToOldCallers(t *testing.T) {
	r := &llmhub.Response{Parts: []llmhub.Part{{Kind: llmhub.PartToolCall, ID: "c", Name: "joke", Args: `{"a":1}`}}, End: llmhub.End{Stop: llmhub.StopTools}}
	old := &callOf(t, []byte(`{"model":"a","messages":[],"functions":[{"name":"joke"}]}`)).Request
	var whole struct {
		Choices []struct {
			Message struct {
				FunctionCall struct{ Name, Arguments string } `json:"function_call"`
			}
			FinishReason string `json:"finish_reason"`
		}
	}
	out := rendered(t, old, r.Events())
	if err := json.Unmarshal(out, &whole); err != nil || whole.Choices[0].FinishReason != "function_call" || whole.Choices[0].Message.FunctionCall.Arguments != `{"a":1}` {
		t.Errorf("a whole answer is %s", out)
	}
	old.Stream = true
	if out := string(rendered(t, old, r.Events())); !strings.Contains(out, `"function_call":{"name":"joke","arguments":""}`) ||
		!strings.Contains(out, `"function_call":{"arguments":"{\"a\":1}"}`) || !strings.Contains(out, `"finish_reason":"function_call"`) || strings.Contains(out, "tool_calls") {
		t.Errorf("a stream is\n%s", out)
	}
}

func TestEncoderGoesOnWhereRawFramesEnd(t *testing.T) {
	e := openaichat.Server{}.Encoder(request(t, true, false), as)
	var out []byte
	for _, ev := range []llmhub.Event{
		{Kind: llmhub.EventStart, Start: &llmhub.Start{}, Raw: []byte("data: {\"raw\":1}\n\n")},
		{Kind: llmhub.EventOpen, Part: &llmhub.Part{Kind: llmhub.PartText}, Raw: []byte("data: {\"raw\":2}\n\n")},
		{Kind: llmhub.EventDelta, Delta: "one", Raw: []byte{}},
		{Kind: llmhub.EventDelta, Delta: " two"},
		{Kind: llmhub.EventClose},
		{Kind: llmhub.EventEnd, End: &llmhub.End{Stop: llmhub.StopEnd}},
	} {
		out = e.Append(out, ev)
	}
	got := string(out)
	if !strings.HasPrefix(got, "data: {\"raw\":1}\n\ndata: {\"raw\":2}\n\ndata: {\"id\":\"chatcmpl-1\"") || !strings.Contains(got, `"content":" two"`) ||
		strings.Contains(got, "one") || strings.Contains(got, "role") || !strings.HasSuffix(got, "\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n") {
		t.Errorf("raw frames and events together are\n%s", got)
	}
}

func TestEncoderNamesNobody(t *testing.T) {
	r := &llmhub.Response{ID: "upstream-id", Model: "upstream-model", End: llmhub.End{Stop: llmhub.StopEnd}, Parts: []llmhub.Part{
		{Kind: llmhub.PartReasoning, Text: "hm", Signature: "c2ln"}, {Kind: llmhub.PartReasoning, Text: "unsigned", SignedBy: "somebody"}, {Kind: llmhub.PartText, Text: "x"}}}
	for _, stream := range []bool{true, false} {
		out := string(rendered(t, request(t, stream, true), r.Events()))
		if strings.Contains(out, "upstream") || strings.Contains(out, "signed_by") || !strings.Contains(out, `"signature":"c2ln"`) {
			t.Errorf("an answer is\n%s", out)
		}
	}
}

func TestEncoderTellsErrors(t *testing.T) {
	e := openaichat.Server{}.Encoder(request(t, true, false), as)
	got := string(e.AppendError(nil, &llmhub.Error{Kind: llmhub.Broken, Provider: "openai", Message: "secret words"}))
	want := `data: {"error":{"message":"The answer broke off before it was complete; try again.","type":"api_error","param":null,"code":"all_attempts_failed"}}` + "\n\n"
	if got != want {
		t.Errorf("AppendError = %s, want %s", got, want)
	}
}

// TestSignaturesComeBack holds that what an answer says of signatures is read
// again when a caller sends the message back.
func TestSignaturesComeBack(t *testing.T) {
	r := &llmhub.Response{End: llmhub.End{Stop: llmhub.StopTools}, Parts: []llmhub.Part{
		{Kind: llmhub.PartReasoning, Text: "hm \"so\"", Signature: "c2ln", SignedBy: "anthropic"},
		{Kind: llmhub.PartReasoning, Redacted: true, Signature: "ZW5j", SignedBy: "anthropic"},
		{Kind: llmhub.PartText, Text: "Well.", Signature: "dA==", SignedBy: "gemini"},
		{Kind: llmhub.PartToolCall, ID: "c1", Name: "f", Args: "{}", Signature: "Zg==", SignedBy: "gemini"},
	}}
	var whole struct {
		Choices []struct{ Message json.RawMessage }
	}
	out := rendered(t, request(t, false, false), r.Events())
	if err := json.Unmarshal(out, &whole); err != nil {
		t.Fatal(err)
	}
	p, err := callOf(t, []byte(`{"model":"a","messages":[`+string(whole.Choices[0].Message)+`]}`)).Body.Decode()
	if err != nil {
		t.Fatal(err)
	}
	if got := forget(p).Messages[0].Parts; !llmhub.Same(got, r.Parts) {
		t.Errorf("%s reads\n%+v, want\n%+v", out, got, r.Parts)
	}
	again, err := clients["openai"].Events(&llmhub.Call{}, strings.NewReader(string(rendered(t, request(t, true, false), r.Events()))), -1).Collect()
	if err != nil || len(again.Parts) != 4 || again.Parts[0].Signature != "c2ln" || again.Parts[1].Signature != "ZW5j" || again.Parts[3].Signature != "Zg==" {
		t.Errorf("streamed and read again it is %+v (%v)", again.Parts, err)
	}
}
