// Package anthropic is the Anthropic Messages dialect: POST /v1/messages, its
// answers whole or streamed, and its errors.
//
// What has no neutral word stays in the bytes a value was decoded from (its
// Origin) and reaches a provider of this dialect unchanged. Towards other
// dialects it is named in Prompt.Unsaid.
//
// A prompt of another dialect is rendered like this: leading instructions become
// system; an instruction in mid-conversation keeps its place as a user's text
// between <system> tags, which every model takes; neighbours of one role become
// one turn, in which tool results stand first. Reasoning goes back to the provider
// that signed it and to nobody else. How much to think is said in the words that
// the model takes ([Traits]), and left out where a tool must be called. A
// temperature above 1 becomes 1. The schema of an answer is closed, as the API
// wants it; JSON without a schema, audio, several choices and files of another
// provider are refused.
package anthropic

import (
	"github.com/llmhubd/llmhub/llmhub"
)

// Name is the dialect's name, as in Request.Accept and Origin.Dialect.
const Name = "anthropic"

// stopReasons are the dialect's words for why a model stopped.
var stopReasons = map[string]llmhub.StopReason{
	"end_turn":                      llmhub.StopEnd,
	"max_tokens":                    llmhub.StopLength,
	"stop_sequence":                 llmhub.StopSequence,
	"tool_use":                      llmhub.StopTools,
	"pause_turn":                    llmhub.StopPause,
	"refusal":                       llmhub.StopRefusal,
	"model_context_window_exceeded": llmhub.StopContext,
}

// stopReason is the neutral word; one that nobody knows becomes StopOther.
func stopReason(word string) llmhub.StopReason {
	if r, ok := stopReasons[word]; ok {
		return r
	}
	return llmhub.StopOther
}

// stopWord is the dialect's word for a neutral reason.
func stopWord(r llmhub.StopReason) string {
	switch r {
	case llmhub.StopLength:
		return "max_tokens"
	case llmhub.StopContext:
		return "model_context_window_exceeded"
	case llmhub.StopSequence:
		return "stop_sequence"
	case llmhub.StopTools:
		return "tool_use"
	case llmhub.StopFilter, llmhub.StopRefusal:
		return "refusal"
	case llmhub.StopPause:
		return "pause_turn"
	}
	return "end_turn"
}
