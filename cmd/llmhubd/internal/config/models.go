package config

import (
	"fmt"
	"strings"

	"github.com/llmhubd/llmhub/llmhub"
)

// logical is a logical model that exists without being written: providers in
// fallback order, each with its model.
type logical struct {
	name    string
	targets []string
}

// builtin are the default logical models. Each provider's choice is a model
// that both sources of the catalogue below know, that is not deprecated or in
// preview, and that takes tools.
//
//	         smart             fast                    cheap                  any
//	openai   gpt-5.5           gpt-5.4-mini                                   gpt-5.4-mini
//	anthropic claude-opus-4-8                                                 claude-sonnet-5
//	gemini   gemini-3.5-flash  gemini-3.1-flash-lite   gemini-3.1-flash-lite  gemini-3.5-flash
//	deepseek                                           deepseek-v4-flash      deepseek-v4-flash
//	groq                       openai/gpt-oss-120b     openai/gpt-oss-20b     openai/gpt-oss-120b
func builtin() []logical {
	return []logical{
		{"smart", []string{"openai/gpt-5.5", "anthropic/claude-opus-4-8", "gemini/gemini-3.5-flash"}},
		{"fast", []string{"groq/openai/gpt-oss-120b", "openai/gpt-5.4-mini", "gemini/gemini-3.1-flash-lite"}},
		{"cheap", []string{"deepseek/deepseek-v4-flash", "groq/openai/gpt-oss-20b", "gemini/gemini-3.1-flash-lite"}},
		{"any", []string{"openai/gpt-5.4-mini", "anthropic/claude-sonnet-5", "gemini/gemini-3.5-flash", "deepseek/deepseek-v4-flash", "groq/openai/gpt-oss-120b"}},
	}
}

// Known is what is known of a provider's model.
type Known struct {
	Window    int  // context, in tokens; prompts have to fit beside the answer
	MaxOutput int  // in tokens
	Reasons   bool // it may think before its first word
}

// catalogue is keyed by adapter type and model. Facts are of models.dev (MIT,
// as of 2026-07-02), checked against pydantic/genai-prices (MIT, as of
// 2026-08-21). Window is the limit on input where a model has one of its own.
func catalogue() map[string]Known {
	return map[string]Known{
		"openai/gpt-5.5":      {922_000, 128_000, true},
		"openai/gpt-5.4":      {922_000, 128_000, true},
		"openai/gpt-5.4-mini": {272_000, 128_000, true},
		"openai/gpt-5.4-nano": {272_000, 128_000, true},
		"openai/gpt-5-mini":   {272_000, 128_000, true},
		"openai/gpt-5-nano":   {272_000, 128_000, true},
		"openai/gpt-4.1":      {1_047_576, 32_768, false},
		"openai/gpt-4o-mini":  {128_000, 16_384, false},

		"anthropic/claude-opus-4-8":   {1_000_000, 128_000, true},
		"anthropic/claude-sonnet-5":   {1_000_000, 128_000, true},
		"anthropic/claude-sonnet-4-6": {1_000_000, 64_000, true},
		"anthropic/claude-haiku-4-5":  {200_000, 64_000, true},

		"gemini/gemini-3.5-flash":      {1_048_576, 65_536, true},
		"gemini/gemini-3.1-flash-lite": {1_048_576, 65_536, true},
		"gemini/gemini-2.5-pro":        {1_048_576, 65_536, true},
		"gemini/gemini-2.5-flash":      {1_048_576, 65_536, true},
		"gemini/gemini-2.5-flash-lite": {1_048_576, 65_536, true},

		"deepseek/deepseek-v4-pro":   {1_000_000, 384_000, true},
		"deepseek/deepseek-v4-flash": {1_000_000, 384_000, true},
		"deepseek/deepseek-chat":     {1_000_000, 384_000, false},
		"deepseek/deepseek-reasoner": {1_000_000, 384_000, true},

		"groq/openai/gpt-oss-120b":     {131_072, 65_536, true},
		"groq/openai/gpt-oss-20b":      {131_072, 65_536, true},
		"groq/llama-3.3-70b-versatile": {131_072, 32_768, false},
		"groq/llama-3.1-8b-instant":    {131_072, 131_072, false},
	}
}

// Lookup returns what is known of a model of an adapter type.
func Lookup(adapter, model string) (Known, bool) {
	k, ok := catalogue()[adapter+"/"+model]
	return k, ok
}

// Target reads "provider/model", with what is known of the model.
func (c *Config) Target(name string) (llmhub.Target, error) {
	provider, model, ok := strings.Cut(strings.TrimSpace(name), "/")
	if !ok || provider == "" || model == "" {
		return llmhub.Target{}, fmt.Errorf("%q is no target: write provider/model, such as openai/gpt-5.5", name)
	}
	t := llmhub.Target{Provider: provider, Model: model}
	adapter := provider
	if p, ok := c.Provider(provider); ok {
		adapter, t.Timeout = p.Type, p.Timeout
	}
	if k, ok := Lookup(adapter, model); ok {
		t.Window, t.MaxOutput, t.Reasons = k.Window, k.MaxOutput, k.Reasons
	}
	return t, nil
}
