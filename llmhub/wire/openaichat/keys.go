package openaichat

import "github.com/llmhubd/llmhub/llmhub/wire"

// key is a top-level member of a request that somebody reads: policy, the
// neutral form, or a provider's quirks. None may stand there twice.
type key uint8

const (
	kModel key = iota
	kStream
	kStreamOptions
	kMaxTokens
	kMaxCompletionTokens
	kN
	kMessages
	kTools
	kFunctions
	kToolChoice
	kFunctionCall
	kParallel
	kTemperature
	kTopP
	kTopK
	kFrequencyPenalty
	kPresencePenalty
	kSeed
	kStop
	kReasoningEffort
	kReasoning
	kThinking
	kReasoningFormat
	kIncludeReasoning
	kResponseFormat
	kUser
	kFallbacks
	kStreamRecovery
	kStore
	kPreviousResponse
	kConversation
	kServiceTier
	kWebSearch
	kModels
	kPlugins
	kLogprobs
	kTopLogprobs
	kLogitBias
	kModalities
	kAudio
	kPrediction
	kMetadata
	kVerbosity
	kPromptCacheKey
	kPromptCacheRetention
	kSafetyIdentifier
	keyCount
)

var keys = [keyCount]string{
	kModel: "model", kStream: "stream", kStreamOptions: "stream_options", kMaxTokens: "max_tokens",
	kMaxCompletionTokens: "max_completion_tokens", kN: "n", kMessages: "messages", kTools: "tools", kFunctions: "functions",
	kToolChoice: "tool_choice", kFunctionCall: "function_call", kParallel: "parallel_tool_calls", kTemperature: "temperature",
	kTopP: "top_p", kTopK: "top_k", kFrequencyPenalty: "frequency_penalty", kPresencePenalty: "presence_penalty",
	kSeed: "seed", kStop: "stop", kReasoningEffort: "reasoning_effort", kReasoning: "reasoning", kThinking: "thinking",
	kReasoningFormat: "reasoning_format", kIncludeReasoning: "include_reasoning", kResponseFormat: "response_format",
	kUser: "user", kFallbacks: "fallbacks", kStreamRecovery: "stream_recovery", kStore: "store",
	kPreviousResponse: "previous_response_id", kConversation: "conversation", kServiceTier: "service_tier",
	kWebSearch: "web_search_options", kModels: "models", kPlugins: "plugins", kLogprobs: "logprobs",
	kTopLogprobs: "top_logprobs", kLogitBias: "logit_bias", kModalities: "modalities", kAudio: "audio",
	kPrediction: "prediction", kMetadata: "metadata", kVerbosity: "verbosity", kPromptCacheKey: "prompt_cache_key",
	kPromptCacheRetention: "prompt_cache_retention", kSafetyIdentifier: "safety_identifier",
}

// keyOf returns the key that is spelled s, keyCount when none is.
func keyOf(s []byte) key {
	for k := range keys {
		if len(keys[k]) == len(s) && keys[k] == string(s) {
			return key(k)
		}
	}
	return keyCount
}

// spans says where the keys stand in a request.
type spans [keyCount]wire.Span

func scanHead(raw []byte, at *spans) error { return wire.ScanHead(raw, keys[:], at[:]) }

// isNull reports whether a value is not there or null.
func isNull(v []byte) bool { return len(v) == 0 || string(v) == "null" }
