package anthropic_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/llmhub/wire/anthropic"
)

// stream is an answer of n text deltas.
func stream(n int, text string) []byte {
	var b bytes.Buffer
	b.WriteString("event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\n")
	b.WriteString("event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n")
	for i := range n {
		fmt.Fprintf(&b, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"%s\"}%s}\n\n", text, strings.Repeat(" ", i%9))
	}
	b.WriteString("event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n")
	b.WriteString("event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":15}}\n\n")
	b.WriteString("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")
	return b.Bytes()
}

// BenchmarkEvents is the cost of a text delta: read, cut, decoded, handed on.
func BenchmarkEvents(b *testing.B) {
	for _, bb := range []struct{ name, text, accept string }{
		{"plain", "some words of text", ""},
		{"escapes", `a line\nand \"quotes\"`, ""},
		{"letters", "Käse für alle – ja", ""},
		{"raw", "some words of text", anthropic.Name},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			in := stream(1000, bb.text)
			for n < b.N {
				for ev, err := range (anthropic.Client{}).Events(call(true, bb.accept), bytes.NewReader(in), -1) {
					if err != nil {
						b.Fatal(err)
					}
					if ev.Kind == llmhub.EventDelta {
						n++
					}
				}
			}
		})
	}
}

// BenchmarkEncoder is the cost of rendering a text delta.
func BenchmarkEncoder(b *testing.B) {
	c := call(true, "")
	enc := anthropic.Server{}.Encoder(&c.Request, wire.Identity{ID: "1", Model: "smart"})
	buf := make([]byte, 0, 4096)
	buf = enc.Append(buf[:0], llmhub.Event{Kind: llmhub.EventStart, Start: &llmhub.Start{}})
	buf = enc.Append(buf[:0], llmhub.Event{Kind: llmhub.EventOpen, Part: &llmhub.Part{Kind: llmhub.PartText}})
	ev := llmhub.Event{Kind: llmhub.EventDelta, Delta: "some words of text"}
	b.ReportAllocs()
	for b.Loop() {
		buf = enc.Append(buf[:0], ev)
	}
}

func body(size int) []byte {
	text := strings.Repeat("All work and no play makes Jack a dull boy.\\n", size/45+1)
	return fmt.Appendf(nil, `{"model":"smart","max_tokens":1024,"stream":true,"system":"Be brief.","messages":[{"role":"user","content":[{"type":"text","text":"%s"}]}],"tools":[{"name":"f","input_schema":{"type":"object","properties":{"x":{"type":"string"}}}}]}`, text)
}

// BenchmarkRequest is the cost of a request: straight through, and decoded and
// rendered as another dialect's would be.
func BenchmarkRequest(b *testing.B) {
	for _, size := range []int{1 << 10, 100 << 10} {
		in := body(size)
		b.Run(fmt.Sprintf("splice/%dKB", size>>10), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				req, err := anthropic.Server{}.Request(wire.Incoming{Body: in})
				if err != nil {
					b.Fatal(err)
				}
				_ = req.Body.Tokens()
				if _, err := (anthropic.Client{}).Body(&llmhub.Call{Request: *req, Target: llmhub.Target{Provider: "anthropic", Model: "claude-opus-4-8"}}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("decode/%dKB", size>>10), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				req, err := anthropic.Server{}.Request(wire.Incoming{Body: in})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := req.Body.Decode(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("render/%dKB", size>>10), func(b *testing.B) {
			req, err := anthropic.Server{}.Request(wire.Incoming{Body: in})
			if err != nil {
				b.Fatal(err)
			}
			p, err := req.Edit()
			if err != nil {
				b.Fatal(err)
			}
			p.Origin, p.Messages[0].Origin, p.Messages[0].Parts[0].Origin, p.Tools[0].Origin = llmhub.Origin{}, llmhub.Origin{}, llmhub.Origin{}, llmhub.Origin{}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := (anthropic.Client{}).Body(&llmhub.Call{Request: *req, Target: llmhub.Target{Provider: "anthropic", Model: "claude-opus-4-8"}}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
