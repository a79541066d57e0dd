package adapters_test

import (
	"testing"

	"github.com/llmhubd/llmhub/adapters/adaptertest"
	"github.com/llmhubd/llmhub/adapters/openaicompat"
	"github.com/llmhubd/llmhub/llmhub"
)

func TestConformance(t *testing.T) {
	dialects := map[string]adaptertest.Dialect{
		"openai": adaptertest.OpenAIChat(), "groq": adaptertest.OpenAIChat(), "deepseek": adaptertest.OpenAIChat(),
		"anthropic": adaptertest.Anthropic(), "gemini": adaptertest.Gemini(),
	}
	for name, d := range dialects {
		t.Run(name, func(t *testing.T) { adaptertest.Run(t, clocked[name], d) })
	}
	t.Run("openaicompat", func(t *testing.T) {
		adaptertest.Run(t, func(url string) llmhub.Adapter { return openaicompat.New(openaicompat.Config{URL: url}) }, adaptertest.OpenAIChat())
	})
}
