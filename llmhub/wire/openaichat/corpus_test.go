package openaichat_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/llmhub/wire/openaichat"
	"github.com/llmhubd/llmhub/llmhub/wire/wiretest"
)

// clients are the providers' as their adapters configure them.
var clients = map[string]*openaichat.Client{
	"openai": {Provider: "openai"},
	"deepseek": {Provider: "deepseek", Quirks: func(string) openaichat.Quirks {
		return openaichat.Quirks{Reasoning: "reasoning_content", Thinking: true}
	}},
	"groq":   {Provider: "groq", Quirks: func(string) openaichat.Quirks { return openaichat.Quirks{Reasoning: "reasoning"} }},
	"gemini": {Provider: "gemini", Quirks: func(string) openaichat.Quirks { return openaichat.Quirks{Signatures: "google"} }},
}

func isChat(x *wiretest.Exchange) bool {
	return x.Endpoint == "chat" || x.Endpoint == "openai-compat:chat/completions"
}

// tally counts what passed per provider.
type tally map[string][2]int

func (t tally) add(provider string, ok bool) {
	n := t[provider]
	n[1]++
	if ok {
		n[0]++
	}
	t[provider] = n
}

func (t tally) log(tb testing.TB, what string) {
	for provider, n := range t {
		tb.Logf("%s: %s %d/%d", what, provider, n[0], n[1])
	}
}

func callOf(t testing.TB, raw []byte) *llmhub.Call {
	t.Helper()
	req, err := openaichat.Server{}.Request(wire.Incoming{Body: raw})
	if err != nil {
		t.Fatalf("Request(%.300s) failed: %v", raw, err)
	}
	return &llmhub.Call{Request: *req, Target: llmhub.Target{Model: req.Model}}
}

func sent(t testing.TB, c *openaichat.Client, call *llmhub.Call) []byte {
	t.Helper()
	parts, err := c.Body(call)
	if err != nil {
		t.Fatalf("Body failed: %v", err)
	}
	return bytes.Join(parts, nil)
}

// metered is what a recorded body is sent as: with its usage asked for.
func metered(t testing.TB, raw []byte) map[string]any {
	t.Helper()
	m := map[string]any{}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&m); err != nil {
		t.Fatal(err)
	}
	if m["stream"] == true {
		o, _ := m["stream_options"].(map[string]any)
		if o == nil {
			o = map[string]any{}
		}
		o["include_usage"] = true
		m["stream_options"] = o
	}
	return m
}

func diff(t testing.TB, got []byte, want map[string]any) string {
	t.Helper()
	w, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	return wiretest.DiffJSON(got, w)
}

func TestRecordedRequestsAreLossless(t *testing.T) {
	for _, way := range []struct {
		name string
		edit func(*testing.T, *llmhub.Call, map[string]any)
	}{
		{"straight through", nil},
		{"edited without a change", func(t *testing.T, call *llmhub.Call, _ map[string]any) { edit(t, call) }},
		{"temperature set", func(t *testing.T, call *llmhub.Call, want map[string]any) {
			v := 0.125
			edit(t, call).Temperature = &v
			want["temperature"] = json.Number("0.125")
		}},
		{"a message appended", func(t *testing.T, call *llmhub.Call, want map[string]any) {
			p := edit(t, call)
			p.Messages = append(p.Messages, llmhub.Text("and now?").Messages...)
			want["messages"] = append(want["messages"].([]any), map[string]any{"role": "user", "content": "and now?"})
		}},
		{"a text changed", changeText},
		{"a system text changed", changeSystem},
		{"a tool described anew", changeTool},
		{"arguments of a call changed", changeArgs},
	} {
		t.Run(way.name, func(t *testing.T) {
			seen := tally{}
			for _, x := range wiretest.Corpus(t, func(x *wiretest.Exchange) bool { return isChat(x) && x.Request != nil }) {
				call, want := callOf(t, x.Request), metered(t, x.Request)
				if way.edit != nil {
					way.edit(t, call, want)
				}
				d := diff(t, sent(t, clients[x.Provider], call), want)
				if seen.add(x.Provider, d == ""); d != "" {
					t.Errorf("%s/%s: %s", x.Provider, x.ID, d)
				}
				if w := call.Warnings(); len(w) > 0 {
					t.Errorf("%s/%s warned of %v", x.Provider, x.ID, w)
				}
			}
			seen.log(t, way.name)
		})
	}
}

func edit(t testing.TB, call *llmhub.Call) *llmhub.Prompt {
	t.Helper()
	p, err := call.Edit()
	if err != nil {
		t.Fatalf("Edit failed: %v", err)
	}
	return p
}

const changed = "something else \"entirely\""

// changeText changes the first text of the first message that has one.
func changeText(t *testing.T, call *llmhub.Call, want map[string]any) {
	p := edit(t, call)
	for i, m := range p.Messages {
		for j, part := range m.Parts {
			if part.Kind != llmhub.PartText {
				continue
			}
			p.Messages[i].Parts[j].Text = changed
			setText(want, func(role string) bool { return role != "tool" && role != "function" }, len(p.System) > 0)
			return
		}
	}
}

func changeSystem(t *testing.T, call *llmhub.Call, want map[string]any) {
	p := edit(t, call)
	if len(p.System) == 0 {
		return
	}
	p.System[0].Text = changed
	setText(want, func(role string) bool { return role == "system" || role == "developer" }, false)
}

// setText sets the first text that is not empty in the messages whose role fits;
// leading system messages may be passed over.
func setText(want map[string]any, fits func(role string) bool, pass bool) {
	for _, v := range want["messages"].([]any) {
		m := v.(map[string]any)
		role := m["role"].(string)
		if pass = pass && (role == "system" || role == "developer"); pass || !fits(role) {
			continue
		}
		if s, ok := m["content"].(string); ok && s != "" {
			m["content"] = changed
			return
		}
		list, _ := m["content"].([]any)
		for _, e := range list {
			if p := e.(map[string]any); p["type"] == "text" {
				p["text"] = changed
				return
			}
		}
	}
}

func changeTool(t *testing.T, call *llmhub.Call, want map[string]any) {
	p := edit(t, call)
	if len(p.Tools) == 0 {
		return
	}
	p.Tools[0].Description = changed
	if list, ok := want["functions"].([]any); ok {
		list[0].(map[string]any)["description"] = changed
		return
	}
	want["tools"].([]any)[0].(map[string]any)["function"].(map[string]any)["description"] = changed
}

func changeArgs(t *testing.T, call *llmhub.Call, want map[string]any) {
	p := edit(t, call)
	for i, m := range p.Messages {
		for j, part := range m.Parts {
			if part.Kind != llmhub.PartToolCall {
				continue
			}
			p.Messages[i].Parts[j].Args = `{"changed":true}`
			for _, v := range want["messages"].([]any) {
				calls, _ := v.(map[string]any)["tool_calls"].([]any)
				if len(calls) > 0 {
					calls[0].(map[string]any)["function"].(map[string]any)["arguments"] = `{"changed":true}`
					return
				}
			}
		}
	}
}

func TestRecordedErrors(t *testing.T) {
	seen := tally{}
	for _, x := range wiretest.Corpus(t, func(x *wiretest.Exchange) bool { return isChat(x) && x.Status >= 400 }) {
		want := map[int]llmhub.Kind{401: llmhub.BadCredential, 404: llmhub.ModelNotFound, 400: llmhub.InvalidRequest}[x.Status]
		body := string(x.Response)
		switch {
		case strings.Contains(body, "unsupported") || strings.Contains(body, "unknown variant"):
			want = llmhub.Unsupported
		case strings.Contains(body, "maximum context length"):
			want = llmhub.ContextLength
		case strings.Contains(body, "tool_use_failed"):
			want = llmhub.UpstreamFailed
		}
		e := clients[x.Provider].Error(&llmhub.Call{}, x.Status, x.ResponseHeader, x.Response)
		if seen.add(x.Provider, e.Kind == want); e.Kind != want {
			t.Errorf("%s/%s: Error(%d, %s) = %s, want %s", x.Provider, x.ID, x.Status, body, e.Kind, want)
		}
		if e.Sent || e.Provider != x.Provider {
			t.Errorf("%s/%s: error says Sent %v of %q, want false of %q", x.Provider, x.ID, e.Sent, e.Provider, x.Provider)
		}
	}
	seen.log(t, "errors")
}
