package anthropic_test

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"testing"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/llmhub/wire/anthropic"
	"github.com/llmhubd/llmhub/llmhub/wire/wiretest"
)

// seeds are the golden files, and the recordings where there are any.
func seeds(f *testing.F, add func(x *wiretest.Exchange)) {
	if os.Getenv("LLMHUB_CORPUS") == "" {
		return
	}
	for _, x := range recorded(f) {
		add(x)
	}
}

// FuzzRequest holds that policy reads what a strict parser reads, that nobody's
// own keys go out, and that an unchanged edit sends what the caller wrote.
func FuzzRequest(f *testing.F) {
	for _, name := range []string{"everything", "little"} {
		b, err := os.ReadFile("testdata/decode/" + name + ".request.json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"model":"a","max_tokens":1,"messages":[{"role":"user","content":[{"type":"text","text":"x","text":"y"}]}]}`))
	seeds(f, func(x *wiretest.Exchange) {
		if x.Request != nil {
			f.Add(x.Request)
		}
	})
	f.Fuzz(func(t *testing.T, in []byte) {
		req, err := anthropic.Server{}.Request(wire.Incoming{Body: bytes.Clone(in)})
		if err != nil || !json.Valid(in) {
			return
		}
		var strict struct {
			Model     string
			Stream    *bool
			MaxTokens *int `json:"max_tokens"`
			Fallbacks []string
		}
		if err := json.Unmarshal(in, &strict); err != nil {
			t.Fatalf("%s: accepted, but encoding/json says %v", in, err)
		}
		if req.Model != strict.Model || req.Stream != (strict.Stream != nil && *strict.Stream) || strict.MaxTokens != nil && req.MaxTokens != *strict.MaxTokens || strict.MaxTokens == nil && req.MaxTokens != 0 {
			t.Fatalf("%s: head reads %q %t %d", in, req.Model, req.Stream, req.MaxTokens)
		}
		if len(req.Fallbacks)+len(strict.Fallbacks) > 0 && !reflect.DeepEqual(req.Fallbacks, strict.Fallbacks) {
			t.Fatalf("%s: fallbacks read %q", in, req.Fallbacks)
		}
		want := map[string]any{}
		d := json.NewDecoder(bytes.NewReader(in))
		d.UseNumber()
		if err := d.Decode(&want); err != nil {
			t.Fatal(err)
		}
		delete(want, "fallbacks")
		delete(want, "stream_recovery")
		for range 2 { // as it came, and after an edit that changes nothing
			c := &llmhub.Call{Request: *req, Target: llmhub.Target{Model: req.Model}}
			parts, err := anthropic.Client{}.Body(c)
			if err != nil {
				return
			}
			out := bytes.Join(parts, nil)
			var got map[string]any
			d := json.NewDecoder(bytes.NewReader(out))
			d.UseNumber()
			if err := d.Decode(&got); err != nil {
				t.Fatalf("%s goes out as %s: %v", in, out, err)
			}
			if bytes.Contains(in, []byte(`signature`)) || bytes.Contains(in, []byte(`data`)) || bytes.Contains(in, []byte(`\`)) || bytes.Contains(in, []byte(`budget`)) {
				break // reasoning may be left out and budgets fitted
			}
			if strict.MaxTokens == nil {
				delete(got, "max_tokens")
				delete(want, "max_tokens")
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("%s goes out as %s", in, out)
			}
			if _, err := req.Edit(); err != nil {
				return
			}
		}
	})
}

// grammar holds that events come as the contract says, and that nothing comes
// after the consumer has left.
func grammar(t *testing.T, s llmhub.Stream, leave int) {
	started, ended, over := false, false, false
	parts := map[int]int{} // 1: open, 2: closed
	n := 0
	for ev, err := range s {
		if over || ended {
			t.Fatalf("event %d after the end", n)
		}
		if err != nil {
			over = true
			continue
		}
		switch ev.Kind {
		case llmhub.EventStart:
			if started {
				t.Fatal("two starts")
			}
			started = true
		case llmhub.EventOpen:
			if !started || parts[ev.Index] == 1 || ev.Part == nil {
				t.Fatalf("open of %d: started %t, state %d", ev.Index, started, parts[ev.Index])
			}
			parts[ev.Index] = 1
		case llmhub.EventDelta, llmhub.EventClose:
			if parts[ev.Index] != 1 {
				t.Fatalf("kind %d of part %d, which is not open", ev.Kind, ev.Index)
			}
			if ev.Kind == llmhub.EventClose {
				parts[ev.Index] = 2
			}
		case llmhub.EventEnd:
			if ev.End == nil || ev.End.Stop == "" {
				t.Fatal("an end without a reason")
			}
			ended = true
		case llmhub.EventNote:
			if !started {
				t.Fatal("a note before the start")
			}
		default:
			t.Fatalf("an event of kind %d", ev.Kind)
		}
		if n++; n == leave {
			return
		}
	}
	if !ended && !over {
		t.Fatal("neither an end nor an error")
	}
}

// FuzzStream holds that a stream of anything, cut anywhere, reads the same, in
// the order that the contract says, and can be left at any event.
func FuzzStream(f *testing.F) {
	for _, file := range []string{"tools", "broken", "error_in_the_middle", "a_little_nonsense", "no_message_stop"} {
		b, err := os.ReadFile("testdata/stream/" + file + ".sse")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, uint64(1), 3)
	}
	seeds(f, func(x *wiretest.Exchange) {
		if x.Stream && x.Status == 200 {
			f.Add(x.Response, uint64(len(x.Response)), 7)
		}
	})
	f.Fuzz(func(t *testing.T, in []byte, seed uint64, leave int) {
		grammar(t, anthropic.Client{}.Events(call(true, ""), wiretest.Cut(in, seed), -1), 0)
		grammar(t, anthropic.Client{}.Events(call(true, anthropic.Name), wiretest.Cut(in, seed), -1), leave)
		whole, err := anthropic.Client{}.Events(call(true, ""), bytes.NewReader(in), -1).Collect()
		again, err2 := anthropic.Client{}.Events(call(true, ""), wiretest.Cut(in, seed), -1).Collect()
		if (err == nil) != (err2 == nil) || !reflect.DeepEqual(flatten(whole), flatten(again)) {
			t.Fatalf("cut with seed %d: %+v, %v\nwhole: %+v, %v", seed, again, err2, whole, err)
		}
		if err != nil {
			return
		}
		c := call(true, "")
		enc := anthropic.Server{}.Encoder(&c.Request, wire.Identity{ID: "1", Model: "m"})
		var out []byte
		for ev := range (anthropic.Client{}).Events(call(true, ""), bytes.NewReader(in), -1) {
			out = enc.Append(out, ev)
		}
		if _, err := (anthropic.Client{}).Events(call(true, ""), bytes.NewReader(out), -1).Collect(); err != nil {
			t.Fatalf("%q rendered as %q reads: %v", in, out, err)
		}
	})
}

// FuzzAnswer holds the same for whole answers.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"type":"message","id":"m","model":"x","content":[{"type":"text","text":"a"},{"type":"tool_use","id":"1","name":"f","input":{}}],"stop_reason":"end_turn","usage":{"input_tokens":1}}`), 2)
	seeds(f, func(x *wiretest.Exchange) {
		if !x.Stream && x.Status == 200 {
			f.Add(x.Response, 3)
		}
	})
	f.Fuzz(func(t *testing.T, in []byte, leave int) {
		grammar(t, anthropic.Client{}.Events(call(false, ""), bytes.NewReader(in), -1), leave)
		got, err := anthropic.Client{}.Events(call(false, ""), bytes.NewReader(in), -1).Collect()
		if err != nil || !json.Valid(in) {
			return
		}
		c := call(false, "")
		enc := anthropic.Server{}.Encoder(&c.Request, wire.Identity{ID: "1", Model: got.Model})
		var out []byte
		for ev := range (anthropic.Client{}).Events(call(false, ""), bytes.NewReader(in), -1) {
			out = enc.Append(out, ev)
		}
		if !json.Valid(out) {
			t.Fatalf("%s rendered as %s", in, out)
		}
	})
}
