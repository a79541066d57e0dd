package openaichat_test

import (
	"fmt"
	"strings"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/llmhub/wire/openaichat"
)

// A caller's request goes to a provider under another model's name, and the
// provider's answer back under the caller's.
func Example() {
	server, client := openaichat.Server{}, &openaichat.Client{Provider: "groq"}
	req, err := server.Request(wire.Incoming{Body: []byte(`{"model":"fast","messages":[{"role":"user","content":"Hi"}],"fallbacks":["smart"]}`)})
	if err != nil {
		fmt.Println(err)
		return
	}
	call := &llmhub.Call{Request: *req, Target: llmhub.Target{Provider: "groq", Model: "llama-4"}}
	parts, err := client.Body(call)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range parts {
		fmt.Printf("%s", p)
	}
	fmt.Println()

	answer := strings.NewReader(`{"id":"x","model":"llama-4","choices":[{"index":0,"message":{"role":"assistant","content":"Hello!"},"finish_reason":"stop"}]}`)
	enc := server.Encoder(req, wire.Identity{ID: "1", Model: "fast", Created: 1700000000})
	var out []byte
	for ev, err := range client.Events(call, answer, -1) {
		if err != nil {
			fmt.Println(err)
			return
		}
		out = enc.Append(out, ev)
	}
	fmt.Printf("%.120s…\n", out)
	// Output:
	// {"model":"llama-4","messages":[{"role":"user","content":"Hi"}]}
	// {"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"fast","choices":[{"index":0,"message":{"role…
}
