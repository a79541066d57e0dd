package openaichat_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/llmhub/wire/openaichat"
)

// bodyOf is a request of about size bytes.
func bodyOf(size int) []byte {
	text := strings.Repeat("The quick brown fox said \\\"hello\\\" to the lazy dog,\\nwhich did not answer because it was asleep in the sun. ", 1+size/1200)
	var b strings.Builder
	b.WriteString(`{"model":"smart","stream":true,"temperature":0.7,"messages":[{"role":"system","content":"You are brief."}`)
	for b.Len() < size {
		fmt.Fprintf(&b, `,{"role":"user","content":"%s"}`, text)
	}
	b.WriteString(`],"max_tokens":256,"user":"u-1"}`)
	return []byte(b.String())
}

func BenchmarkRequest(b *testing.B) {
	for _, size := range []int{1 << 10, 100 << 10} {
		body := bodyOf(size)
		b.Run(fmt.Sprintf("head and splice/%dKB", size>>10), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			c := &openaichat.Client{Provider: "openai"}
			for b.Loop() {
				req, err := openaichat.Server{}.Request(wire.Incoming{Body: body})
				if err != nil {
					b.Fatal(err)
				}
				call := &llmhub.Call{Request: *req, Target: llmhub.Target{Model: "gpt-5.5"}}
				if _, err := c.Body(call); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("decode and render/%dKB", size>>10), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			c := &openaichat.Client{Provider: "openai"}
			for b.Loop() {
				req, err := openaichat.Server{}.Request(wire.Incoming{Body: body})
				if err != nil {
					b.Fatal(err)
				}
				call := &llmhub.Call{Request: *req, Target: llmhub.Target{Model: "gpt-5.5"}}
				p, err := call.Edit()
				if err != nil {
					b.Fatal(err)
				}
				p.Origin = llmhub.Origin{}
				for i := range p.Messages {
					p.Messages[i].Origin, p.Messages[i].Parts[0].Origin = llmhub.Origin{}, llmhub.Origin{}
				}
				if _, err := c.Body(call); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

const (
	chunkHead = `data: {"id":"chatcmpl-AbCdEfGhIjKlMnOp","object":"chat.completion.chunk","created":1754321000,"model":"gpt-5.5-2026-04-01","service_tier":"default","system_fingerprint":"fp_1a2b3c4d","choices":[`
	roleChunk = chunkHead + `{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null}` + "\n\n"
	lastChunk = chunkHead + `{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null}` + "\n\ndata: [DONE]\n\n"
)

// streamOf is a stream of n chunks of text.
func streamOf(n int, padding bool) []byte {
	var b strings.Builder
	b.WriteString(roleChunk)
	for i := range n {
		b.WriteString(chunkHead + `{"index":0,"delta":{"content":" token` + fmt.Sprint(i%10) + `"},"logprobs":null,"finish_reason":null}],"usage":null`)
		if padding {
			b.WriteString(`,"obfuscation":"` + strings.Repeat("x", 3+i%9) + `"`)
		}
		b.WriteString("}\n\n")
	}
	b.WriteString(lastChunk)
	return []byte(b.String())
}

// framewise gives a stream one frame a read.
type framewise struct{ rest []byte }

func (f *framewise) Read(p []byte) (int, error) {
	if len(f.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, f.rest[:bytes.Index(f.rest, []byte("\n\n"))+2])
	f.rest = f.rest[n:]
	return n, nil
}

func BenchmarkChunk(b *testing.B) {
	const n = 1000
	for _, way := range []struct {
		name           string
		padding, raw   bool
		render, single bool
	}{
		{name: "decode"},
		{name: "decode, padded", padding: true},
		{name: "decode and render", render: true},
		{name: "decode and render, padded", render: true, padding: true},
		{name: "decode and render, a frame a read", render: true, single: true},
		{name: "raw", render: true, raw: true},
		{name: "raw, padded, a frame a read", render: true, raw: true, padding: true, single: true},
	} {
		stream := streamOf(n, way.padding)
		b.Run(way.name, func(b *testing.B) {
			b.ReportAllocs()
			c := &openaichat.Client{Provider: "openai"}
			req := request(b, true, false)
			dst := make([]byte, 0, 4096)
			for b.Loop() {
				call := &llmhub.Call{Request: *req}
				if way.raw {
					call.Accept = openaichat.Name
				}
				e := openaichat.Server{}.Encoder(req, as)
				var r io.Reader = bytes.NewReader(stream)
				if way.single {
					r = &framewise{stream}
				}
				for ev, err := range c.Events(call, r, -1) {
					if err != nil {
						b.Fatal(err)
					}
					if way.render {
						dst = e.Append(dst[:0], ev)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/chunk")
		})
	}
}

func BenchmarkRenderText(b *testing.B) {
	b.ReportAllocs()
	e := openaichat.Server{}.Encoder(request(b, true, false), as)
	dst := e.Append(make([]byte, 0, 4096), llmhub.Event{Kind: llmhub.EventOpen, Part: &llmhub.Part{Kind: llmhub.PartText}})
	for b.Loop() {
		dst = e.Append(dst[:0], llmhub.Event{Kind: llmhub.EventDelta, Delta: " token"})
	}
}

func BenchmarkUnary(b *testing.B) {
	body := []byte(`{"id":"chatcmpl-1","object":"chat.completion","created":1754321000,"model":"gpt-5.5","choices":[{"index":0,"message":{"role":"assistant","content":"` +
		strings.Repeat("Some words of an answer. ", 40) + `","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":20,"total_tokens":30}}`)
	for _, accept := range []string{"", openaichat.Name} {
		b.Run("accepting "+accept, func(b *testing.B) {
			b.ReportAllocs()
			c := &openaichat.Client{Provider: "openai"}
			req := request(b, false, false)
			req.Accept = accept
			dst := make([]byte, 0, 4096)
			for b.Loop() {
				e := openaichat.Server{}.Encoder(req, as)
				dst = dst[:0]
				for ev, err := range c.Events(&llmhub.Call{Request: *req}, bytes.NewReader(body), int64(len(body))) {
					if err != nil {
						b.Fatal(err)
					}
					dst = e.Append(dst, ev)
				}
			}
		})
	}
}
