package main

import (
	"fmt"
	"testing"

	"github.com/llmhubd/llmhub/adapters/adaptertest"
	"github.com/llmhubd/llmhub/llmhub"
)

func TestParrot(t *testing.T) {
	adaptertest.Run(t, func(url string) llmhub.Adapter { return Parrot{URL: url} }, adaptertest.Dialect{
		Model:  "grey",
		Text:   "Hello, world",
		Answer: []byte(`{"say":"Hello, world","done":true,"in":5,"out":2}` + "\n"),
		Stream: []byte("{\"say\":\"Hello\"}\n\n{\"say\":\", world\"}\n\n{\"done\":true,\"in\":5,\"out\":2}\n\n"),
		Error:  func(_ int, words string) []byte { return fmt.Appendf(nil, `{"no":%q}`, words) },
	})
}

func Example() {
	main()
	// Output: Polly wants a cracker.
}
