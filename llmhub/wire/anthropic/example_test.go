package anthropic_test

import (
	"bytes"
	"fmt"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/llmhub/wire/anthropic"
)

// A request is read by its head, and goes to a provider of the same dialect with
// nothing but the model changed.
func Example() {
	req, err := anthropic.Server{}.Request(wire.Incoming{Body: []byte(`{"model":"smart","max_tokens":100,"messages":[{"role":"user","content":"hi"}]}`)})
	if err != nil {
		fmt.Println(err)
		return
	}
	call := &llmhub.Call{Request: *req, Target: llmhub.Target{Provider: "anthropic", Model: "claude-opus-4-8"}}
	parts, err := anthropic.Client{}.Body(call)
	fmt.Printf("%s %d %v\n%s\n", req.Model, req.MaxTokens, err, bytes.Join(parts, nil))
	// Output:
	// smart 100 <nil>
	// {"model":"claude-opus-4-8","max_tokens":100,"messages":[{"role":"user","content":"hi"}]}
}
