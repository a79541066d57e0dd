package clients

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	anthropic "github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
)

// message asks, streamed or not, and returns the whole answer.
func message(t *testing.T, c anthropic.Client, stream bool, p anthropic.MessageNewParams) (*anthropic.Message, error) {
	t.Helper()
	if !stream {
		return c.Messages.New(t.Context(), p)
	}
	s := c.Messages.NewStreaming(t.Context(), p)
	defer s.Close()
	m := anthropic.Message{}
	for s.Next() {
		if err := m.Accumulate(s.Current()); err != nil {
			t.Fatalf("the accumulator refused %s: %v", s.Current().RawJSON(), err)
		}
	}
	return &m, s.Err()
}

func say(model string) anthropic.MessageNewParams {
	return anthropic.MessageNewParams{Model: anthropic.Model(model), MaxTokens: 1000,
		Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock("Say hello."))}}
}

func TestAnthropicRecorded(t *testing.T) {
	for _, model := range logical {
		t.Run(model, func(t *testing.T) {
			both(t, func(t *testing.T, stream bool) {
				m, err := message(t, anthropicClient(t, setting(t, "STAGE_KEY")), stream, say(model))
				if err != nil {
					t.Fatal(err)
				}
				if string(m.Model) != model || len(m.Content) == 0 || m.StopReason == "" || m.Usage.OutputTokens == 0 {
					t.Errorf("%s answered %s", model, m.RawJSON())
				}
			})
		})
	}
}

func TestAnthropicText(t *testing.T) {
	for _, dialect := range dialects {
		t.Run(dialect, func(t *testing.T) {
			both(t, func(t *testing.T, stream bool) {
				m, err := message(t, anthropicClient(t, setting(t, "STAGE_KEY")), stream, say("hello-"+dialect))
				if err != nil {
					t.Fatal(err)
				}
				if len(m.Content) != 1 || m.Content[0].Text != greeting || m.StopReason != "end_turn" || string(m.Model) != "hello-"+dialect || m.Usage.OutputTokens == 0 {
					t.Errorf("got %+v, %q, %q", m.Content, m.StopReason, m.Model)
				}
			})
		})
	}
}

func TestAnthropicTools(t *testing.T) {
	for _, dialect := range dialects {
		t.Run(dialect, func(t *testing.T) { both(t, func(t *testing.T, stream bool) { anthropicTools(t, dialect, stream) }) })
	}
}

func anthropicTools(t *testing.T, dialect string, stream bool) {
	c := anthropicClient(t, setting(t, "STAGE_KEY"))
	p := anthropic.MessageNewParams{
		Model: anthropic.Model("tool-" + dialect), MaxTokens: 1000,
		Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(question))},
		Tools: []anthropic.ToolUnionParam{{OfTool: &anthropic.ToolParam{Name: "weather",
			InputSchema: anthropic.ToolInputSchemaParam{Properties: schema["properties"], Required: []string{"city"}}}}},
	}
	m, err := message(t, c, stream, p)
	if err != nil {
		t.Fatal(err)
	}
	if m.StopReason != "tool_use" {
		t.Fatalf("it stopped by %q, want tool_use", m.StopReason)
	}
	var results []anthropic.ContentBlockParamUnion
	ids := map[string]bool{}
	for _, block := range m.Content {
		if block.Type != "tool_use" {
			continue
		}
		var args struct{ City string }
		if err := json.Unmarshal(block.Input, &args); err != nil || block.Name != "weather" || !plainID.MatchString(block.ID) || strings.Contains(block.ID, "provider") {
			t.Fatalf("call %+v: %v", block, err)
		}
		ids[block.ID] = true
		results = append(results, anthropic.NewToolResultBlock(block.ID, degrees[args.City], false))
	}
	if len(ids) != 2 || len(results) != 2 {
		t.Fatalf("it made %d calls with %d ids, want 2", len(results), len(ids))
	}
	p.Messages = append(p.Messages, m.ToParam(), anthropic.NewUserMessage(results...))
	if m, err = message(t, c, stream, p); err != nil {
		t.Fatal(err)
	}
	if len(m.Content) != 1 || m.Content[0].Text != verdict || m.StopReason != "end_turn" {
		t.Errorf("got %+v, %q, want %q", m.Content, m.StopReason, verdict)
	}
}

func TestAnthropicErrors(t *testing.T) {
	for _, tt := range []struct {
		name, key, model string
		status           int
		kind             string
	}{
		{"a wrong key is 401", "", "hello-messages", 401, "authentication_error"},
		{"a model that nobody knows is 404", "STAGE_KEY", "no-such-model", 404, "not_found_error"},
		{"a model that the key may not use is 403", "STAGE_SMART_KEY", "hello-messages", 403, "permission_error"},
		{"what the provider finds wrong is 400", "STAGE_KEY", "wrong", 400, "invalid_request_error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key := "lh_this-is-no-key"
			if tt.key != "" {
				key = setting(t, tt.key)
			}
			both(t, func(t *testing.T, stream bool) {
				_, err := message(t, anthropicClient(t, key, option.WithMaxRetries(0)), stream, say(tt.model))
				var e *anthropic.Error
				if !errors.As(err, &e) || e.StatusCode != tt.status || string(e.Type()) != tt.kind || e.RequestID == "" {
					t.Errorf("got %v, want %d %s with a request id", err, tt.status, tt.kind)
				}
			})
		})
	}
}

func TestAnthropicWaits(t *testing.T) {
	key := setting(t, "STAGE_KEY")
	_, _ = message(t, anthropicClient(t, key), false, say("busy")) // now the only key cools
	count := &counting{}
	_, err := message(t, anthropicClient(t, key, option.WithHTTPClient(&http.Client{Transport: count})), false, say("busy"))
	var e *anthropic.Error
	if !errors.As(err, &e) || e.StatusCode != 429 || e.Type() != "rate_limit_error" {
		t.Fatalf("got %v, want 429 rate_limit_error", err)
	}
	checkWait(t, e.Response)
	if n := count.sent.Load(); n != 1 {
		t.Errorf("the client sent %d requests, want 1", n)
	}
	m, err := message(t, anthropicClient(t, key), false, say("saved"))
	if err != nil || m.Content[0].Text != greeting {
		t.Errorf("with another provider behind the busy one: %v, %v", m, err)
	}
}

func TestAnthropicCut(t *testing.T) {
	if m, err := message(t, anthropicClient(t, setting(t, "STAGE_KEY")), true, say("cut")); err == nil {
		t.Errorf("a stream that breaks off looks whole: %+v", m.Content)
	}
}

func TestAnthropicModels(t *testing.T) {
	c := anthropicClient(t, setting(t, "STAGE_KEY"))
	pages := c.Models.ListAutoPaging(t.Context(), anthropic.ModelListParams{})
	var ids []string
	for pages.Next() {
		ids = append(ids, pages.Current().ID)
	}
	if err := pages.Err(); err != nil {
		t.Fatal(err)
	}
	for _, want := range append([]string{"anthropic/claude-opus-4-8", "script-messages/hello"}, logical...) {
		if !slices.Contains(ids, want) {
			t.Errorf("%s is not among %v", want, ids)
		}
	}
	m, err := message(t, c, false, say("script-messages/hello"))
	if err != nil || string(m.Model) != "provider-model-name" || m.Content[0].Text != greeting {
		t.Errorf("provider/model: %v, %v", m, err)
	}
}
