package clients

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

// chat asks, streamed or not, and returns the whole answer.
func chat(t *testing.T, c openai.Client, stream bool, p openai.ChatCompletionNewParams) (*openai.ChatCompletion, error) {
	t.Helper()
	if !stream {
		return c.Chat.Completions.New(t.Context(), p)
	}
	p.StreamOptions.IncludeUsage = openai.Bool(true)
	s := c.Chat.Completions.NewStreaming(t.Context(), p)
	defer s.Close()
	acc := openai.ChatCompletionAccumulator{}
	for s.Next() {
		if !acc.AddChunk(s.Current()) {
			t.Fatalf("the accumulator refused %s", s.Current().RawJSON())
		}
	}
	return &acc.ChatCompletion, s.Err()
}

func ask(model string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{Model: model, Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Say hello.")}}
}

func both(t *testing.T, f func(t *testing.T, stream bool)) {
	t.Run("plain", func(t *testing.T) { f(t, false) })
	t.Run("streamed", func(t *testing.T) { f(t, true) })
}

func TestOpenAIRecorded(t *testing.T) {
	for _, model := range logical {
		t.Run(model, func(t *testing.T) {
			both(t, func(t *testing.T, stream bool) {
				a, err := chat(t, openaiClient(t, setting(t, "STAGE_KEY")), stream, ask(model))
				if err != nil {
					t.Fatal(err)
				}
				m := a.Choices[0].Message
				if a.Model != model || m.Content == "" && m.Refusal == "" && len(m.ToolCalls) == 0 || a.Choices[0].FinishReason == "" || a.Usage.TotalTokens == 0 {
					t.Errorf("%s answered %s", model, a.RawJSON())
				}
			})
		})
	}
}

func TestOpenAIText(t *testing.T) {
	for _, dialect := range dialects {
		t.Run(dialect, func(t *testing.T) {
			both(t, func(t *testing.T, stream bool) {
				a, err := chat(t, openaiClient(t, setting(t, "STAGE_KEY")), stream, ask("hello-"+dialect))
				if err != nil {
					t.Fatal(err)
				}
				if c := a.Choices[0]; c.Message.Content != greeting || c.FinishReason != "stop" || a.Model != "hello-"+dialect || a.Usage.PromptTokens != 10 {
					t.Errorf("got %q, %q, %q, %d prompt tokens", c.Message.Content, c.FinishReason, a.Model, a.Usage.PromptTokens)
				}
			})
		})
	}
}

func TestOpenAITools(t *testing.T) {
	for _, dialect := range dialects {
		t.Run(dialect, func(t *testing.T) { both(t, func(t *testing.T, stream bool) { openaiTools(t, dialect, stream) }) })
	}
}

func openaiTools(t *testing.T, dialect string, stream bool) {
	c := openaiClient(t, setting(t, "STAGE_KEY"))
	p := openai.ChatCompletionNewParams{
		Model:    "tool-" + dialect,
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(question)},
		Tools:    []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{Name: "weather", Parameters: schema})},
	}
	a, err := chat(t, c, stream, p)
	if err != nil {
		t.Fatal(err)
	}
	calls := a.Choices[0].Message.ToolCalls
	if a.Choices[0].FinishReason != "tool_calls" || len(calls) != 2 || calls[0].ID == calls[1].ID {
		t.Fatalf("got %q and calls %+v, want two", a.Choices[0].FinishReason, calls)
	}
	p.Messages = append(p.Messages, a.Choices[0].Message.ToParam())
	for _, call := range calls {
		var args struct{ City string }
		if err := json.Unmarshal([]byte(call.Function.Arguments), &args); err != nil || call.Function.Name != "weather" || !plainID.MatchString(call.ID) || strings.Contains(call.ID, "provider") {
			t.Fatalf("call %+v: %v", call, err)
		}
		p.Messages = append(p.Messages, openai.ToolMessage(degrees[args.City], call.ID))
	}
	if a, err = chat(t, c, stream, p); err != nil {
		t.Fatal(err)
	}
	if c := a.Choices[0]; c.Message.Content != verdict || c.FinishReason != "stop" {
		t.Errorf("got %q, %q, want %q", c.Message.Content, c.FinishReason, verdict)
	}
}

func TestOpenAIErrors(t *testing.T) {
	for _, tt := range []struct {
		name, key, model string
		status           int
		code             string
	}{
		{"a wrong key is 401", "", "hello-chat", 401, "invalid_api_key"},
		{"a model that nobody knows is 404", "STAGE_KEY", "no-such-model", 404, "model_not_found"},
		{"a model that the key may not use is 403", "STAGE_SMART_KEY", "hello-chat", 403, "permission_denied"},
		{"what the provider finds wrong is 400", "STAGE_KEY", "wrong", 400, "invalid_request"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key := "lh_this-is-no-key"
			if tt.key != "" {
				key = setting(t, tt.key)
			}
			both(t, func(t *testing.T, stream bool) {
				_, err := chat(t, openaiClient(t, key, option.WithMaxRetries(0)), stream, ask(tt.model))
				var e *openai.Error
				if !errors.As(err, &e) || e.StatusCode != tt.status || e.Code != tt.code || e.Response.Header.Get("X-Request-Id") == "" {
					t.Errorf("got %v, want %d %s with a request id", err, tt.status, tt.code)
				}
			})
		})
	}
}

func TestOpenAIModelGone(t *testing.T) {
	_, err := chat(t, openaiClient(t, setting(t, "STAGE_KEY")), false, ask("absent"))
	var e *openai.Error
	if !errors.As(err, &e) || e.StatusCode != 404 || e.Code != "model_not_found" {
		t.Errorf("a model that its provider does not have: %v, want 404 model_not_found", err)
	}
}

func TestOpenAIWaits(t *testing.T) {
	key := setting(t, "STAGE_KEY")
	_, _ = chat(t, openaiClient(t, key), false, ask("busy")) // now the only key cools
	count := &counting{}
	_, err := chat(t, openaiClient(t, key, option.WithHTTPClient(&http.Client{Transport: count})), false, ask("busy"))
	var e *openai.Error
	if !errors.As(err, &e) || e.StatusCode != 429 || e.Code != "rate_limited" {
		t.Fatalf("got %v, want 429 rate_limited", err)
	}
	checkWait(t, e.Response)
	if n := count.sent.Load(); n != 1 {
		t.Errorf("the client sent %d requests, want 1", n)
	}
	a, err := chat(t, openaiClient(t, key), false, ask("saved"))
	if err != nil || a.Choices[0].Message.Content != greeting {
		t.Errorf("with another provider behind the busy one: %v, %v", a, err)
	}
}

func TestOpenAICut(t *testing.T) {
	if a, err := chat(t, openaiClient(t, setting(t, "STAGE_KEY")), true, ask("cut")); err == nil {
		t.Errorf("a stream that breaks off looks whole: %s", a.RawJSON())
	}
}

func TestOpenAIModels(t *testing.T) {
	list := func(key string) (ids []string) {
		c := openaiClient(t, setting(t, key))
		pages := c.Models.ListAutoPaging(t.Context())
		for pages.Next() {
			ids = append(ids, pages.Current().ID)
		}
		if err := pages.Err(); err != nil {
			t.Fatal(err)
		}
		return ids
	}
	all := list("STAGE_KEY")
	for _, want := range append([]string{"openai/gpt-5.5", "script-chat/hello"}, logical...) {
		if !slices.Contains(all, want) {
			t.Errorf("%s is not among %v", want, all)
		}
	}
	if few := list("STAGE_SMART_KEY"); !slices.Equal(few, []string{"smart"}) {
		t.Errorf("a key for smart alone sees %v", few)
	}
	a, err := chat(t, openaiClient(t, setting(t, "STAGE_KEY")), false, ask("script-chat/hello"))
	if err != nil || a.Model != "provider-model-name" || a.Choices[0].Message.Content != greeting {
		t.Errorf("provider/model: %v, %v", a, err)
	}
}
