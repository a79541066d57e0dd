package openaichat_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/llmhub/wire/openaichat"
	"github.com/llmhubd/llmhub/llmhub/wire/wiretest"
)

// FuzzRequest holds that policy reads of a body what a strict parser reads, that
// what is sent says what policy decided and else the same, and that an edit
// which changes nothing changes nothing.
func FuzzRequest(f *testing.F) {
	for _, body := range cases(f, "requests", "request.json") {
		f.Add(body)
	}
	for _, s := range []string{
		`{"model":"a","stream":true,"max_tokens":5,"max_completion_tokens":9,"n":2,"messages":[],"fallbacks":["b/c"],"stream_recovery":"error"}`,
		`{"model":"a","messages":[{"role":"user","content":null},{"role":"assistant","content":"","tool_calls":[]}],"stream":true,"stream_options":{"x":1}}`,
		`{"model":"a","messages":[{"role":"user","content":"x","content":"y"}],"stop":[]}`,
		`{"model":"a","messages":[{"role":"tool","content":"x"},{"role":"function","name":"f","content":"x"}],"tools":null}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		req, err := openaichat.Server{}.Request(wire.Incoming{Body: bytes.Clone(body)})
		if err != nil || !json.Valid(body) {
			return
		}
		var strict struct {
			Model               string
			Stream              bool
			MaxTokens           int `json:"max_tokens"`
			MaxCompletionTokens int `json:"max_completion_tokens"`
			N                   int
			Fallbacks           []string
		}
		if err := json.Unmarshal(body, &strict); err != nil {
			t.Fatalf("%s was accepted, but encoding/json says %v", body, err)
		}
		limit := strict.MaxTokens
		if m := strict.MaxCompletionTokens; m != 0 && (limit == 0 || m < limit) {
			limit = m
		}
		if req.Model != strict.Model || req.Stream != strict.Stream || req.MaxTokens != limit || req.Choices != strict.N || !reflect.DeepEqual(req.Fallbacks, strict.Fallbacks) && len(strict.Fallbacks) > 0 {
			t.Fatalf("%s reads %+v, want %+v", body, req, strict)
		}

		call := &llmhub.Call{Request: *req, Target: llmhub.Target{Model: "target"}}
		call.MaxTokens = 77
		out := sentOrRefused(t, call)
		if out == nil {
			return
		}
		again := callOf(t, out)
		if again.Model != "target" || again.Stream != req.Stream || again.MaxTokens != 77 || again.Choices != req.Choices || again.Fallbacks != nil {
			t.Fatalf("%s is sent as %s", body, out)
		}

		edited := &llmhub.Call{Request: *req, Target: llmhub.Target{Model: "target"}}
		edited.MaxTokens = 77
		p, err := edited.Edit()
		if err != nil {
			return
		}
		if same := sentOrRefused(t, edited); wiretest.DiffJSON(same, out) != "" {
			t.Fatalf("%s is sent as %s, and edited without a change as %s", body, out, same)
		}
		edited.Body = forget(p)
		if foreign := sentOrRefused(t, edited); foreign != nil && !json.Valid(foreign) {
			t.Fatalf("%s without its bytes is sent as %s", body, foreign)
		}
	})
}

func sentOrRefused(t *testing.T, call *llmhub.Call) []byte {
	parts, err := clients["deepseek"].Body(call)
	if err != nil {
		if k := llmhub.AsError(err).Kind; k != llmhub.InvalidRequest && k != llmhub.Unsupported {
			t.Fatalf("Body failed with %v", err)
		}
		return nil
	}
	return bytes.Join(parts, nil)
}

// interrupt parts frames with a chunk that says nothing, so that none is known
// by the shape of the one before.
func interrupt(t *testing.T, stream []byte) []byte {
	f := wire.NewFrames(bytes.NewReader(stream))
	defer f.Close()
	var out []byte
	for {
		fr, err := f.Next()
		if err != nil {
			return out
		}
		out = append(bytes.TrimRight(append(out, fr.Raw...), "\r\n"), "\n\n"...)
		out = append(out, "data: {\"choices\":[]}\n\n"...)
	}
}

// FuzzStream holds that events come in order however the bytes are cut, that
// nothing is handed on after the loop was left, and that knowing chunks by their
// shape changes nothing.
func FuzzStream(f *testing.F) {
	for _, b := range cases(f, "answers", "upstream.sse") {
		f.Add(b, uint64(1), byte(3))
	}
	f.Add(streamOf(3, true), uint64(2), byte(9))
	f.Fuzz(func(t *testing.T, stream []byte, seed uint64, leave byte) {
		c := clients["deepseek"]
		for _, accept := range []string{"", openaichat.Name} {
			call := &llmhub.Call{Request: llmhub.Request{Accept: accept, Stream: true}}
			if err := inOrder(c.Events(call, wiretest.Cut(stream, seed), -1), false); err != nil {
				t.Fatalf("%q: %v", stream, err)
			}
			n, left := 0, false
			c.Events(call, wiretest.Cut(stream, seed), -1)(func(ev llmhub.Event, err error) bool {
				if left {
					t.Fatalf("%q: event kind %d after the loop was left", stream, ev.Kind)
				}
				left = n == int(leave)
				n++
				return !left
			})
		}
		if b := bytes.TrimLeft(stream, " \t\r\n\ufeff"); len(b) > 0 && (b[0] == '{' || b[0] == '[') {
			return
		}
		got, err := c.Events(&llmhub.Call{}, wiretest.Cut(stream, seed), -1).Collect()
		want, slow := c.Events(&llmhub.Call{}, bytes.NewReader(interrupt(t, stream)), -1).Collect()
		if (err == nil) != (slow == nil) || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q reads %+v (%v), and chunk by chunk %+v (%v)", stream, got, err, want, slow)
		}
	})
}

// FuzzAnswer holds that a whole answer that was read, rendered as a stream or
// whole, reads the same again.
func FuzzAnswer(f *testing.F) {
	for _, b := range cases(f, "answers", "upstream.json") {
		f.Add(b)
	}
	for _, b := range cases(f, "answers", "rendered.json") {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		c := clients["gemini"]
		r, err := c.Events(&llmhub.Call{}, bytes.NewReader(body), -1).Collect()
		if err != nil || r.Usage.Total() > 1<<50 || r.Usage.Total() < 0 {
			return
		}
		for _, stream := range []bool{true, false} {
			out := rendered(t, request(t, stream, true), r.Events())
			if !stream && !json.Valid(out) {
				t.Fatalf("%s is rendered as %s, which is not JSON", body, out)
			}
			again, err := c.Events(&llmhub.Call{}, bytes.NewReader(out), -1).Collect()
			if err != nil {
				t.Fatalf("%s is rendered as %s: %v", body, out, err)
			}
			got, want := collected(again), collected(r)
			want.ID, want.Model = "chatcmpl-1", "smart"
			if got.Text[0] != want.Text[0] || got.Reasoning[0] != want.Reasoning[0] || got.Usage != want.Usage || len(got.Calls[0]) != len(want.Calls[0]) {
				t.Fatalf("%s rendered is %s and reads\n%+v, want\n%+v", body, out, got, want)
			}
		}
	})
}
