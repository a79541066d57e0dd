package adaptertest

import (
	"encoding/json"
	"net/http"
	"strings"
)

// OpenAIChat is OpenAI's Chat Completions.
func OpenAIChat() Dialect {
	chunk := func(choices, rest string) string {
		return `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m-1","choices":[` + choices + `]` + rest + "}\n\n"
	}
	delta := func(d, finish string) string { return `{"index":0,"delta":` + d + `,"finish_reason":` + finish + `}` }
	const usage = `"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}`
	return Dialect{
		Model: "m-1",
		Text:  "Hello, world",
		Answer: []byte(`{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m-1","choices":[{"index":0,"message":{"role":"assistant","content":"Hello, world"},` +
			`"finish_reason":"stop"}],` + usage + `}`),
		Stream: []byte(chunk(delta(`{"role":"assistant","content":""}`, "null"), "") +
			chunk(delta(`{"content":"Hello"}`, "null"), "") +
			chunk(delta(`{"content":", world"}`, "null"), "") +
			chunk(delta(`{}`, `"stop"`), "") +
			chunk("", ","+usage) +
			"data: [DONE]\n\n"),
		Error: func(status int, words string) []byte {
			return object("error", map[string]any{"message": words, "type": "error", "param": nil, "code": nil})
		},
	}
}

// Anthropic is Anthropic's Messages.
func Anthropic() Dialect {
	event := func(kind, rest string) string {
		return "event: " + kind + "\ndata: {\"type\":\"" + kind + "\"" + rest + "}\n\n"
	}
	text := func(s string) string {
		return event("content_block_delta", `,"index":0,"delta":{"type":"text_delta","text":"`+s+`"}`)
	}
	return Dialect{
		Model: "claude-1",
		Text:  "Hello, world",
		Answer: []byte(`{"id":"msg_1","type":"message","role":"assistant","model":"claude-1","content":[{"type":"text","text":"Hello, world"}],` +
			`"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":5,"output_tokens":2}}`),
		Stream: []byte(event("message_start", `,"message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-1","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":5,"output_tokens":1}}`) +
			event("content_block_start", `,"index":0,"content_block":{"type":"text","text":""}`) +
			event("ping", "") + text("Hello") + text(", world") +
			event("content_block_stop", `,"index":0`) +
			event("message_delta", `,"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":2}`) +
			event("message_stop", "")),
		Error: func(status int, words string) []byte {
			kind := map[int]string{400: "invalid_request_error", 401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}[status]
			if kind == "" {
				kind = "api_error"
			}
			b, _ := json.Marshal(map[string]any{"type": "error", "error": map[string]any{"type": kind, "message": words}})
			return b
		},
	}
}

// Gemini is Google's generateContent.
func Gemini() Dialect {
	answer := func(text, rest string) string {
		return `{"candidates":[{"content":{"role":"model","parts":[{"text":"` + text + `"}]}` + rest + `,"index":0}],` +
			`"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":2,"totalTokenCount":7},"modelVersion":"gemini-1","responseId":"r1"}`
	}
	const stop = `,"finishReason":"STOP"`
	return Dialect{
		Model:  "gemini-1",
		Text:   "Hello, world",
		Answer: []byte(answer("Hello, world", stop)),
		Stream: []byte("data: " + answer("Hello", "") + "\r\n\r\ndata: " + answer(", world", stop) + "\r\n\r\n"),
		Error: func(status int, words string) []byte {
			name := strings.ToUpper(strings.ReplaceAll(http.StatusText(status), " ", "_"))
			return object("error", map[string]any{"code": status, "message": words, "status": name})
		},
	}
}

func object(key string, value any) []byte {
	b, _ := json.Marshal(map[string]any{key: value}) // strings and numbers always can
	return b
}
