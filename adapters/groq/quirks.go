package groq

import (
	"strings"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire/openaichat"
)

// quirks says what a model does not take.
func quirks(model string) openaichat.Quirks {
	oss := strings.Contains(model, "gpt-oss")
	sees := strings.Contains(model, "llama-4")
	return openaichat.Quirks{
		Reasoning:      "reasoning",
		Effort:         func(effort string) string { return effortOf(model, oss, effort) },
		NoImages:       !sees,
		NoAudio:        true,
		NoFiles:        true,
		NoSchema:       !oss && !sees && !strings.Contains(model, "kimi-k2"),
		NoAllowedTools: true,
		Refuses:        []string{"n", "logprobs", "top_logprobs", "logit_bias", "modalities", "audio", "web_search_options"},
		Drops:          []string{"verbosity", "prediction", "prompt_cache_key", "prompt_cache_retention", "safety_identifier"},
	}
}

func effortOf(model string, oss bool, effort string) string {
	switch {
	case oss:
		switch effort {
		case "low", "medium", "high":
			return effort
		case "none", "minimal":
			return "low"
		}
		return "high"
	case strings.Contains(model, "qwen3"):
		if effort == "none" {
			return effort
		}
		return "default"
	}
	return ""
}

// refine knows Groq's words. That a request is above a limit is said with the
// code of a rate limit; that a model spoiled a tool call, with a 400.
func refine(e *llmhub.Error, f openaichat.Failure) {
	switch f.Code {
	case "tool_use_failed", "json_validate_failed": // the model's doing: it may do better the next time
		e.Kind, e.Sent, e.Verdict = llmhub.UpstreamFailed, true, llmhub.Verdict{}
	case "capacity_exceeded", "over_capacity":
		e.Kind, e.Verdict = llmhub.Overloaded, llmhub.Verdict{}
	case "organization_restricted":
		e.Kind, e.Verdict = llmhub.BadCredential, llmhub.Verdict{State: llmhub.KeyInvalid, Sure: true}
	case "blocked_api_access", "spend_limit_reached":
		e.Kind, e.Verdict = llmhub.Unfunded, llmhub.Verdict{State: llmhub.KeyUnfunded}
	}
}
