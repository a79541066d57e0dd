package openai

import (
	"strings"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire/openaichat"
)

// quirks says what a model does not take.
func quirks(model string) openaichat.Quirks {
	model = strings.TrimPrefix(model, "ft:")
	efforts, fixed := reasons(model)
	if efforts == nil {
		return openaichat.Quirks{Effort: func(string) string { return "" }}
	}
	q := openaichat.Quirks{
		Cap:    "max_completion_tokens", // max_tokens is refused
		Effort: func(effort string) string { return efforts[effort] },
	}
	if fixed {
		q.Drops = []string{"temperature", "top_p", "presence_penalty", "frequency_penalty"}
		q.Refuses = []string{"logprobs", "top_logprobs", "logit_bias"}
	}
	if strings.HasPrefix(model, "o") {
		q.Refuses = append(q.Refuses, "stop", "parallel_tool_calls")
	}
	return q
}

// reasons says how a model spells the efforts that callers ask for, nil of one
// that does not reason, and whether its sampling is fixed.
func reasons(model string) (efforts map[string]string, fixed bool) {
	switch {
	case strings.HasPrefix(model, "o1-mini"), strings.HasPrefix(model, "o1-preview"):
		return map[string]string{}, true
	case strings.HasPrefix(model, "o1"), strings.HasPrefix(model, "o3"), strings.HasPrefix(model, "o4"):
		return firstEfforts, true
	case strings.HasPrefix(model, "gpt-5-chat"):
		return nil, false
	case model == "gpt-5", strings.HasPrefix(model, "gpt-5-"):
		return minimalEfforts, true
	case strings.HasPrefix(model, "gpt-5.1"):
		return noneEfforts, false
	case strings.HasPrefix(model, "gpt-5."), strings.HasPrefix(model, "gpt-6"):
		return allEfforts, false
	}
	return nil, false
}

// The efforts of each generation, by the word of a caller.
var (
	firstEfforts   = map[string]string{"none": "low", "minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
	minimalEfforts = map[string]string{"none": "minimal", "minimal": "minimal", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
	noneEfforts    = map[string]string{"none": "none", "minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
	allEfforts     = map[string]string{"none": "none", "minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh", "max": "xhigh"}
)

// refine knows OpenAI's words.
func refine(e *llmhub.Error, f openaichat.Failure) {
	switch f.Code {
	case "mismatched_organization", "mismatched_project", "invalid_organization", "organization_deactivated":
		e.Kind, e.Verdict = llmhub.BadCredential, llmhub.Verdict{State: llmhub.KeyInvalid, Sure: true}
	case "invalid_prompt": // flagged by the usage policy
		e.Kind, e.Verdict = llmhub.ContentPolicy, llmhub.Verdict{}
	}
}
