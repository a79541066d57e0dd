// Embed asks a logical model from within a program: OpenAI if it can answer,
// else Anthropic.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/llmhubd/llmhub/adapters/anthropic"
	"github.com/llmhubd/llmhub/adapters/openai"
	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/hubtest"
	"github.com/llmhubd/llmhub/llmhub/routers"
)

func main() {
	adapters := map[string]llmhub.Adapter{
		"openai":    openai.New(openai.Config{Key: llmhub.NewSecret(os.Getenv("OPENAI_API_KEY")), URL: os.Getenv("OPENAI_BASE_URL")}),
		"anthropic": anthropic.New(anthropic.Config{Key: llmhub.NewSecret(os.Getenv("ANTHROPIC_API_KEY")), URL: os.Getenv("ANTHROPIC_BASE_URL")}),
	}
	if os.Getenv("OPENAI_API_KEY") == "" && os.Getenv("ANTHROPIC_API_KEY") == "" {
		adapters["openai"] = hubtest.Adapter(func(context.Context, *llmhub.Call) llmhub.Stream {
			return hubtest.Say("Hello! No key is set, so nobody was asked.").Events()
		})
	}
	smart := []llmhub.Target{{Provider: "openai", Model: "gpt-5.5"}, {Provider: "anthropic", Model: "claude-opus-4-8"}}
	hub, err := llmhub.New(llmhub.Config{Adapters: adapters, Router: &routers.Table{Models: map[string][]llmhub.Target{"smart": smart}}})
	if err != nil {
		log.Fatal(err)
	}
	answer, err := hub.Complete(context.Background(), &llmhub.Request{Model: "smart", Body: llmhub.Text("Say hello.")})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Text())
}
