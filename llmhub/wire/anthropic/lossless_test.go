package anthropic_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/llmhub/wire/anthropic"
	"github.com/llmhubd/llmhub/llmhub/wire/wiretest"
)

// recorded are the exchanges with POST /v1/messages.
func recorded(t testing.TB) []*wiretest.Exchange {
	return wiretest.Corpus(t, func(x *wiretest.Exchange) bool {
		return x.Provider == "anthropic" && x.Endpoint == "messages"
	})
}

// unreadable are recorded requests that were wrong, and that the provider refused
// too: they go straight through, but nobody can edit them.
var unreadable = map[string]string{
	"messages-unary-status-400-02cb46": "a message that is a string",
}

func parse(t testing.TB, body []byte) *llmhub.Request {
	t.Helper()
	req, err := anthropic.Server{}.Request(wire.Incoming{Path: "/v1/messages", Body: bytes.Clone(body)})
	if err != nil {
		t.Fatalf("Request(%.200s): %v", body, err)
	}
	return req
}

func send(t testing.TB, req *llmhub.Request, model string) []byte {
	t.Helper()
	call := &llmhub.Call{Request: *req, Attempt: 1, Target: llmhub.Target{Provider: "anthropic", Model: model}}
	parts, err := anthropic.Client{}.Body(call)
	if err != nil {
		t.Fatalf("Body: %v", err)
	}
	return bytes.Join(parts, nil)
}

// edits are changes to a decoded request, and the same changes made to its JSON.
var edits = []struct {
	name  string
	edit  func(p *llmhub.Prompt, takes anthropic.Traits) bool // false: it does not apply
	wants func(body map[string]any)
}{
	{"nothing", func(*llmhub.Prompt, anthropic.Traits) bool { return true }, func(map[string]any) {}},
	{"a temperature", func(p *llmhub.Prompt, takes anthropic.Traits) bool {
		half := 0.5
		p.Temperature = &half
		return takes.Sampling && p.Reasoning == nil && p.TopP == nil // else it is left out
	}, func(b map[string]any) { b["temperature"] = json.Number("0.5") }},
	{"a user's message more", func(p *llmhub.Prompt, _ anthropic.Traits) bool {
		p.Messages = append(p.Messages, llmhub.Message{Role: llmhub.RoleUser, Parts: []llmhub.Part{{Kind: llmhub.PartText, Text: "and \"then\"?"}}})
		return true
	}, func(b map[string]any) {
		b["messages"] = append(b["messages"].([]any), map[string]any{"role": "user", "content": []any{map[string]any{"type": "text", "text": "and \"then\"?"}}})
	}},
	{"another text", func(p *llmhub.Prompt, _ anthropic.Traits) bool {
		for i := range p.Messages {
			for j := range p.Messages[i].Parts {
				if part := &p.Messages[i].Parts[j]; part.Kind == llmhub.PartText {
					part.Text = "changed"
					return true
				}
			}
		}
		return false
	}, func(b map[string]any) {
		for _, m := range b["messages"].([]any) {
			m := m.(map[string]any)
			if _, ok := m["content"].(string); ok {
				m["content"] = "changed"
				return
			}
			for _, c := range m["content"].([]any) {
				if c := c.(map[string]any); c["type"] == "text" {
					c["text"] = "changed"
					return
				}
			}
		}
	}},
	{"another result of a tool", func(p *llmhub.Prompt, _ anthropic.Traits) bool {
		for i := range p.Messages {
			for j := range p.Messages[i].Parts {
				if part := &p.Messages[i].Parts[j]; part.Kind == llmhub.PartToolResult {
					part.Result, part.Failed = []llmhub.Part{{Kind: llmhub.PartText, Text: "42"}}, false
					return true
				}
			}
		}
		return false
	}, func(b map[string]any) {
		for _, m := range b["messages"].([]any) {
			blocks, _ := m.(map[string]any)["content"].([]any)
			for _, c := range blocks {
				if c := c.(map[string]any); c["type"] == "tool_result" {
					c["content"] = "42"
					if c["is_error"] == true {
						delete(c, "is_error")
					}
					return
				}
			}
		}
	}},
	{"another description of a tool", func(p *llmhub.Prompt, _ anthropic.Traits) bool {
		for i := range p.Tools {
			if p.Tools[i].Name != "" {
				p.Tools[i].Description = "changed"
				return true
			}
		}
		return false
	}, func(b map[string]any) {
		for _, tool := range b["tools"].([]any) {
			if tool := tool.(map[string]any); tool["type"] == nil || tool["type"] == "custom" {
				tool["description"] = "changed"
				return
			}
		}
	}},
	{"an instruction more and half an answer", func(p *llmhub.Prompt, _ anthropic.Traits) bool {
		p.Messages = append(p.Messages, llmhub.Message{Role: llmhub.RoleSystem, Parts: []llmhub.Part{{Kind: llmhub.PartText, Text: "in French"}}},
			llmhub.Message{Role: llmhub.RoleAssistant, Parts: []llmhub.Part{{Kind: llmhub.PartText, Text: "Je "}}})
		return true
	}, func(b map[string]any) {
		b["messages"] = append(b["messages"].([]any),
			map[string]any{"role": "user", "content": []any{map[string]any{"type": "text", "text": "<system>\nin French\n</system>"}}},
			map[string]any{"role": "assistant", "content": []any{map[string]any{"type": "text", "text": "Je"}}})
	}},
	{"no tools", func(p *llmhub.Prompt, _ anthropic.Traits) bool {
		for _, m := range p.Messages {
			for _, part := range m.Parts {
				if part.Kind == llmhub.PartToolCall { // then there must be tools
					return false
				}
			}
		}
		p.Tools = nil
		return true
	}, func(b map[string]any) {
		if tools, ok := b["tools"]; ok && len(tools.([]any)) > 0 {
			delete(b, "tools")
			delete(b, "tool_choice")
		}
	}},
	{"a stop sequence", func(p *llmhub.Prompt, _ anthropic.Traits) bool {
		p.Stop = []string{"END"}
		return true
	}, func(b map[string]any) { b["stop_sequences"] = []any{"END"} }},
	{"a user", func(p *llmhub.Prompt, _ anthropic.Traits) bool {
		p.User = "u1"
		return true
	}, func(b map[string]any) {
		m, _ := b["metadata"].(map[string]any)
		if m == nil {
			m = map[string]any{}
		}
		m["user_id"] = "u1"
		b["metadata"] = m
	}},
}

// TestRecordedRequestsAreLossless holds that what a caller wrote reaches a
// provider of his dialect as it was, straight through and with an edit.
func TestRecordedRequestsAreLossless(t *testing.T) {
	passed, total := 0, 0
	for _, x := range recorded(t) {
		if x.Request == nil {
			continue
		}
		total++
		ok := t.Run(x.ID, func(t *testing.T) {
			if d := wiretest.DiffJSON(send(t, parse(t, x.Request), x.Model), x.Request); d != "" {
				t.Errorf("straight through: %s", d)
			}
			if why := unreadable[x.ID]; why != "" {
				t.Logf("no edits: %s", why)
				return
			}
			for _, e := range edits {
				req := parse(t, x.Request)
				p, err := req.Edit()
				if err != nil {
					t.Fatalf("Edit: %v", err)
				}
				if !e.edit(p, anthropic.TraitsOf(x.Model)) {
					continue
				}
				if d := wiretest.DiffJSON(send(t, req, x.Model), edited(t, x.Request, e.wants)); d != "" {
					t.Errorf("with %s: %s", e.name, d)
				}
			}
		})
		if ok {
			passed++
		}
	}
	t.Logf("anthropic requests: %d of %d passed", passed, total)
}

func edited(t testing.TB, body []byte, change func(map[string]any)) []byte {
	t.Helper()
	var v map[string]any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	change(v)
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
