package adaptertest

import (
	"net/http"
	"testing"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
)

var answers = []Claim{
	{"reads a whole answer", func(tb testing.TB, open Opener, d Dialect) {
		b := set(tb, open, d, func(w http.ResponseWriter, r *http.Request) { w.Write(d.Answer) })
		b.hello(b.run(tb.Context(), b.call(false)))
		b.once("after one call")
	}},
	{"reads a stream, wherever it is cut", func(tb testing.TB, open Opener, d Dialect) {
		for _, step := range []int{1, 2, 3, 7, 50, 1000} {
			var b *bench
			b = set(tb, open, d, func(w http.ResponseWriter, r *http.Request) { b.answer(w, true, step) })
			b.hello(b.run(tb.Context(), b.call(true)))
		}
	}},
	{"hands on what has come before more comes", func(tb testing.TB, open Opener, d Dialect) {
		heard := make(chan bool, 1)
		var b *bench
		b = set(tb, open, d, func(w http.ResponseWriter, r *http.Request) {
			half := b.half()
			w.Header().Set("Content-Type", "text/event-stream")
			w.Write(half)
			w.(http.Flusher).Flush()
			select {
			case <-heard:
				w.Write(d.Stream[len(half):])
			case <-time.After(patience):
			}
		})
		text := ""
		ctx, cancel := within(tb)
		defer cancel()
		for ev, err := range b.adapter.Stream(ctx, b.call(true)) {
			if err != nil {
				tb.Fatalf("after %q: %v", text, err)
			}
			if text == "" && ev.Delta != "" {
				tell(heard)
			}
			text += ev.Delta
		}
		if text != d.Text {
			tb.Errorf("the stream said %q, want %q", text, d.Text)
		}
	}},
	{"takes an answer of the other sort than was asked for", func(tb testing.TB, open Opener, d Dialect) {
		b := set(tb, open, d, func(w http.ResponseWriter, r *http.Request) { w.Write(d.Answer) })
		b.hello(b.run(tb.Context(), b.call(true)))
	}},
	{"says in the end why the model stopped, and what it used", func(tb testing.TB, open Opener, d Dialect) {
		for _, stream := range []bool{false, true} {
			var b *bench
			b = set(tb, open, d, func(w http.ResponseWriter, r *http.Request) { b.answer(w, stream, 100) })
			o := b.run(tb.Context(), b.call(stream))
			if o.Stop != llmhub.StopEnd || o.Usage.Prompt() != 5 || o.Usage.Completion() != 2 {
				tb.Errorf("stream %t: stop %q, usage %+v, want %q, 5 in and 2 out", stream, o.Stop, o.Usage, llmhub.StopEnd)
			}
		}
	}},
}

// hello claims that an answer said what it says, in order.
func (b *bench) hello(o outcome) {
	b.Helper()
	if o.err != nil || o.Text() != b.Text || o.after > 0 {
		b.Errorf("the answer is %q, error %v, %d pairs behind the end, want %q, none, 0", o.Text(), o.err, o.after, b.Text)
		return
	}
	if n := len(o.kinds); n < 2 || o.kinds[0] != llmhub.EventStart || o.kinds[n-1] != llmhub.EventEnd {
		b.Errorf("the events are of kinds %v, want a start first and an end last", o.kinds)
	}
	if o.Model == "" {
		b.Errorf("the answer names no model")
	}
}
