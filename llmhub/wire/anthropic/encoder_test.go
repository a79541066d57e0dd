package anthropic_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/llmhub/wire/anthropic"
)

func open(i int, p llmhub.Part) llmhub.Event {
	return llmhub.Event{Kind: llmhub.EventOpen, Index: i, Part: &p}
}

func delta(i int, s string) llmhub.Event {
	return llmhub.Event{Kind: llmhub.EventDelta, Index: i, Delta: s}
}

func closed(i int) llmhub.Event { return llmhub.Event{Kind: llmhub.EventClose, Index: i} }

func end(r llmhub.StopReason) llmhub.Event {
	return llmhub.Event{Kind: llmhub.EventEnd, End: &llmhub.End{Stop: r}, Usage: &llmhub.Usage{Input: 3, CacheRead: 4, CacheWrite5m: 5, CacheWrite1h: 6, Output: 7, Reasoning: 8, AudioInput: 1, AudioOutput: 2}}
}

// TestEncoderTells holds what a caller reads of answers that other dialects give,
// streamed and whole.
func TestEncoderTells(t *testing.T) {
	start := llmhub.Event{Kind: llmhub.EventStart, Start: &llmhub.Start{ID: "chatcmpl-1", Model: "gpt"}}
	for _, tt := range []struct {
		name   string
		events []llmhub.Event
		stop   string
		want   []plainPart
	}{
		{"an answer of nothing", []llmhub.Event{start, end(llmhub.StopEnd)}, "end", nil},
		{"parts that follow one another", []llmhub.Event{start, open(0, llmhub.Part{Kind: llmhub.PartText}), delta(0, "a\n"), delta(0, "b"), closed(0),
			open(1, toolCall("c1", "f", "")), delta(1, `{"x":`), delta(1, `1}`), closed(1), end(llmhub.StopTools)}, "tools",
			[]plainPart{{Kind: "text", Text: "a\nb"}, {Kind: "tool_call", ID: "c1", Name: "f", Args: map[string]any{"x": num("1")}}}},
		{"calls that come at once", []llmhub.Event{start, open(0, toolCall("c1", "f", "")), open(1, toolCall("c2", "g", "")), delta(0, `{"x":`), delta(1, `{"y"`), delta(0, `1}`), delta(1, `:2}`), closed(0), closed(1), end(llmhub.StopTools)}, "tools",
			[]plainPart{{Kind: "tool_call", ID: "c1", Name: "f", Args: map[string]any{"x": num("1")}}, {Kind: "tool_call", ID: "c2", Name: "g", Args: map[string]any{"y": num("2")}}}},
		{"calls that nobody closed", []llmhub.Event{start, open(0, toolCall("c1", "f", "")), open(1, toolCall("c2", "g", "")), delta(1, `{}`), delta(0, `{}`), end(llmhub.StopTools)}, "tools",
			[]plainPart{{Kind: "tool_call", ID: "c1", Name: "f", Args: map[string]any{}}, {Kind: "tool_call", ID: "c2", Name: "g", Args: map[string]any{}}}},
		{"reasoning that nobody signed", []llmhub.Event{start, open(0, llmhub.Part{Kind: llmhub.PartReasoning}), delta(0, "hm"), closed(0), open(1, llmhub.Part{Kind: llmhub.PartText}), delta(1, "yes"), closed(1), end(llmhub.StopEnd)}, "end",
			[]plainPart{{Kind: "reasoning", Text: "hm"}, {Kind: "text", Text: "yes"}}},
		{"reasoning signed elsewhere", []llmhub.Event{start, open(0, llmhub.Part{Kind: llmhub.PartReasoning}), delta(0, "hm"), {Kind: llmhub.EventClose, Part: &llmhub.Part{Signature: "s", SignedBy: "gemini"}}, end(llmhub.StopEnd)}, "end",
			[]plainPart{{Kind: "reasoning", Text: "hm", Signature: "llmhub:gemini:s"}}},
		{"reasoning that is hidden", []llmhub.Event{start, open(0, llmhub.Part{Kind: llmhub.PartReasoning, Redacted: true, Signature: "s", SignedBy: "anthropic"}), closed(0), end(llmhub.StopEnd)}, "end",
			[]plainPart{{Kind: "reasoning", Signature: "s"}}},
		{"a refusal", []llmhub.Event{start, open(0, llmhub.Part{Kind: llmhub.PartRefusal}), delta(0, "No."), closed(0), end(llmhub.StopEnd)}, "refusal",
			[]plainPart{{Kind: "text", Text: "No."}}},
		{"what cannot be told", []llmhub.Event{start, open(0, llmhub.Part{Kind: llmhub.PartOther, Origin: llmhub.Origin{Dialect: "x", JSON: []byte(`{}`)}}), closed(0),
			open(1, llmhub.Part{Kind: llmhub.PartText, Choice: 1}), delta(1, "second"), closed(1), open(2, llmhub.Part{Kind: llmhub.PartText}), delta(2, "first"), closed(2), end(llmhub.StopEnd)}, "end",
			[]plainPart{{Kind: "text", Text: "first"}}},
		{"a cap", []llmhub.Event{start, end(llmhub.StopLength)}, "length", nil},
		{"a filter", []llmhub.Event{start, end(llmhub.StopFilter)}, "refusal", nil},
		{"a reason of tomorrow", []llmhub.Event{start, end(llmhub.StopOther)}, "end", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, stream := range []bool{true, false} {
				c := call(stream, "")
				enc := anthropic.Server{}.Encoder(&c.Request, wire.Identity{ID: "1", Model: "smart"})
				var out []byte
				for _, ev := range tt.events {
					out = enc.Append(out, ev)
				}
				want := plain{ID: "msg_1", Model: "smart", Stop: tt.stop, Parts: append([]plainPart{}, tt.want...), In: 4, Read: 4, W5m: 5, W1h: 6, Out: 9, R: 8}
				if stream {
					sequential(t, out)
				}
				again, err := anthropic.Client{}.Events(call(stream, ""), bytes.NewReader(out), -1).Collect()
				if err != nil {
					t.Fatalf("stream %t: %v in %s", stream, err, out)
				}
				if got := flatten(again); !reflect.DeepEqual(got, want) {
					t.Errorf("stream %t: got %+v\nwant %+v", stream, got, want)
				}
			}
		})
	}
}

// sequential holds that blocks begin at 0, follow one another and never overlap.
func sequential(t *testing.T, out []byte) {
	t.Helper()
	next, openBlock := 0, false
	for line := range strings.SplitSeq(string(out), "\n") {
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			continue
		}
		ev := decodeMap(t, []byte(data))
		switch kind := ev["type"]; kind {
		case "content_block_start":
			if openBlock || ev["index"] != num(itoa(next)) {
				t.Fatalf("block %v begins while block %d is open: %t, in %s", ev["index"], next, openBlock, out)
			}
			openBlock = true
		case "content_block_delta", "content_block_stop":
			if !openBlock || ev["index"] != num(itoa(next)) {
				t.Fatalf("%s of block %v where %d is at hand, in %s", kind, ev["index"], next, out)
			}
			if kind == "content_block_stop" {
				openBlock = false
				next++
			}
		}
	}
}

// TestTextGoesOnAfterACall holds that text is streamed at once though nobody has
// said that it ended, and that what comes later is not lost.
func TestTextGoesOnAfterACall(t *testing.T) {
	c := call(true, "")
	enc := anthropic.Server{}.Encoder(&c.Request, wire.Identity{ID: "1", Model: "smart"})
	out := enc.Append(nil, llmhub.Event{Kind: llmhub.EventStart})
	for _, ev := range []llmhub.Event{open(0, llmhub.Part{Kind: llmhub.PartText}), delta(0, "a"), open(1, toolCall("c1", "f", "")), delta(1, "{"), delta(0, "b")} {
		out = enc.Append(out, ev)
	}
	if !bytes.Contains(out, []byte(`"partial_json":"{"`)) {
		t.Fatalf("a tool's arguments wait for the text to end: %s", out)
	}
	for _, ev := range []llmhub.Event{delta(1, "}"), closed(1), closed(0), end(llmhub.StopTools)} {
		out = enc.Append(out, ev)
	}
	sequential(t, out)
	got, err := anthropic.Client{}.Events(call(true, ""), bytes.NewReader(out), -1).Collect()
	if err != nil {
		t.Fatal(err)
	}
	want := []plainPart{{Kind: "text", Text: "a"}, {Kind: "tool_call", ID: "c1", Name: "f", Args: map[string]any{}}, {Kind: "text", Text: "b"}}
	if g := flatten(got).Parts; !reflect.DeepEqual(g, want) {
		t.Errorf("got %+v\nwant %+v", g, want)
	}
}

// TestRenderedAfterRaw holds that frames that went out as they came can be
// followed by events that we render, as when another target goes on.
func TestRenderedAfterRaw(t *testing.T) {
	in := stream(2, "half ")
	c := call(true, anthropic.Name)
	enc := anthropic.Server{}.Encoder(&c.Request, wire.Identity{ID: "1", Model: "m"})
	var out []byte
	n := 0
	for ev, err := range (anthropic.Client{}).Events(c, bytes.NewReader(in), -1) {
		if err != nil {
			t.Fatal(err)
		}
		out = enc.Append(out, ev)
		if ev.Kind == llmhub.EventDelta {
			if n++; n == 2 {
				break
			}
		}
	}
	for _, ev := range []llmhub.Event{delta(0, "and half"), closed(0), open(1, llmhub.Part{Kind: llmhub.PartText}), delta(1, "!"), closed(1), end(llmhub.StopEnd)} {
		out = enc.Append(out, ev)
	}
	sequential(t, out)
	got, err := anthropic.Client{}.Events(call(true, ""), bytes.NewReader(out), -1).Collect()
	if err != nil {
		t.Fatal(err)
	}
	if got.Text() != "half half and half!" {
		t.Errorf("the answer reads %q in %s", got.Text(), out)
	}
}

func num(s string) json.Number { return json.Number(s) }

func itoa(n int) string { return strconv.Itoa(n) }
