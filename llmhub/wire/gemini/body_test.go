package gemini_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire/gemini"
	"github.com/llmhubd/llmhub/llmhub/wire/wiretest"
)

func ptr[T any](v T) *T { return &v }

func user(parts ...llmhub.Part) llmhub.Message {
	return llmhub.Message{Role: llmhub.RoleUser, Parts: parts}
}

func assistant(parts ...llmhub.Part) llmhub.Message {
	return llmhub.Message{Role: llmhub.RoleAssistant, Parts: parts}
}

func text(s string) llmhub.Part { return llmhub.Part{Kind: llmhub.PartText, Text: s} }

func call(id, name, args string) llmhub.Part {
	return llmhub.Part{Kind: llmhub.PartToolCall, ID: id, Name: name, Args: args}
}

func result(id, s string) llmhub.Part {
	return llmhub.Part{Kind: llmhub.PartToolResult, ID: id, Result: []llmhub.Part{text(s)}}
}

func tool(name string) llmhub.Tool {
	return llmhub.Tool{Name: name, Schema: json.RawMessage(`{"type":"object"}`)}
}

const hello = `"contents":[{"role":"user","parts":[{"text":"hi"}]}]`

func TestBody(t *testing.T) {
	for _, tt := range []struct {
		name   string
		model  string // default: gemini-2.5-flash
		head   llmhub.Request
		prompt llmhub.Prompt
		want   string
		warns  []string
	}{
		{name: "a text", prompt: *llmhub.Text("hi"), want: `{` + hello + `}`},
		{name: "instructions stand beside the conversation",
			prompt: llmhub.Prompt{System: []llmhub.Part{text("a"), text("b")}, Messages: []llmhub.Message{user(text("hi"))}},
			want:   `{"systemInstruction":{"parts":[{"text":"a"},{"text":"b"}]},` + hello + `}`},
		{name: "instructions alone are a user's text", prompt: llmhub.Prompt{System: []llmhub.Part{text("hi")}}, want: `{` + hello + `}`},
		{name: "a later instruction keeps its place",
			prompt: llmhub.Prompt{Messages: []llmhub.Message{user(text("hi")), {Role: llmhub.RoleSystem, Parts: []llmhub.Part{text("be brief")}}}},
			want:   `{"contents":[{"role":"user","parts":[{"text":"hi"},{"text":"<system>\nbe brief\n</system>"}]}]}`, warns: []string{"messages[1].role"}},
		{name: "neighbours of one side are one turn",
			prompt: llmhub.Prompt{Messages: []llmhub.Message{user(text("a")), user(text("b")), assistant(text("c")), assistant(text("d"))}},
			want:   `{"contents":[{"role":"user","parts":[{"text":"a"},{"text":"b"}]},{"role":"model","parts":[{"text":"c"},{"text":"d"}]}]}`},
		{name: "an empty text is left out", prompt: llmhub.Prompt{Messages: []llmhub.Message{user(text(""), text("hi"))}}, want: `{` + hello + `}`},
		{name: "a turn of nothing is an empty text",
			prompt: llmhub.Prompt{Messages: []llmhub.Message{user(text("hi")), assistant(text(""))}},
			want:   `{"contents":[{"role":"user","parts":[{"text":"hi"}]},{"role":"model","parts":[{"text":""}]}]}`},
		{name: "the head says how long, how many",
			head: llmhub.Request{MaxTokens: 7, Choices: 2}, prompt: *llmhub.Text("hi"),
			want: `{` + hello + `,"generationConfig":{"maxOutputTokens":7,"candidateCount":2}}`},
		{name: "parameters",
			prompt: llmhub.Prompt{Messages: []llmhub.Message{user(text("hi"))}, Temperature: ptr(0.5), TopP: ptr(1.0), TopK: ptr(3),
				FrequencyPenalty: ptr(-1.5), PresencePenalty: ptr(2.0), Seed: ptr(int64(42)), Stop: []string{"x", "\n"}},
			want: `{` + hello + `,"generationConfig":{"temperature":0.5,"topP":1,"topK":3,"stopSequences":["x","\n"],"seed":42,"frequencyPenalty":-1.5,"presencePenalty":2}}`},
		{name: "what only tunes is left out with a warning",
			prompt: llmhub.Prompt{Messages: []llmhub.Message{user(text("hi"))}, Seed: ptr(int64(1) << 40), User: "u", Cache: time.Minute,
				Unsaid: []llmhub.Param{{Name: "verbosity", Tunes: true}}},
			want: `{` + hello + `}`, warns: []string{"verbosity", "seed", "user", "cache_control"}},
		{name: "data stands in the request",
			prompt: llmhub.Prompt{Messages: []llmhub.Message{user(
				llmhub.Part{Kind: llmhub.PartImage, Media: &llmhub.Media{MIME: "image/png", Data: "AAAA"}},
				llmhub.Part{Kind: llmhub.PartDocument, Media: &llmhub.Media{MIME: "application/pdf", Data: "BBBB"}},
				llmhub.Part{Kind: llmhub.PartAudio, Media: &llmhub.Media{MIME: "audio/wav", Data: "CCCC"}},
				llmhub.Part{Kind: llmhub.PartDocument, Media: &llmhub.Media{MIME: "text/plain", Text: "note"}})}},
			want: `{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"image/png","data":"AAAA"}},{"inlineData":{"mimeType":"application/pdf","data":"BBBB"}},{"inlineData":{"mimeType":"audio/wav","data":"CCCC"}},{"text":"note"}]}]}`},
		{name: "a file of the provider's own goes by its address",
			prompt: llmhub.Prompt{Messages: []llmhub.Message{user(llmhub.Part{Kind: llmhub.PartImage, Media: &llmhub.Media{URL: "https://generativelanguage.googleapis.com/v1beta/files/x"}})}},
			want:   `{"contents":[{"role":"user","parts":[{"fileData":{"fileUri":"https://generativelanguage.googleapis.com/v1beta/files/x"}}]}]}`},
		{name: "tools and results",
			prompt: llmhub.Prompt{Tools: []llmhub.Tool{{Name: "f", Description: "d", Schema: json.RawMessage(`{"type":"object"}`)}, {Name: "g"}},
				Messages: []llmhub.Message{user(text("hi")),
					assistant(call("1", "f", `{"a":1}`), call("2", "g", "")),
					user(result("1", "40 C")), user(result("2", `{"ok":true}`)),
					assistant(call("3", "f", "not JSON")),
					user(llmhub.Part{Kind: llmhub.PartToolResult, ID: "3", Failed: true, Result: []llmhub.Part{text("broke")}})}},
			want: `{"contents":[{"role":"user","parts":[{"text":"hi"}]},
				{"role":"model","parts":[{"functionCall":{"id":"1","name":"f","args":{"a":1}}},{"functionCall":{"id":"2","name":"g","args":{}}}]},
				{"role":"user","parts":[{"functionResponse":{"id":"1","name":"f","response":{"result":"40 C"}}},{"functionResponse":{"id":"2","name":"g","response":{"ok":true}}}]},
				{"role":"model","parts":[{"functionCall":{"id":"3","name":"f","args":{}}}]},
				{"role":"user","parts":[{"functionResponse":{"id":"3","name":"f","response":{"error":"broke"}}}]}],
				"tools":[{"functionDeclarations":[{"name":"f","description":"d","parametersJsonSchema":{"type":"object"}},{"name":"g"}]}]}`,
			warns: []string{"tool call arguments that are no JSON object"}},
		{name: "a picture in a result stands behind the results",
			prompt: llmhub.Prompt{Messages: []llmhub.Message{assistant(call("1", "f", ""), call("2", "f", "")),
				user(llmhub.Part{Kind: llmhub.PartToolResult, ID: "1", Result: []llmhub.Part{{Kind: llmhub.PartImage, Media: &llmhub.Media{MIME: "image/png", Data: "AAAA"}}}}, result("2", "x"))}},
			want: `{"contents":[{"role":"model","parts":[{"functionCall":{"id":"1","name":"f","args":{}}},{"functionCall":{"id":"2","name":"f","args":{}}}]},
				{"role":"user","parts":[{"functionResponse":{"id":"1","name":"f","response":{"result":""}}},{"functionResponse":{"id":"2","name":"f","response":{"result":"x"}}},{"inlineData":{"mimeType":"image/png","data":"AAAA"}}]}]}`},
		{name: "own signatures go back on their parts, others' do not",
			prompt: llmhub.Prompt{Messages: []llmhub.Message{assistant(
				llmhub.Part{Kind: llmhub.PartReasoning, Text: "hm", Signature: "s1", SignedBy: "gemini"},
				llmhub.Part{Kind: llmhub.PartReasoning, Text: "hm", Signature: "s2", SignedBy: "anthropic"},
				llmhub.Part{Kind: llmhub.PartReasoning, Text: "unsigned"},
				llmhub.Part{Kind: llmhub.PartText, Text: "", Signature: "s3", SignedBy: "gemini"},
				llmhub.Part{Kind: llmhub.PartText, Text: "x", Signature: "s4", SignedBy: "anthropic"},
				llmhub.Part{Kind: llmhub.PartToolCall, ID: "1", Name: "f", Signature: "s5", SignedBy: "gemini"})}},
			want: `{"contents":[{"role":"model","parts":[{"text":"hm","thought":true,"thoughtSignature":"s1"},{"text":"","thoughtSignature":"s3"},{"text":"x"},{"functionCall":{"id":"1","name":"f","args":{}},"thoughtSignature":"s5"}]}]}`},
		{name: "generation 3 gets the bypass on the first foreign call of a turn", model: "gemini-3-pro-preview",
			prompt: llmhub.Prompt{Messages: []llmhub.Message{user(text("hi")), assistant(call("1", "f", ""), call("2", "f", "")), user(result("1", ""), result("2", "")),
				assistant(llmhub.Part{Kind: llmhub.PartToolCall, ID: "3", Name: "f", Signature: "s", SignedBy: "gemini"}, call("4", "f", ""))}},
			want: `{"contents":[{"role":"user","parts":[{"text":"hi"}]},
				{"role":"model","parts":[{"functionCall":{"id":"1","name":"f","args":{}},"thoughtSignature":"skip_thought_signature_validator"},{"functionCall":{"id":"2","name":"f","args":{}}}]},
				{"role":"user","parts":[{"functionResponse":{"id":"1","name":"f","response":{"result":""}}},{"functionResponse":{"id":"2","name":"f","response":{"result":""}}}]},
				{"role":"model","parts":[{"functionCall":{"id":"3","name":"f","args":{}},"thoughtSignature":"s"},{"functionCall":{"id":"4","name":"f","args":{}}}]}]}`},
		{name: "one tool is named", prompt: llmhub.Prompt{Tools: []llmhub.Tool{tool("f")}, Choice: &llmhub.ToolChoice{Mode: llmhub.ToolNamed, Name: "f"}},
			want: `{"contents":[],"tools":[{"functionDeclarations":[{"name":"f","parametersJsonSchema":{"type":"object"}}]}],"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["f"]}}}`},
		{name: "any tool of some", prompt: llmhub.Prompt{Tools: []llmhub.Tool{tool("f"), tool("g")}, Choice: &llmhub.ToolChoice{Mode: llmhub.ToolRequired, Only: []string{"g"}}},
			want: `{"contents":[],"tools":[{"functionDeclarations":[{"name":"f","parametersJsonSchema":{"type":"object"}},{"name":"g","parametersJsonSchema":{"type":"object"}}]}],"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["g"]}}}`},
		{name: "perhaps a tool of some", prompt: llmhub.Prompt{Tools: []llmhub.Tool{tool("f"), tool("g")}, Choice: &llmhub.ToolChoice{Mode: llmhub.ToolAuto, Only: []string{"g"}}},
			want: `{"contents":[],"tools":[{"functionDeclarations":[{"name":"g","parametersJsonSchema":{"type":"object"}}]}],"toolConfig":{"functionCallingConfig":{"mode":"AUTO"}}}`},
		{name: "no tool", prompt: llmhub.Prompt{Tools: []llmhub.Tool{tool("f")}, Choice: &llmhub.ToolChoice{Mode: llmhub.ToolNone}, Parallel: ptr(false)},
			want: `{"contents":[],"tools":[{"functionDeclarations":[{"name":"f","parametersJsonSchema":{"type":"object"}}]}],"toolConfig":{"functionCallingConfig":{"mode":"NONE"}}}`},
		{name: "JSON by a schema", prompt: llmhub.Prompt{Messages: []llmhub.Message{user(text("hi"))}, Format: &llmhub.Format{Schema: json.RawMessage(`{"type":"object"}`)}},
			want: `{` + hello + `,"generationConfig":{"responseMimeType":"application/json","responseJsonSchema":{"type":"object"}}}`},
		{name: "any JSON", prompt: llmhub.Prompt{Messages: []llmhub.Message{user(text("hi"))}, Format: &llmhub.Format{}},
			want: `{` + hello + `,"generationConfig":{"responseMimeType":"application/json"}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &llmhub.Call{Request: tt.head, Target: llmhub.Target{Model: "gemini-2.5-flash"}}
			if tt.model != "" {
				c.Target.Model = tt.model
			}
			c.Body = &tt.prompt
			parts, err := (&gemini.Client{}).Body(c)
			if err != nil {
				t.Fatal(err)
			}
			got := bytes.Join(parts, nil)
			if d := wiretest.DiffJSON(got, []byte(tt.want)); d != "" {
				t.Errorf("Body = %s\nwant %s\n%s", got, tt.want, d)
			}
			if !slices.Equal(c.Warnings(), tt.warns) {
				t.Errorf("warnings %q, want %q", c.Warnings(), tt.warns)
			}
		})
	}
}

func TestBodyThinking(t *testing.T) {
	for _, tt := range []struct {
		model string
		r     llmhub.Reasoning
		want  string // of thinkingConfig
		warns int
	}{
		{"gemini-2.5-flash", llmhub.Reasoning{Effort: "none"}, `{"thinkingBudget":0}`, 0},
		{"gemini-2.5-pro", llmhub.Reasoning{Effort: "none"}, `{"thinkingBudget":128}`, 1},
		{"gemini-2.5-flash", llmhub.Reasoning{Effort: "medium"}, `{"thinkingBudget":8192}`, 0},
		{"gemini-2.5-flash", llmhub.Reasoning{Effort: "max"}, `{"thinkingBudget":24576}`, 0},
		{"gemini-2.5-pro", llmhub.Reasoning{Effort: "xhigh"}, `{"thinkingBudget":32768}`, 0},
		{"gemini-2.5-flash-lite", llmhub.Reasoning{Budget: 100}, `{"thinkingBudget":512}`, 0},
		{"gemini-2.5-pro", llmhub.Reasoning{Budget: 1000, Show: ptr(true)}, `{"thinkingBudget":1000,"includeThoughts":true}`, 0},
		{"models/gemini-2.5-pro", llmhub.Reasoning{Show: ptr(true)}, `{"includeThoughts":true}`, 0},
		{"gemini-3.5-flash", llmhub.Reasoning{Effort: "none"}, `{"thinkingLevel":"minimal"}`, 0},
		{"gemini-3-pro-preview", llmhub.Reasoning{Effort: "none"}, `{"thinkingLevel":"low"}`, 1},
		{"gemini-3-pro-preview", llmhub.Reasoning{Effort: "medium"}, `{"thinkingLevel":"high"}`, 0},
		{"gemini-3.1-pro-preview", llmhub.Reasoning{Effort: "medium"}, `{"thinkingLevel":"medium"}`, 0},
		{"gemini-flash-latest", llmhub.Reasoning{Budget: 20000}, `{"thinkingLevel":"high"}`, 0},
		{"gemini-3.5-flash", llmhub.Reasoning{Budget: 1000}, `{"thinkingLevel":"low"}`, 0},
		{"gemini-3.5-flash", llmhub.Reasoning{Show: ptr(false)}, ``, 0},
		{"gemini-2.0-flash", llmhub.Reasoning{Effort: "high"}, ``, 1},
		{"gemma-3-27b-it", llmhub.Reasoning{Effort: "none"}, ``, 0},
	} {
		p := llmhub.Text("hi")
		p.Reasoning = &tt.r
		c := &llmhub.Call{Request: llmhub.Request{Body: p}, Target: llmhub.Target{Model: tt.model}}
		parts, err := (&gemini.Client{}).Body(c)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			GenerationConfig struct{ ThinkingConfig json.RawMessage }
		}
		if err := json.Unmarshal(bytes.Join(parts, nil), &got); err != nil {
			t.Fatal(err)
		}
		if string(got.GenerationConfig.ThinkingConfig) != tt.want || len(c.Warnings()) != tt.warns {
			t.Errorf("%s with %+v: thinkingConfig %s, %d warnings, want %s, %d", tt.model, tt.r, got.GenerationConfig.ThinkingConfig, len(c.Warnings()), tt.want, tt.warns)
		}
	}
}

func TestBodyRefuses(t *testing.T) {
	image := llmhub.Part{Kind: llmhub.PartImage, Media: &llmhub.Media{URL: "https://example.com/cat.png"}}
	for _, tt := range []struct {
		name, dialect string
		prompt        llmhub.Prompt
		kind          llmhub.Kind
		param         string
	}{
		{"an image by URL", "", llmhub.Prompt{Messages: []llmhub.Message{user(image)}}, llmhub.Unsupported, "messages[0].content"},
		{"one tool call a turn", "", llmhub.Prompt{Tools: []llmhub.Tool{tool("f")}, Parallel: ptr(false)}, llmhub.Unsupported, "parallel_tool_calls"},
		{"one tool call a turn, said by Anthropic's word", "anthropic", llmhub.Prompt{Tools: []llmhub.Tool{tool("f")}, Parallel: ptr(false)}, llmhub.Unsupported, "tool_choice.disable_parallel_tool_use"},
		{"six stop sequences", "", llmhub.Prompt{Stop: strings.Split("abcdef", "")}, llmhub.Unsupported, "stop"},
		{"a tool's name that begins with a digit", "", llmhub.Prompt{Tools: []llmhub.Tool{tool("1f")}}, llmhub.Unsupported, "tools[0].name"},
		{"a tool's name that is too long", "", llmhub.Prompt{Tools: []llmhub.Tool{tool(strings.Repeat("f", 65))}}, llmhub.Unsupported, "tools[0].name"},
		{"another dialect's tool", "", llmhub.Prompt{Tools: []llmhub.Tool{{Origin: llmhub.Origin{Dialect: "anthropic"}}}}, llmhub.Unsupported, "tools[0]"},
		{"another dialect's part", "", llmhub.Prompt{Messages: []llmhub.Message{user(llmhub.Part{Kind: llmhub.PartOther})}}, llmhub.Unsupported, "messages[0].content"},
		{"what the neck cannot say", "", llmhub.Prompt{Unsaid: []llmhub.Param{{Name: "logit_bias"}}}, llmhub.Unsupported, "logit_bias"},
		{"a result without its call", "", llmhub.Prompt{Messages: []llmhub.Message{user(result("1", "x"))}}, llmhub.InvalidRequest, "messages[0].tool_call_id"},
		{"tools and JSON output together", "", llmhub.Prompt{Tools: []llmhub.Tool{tool("f")}, Format: &llmhub.Format{}}, llmhub.Unsupported, "response_format"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := (&gemini.Client{}).Body(&llmhub.Call{Request: llmhub.Request{Dialect: tt.dialect, Body: &tt.prompt}, Target: llmhub.Target{Model: "gemini-2.5-flash"}})
			var e *llmhub.Error
			if !errors.As(err, &e) || e.Kind != tt.kind || e.Param != tt.param {
				t.Errorf("Body gave %v (%+v), want %s of %s", err, e, tt.kind, tt.param)
			}
		})
	}
}

// What an answer holds goes back as it came: signatures and parts that nobody
// else knows.
func TestAnswerGoesBack(t *testing.T) {
	const answer = `{"candidates":[{"content":{"role":"model","parts":[{"text":"hm","thought":true,"thoughtSignature":"s1"},
		{"executableCode":{"language":"PYTHON","code":"1+1"}},{"codeExecutionResult":{"outcome":"OUTCOME_OK","output":"2"}},
		{"text":"two","thoughtSignature":"s2"},{"functionCall":{"id":"7","name":"f","args":{"a":"b"}},"thoughtSignature":"s3"}]},"finishReason":"STOP"}]}`
	client := &gemini.Client{}
	resp, err := client.Events(&llmhub.Call{}, strings.NewReader(answer), -1).Collect()
	if err != nil {
		t.Fatal(err)
	}
	p := &llmhub.Prompt{Messages: []llmhub.Message{assistant(resp.Parts...)}}
	parts, err := client.Body(&llmhub.Call{Request: llmhub.Request{Body: p}, Target: llmhub.Target{Model: "gemini-3.5-flash"}})
	if err != nil {
		t.Fatal(err)
	}
	var in struct {
		Candidates []struct{ Content json.RawMessage }
	}
	json.Unmarshal([]byte(answer), &in)
	want := fmt.Sprintf(`{"contents":[%s]}`, in.Candidates[0].Content)
	if d := wiretest.DiffJSON(bytes.Join(parts, nil), []byte(want)); d != "" {
		t.Errorf("Body of an answer's parts = %s\nwant %s\n%s", bytes.Join(parts, nil), want, d)
	}
}
