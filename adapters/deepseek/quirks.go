package deepseek

import (
	"strings"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire/openaichat"
)

// quirks says what the models do not take. What they take and do not heed is
// refused where it changes what an answer means.
func quirks(string) openaichat.Quirks {
	return openaichat.Quirks{
		Reasoning:      "reasoning_content",
		Thinking:       true,
		Effort:         effortOf,
		NoDeveloper:    true,
		NoImages:       true,
		NoAudio:        true,
		NoFiles:        true,
		NoSchema:       true,
		NoAllowedTools: true,
		Refuses:        []string{"n", "logit_bias", "parallel_tool_calls", "modalities", "audio", "web_search_options"},
		Drops:          []string{"seed", "verbosity", "prediction", "prompt_cache_key", "prompt_cache_retention", "safety_identifier"},
	}
}

func effortOf(effort string) string {
	switch effort {
	case "none":
		return ""
	case "minimal":
		return "low"
	}
	return effort
}

// refine knows DeepSeek's words: its codes say little.
func refine(e *llmhub.Error, f openaichat.Failure) {
	words := strings.ToLower(f.Message)
	switch {
	case e.Kind == llmhub.BadCredential:
		e.Verdict.Sure = f.Type == "authentication_error" && (strings.Contains(words, "invalid") || strings.Contains(words, "no such user"))
	case strings.Contains(words, "failed to deserialize the json body"):
		e.Kind, e.Verdict = llmhub.InvalidRequest, llmhub.Verdict{}
		if strings.Contains(words, "unknown variant") { // a part or a role that others may know
			e.Kind = llmhub.Unsupported
		}
	case strings.Contains(words, "content exists risk"):
		e.Kind, e.Verdict = llmhub.ContentPolicy, llmhub.Verdict{}
	}
}
