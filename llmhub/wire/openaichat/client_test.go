package openaichat_test

import (
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire/openaichat"
	"github.com/llmhubd/llmhub/llmhub/wire/wiretest"
)

func client(q openaichat.Quirks) *openaichat.Client {
	return &openaichat.Client{Provider: "p", Quirks: func(string) openaichat.Quirks { return q }}
}

func TestHeadWins(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		quirks     openaichat.Quirks
		change     func(*llmhub.Call)
		want       string
	}{
		{"the target's model", `{"model":"smart","messages":[]}`, openaichat.Quirks{}, func(c *llmhub.Call) { c.Target.Model = "m" }, `{"model":"m","messages":[]}`},
		{"usage is asked for", `{"model":"m","messages":[],"stream":true,"stream_options":{"include_obfuscation":false}}`, openaichat.Quirks{}, nil,
			`{"model":"m","messages":[],"stream":true,"stream_options":{"include_obfuscation":false,"include_usage":true}}`},
		{"usage that was declined is asked for", `{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":false}}`, openaichat.Quirks{}, nil,
			`{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}}`},
		{"usage is not asked for where it is not known", `{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}}`, openaichat.Quirks{NoUsage: true}, nil, `{"model":"m","messages":[],"stream":true}`},
		{"a stream is forced", `{"model":"m","messages":[]}`, openaichat.Quirks{}, func(c *llmhub.Call) { c.Stream = true }, `{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}}`},
		{"a stream is prevented", `{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}}`, openaichat.Quirks{}, func(c *llmhub.Call) { c.Stream = false }, `{"model":"m","messages":[],"stream":false}`},
		{"the smaller cap rules", `{"model":"m","messages":[],"max_tokens":5,"max_completion_tokens":9}`, openaichat.Quirks{}, nil, `{"model":"m","messages":[],"max_completion_tokens":5}`},
		{"a cap in the model's spelling", `{"model":"m","messages":[],"max_tokens":5}`, openaichat.Quirks{Cap: "max_completion_tokens"}, nil, `{"model":"m","messages":[],"max_completion_tokens":5}`},
		{"a cap in the old spelling", `{"model":"m","messages":[],"max_completion_tokens":5}`, openaichat.Quirks{Cap: "max_tokens"}, nil, `{"model":"m","messages":[],"max_tokens":5}`},
		{"a cap is put in", `{"model":"m","messages":[]}`, openaichat.Quirks{}, func(c *llmhub.Call) { c.MaxTokens = 3 }, `{"model":"m","messages":[],"max_tokens":3}`},
		{"a cap is taken out", `{"model":"m","messages":[],"max_tokens":5,"max_completion_tokens":9}`, openaichat.Quirks{}, func(c *llmhub.Call) { c.MaxTokens = 0 }, `{"model":"m","messages":[]}`},
		{"choices", `{"model":"m","messages":[],"n":4}`, openaichat.Quirks{}, func(c *llmhub.Call) { c.Choices = 2 }, `{"model":"m","messages":[],"n":2}`},
		{"our own keys stay here", `{"model":"m","messages":[],"fallbacks":["x"],"stream_recovery":"error"}`, openaichat.Quirks{}, nil, `{"model":"m","messages":[]}`},
		{"what nobody knows goes on", `{"model":"m","messages":[],"new_thing":{"a":[1]}}`, openaichat.Quirks{}, nil, `{"model":"m","messages":[],"new_thing":{"a":[1]}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, edited := range []bool{false, true} {
				call := callOf(t, []byte(tt.body))
				if tt.change != nil {
					tt.change(call)
				}
				if edited {
					edit(t, call)
				}
				if got := sent(t, client(tt.quirks), call); wiretest.DiffJSON(got, []byte(tt.want)) != "" {
					t.Errorf("%s (edited %v) is sent as %s, want %s", tt.body, edited, got, tt.want)
				}
			}
		})
	}
}

func TestQuirks(t *testing.T) {
	const image = `{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]}`
	const embedded = `{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}`
	for _, tt := range []struct {
		name, body string
		quirks     openaichat.Quirks
		want       string   // "": refused
		param      string   // that is refused
		warned     []string // of
	}{
		{"n above one is refused", `{"model":"m","messages":[],"n":2}`, openaichat.Quirks{Refuses: []string{"n"}}, "", "n", nil},
		{"n of one is left out", `{"model":"m","messages":[],"n":1}`, openaichat.Quirks{Refuses: []string{"n"}}, `{"model":"m","messages":[]}`, "", nil},
		{"logprobs are refused", `{"model":"m","messages":[],"logprobs":true}`, openaichat.Quirks{Refuses: []string{"logprobs"}}, "", "logprobs", nil},
		{"logprobs that are off are not", `{"model":"m","messages":[],"logprobs":false}`, openaichat.Quirks{Refuses: []string{"logprobs"}}, `{"model":"m","messages":[]}`, "", nil},
		{"parallel calls forbidden are refused", `{"model":"m","messages":[],"parallel_tool_calls":false}`, openaichat.Quirks{Refuses: []string{"parallel_tool_calls"}}, "", "parallel_tool_calls", nil},
		{"parallel calls allowed are not", `{"model":"m","messages":[],"parallel_tool_calls":true}`, openaichat.Quirks{Refuses: []string{"parallel_tool_calls"}}, `{"model":"m","messages":[]}`, "", nil},
		{"what tunes is dropped with a warning", `{"model":"m","messages":[],"temperature":0.5,"seed":null}`, openaichat.Quirks{Drops: []string{"temperature", "seed"}}, `{"model":"m","messages":[]}`, "", []string{"temperature"}},
		{"a schema is refused", `{"model":"m","messages":[],"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{}}}}`, openaichat.Quirks{NoSchema: true}, "", "response_format", nil},
		{"JSON without a schema is not", `{"model":"m","messages":[],"response_format":{"type":"json_object"}}`, openaichat.Quirks{NoSchema: true}, `{"model":"m","messages":[],"response_format":{"type":"json_object"}}`, "", nil},
		{"images are refused", `{"model":"m","messages":[` + image + `]}`, openaichat.Quirks{NoImages: true}, "", "image_url", nil},
		{"text that says image_url is not", `{"model":"m","messages":[{"role":"user","content":"image_url"}]}`, openaichat.Quirks{NoImages: true}, `{"model":"m","messages":[{"role":"user","content":"image_url"}]}`, "", nil},
		{"addresses of images are refused", `{"model":"m","messages":[` + image + `]}`, openaichat.Quirks{NoImageURLs: true}, "", "image_url", nil},
		{"embedded images are not", `{"model":"m","messages":[` + embedded + `]}`, openaichat.Quirks{NoImageURLs: true}, `{"model":"m","messages":[` + embedded + `]}`, "", nil},
		{"sounds are refused", `{"model":"m","messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AA","format":"wav"}}]}]}`, openaichat.Quirks{NoAudio: true}, "", "input_audio", nil},
		{"files are refused", `{"model":"m","messages":[{"role":"user","content":[{"type":"file","file":{"filename":"a","file_data":"data:application/pdf;base64,AA"}}]}]}`, openaichat.Quirks{NoFiles: true}, "", "file", nil},
		{"developers are systems", `{"model":"m","messages":[{"role":"developer","content":"a","name":"x"},{"role":"user","content":"developer"},{"role":"developer","content":[{"type":"text","text":"b"}]}]}`, openaichat.Quirks{NoDeveloper: true},
			`{"model":"m","messages":[{"role":"system","content":"a","name":"x"},{"role":"user","content":"developer"},{"role":"system","content":[{"type":"text","text":"b"}]}]}`, "", nil},
		{"reasoning is left out where it is not taken", `{"model":"m","messages":[{"role":"assistant","content":"a","reasoning_content":"r","x":1}]}`, openaichat.Quirks{}, `{"model":"m","messages":[{"role":"assistant","content":"a","x":1}]}`, "", nil},
		{"reasoning goes back", `{"model":"m","messages":[{"role":"assistant","content":"a","reasoning_content":"r"}]}`, openaichat.Quirks{Reasoning: "reasoning_content"}, `{"model":"m","messages":[{"role":"assistant","content":"a","reasoning_content":"r"}]}`, "", nil},
		{"reasoning goes back by its other name", `{"model":"m","messages":[{"role":"assistant","content":"a","reasoning_content":"r"}]}`, openaichat.Quirks{Reasoning: "reasoning"}, `{"model":"m","messages":[{"role":"assistant","content":"a","reasoning":"r"}]}`, "", nil},
		{"signed reasoning of others is left out", `{"model":"m","messages":[{"role":"assistant","content":"a","reasoning_content":"r","thinking_blocks":[{"type":"thinking","thinking":"r","signature":"s","signed_by":"other"}]}]}`,
			openaichat.Quirks{Reasoning: "reasoning_content"}, `{"model":"m","messages":[{"role":"assistant","content":"a"}]}`, "", nil},
		{"a signature of ours is spelled as the provider does", `{"model":"m","messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"},"extra_content":{"llmhub":{"thought_signature":"s","signed_by":"p"}}}]}]}`,
			openaichat.Quirks{Signatures: "google"}, `{"model":"m","messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"s"}}}]}]}`, "", nil},
		{"signatures are left out where they are not known", `{"model":"m","messages":[{"role":"assistant","content":"t","extra_content":{"google":{"thought_signature":"s"}},"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"s"}}}]}]}`,
			openaichat.Quirks{}, `{"model":"m","messages":[{"role":"assistant","content":"t","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]}]}`, "", nil},
		{"cache marks are left out", `{"model":"m","messages":[{"role":"system","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]},{"role":"user","content":[{"type":"text","text":"b","cache_control":{"type":"ephemeral"},"y":1}]}],"tools":[{"type":"function","function":{"name":"f"},"cache_control":{"type":"ephemeral"}}]}`,
			openaichat.Quirks{}, `{"model":"m","messages":[{"role":"system","content":[{"type":"text","text":"a"}]},{"role":"user","content":[{"type":"text","text":"b","y":1}]}],"tools":[{"type":"function","function":{"name":"f"}}]}`, "", []string{"cache_control"}},
		{"cache marks stay where they are known", `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"b","cache_control":{"type":"ephemeral"}}]}]}`,
			openaichat.Quirks{CacheControl: true}, `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"b","cache_control":{"type":"ephemeral"}}]}]}`, "", nil},
		{"an effort in the model's spelling", `{"model":"m","messages":[],"reasoning_effort":"minimal"}`, openaichat.Quirks{Effort: func(string) string { return "low" }}, `{"model":"m","messages":[],"reasoning_effort":"low"}`, "", nil},
		{"an effort that the model does not know", `{"model":"m","messages":[],"reasoning_effort":"minimal"}`, openaichat.Quirks{Effort: func(string) string { return "" }}, `{"model":"m","messages":[]}`, "", []string{"reasoning_effort"}},
		{"no effort switches thinking off", `{"model":"m","messages":[],"reasoning_effort":"none"}`, openaichat.Quirks{Thinking: true}, `{"model":"m","messages":[],"thinking":{"type":"disabled"}}`, "", nil},
		{"what a caller says of thinking stays", `{"model":"m","messages":[],"reasoning_effort":"high","thinking":{"type":"enabled"}}`, openaichat.Quirks{Thinking: true}, `{"model":"m","messages":[],"reasoning_effort":"high","thinking":{"type":"enabled"}}`, "", nil},
		{"allowed tools become the only ones", `{"model":"m","messages":[],"tools":[{"type":"function","function":{"name":"a"}},{"type":"function","function":{"name":"b"},"z":1}],"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"b"}}]}}}`,
			openaichat.Quirks{NoAllowedTools: true}, `{"model":"m","messages":[],"tools":[{"type":"function","function":{"name":"b"},"z":1}],"tool_choice":"auto"}`, "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			call := callOf(t, []byte(tt.body))
			parts, err := client(tt.quirks).Body(call)
			var e *llmhub.Error
			if errors.As(err, &e); tt.want == "" {
				if e == nil || e.Kind != llmhub.Unsupported || e.Param != tt.param {
					t.Fatalf("Body(%s) failed with %v, want %s unsupported", tt.body, err, tt.param)
				}
				return
			}
			if err != nil {
				t.Fatalf("Body(%s) failed: %v", tt.body, err)
			}
			var got []byte
			for _, p := range parts {
				got = append(got, p...)
			}
			if wiretest.DiffJSON(got, []byte(tt.want)) != "" {
				t.Errorf("%s is sent as %s, want %s", tt.body, got, tt.want)
			}
			if w := call.Warnings(); !reflect.DeepEqual(w, tt.warned) {
				t.Errorf("%s warned of %v, want %v", tt.body, w, tt.warned)
			}
		})
	}
}

// TestForeignPrompts holds how a prompt of no dialect is said.
func TestForeignPrompts(t *testing.T) {
	text := func(s string) llmhub.Part { return llmhub.Part{Kind: llmhub.PartText, Text: s} }
	yes := true
	for _, tt := range []struct {
		name   string
		prompt llmhub.Prompt
		quirks openaichat.Quirks
		want   string // but for the model; "": refused
		param  string
		warned []string
	}{
		{"results come one by one, in front of what else is said", llmhub.Prompt{Messages: []llmhub.Message{{Role: llmhub.RoleUser, Parts: []llmhub.Part{text("and?"),
			{Kind: llmhub.PartToolResult, ID: "a", Result: []llmhub.Part{text("1"), text("2")}}, {Kind: llmhub.PartToolResult, ID: "b", Failed: true}}}}}, openaichat.Quirks{},
			`{"messages":[{"role":"tool","tool_call_id":"a","content":"1\n\n2"},{"role":"tool","tool_call_id":"b","content":""},{"role":"user","content":"and?"}]}`, "", []string{"is_error"}},
		{"images of results follow in a user's message", llmhub.Prompt{Messages: []llmhub.Message{{Role: llmhub.RoleUser, Parts: []llmhub.Part{
			{Kind: llmhub.PartToolResult, ID: "a", Result: []llmhub.Part{text("1"), {Kind: llmhub.PartImage, Media: &llmhub.Media{MIME: "image/png", Data: "AA"}}}}}}}}, openaichat.Quirks{},
			`{"messages":[{"role":"tool","tool_call_id":"a","content":"1"},{"role":"user","content":[{"type":"text","text":"Shown by the tool call a:"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}}]}]}`, "", []string{"images in tool results"}},
		{"reasoning of the provider goes back, that of others does not", llmhub.Prompt{Messages: []llmhub.Message{{Role: llmhub.RoleAssistant, Parts: []llmhub.Part{
			{Kind: llmhub.PartReasoning, Text: "mine", SignedBy: "p"}, {Kind: llmhub.PartReasoning, Text: "theirs", Signature: "s", SignedBy: "q"}, {Kind: llmhub.PartReasoning, Text: "nobody's"}, text("a"), text("b")}}}}, openaichat.Quirks{Reasoning: "reasoning_content"},
			`{"messages":[{"role":"assistant","reasoning_content":"mine","content":"ab"}]}`, "", nil},
		{"a refusal is said", llmhub.Prompt{Messages: []llmhub.Message{{Role: llmhub.RoleAssistant, Parts: []llmhub.Part{{Kind: llmhub.PartRefusal, Text: "no"}}}}}, openaichat.Quirks{}, `{"messages":[{"role":"assistant","content":"no"}]}`, "", nil},
		{"a document of text is text", llmhub.Prompt{Messages: []llmhub.Message{{Role: llmhub.RoleUser, Parts: []llmhub.Part{{Kind: llmhub.PartDocument, Media: &llmhub.Media{Text: "t"}}}}}}, openaichat.Quirks{NoFiles: true},
			`{"messages":[{"role":"user","content":[{"type":"text","text":"t"}]}]}`, "", nil},
		{"a document elsewhere is refused", llmhub.Prompt{Messages: []llmhub.Message{{Role: llmhub.RoleUser, Parts: []llmhub.Part{{Kind: llmhub.PartDocument, Media: &llmhub.Media{URL: "https://example.com/a.pdf"}}}}}}, openaichat.Quirks{}, "", "file", nil},
		{"what only another dialect knows is refused", llmhub.Prompt{Messages: []llmhub.Message{{Role: llmhub.RoleUser, Parts: []llmhub.Part{{Kind: llmhub.PartOther}}}}}, openaichat.Quirks{}, "", "messages", nil},
		{"a tool that only another dialect knows is refused", llmhub.Prompt{Tools: []llmhub.Tool{{}}}, openaichat.Quirks{}, "", "tools", nil},
		{"what cannot be said and tunes is left out", llmhub.Prompt{Unsaid: []llmhub.Param{{Name: "container_color", Tunes: true}}}, openaichat.Quirks{}, `{"messages":[]}`, "", []string{"container_color"}},
		{"what cannot be said and matters is refused", llmhub.Prompt{Unsaid: []llmhub.Param{{Name: "mcp_servers"}}}, openaichat.Quirks{}, "", "mcp_servers", nil},
		{"top_k is left out", llmhub.Prompt{TopK: new(int)}, openaichat.Quirks{}, `{"messages":[]}`, "", []string{"top_k"}},
		{"top_k is said where it is known", llmhub.Prompt{TopK: new(int)}, openaichat.Quirks{TopK: true}, `{"messages":[],"top_k":0}`, "", nil},
		{"a budget is an effort", llmhub.Prompt{Reasoning: &llmhub.Reasoning{Budget: 4000}}, openaichat.Quirks{}, `{"messages":[],"reasoning_effort":"medium"}`, "", nil},
		{"no effort switches thinking off", llmhub.Prompt{Reasoning: &llmhub.Reasoning{Effort: "none"}}, openaichat.Quirks{Thinking: true}, `{"messages":[],"thinking":{"type":"disabled"}}`, "", nil},
		{"parallel calls without tools are not said", llmhub.Prompt{Parallel: &yes}, openaichat.Quirks{}, `{"messages":[]}`, "", nil},
		{"system parts are one message", llmhub.Prompt{System: []llmhub.Part{text("a"), {Kind: llmhub.PartText, Text: "b", Cache: time.Hour}}}, openaichat.Quirks{CacheControl: true},
			`{"messages":[{"role":"system","content":[{"type":"text","text":"a"},{"type":"text","text":"b","cache_control":{"type":"ephemeral","ttl":"1h"}}]}]}`, "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			call := &llmhub.Call{Request: llmhub.Request{Model: "x", Body: &tt.prompt}, Target: llmhub.Target{Model: "m"}}
			parts, err := client(tt.quirks).Body(call)
			var e *llmhub.Error
			if errors.As(err, &e); tt.want == "" {
				if e == nil || e.Kind != llmhub.Unsupported || e.Param != tt.param {
					t.Fatalf("Body failed with %v, want %s unsupported", err, tt.param)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []byte
			for _, p := range parts {
				got = append(got, p...)
			}
			want := strings.Replace(tt.want, "{", `{"model":"m",`, 1)
			if d := wiretest.DiffJSON(got, []byte(want)); d != "" {
				t.Errorf("sent is %s, want %s: %s", got, want, d)
			}
			if w := call.Warnings(); !reflect.DeepEqual(w, tt.warned) {
				t.Errorf("warned of %v, want %v", w, tt.warned)
			}
		})
	}
}

func TestEditsKeepWhatTheyDoNotTouch(t *testing.T) {
	const body = `{"model":"m","messages":[{"role":"developer","content":[{"type":"text","text":"a","x":1},{"type":"text","text":"b"}],"name":"n"},{"role":"system","content":"c"},
		{"role":"user","content":[{"type":"text","text":"q","y":2},{"type":"odd","z":3}],"name":"u"},
		{"role":"assistant","content":"w","refusal":null,"annotations":[],"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}","s":1},"t":1},{"id":"2","type":"custom","custom":{"name":"g","input":"i"}}]},
		{"role":"tool","tool_call_id":"1","content":"r","v":1}],"logit_bias":{"1":2},"prediction":{"type":"content"},"top_p":0.5}`
	for _, tt := range []struct {
		name   string
		change func(*llmhub.Prompt)
		from   string
		to     string
	}{
		{"a system part", func(p *llmhub.Prompt) { p.System[0].Text = "A" }, `"text":"a"`, `"text":"A"`},
		{"a system message", func(p *llmhub.Prompt) { p.System[2].Text = "C" }, `"content":"c"`, `"content":"C"`},
		{"a system part taken out", func(p *llmhub.Prompt) { p.System = p.System[1:] }, `{"type":"text","text":"a","x":1},`, ``},
		{"a system message added", func(p *llmhub.Prompt) { p.System = append(p.System, llmhub.Part{Kind: llmhub.PartText, Text: "d"}) }, `{"role":"system","content":"c"},`, `{"role":"system","content":"c"},{"role":"system","content":"d"},`},
		{"a user's part", func(p *llmhub.Prompt) { p.Messages[0].Parts[0].Text = "Q" }, `"text":"q"`, `"text":"Q"`},
		{"what the model said", func(p *llmhub.Prompt) { p.Messages[1].Parts[0].Text = "W" }, `"content":"w"`, `"content":"W"`},
		{"a result", func(p *llmhub.Prompt) { p.Messages[2].Parts[0].Result[0].Text = "R" }, `"content":"r"`, `"content":"R"`},
		{"a message taken out", func(p *llmhub.Prompt) { p.Messages = p.Messages[:2] }, ",\n\t\t" + `{"role":"tool","tool_call_id":"1","content":"r","v":1}`, ``},
		{"an unsaid parameter taken out", func(p *llmhub.Prompt) { p.Unsaid = p.Unsaid[1:] }, `"logit_bias":{"1":2},`, ``},
		{"a parameter taken out", func(p *llmhub.Prompt) { p.TopP = nil }, `,"top_p":0.5`, ``},
		{"stop set", func(p *llmhub.Prompt) { p.Stop = []string{"x", "y"} }, `"top_p":0.5`, `"top_p":0.5,"stop":["x","y"]`},
		{"the user named", func(p *llmhub.Prompt) { p.User = "u" }, `"top_p":0.5`, `"top_p":0.5,"user":"u"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			call := callOf(t, []byte(body))
			tt.change(edit(t, call))
			if strings.Count(body, tt.from) != 1 {
				t.Fatalf("%q is not in the body once", tt.from)
			}
			want := strings.Replace(body, tt.from, tt.to, 1)
			if got := sent(t, &openaichat.Client{}, call); wiretest.DiffJSON(got, []byte(want)) != "" {
				t.Errorf("sent is %s: %s", got, wiretest.DiffJSON(got, []byte(want)))
			}
			if again, err := callOf(t, []byte(body)).Body.Decode(); err != nil || again.System[0].Text != "a" {
				t.Errorf("the edit reached the decoded body")
			}
		})
	}
}

// Errors as users of the providers quote them.
func TestErrorClasses(t *testing.T) {
	at := time.Unix(1700000000, 0)
	c := &openaichat.Client{Provider: "p", Now: func() time.Time { return at }}
	for _, tt := range []struct {
		name    string
		status  int
		header  http.Header
		body    string
		kind    llmhub.Kind
		wait    time.Duration
		verdict llmhub.Verdict
		sent    bool
	}{
		{"a minute's tokens are used up", 429, nil, `{"error":{"message":"Rate limit reached for gpt-4o in organization o on tokens per min (TPM): Limit 30000, Used 14567, Requested 24754. Please try again in 18.642s. Visit","type":"tokens","param":null,"code":"rate_limit_exceeded"}}`,
			llmhub.RateLimited, 18642 * time.Millisecond, llmhub.Verdict{State: llmhub.KeyCooling, Until: at.Add(18642 * time.Millisecond)}, false},
		{"a day's tokens are used up", 429, nil, `{"error":{"message":"Rate limit reached on tokens per day (TPD): Limit 100000, Used 99386, Requested 692. Please try again in 1m7.391999999s. Need","type":"tokens","code":"rate_limit_exceeded"}}`,
			llmhub.RateLimited, 67391999999, llmhub.Verdict{State: llmhub.KeyExhausted, Until: at.Add(67391999999)}, false},
		{"a wait in a header", 429, http.Header{"Retry-After": {"11.75"}}, `{"error":{"message":"slow down"}}`, llmhub.RateLimited, 11750 * time.Millisecond, llmhub.Verdict{State: llmhub.KeyCooling, Until: at.Add(11750 * time.Millisecond)}, false},
		{"a wait in rate-limit headers", 429, http.Header{"X-Ratelimit-Remaining-Tokens": {"0"}, "X-Ratelimit-Reset-Tokens": {"6m0s"}, "X-Ratelimit-Remaining-Requests": {"5"}, "X-Ratelimit-Reset-Requests": {"1h"}}, `{"error":{"message":"x"}}`,
			llmhub.RateLimited, 6 * time.Minute, llmhub.Verdict{State: llmhub.KeyCooling, Until: at.Add(6 * time.Minute)}, false},
		{"a 429 that will never pass", 429, nil, `{"error":{"message":"Request too large for gpt-4o in organization o on tokens per min (TPM): Limit 30000, Requested 30601. The input or output tokens must be reduced","type":"tokens","param":null,"code":"rate_limit_exceeded"}}`,
			llmhub.RequestTooLarge, 0, llmhub.Verdict{}, false},
		{"a 413 that says rate limit", 413, nil, `{"error":{"message":"Request too large for model on tokens per minute (TPM): Limit 12000, Requested 14137, please reduce your message size","type":"tokens","code":"rate_limit_exceeded"}}`, llmhub.RequestTooLarge, 0, llmhub.Verdict{}, false},
		{"no money left, as a 429", 429, nil, `{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}`, llmhub.Unfunded, 0, llmhub.Verdict{State: llmhub.KeyUnfunded}, false},
		{"no money left, as a 402", 402, nil, `{"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}}`, llmhub.Unfunded, 0, llmhub.Verdict{State: llmhub.KeyUnfunded}, false},
		{"a bad key, explicitly", 401, nil, `{"error":{"message":"Incorrect API key provided: sk-12***34","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`, llmhub.BadCredential, 0, llmhub.Verdict{State: llmhub.KeyInvalid, Sure: true}, false},
		{"a bad key, vaguely", 401, nil, `{"error":{"message":"Authentication Fails","type":"authentication_error","param":null,"code":"invalid_request_error"}}`, llmhub.BadCredential, 0, llmhub.Verdict{State: llmhub.KeyInvalid}, false},
		{"an overloaded engine", 429, nil, `{"error":{"message":"The engine is currently overloaded, please try again later","type":"server_error","param":null,"code":null}}`, llmhub.Overloaded, 0, llmhub.Verdict{}, false},
		{"a server's failure", 500, nil, `{"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}}`, llmhub.UpstreamFailed, 0, llmhub.Verdict{}, true},
		{"a gateway's page", 502, nil, `<html>bad gateway</html>`, llmhub.UpstreamFailed, 0, llmhub.Verdict{}, true},
		{"no capacity", 503, nil, `{"error":{"message":"The model is overloaded. Please try again later.","code":503,"status":"UNAVAILABLE"}}`, llmhub.Overloaded, 0, llmhub.Verdict{}, true},
		{"an error in an array", 429, nil, `[{"error":{"code":429,"message":"Resource exhausted.","status":"RESOURCE_EXHAUSTED"}}]`, llmhub.RateLimited, 0, llmhub.Verdict{State: llmhub.KeyCooling}, false},
		{"a firewall's page", 403, nil, `<html>blocked</html>`, llmhub.Blocked, 0, llmhub.Verdict{}, false},
		{"a model that the key may not use", 403, nil, `{"error":{"message":"You are not allowed to sample from this model","type":"invalid_request_error","param":null,"code":null}}`, llmhub.PermissionDenied, 0, llmhub.Verdict{State: llmhub.KeyCooling, Until: at.Add(time.Hour), Model: true}, false},
		{"no such model", 404, nil, `{"error":{"message":"The model does not exist","type":"invalid_request_error","param":null,"code":"model_not_found"}}`, llmhub.ModelNotFound, 0, llmhub.Verdict{State: llmhub.KeyCooling, Until: at.Add(10 * time.Minute), Model: true}, false},
		{"no such model, as a 400", 400, nil, `{"error":{"message":"Model Not Exist","type":"invalid_request_error","param":null,"code":"invalid_request_error"}}`, llmhub.ModelNotFound, 0, llmhub.Verdict{State: llmhub.KeyCooling, Until: at.Add(10 * time.Minute), Model: true}, false},
		{"a parameter that is not taken", 400, nil, `{"error":{"message":"Unsupported parameter: 'max_tokens'","type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter"}}`, llmhub.Unsupported, 0, llmhub.Verdict{}, false},
		{"too long a prompt", 400, nil, `{"error":{"message":"This model's maximum context length is 8192 tokens","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}`, llmhub.ContextLength, 0, llmhub.Verdict{}, false},
		{"a policy's refusal", 400, nil, `{"error":{"message":"filtered","type":null,"param":"prompt","code":"content_filter"}}`, llmhub.ContentPolicy, 0, llmhub.Verdict{}, false},
		{"a model that calls tools badly", 400, nil, `{"error":{"message":"Failed to call a function","type":"invalid_request_error","code":"tool_use_failed"}}`, llmhub.UpstreamFailed, 0, llmhub.Verdict{}, false},
		{"a conflict", 409, nil, `{"error":{"message":"x"}}`, llmhub.Conflict, 0, llmhub.Verdict{}, false},
		{"unprocessable", 422, nil, `{"detail":"x"}`, llmhub.Unprocessable, 0, llmhub.Verdict{}, false},
		{"a time-out on the way", 504, nil, ``, llmhub.Timeout, 0, llmhub.Verdict{}, true},
		{"a redirect", 302, nil, ``, llmhub.Malformed, 0, llmhub.Verdict{}, false},
		{"nothing said", 400, nil, ``, llmhub.UpstreamFailed, 0, llmhub.Verdict{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := c.Error(&llmhub.Call{}, tt.status, tt.header, []byte(tt.body))
			if e.Kind != tt.kind || e.RetryAfter != tt.wait || e.Verdict != tt.verdict || e.Sent != tt.sent {
				t.Errorf("Error(%d, %s) = %s, wait %v, %+v, sent %v; want %s, %v, %+v, %v", tt.status, tt.body, e.Kind, e.RetryAfter, e.Verdict, e.Sent, tt.kind, tt.wait, tt.verdict, tt.sent)
			}
			if e.Raw != nil {
				t.Errorf("Error(%d) holds raw bytes for a caller who takes none", tt.status)
			}
		})
	}
}

func TestWordsAboutAKeyAreNotKept(t *testing.T) {
	const key = "sk-abcdefghijklmnopqrstuvwxyz0123"
	call := &llmhub.Call{Request: llmhub.Request{Accept: openaichat.Name}}
	c := &openaichat.Client{Provider: "p"}
	e := c.Error(call, 401, nil, []byte(`{"error":{"message":"what is `+key+`","type":"x"}}`))
	if strings.Contains(e.Error(), key) || e.Raw != nil {
		t.Errorf("Error(401) says %q, and relays %s", e.Error(), e.Raw)
	}
}

func TestRefineHasTheLastWord(t *testing.T) {
	c := &openaichat.Client{Refine: func(e *llmhub.Error, f openaichat.Failure) {
		if f.Code == "odd" && f.Status == 418 && f.Header.Get("X") == "y" {
			e.Kind = llmhub.Overloaded
		}
	}}
	if e := c.Error(&llmhub.Call{}, 418, http.Header{"X": {"y"}}, []byte(`{"error":{"code":"odd"}}`)); e.Kind != llmhub.Overloaded {
		t.Errorf("Error = %s, want what Refine says", e.Kind)
	}
}

func TestBrokenReads(t *testing.T) {
	stalled := &llmhub.Error{Kind: llmhub.Timeout, Message: "no bytes for 30s"}
	part := roleChunk + chunkHead + `{"index":0,"delta":{"content":"x"},"finish_reason":null}]}` + "\n\n"
	for _, tt := range []struct {
		name string
		body io.Reader
		want error
	}{
		{"a reset", io.MultiReader(strings.NewReader(part), iotest.ErrReader(errors.New("connection reset"))), llmhub.Broken},
		{"a stall keeps its kind", io.MultiReader(strings.NewReader(part), iotest.ErrReader(stalled)), llmhub.Timeout},
		{"at once", iotest.ErrReader(errors.New("connection reset")), llmhub.Broken},
		{"behind the finish reason it is no matter", io.MultiReader(strings.NewReader(part+chunkHead+`{"index":0,"delta":{},"finish_reason":"stop"}]}`+"\n\n"), iotest.ErrReader(errors.New("connection reset"))), nil},
		{"a body cut off", strings.NewReader(`{"id":"x","choices":[{"index":0,"mess`), llmhub.Broken},
		{"markup", strings.NewReader("<html>"), llmhub.Malformed},
		{"four bad events", strings.NewReader(part + strings.Repeat("data: {\n\n", 4)), llmhub.Malformed},
		{"[DONE] without a finish reason", strings.NewReader(part + "data: [DONE]\n\n"), llmhub.Broken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := (&openaichat.Client{Provider: "p"}).Events(&llmhub.Call{}, tt.body, -1).Collect()
			if !errors.Is(err, tt.want) && err != tt.want {
				t.Fatalf("Collect failed with %v, want %v", err, tt.want)
			}
			if e := llmhub.AsError(err); e != nil && (!e.Sent || e.Provider != "p") {
				t.Errorf("the error is %+v, want one that was sent to p", e)
			}
		})
	}
	if stalled.Provider != "" || stalled.Sent {
		t.Error("the reader's own error was changed")
	}
}

// TestNothingIsHeldBack holds that an event is handed on before more is read, and
// that the last of a read promises no other.
func TestNothingIsHeldBack(t *testing.T) {
	r := &counted{framewise{streamOf(5, false)}, 0}
	deltas := 0
	for ev, err := range (&openaichat.Client{}).Events(&llmhub.Call{}, r, -1) {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Kind == llmhub.EventDelta {
			deltas++
			if r.reads != deltas+1 || ev.More {
				t.Fatalf("delta %d came after %d reads (more: %v), want after %d and none", deltas, r.reads, ev.More, deltas+1)
			}
		}
	}
	if deltas != 5 {
		t.Errorf("%d deltas, want 5", deltas)
	}
}

type counted struct {
	framewise
	reads int
}

func (c *counted) Read(p []byte) (int, error) {
	c.reads++
	return c.framewise.Read(p)
}

func TestUnaryRawIsOneEvent(t *testing.T) {
	body := cases(t, "answers", "upstream.json")["testdata/answers/whole-text"]
	call := &llmhub.Call{Request: llmhub.Request{Accept: openaichat.Name}}
	n := 0
	for ev, err := range (&openaichat.Client{}).Events(call, strings.NewReader(string(body)), -1) {
		n++
		if err != nil || ev.Kind != llmhub.EventEnd || ev.Start == nil || ev.Start.Model != "up-model-1" || ev.Usage.Total() != 29 || ev.End.Stop != llmhub.StopEnd ||
			strings.TrimSpace(string(body)) != string(ev.Raw) || ev.More {
			t.Errorf("event %+v (%v)", ev, err)
		}
	}
	if n != 1 {
		t.Errorf("%d events, want one", n)
	}
	call.Stream = true // asked for as a stream, so these bytes are of no use
	for ev, err := range (&openaichat.Client{}).Events(call, strings.NewReader(string(body)), -1) {
		if err != nil || ev.Raw != nil {
			t.Errorf("event %+v (%v), want none with raw bytes", ev, err)
		}
	}
}
