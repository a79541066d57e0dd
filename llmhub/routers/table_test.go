package routers_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/routers"
)

func table() *routers.Table {
	return &routers.Table{
		Models: map[string][]llmhub.Target{"smart": {{Provider: "openai", Model: "gpt-5.5"}, {Provider: "anthropic", Model: "claude-opus-4-8"}}},
		Direct: func(req *llmhub.Request, provider, model string) (llmhub.Target, error) {
			if !req.Caller.Direct {
				return llmhub.Target{}, llmhub.PermissionDenied
			}
			return llmhub.Target{Provider: provider, Model: model}, nil
		},
	}
}

func TestTable(t *testing.T) {
	direct := llmhub.Caller{Direct: true}
	for _, tt := range []struct {
		name   string
		model  string
		caller llmhub.Caller
		want   string
		err    llmhub.Kind
	}{
		{"a logical model gives its targets in order", "smart", llmhub.Caller{}, "[openai/gpt-5.5 anthropic/claude-opus-4-8]", ""},
		{"a concrete model is cut at its first slash", "groq/openai/gpt-oss-120b", direct, "[groq/openai/gpt-oss-120b]", ""},
		{"a concrete model needs permission", "openai/gpt-5.5", llmhub.Caller{}, "", llmhub.PermissionDenied},
		{"an unknown name is not found", "clever", direct, "", llmhub.ModelNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := table().Route(t.Context(), &llmhub.Request{Model: tt.model, Caller: tt.caller})
			if tt.err != "" {
				if !errors.Is(err, tt.err) {
					t.Errorf("Route(%s) failed with %v, want %v", tt.model, err, tt.err)
				}
				return
			}
			if err != nil || fmt.Sprint(got) != tt.want {
				t.Errorf("Route(%s) = %v, %v, want %s", tt.model, got, err, tt.want)
			}
		})
	}
	if tb := table(); !tb.Logical("smart") || tb.Logical("openai/gpt-5.5") {
		t.Error("Logical tells logical models from concrete ones")
	}
	if _, err := (&routers.Table{}).Route(t.Context(), &llmhub.Request{Model: "openai/gpt-5.5"}); !errors.Is(err, llmhub.ModelNotFound) {
		t.Errorf("without Direct a concrete model failed with %v, want not found", err)
	}
}

func ExampleTable() {
	t := &routers.Table{Models: map[string][]llmhub.Target{
		"smart": {{Provider: "openai", Model: "gpt-5.5"}, {Provider: "gemini", Model: "gemini-3.5-flash"}},
	}}
	targets, err := t.Route(context.Background(), &llmhub.Request{Model: "smart"})
	fmt.Println(targets, err)
	// Output: [openai/gpt-5.5 gemini/gemini-3.5-flash] <nil>
}
