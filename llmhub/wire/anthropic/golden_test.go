package anthropic_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/llmhub/wire/anthropic"
	"github.com/llmhubd/llmhub/llmhub/wire/wiretest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with a file of testdata.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	file = filepath.Join("testdata", file)
	got = append(bytes.TrimRight(got, "\n"), '\n')
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
	}
}

func indent(t *testing.T, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func ptr[T any](v T) *T { return &v }

func text(s string) []llmhub.Part { return []llmhub.Part{{Kind: llmhub.PartText, Text: s}} }

func user(s string) llmhub.Message { return llmhub.Message{Role: llmhub.RoleUser, Parts: text(s)} }

func said(parts ...llmhub.Part) llmhub.Message {
	return llmhub.Message{Role: llmhub.RoleAssistant, Parts: parts}
}

func toolCall(id, name, args string) llmhub.Part {
	return llmhub.Part{Kind: llmhub.PartToolCall, ID: id, Name: name, Args: args}
}

func result(id, s string) llmhub.Message {
	return llmhub.Message{Role: llmhub.RoleUser, Parts: []llmhub.Part{{Kind: llmhub.PartToolResult, ID: id, Result: text(s)}}}
}

var weather = llmhub.Tool{Name: "weather", Description: "The weather.", Schema: json.RawMessage(`{"properties":{"city":{"type":"string"}}}`), Strict: ptr(true)}

// renderings are prompts of other dialects.
var renderings = []struct {
	name   string
	head   llmhub.Request
	target llmhub.Target
	prompt llmhub.Prompt
}{
	{name: "text", head: llmhub.Request{Stream: true, MaxTokens: 100}, prompt: llmhub.Prompt{System: text("Be brief."), Messages: []llmhub.Message{user("hi")}}},
	{name: "cap_of_the_target", target: llmhub.Target{MaxOutput: 64000}, prompt: llmhub.Prompt{Messages: []llmhub.Message{user("hi")}}},
	{name: "cap_above_the_target", head: llmhub.Request{MaxTokens: 99999}, target: llmhub.Target{MaxOutput: 8192}, prompt: llmhub.Prompt{Messages: []llmhub.Message{user("hi")}}},
	{name: "instructions_anywhere", prompt: llmhub.Prompt{System: text("First."), Messages: []llmhub.Message{
		{Role: llmhub.RoleSystem, Parts: text("Second.")}, user("hi"), said(text("hello")...), {Role: llmhub.RoleSystem, Parts: text("Now in French.")}, user("go on")}}},
	{name: "instructions_alone", prompt: llmhub.Prompt{System: text("Tell a joke.")}},
	{name: "assistant_first_and_last", prompt: llmhub.Prompt{Messages: []llmhub.Message{said(text("Welcome!")...), user("hi"), said(text("I think \n")...)}}},
	{name: "parallel_tools", prompt: llmhub.Prompt{Tools: []llmhub.Tool{weather, {Name: "now"}}, Choice: &llmhub.ToolChoice{Mode: llmhub.ToolRequired}, Parallel: ptr(false), Messages: []llmhub.Message{
		user("weather?"), said(append(text("I look."), toolCall("call_1", "weather", `{"city":"Rome"}`), toolCall("call.2", "now", ""), toolCall("call_3", "now", "nonsense"))...),
		user("wait"), result("call_1", "sunny"), result("call.2", "noon"),
		{Role: llmhub.RoleUser, Parts: []llmhub.Part{{Kind: llmhub.PartToolResult, ID: "call_3", Failed: true}}}}}},
	{name: "tools_no_longer_offered", prompt: llmhub.Prompt{Messages: []llmhub.Message{user("weather?"), said(toolCall("c1", "weather", "{}")), result("c1", "sunny")}}},
	{name: "tool_choice_none", prompt: llmhub.Prompt{Tools: []llmhub.Tool{weather}, Choice: &llmhub.ToolChoice{Mode: llmhub.ToolNone}, Messages: []llmhub.Message{user("hi")}}},
	{name: "tool_choice_of_some", prompt: llmhub.Prompt{Tools: []llmhub.Tool{weather, {Name: "now"}}, Choice: &llmhub.ToolChoice{Mode: llmhub.ToolAuto, Only: []string{"now"}}, Messages: []llmhub.Message{user("hi")}}},
	{name: "media", prompt: llmhub.Prompt{Messages: []llmhub.Message{{Role: llmhub.RoleUser, Parts: []llmhub.Part{
		{Kind: llmhub.PartImage, Media: &llmhub.Media{URL: "https://example.com/a.png", Detail: "low"}},
		{Kind: llmhub.PartImage, Media: &llmhub.Media{URL: "data:image/png;base64,aGk="}},
		{Kind: llmhub.PartImage, Media: &llmhub.Media{MIME: "image/jpg", Data: "aGk="}, Cache: time.Hour},
		{Kind: llmhub.PartDocument, Media: &llmhub.Media{MIME: "application/pdf", Data: "aGk=", Name: "a.pdf"}},
		{Kind: llmhub.PartDocument, Media: &llmhub.Media{URL: "https://example.com/a.pdf"}},
		{Kind: llmhub.PartDocument, Media: &llmhub.Media{MIME: "text/markdown", Data: "aGk="}},
		{Kind: llmhub.PartDocument, Media: &llmhub.Media{MIME: "text/plain", Text: "hi"}, Cache: 5 * time.Minute}}}}}},
	{name: "knobs", target: llmhub.Target{Model: "claude-haiku-4-5"}, prompt: llmhub.Prompt{Messages: []llmhub.Message{user("hi")}, Temperature: ptr(1.5), TopP: ptr(0.9), TopK: ptr(40),
		Seed: ptr(int64(7)), FrequencyPenalty: ptr(0.1), PresencePenalty: ptr(0.2), Stop: []string{"END", "\n", ""}, User: "u1", Cache: time.Hour,
		Unsaid: []llmhub.Param{{Name: "logit_bias", Tunes: true}}}},
	{name: "knobs_of_new_models", prompt: llmhub.Prompt{Messages: []llmhub.Message{user("hi")}, Temperature: ptr(0.5), TopP: ptr(0.9)}},
	{name: "effort_adaptive", prompt: llmhub.Prompt{Messages: []llmhub.Message{user("hi")}, Reasoning: &llmhub.Reasoning{Effort: "minimal", Show: ptr(true)}}},
	{name: "effort_without_xhigh", target: llmhub.Target{Model: "claude-sonnet-4-6"}, prompt: llmhub.Prompt{Messages: []llmhub.Message{user("hi")}, Reasoning: &llmhub.Reasoning{Effort: "xhigh"}}},
	{name: "effort_as_budget", target: llmhub.Target{Model: "claude-haiku-4-5", MaxOutput: 64000}, prompt: llmhub.Prompt{Messages: []llmhub.Message{user("hi")}, Reasoning: &llmhub.Reasoning{Effort: "high"}, Temperature: ptr(0.5)}},
	{name: "effort_in_a_short_answer", target: llmhub.Target{Model: "claude-haiku-4-5"}, head: llmhub.Request{MaxTokens: 1500}, prompt: llmhub.Prompt{Messages: []llmhub.Message{user("hi")}, Reasoning: &llmhub.Reasoning{Effort: "high"}}},
	{name: "budget_below_the_cap", target: llmhub.Target{Model: "claude-haiku-4-5"}, head: llmhub.Request{MaxTokens: 2000}, prompt: llmhub.Prompt{Messages: []llmhub.Message{user("hi")}, Reasoning: &llmhub.Reasoning{Budget: 5000}}},
	{name: "budget_as_effort", prompt: llmhub.Prompt{Messages: []llmhub.Message{user("hi")}, Reasoning: &llmhub.Reasoning{Budget: 10000}}},
	{name: "no_reasoning", prompt: llmhub.Prompt{Messages: []llmhub.Message{user("hi")}, Reasoning: &llmhub.Reasoning{Effort: "none"}}},
	{name: "no_reasoning_where_it_cannot_be", target: llmhub.Target{Model: "claude-fable-5"}, prompt: llmhub.Prompt{Messages: []llmhub.Message{user("hi")}, Reasoning: &llmhub.Reasoning{Effort: "none"}}},
	{name: "reasoning_of_a_model_that_has_none", target: llmhub.Target{Model: "claude-3-5-haiku-latest"}, prompt: llmhub.Prompt{Messages: []llmhub.Message{user("hi")}, Reasoning: &llmhub.Reasoning{Effort: "high"}}},
	{name: "reasoning_with_a_forced_tool", prompt: llmhub.Prompt{Tools: []llmhub.Tool{weather}, Choice: &llmhub.ToolChoice{Mode: llmhub.ToolNamed, Name: "weather"}, Messages: []llmhub.Message{user("hi")}, Reasoning: &llmhub.Reasoning{Effort: "high"}}},
	{name: "reasoning_in_a_loop_begun_without", target: llmhub.Target{Model: "claude-haiku-4-5"}, prompt: llmhub.Prompt{Tools: []llmhub.Tool{weather}, Messages: []llmhub.Message{user("weather?"), said(toolCall("c1", "weather", "{}")), result("c1", "sunny")}, Reasoning: &llmhub.Reasoning{Budget: 2000}}},
	{name: "signatures", prompt: llmhub.Prompt{Messages: []llmhub.Message{user("hi"), said(
		llmhub.Part{Kind: llmhub.PartReasoning, Text: "hm", Signature: "s1", SignedBy: "anthropic"},
		llmhub.Part{Kind: llmhub.PartReasoning, Redacted: true, Signature: "s2", SignedBy: "anthropic"},
		llmhub.Part{Kind: llmhub.PartReasoning, Text: "of another", Signature: "s3", SignedBy: "gemini"},
		llmhub.Part{Kind: llmhub.PartReasoning, Text: "unsigned"},
		llmhub.Part{Kind: llmhub.PartRefusal, Text: "No."}), user("why?")}}},
	{name: "schema", prompt: llmhub.Prompt{Messages: []llmhub.Message{user("hi")}, Format: &llmhub.Format{Name: "answer", Schema: json.RawMessage(
		`{"type":"object","properties":{"z":{"type":"integer","minimum":0},"a":{"type":"array","maxItems":3,"items":{"$ref":"#/$defs/p"}}},"required":["z"],"$defs":{"p":{"type":"object","properties":{"minimum":{"type":"string"}}}}}`)}}},
}

func TestRender(t *testing.T) {
	for _, tt := range renderings {
		t.Run(tt.name, func(t *testing.T) {
			tt.target.Provider = "anthropic"
			if tt.target.Model == "" {
				tt.target.Model = "claude-opus-4-8"
			}
			tt.head.Model, tt.head.Body = "smart", &tt.prompt
			call := &llmhub.Call{Request: tt.head, Target: tt.target}
			parts, err := anthropic.Client{}.Body(call)
			if err != nil {
				t.Fatal(err)
			}
			body := bytes.Join(parts, nil)
			if !json.Valid(body) {
				t.Fatalf("Body gave what is no JSON: %s", body)
			}
			if _, err := (anthropic.Server{}).Request(wire.Incoming{Body: body}); err != nil {
				t.Errorf("our own Server refuses %s: %v", body, err)
			}
			golden(t, "render/"+tt.name+".json", indent(t, struct {
				Body     json.RawMessage
				Warnings []string `json:",omitempty"`
			}{body, call.Warnings()}))
		})
	}
}

func TestRenderRefuses(t *testing.T) {
	hi := []llmhub.Message{user("hi")}
	with := func(p llmhub.Part) []llmhub.Message {
		return []llmhub.Message{{Role: llmhub.RoleUser, Parts: []llmhub.Part{p}}}
	}
	for _, tt := range []struct {
		name, model, param string
		choices            int
		prompt             llmhub.Prompt
		kind               llmhub.Kind
	}{
		{name: "several choices", choices: 2, param: "n", prompt: llmhub.Prompt{Messages: hi}},
		{name: "what another dialect says and changes meaning", param: "logprobs", prompt: llmhub.Prompt{Messages: hi, Unsaid: []llmhub.Param{{Name: "logprobs"}}}},
		{name: "audio", param: "input_audio", prompt: llmhub.Prompt{Messages: with(llmhub.Part{Kind: llmhub.PartAudio, Media: &llmhub.Media{MIME: "audio/wav", Data: "aGk="}})}},
		{name: "an image of a type that it cannot see", param: "messages", prompt: llmhub.Prompt{Messages: with(llmhub.Part{Kind: llmhub.PartImage, Media: &llmhub.Media{MIME: "image/tiff", Data: "aGk="}})}},
		{name: "a file of another provider", param: "file_id", prompt: llmhub.Prompt{Messages: with(llmhub.Part{Kind: llmhub.PartDocument, Media: &llmhub.Media{FileID: "file-1"}})}},
		{name: "content that only another dialect knows", param: "messages", prompt: llmhub.Prompt{Messages: with(llmhub.Part{Kind: llmhub.PartOther, Origin: llmhub.Origin{Dialect: "x", JSON: []byte("{}")}})}},
		{name: "a tool that only another dialect knows", param: "tools", prompt: llmhub.Prompt{Messages: hi, Tools: []llmhub.Tool{{Origin: llmhub.Origin{Dialect: "x", JSON: []byte("{}")}}}}},
		{name: "JSON without a schema", param: "response_format", prompt: llmhub.Prompt{Messages: hi, Format: &llmhub.Format{}}},
		{name: "a schema with open objects", param: "response_format", prompt: llmhub.Prompt{Messages: hi, Format: &llmhub.Format{Schema: []byte(`{"type":"object","properties":{"x":{"type":"object"}}}`)}}},
		{name: "a schema for a model that has none", model: "claude-3-5-haiku-latest", param: "response_format", prompt: llmhub.Prompt{Messages: hi, Format: &llmhub.Format{Schema: []byte(`{"type":"object","properties":{}}`)}}},
		{name: "a conversation that says nothing", param: "messages", kind: llmhub.InvalidRequest, prompt: llmhub.Prompt{Messages: []llmhub.Message{user("")}}},
		{name: "a role that there is not", param: "messages", kind: llmhub.InvalidRequest, prompt: llmhub.Prompt{Messages: []llmhub.Message{{Role: `x"`, Parts: text("hi")}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.model == "" {
				tt.model = "claude-opus-4-8"
			}
			if tt.kind == "" {
				tt.kind = llmhub.Unsupported
			}
			call := &llmhub.Call{Request: llmhub.Request{Model: "smart", Choices: tt.choices, Body: &tt.prompt}, Target: llmhub.Target{Model: tt.model}}
			parts, err := anthropic.Client{}.Body(call)
			e := llmhub.AsError(err)
			if e == nil || e.Kind != tt.kind || e.Param != tt.param {
				t.Errorf("Body = %s, %v, want %s of %q", bytes.Join(parts, nil), err, tt.kind, tt.param)
			}
		})
	}
}

// TestDecode holds what a request of this dialect says in neutral words.
func TestDecode(t *testing.T) {
	for _, file := range files(t, "decode/*.request.json") {
		name := strings.TrimSuffix(filepath.Base(file), ".request.json")
		t.Run(name, func(t *testing.T) {
			in, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			req := parse(t, in)
			p, err := req.Edit()
			if err != nil {
				t.Fatal(err)
			}
			blank(p)
			golden(t, "decode/"+name+".prompt.json", indent(t, struct {
				Model      string
				Stream     bool
				MaxTokens  int
				Fallbacks  []string
				Restricted []string
				Prompt     *llmhub.Prompt
			}{req.Model, req.Stream, req.MaxTokens, req.Fallbacks, req.Restricted, p}))
		})
	}
}

func files(t *testing.T, pattern string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(all) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	return all
}

// blank takes out the origins, which repeat the input.
func blank(p *llmhub.Prompt) {
	p.Origin = llmhub.Origin{}
	blankParts(p.System)
	for i := range p.Messages {
		p.Messages[i].Origin = llmhub.Origin{}
		blankParts(p.Messages[i].Parts)
	}
	for i := range p.Tools {
		p.Tools[i].Origin = llmhub.Origin{}
	}
}

func blankParts(parts []llmhub.Part) {
	for i := range parts {
		if parts[i].Kind != llmhub.PartOther {
			parts[i].Origin = llmhub.Origin{}
		}
		blankParts(parts[i].Result)
	}
}

// TestStream holds what a stream says, event by event, and what goes out for it.
func TestStream(t *testing.T) {
	for _, file := range files(t, "stream/*.sse") {
		name := strings.TrimSuffix(filepath.Base(file), ".sse")
		t.Run(name, func(t *testing.T) {
			in, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for seed := range uint64(10) {
				c := call(true, "")
				enc := anthropic.Server{}.Encoder(&c.Request, wire.Identity{ID: "0-1", Model: "smart"})
				var events, out []byte
				for ev, err := range (anthropic.Client{}).Events(c, wiretest.Cut(in, seed), -1) {
					if err != nil {
						events = append(events, "error: "+err.Error()+"\n"...)
						out = enc.AppendError(out, llmhub.AsError(err))
						break
					}
					ev.More = false // it depends on how the bytes come
					out = enc.Append(out, ev)
					line, err := json.Marshal(ev)
					if err != nil {
						t.Fatal(err)
					}
					events = append(append(events, line...), '\n')
				}
				golden(t, "stream/"+name+".events.jsonl", events)
				golden(t, "stream/"+name+".out", out)
			}
		})
	}
}
