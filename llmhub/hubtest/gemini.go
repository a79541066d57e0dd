package hubtest

import (
	"encoding/json"
	"strings"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
)

// geminiModel is the model in a path like /v1beta/models/NAME:generateContent.
func geminiModel(path string) string {
	_, name, _ := strings.Cut(path, "/models/")
	name, _, _ = strings.Cut(name, ":")
	return name
}

// geminiEncoder renders text, reasoning and tool calls as Gemini does, enough
// for a scripted provider.
type geminiEncoder struct {
	stream bool
	as     wire.Identity
	open   llmhub.Part
	args   string
	parts  []map[string]any // of a unary answer
}

func (e *geminiEncoder) Append(dst []byte, ev llmhub.Event) []byte {
	switch ev.Kind {
	case llmhub.EventOpen:
		e.open, e.args = *ev.Part, ""
	case llmhub.EventDelta:
		switch e.open.Kind {
		case llmhub.PartToolCall:
			e.args += ev.Delta
		case llmhub.PartReasoning:
			return e.part(dst, map[string]any{"text": ev.Delta, "thought": true})
		default:
			return e.part(dst, map[string]any{"text": ev.Delta})
		}
	case llmhub.EventClose:
		if e.open.Kind == llmhub.PartToolCall {
			args := json.RawMessage(e.args)
			if len(args) == 0 {
				args = json.RawMessage("{}")
			}
			part := map[string]any{"functionCall": map[string]any{"id": e.open.ID, "name": e.open.Name, "args": args}}
			if ev.Part != nil {
				part["thoughtSignature"] = ev.Part.Signature
			}
			return e.part(dst, part)
		}
	case llmhub.EventEnd:
		reason := map[llmhub.StopReason]string{llmhub.StopLength: "MAX_TOKENS", llmhub.StopFilter: "SAFETY"}[ev.End.Stop]
		if reason == "" {
			reason = "STOP"
		}
		return e.send(dst, e.parts, reason, ev.Usage)
	}
	return dst
}

func (e *geminiEncoder) part(dst []byte, part map[string]any) []byte {
	if !e.stream {
		e.parts = append(e.parts, part)
		return dst
	}
	return e.send(dst, []map[string]any{part}, "", nil)
}

func (e *geminiEncoder) send(dst []byte, parts []map[string]any, reason string, u *llmhub.Usage) []byte {
	candidate := map[string]any{"content": map[string]any{"role": "model", "parts": parts}}
	if reason != "" {
		candidate["finishReason"] = reason
	}
	answer := map[string]any{"candidates": []any{candidate}, "modelVersion": e.as.Model, "responseId": e.as.ID}
	if u != nil {
		answer["usageMetadata"] = map[string]any{"promptTokenCount": u.Prompt(), "cachedContentTokenCount": u.CacheRead,
			"candidatesTokenCount": u.Output, "thoughtsTokenCount": u.Reasoning, "totalTokenCount": u.Total()}
	}
	b, err := json.Marshal(answer)
	if err != nil {
		panic(err) // a script's tool arguments are not JSON
	}
	if !e.stream {
		return append(dst, b...)
	}
	return append(append(append(dst, "data: "...), b...), "\r\n\r\n"...)
}

func (e *geminiEncoder) AppendError(dst []byte, err *llmhub.Error) []byte {
	b, _ := json.Marshal(map[string]any{"error": map[string]any{"code": 500, "status": "INTERNAL", "message": err.Message}})
	return append(append(append(dst, "data: "...), b...), "\r\n\r\n"...)
}
