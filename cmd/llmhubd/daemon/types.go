package daemon

import (
	"net/http"

	"github.com/llmhubd/llmhub/adapters/anthropic"
	"github.com/llmhubd/llmhub/adapters/deepseek"
	"github.com/llmhubd/llmhub/adapters/gemini"
	"github.com/llmhubd/llmhub/adapters/groq"
	"github.com/llmhubd/llmhub/adapters/openai"
	"github.com/llmhubd/llmhub/adapters/openaicompat"
	"github.com/llmhubd/llmhub/llmhub"
)

// Type is a sort of provider: what its config calls type.
type Type struct {
	New func(Upstream) llmhub.Adapter
	// Zone is the time zone whose calendar days its daily quotas follow. "":
	// fixed days of 86,400 seconds.
	Zone string
}

// Upstream is a provider as a Type's New is given it.
type Upstream struct {
	Name      string // the operator's
	BaseURL   string // "": the type's own
	Transport http.RoundTripper
}

// Types are the providers that llmhubd knows. Add your own in your main.
func Types() map[string]Type {
	return map[string]Type{
		"openai": {New: func(u Upstream) llmhub.Adapter {
			return openai.New(openai.Config{URL: u.BaseURL, Transport: u.Transport})
		}},
		"anthropic": {New: func(u Upstream) llmhub.Adapter {
			return anthropic.New(anthropic.Config{URL: u.BaseURL, Transport: u.Transport})
		}},
		"gemini": {Zone: "America/Los_Angeles", New: func(u Upstream) llmhub.Adapter {
			return gemini.New(gemini.Config{URL: u.BaseURL, Transport: u.Transport})
		}},
		"deepseek": {New: func(u Upstream) llmhub.Adapter {
			return deepseek.New(deepseek.Config{URL: u.BaseURL, Transport: u.Transport})
		}},
		"groq": {New: func(u Upstream) llmhub.Adapter {
			return groq.New(groq.Config{URL: u.BaseURL, Transport: u.Transport})
		}},
		"openaicompat": {New: func(u Upstream) llmhub.Adapter {
			return openaicompat.New(openaicompat.Config{Name: u.Name, URL: u.BaseURL, Transport: u.Transport})
		}},
	}
}
