// Package openaichat speaks OpenAI's Chat Completions, to programs that call us
// and to the many providers that understand it.
//
// What an answer has beyond OpenAI's own words is said so, and read back when a
// caller returns the message:
//
//   - Reasoning is "reasoning_content" of a message or delta; "reasoning" is
//     read too.
//   - Signed reasoning is also a block of the message's, or of one delta's,
//     "thinking_blocks": {"type":"thinking","thinking":…,"signature":…} or, where
//     only the signature is left, {"type":"redacted_thinking","data":…}. Blocks
//     that come back count instead of "reasoning_content".
//   - A signed tool call has "extra_content":{"llmhub":{"thought_signature":…}},
//     and a message whose text is signed has the same beside its content.
//     "google" in place of "llmhub", as Gemini's endpoint says it, is read as
//     signed by "gemini".
//   - Beside a signature "signed_by" names the provider that signed, where the
//     event does; a blind answer's events name none.
//   - "cache_control":{"type":"ephemeral","ttl":"5m" or "1h"} on a content part, a
//     message or a tool is a prompt-cache mark.
//   - "fallbacks" names models to try next and "stream_recovery" may be "error";
//     neither is ever sent on.
//
// Annotations and sound have no neutral word: they reach a caller only as the
// provider's own bytes. The transcript of a spoken answer is text.
package openaichat

// Name is the dialect's, as in Request.Accept and Origin.Dialect.
const Name = "openaichat"
