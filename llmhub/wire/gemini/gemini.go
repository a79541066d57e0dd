// Package gemini is the client half of Google's generateContent dialect.
package gemini

import (
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
)

// Name is the dialect's name, as in Origin.Dialect, and the name under which the
// provider signs thoughts: a part goes back with its signature only if it is
// SignedBy that.
const Name = "gemini"

// Client speaks generateContent and streamGenerateContent to a provider. The
// zero Client is ready for use.
type Client struct {
	// Now tells the time: when a day's quota comes back is counted from it. nil:
	// time.Now.
	Now func() time.Time
}

var _ wire.Client = (*Client)(nil)

// Name is the dialect's.
func (c *Client) Name() string { return Name }

// unsupported refuses a call for what the dialect cannot say. param is spelled
// as OpenAI does.
func unsupported(call *llmhub.Call, param, why string) error {
	return &llmhub.Error{Kind: llmhub.Unsupported, Param: spelled(call, param), Message: why}
}

// warn notes what was left out because it only tunes.
func warn(call *llmhub.Call, param string) { call.Warn(spelled(call, param)) }

// spelled is a parameter's name as the caller's dialect has it.
func spelled(call *llmhub.Call, param string) string {
	if call.Dialect == "anthropic" {
		if s, ok := anthropicParams[param]; ok {
			return s
		}
	}
	return param
}

var anthropicParams = map[string]string{
	"parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
	"stop":                "stop_sequences",
	"response_format":     "output_config.format",
	"reasoning_effort":    "thinking",
	"tool_call_id":        "tool_use_id",
	"user":                "metadata.user_id",
}
