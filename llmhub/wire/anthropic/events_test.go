package anthropic_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/llmhub/wire/anthropic"
)

// byFrame is a body that gives one frame a read, and tells before each.
type byFrame struct {
	frames [][]byte
	before func(read int)
	n      int
}

func (b *byFrame) Read(p []byte) (int, error) {
	b.before(b.n)
	if b.n == len(b.frames) {
		return 0, io.EOF
	}
	b.n++
	return copy(p, b.frames[b.n-1]), nil
}

// TestNothingIsHeldBack holds that what has arrived is handed on before more is
// read, and that only what more follows says so.
func TestNothingIsHeldBack(t *testing.T) {
	frames := bytes.SplitAfter(stream(5, "x"), []byte("\n\n"))
	frames = frames[:len(frames)-1]
	got := 0
	body := &byFrame{frames: frames, before: func(read int) {
		if read != got {
			t.Errorf("read %d comes when %d events have been handed on", read, got)
		}
	}}
	for ev, err := range (anthropic.Client{}).Events(call(true, anthropic.Name), body, -1) {
		if err != nil {
			t.Fatal(err)
		}
		if ev.More {
			t.Errorf("event %d promises more, which is not there", got)
		}
		got++
	}
	if got != len(frames) {
		t.Errorf("%d frames gave %d events", len(frames), got)
	}
	if body.n != len(frames) {
		t.Errorf("%d of %d frames were read", body.n, len(frames))
	}
}

// TestMoreIsTrue holds that every event but the last of what came at once says
// that more is at hand.
func TestMoreIsTrue(t *testing.T) {
	var more []bool
	for ev, err := range (anthropic.Client{}).Events(call(true, ""), bytes.NewReader(stream(5, "x")), -1) {
		if err != nil {
			t.Fatal(err)
		}
		more = append(more, ev.More)
	}
	for i, m := range more {
		if m != (i < len(more)-1) {
			t.Errorf("event %d of %d: More is %t", i, len(more), m)
		}
	}
}

// TestAllocations holds the hot paths to what they may cost.
func TestAllocations(t *testing.T) {
	in := stream(1000, "some words of text")
	perStream := testing.AllocsPerRun(5, func() {
		for _, err := range (anthropic.Client{}).Events(call(true, ""), bytes.NewReader(in), -1) {
			if err != nil {
				t.Fatal(err)
			}
		}
	})
	if perStream > 1100 {
		t.Errorf("1,000 text deltas took %.0f allocations, want one each", perStream)
	}
	c := call(true, "")
	enc := anthropic.Server{}.Encoder(&c.Request, wire.Identity{ID: "1", Model: "smart"})
	buf := enc.Append(make([]byte, 0, 4096), open(0, llmhub.Part{Kind: llmhub.PartText}))
	if n := testing.AllocsPerRun(100, func() { buf = enc.Append(buf[:0], delta(0, "some words\nof text")) }); n != 0 {
		t.Errorf("rendering a text delta took %.0f allocations, want none", n)
	}
}
