package adaptertest

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
)

// patience is how long anything may take that should be at once.
const patience = 2 * time.Second

func within(tb testing.TB) (context.Context, context.CancelFunc) {
	return context.WithTimeout(tb.Context(), patience)
}

var leaving = []Claim{
	{"closes the upstream within a second when the consumer leaves", func(tb testing.TB, open Opener, d Dialect) {
		b, _, gone := waiting(tb, open, d, true)
		ctx, cancel := within(tb)
		defer cancel()
		for ev, err := range b.adapter.Stream(ctx, b.call(true)) {
			if err != nil {
				tb.Fatal(err)
			}
			if ev.Delta != "" {
				break
			}
		}
		left(tb, gone)
	}},
	{"closes the upstream within a second when the context ends in mid-stream", func(tb testing.TB, open Opener, d Dialect) {
		b, _, gone := waiting(tb, open, d, true)
		ctx, cancel := within(tb)
		defer cancel()
		var o outcome
		for ev, err := range b.adapter.Stream(ctx, b.call(true)) {
			o.err = err
			if ev.Delta != "" {
				cancel()
			}
		}
		left(tb, gone)
		b.failed(o, llmhub.Canceled)
	}},
	{"closes the upstream within a second when the context ends before an answer", func(tb testing.TB, open Opener, d Dialect) {
		b, came, gone := waiting(tb, open, d, false)
		ctx, cancel := within(tb)
		defer cancel()
		go func() { // ends with the context at the latest
			select {
			case <-came:
			case <-ctx.Done():
			}
			cancel()
		}()
		o := b.run(ctx, b.call(true))
		left(tb, gone)
		if e := b.failed(o, llmhub.Canceled); !e.Sent {
			tb.Errorf("a request that was on its way is not charged")
		}
	}},
	{"sends nothing when the context has ended", func(tb testing.TB, open Opener, d Dialect) {
		b := set(tb, open, d, func(w http.ResponseWriter, r *http.Request) { w.Write(d.Answer) })
		ctx, cancel := context.WithCancel(tb.Context())
		cancel()
		if e := b.failed(b.run(ctx, b.call(false)), llmhub.Canceled); e.Sent || len(b.requests()) != 0 {
			tb.Errorf("it is charged %t, the provider got %d requests, want false, 0", e.Sent, len(b.requests()))
		}
	}},
	{"yields nothing more to a consumer who has left", func(tb testing.TB, open Opener, d Dialect) {
		var b *bench
		b = set(tb, open, d, func(w http.ResponseWriter, r *http.Request) { b.answer(w, true, 1000) })
		all := b.run(tb.Context(), b.call(true)).events
		for leave := range all {
			n, late := 0, 0
			b.adapter.Stream(tb.Context(), b.call(true))(func(llmhub.Event, error) bool {
				if n > leave {
					late++
				}
				n++
				return n <= leave
			})
			if late > 0 {
				tb.Errorf("left at event %d, %d more came", leave+1, late)
			}
		}
	}},
}

// waiting is a bench whose provider says half an answer, or nothing, and then
// waits until the caller is gone. It tells when the request has come, and when
// the caller has gone.
func waiting(tb testing.TB, open Opener, d Dialect, half bool) (_ *bench, came, gone chan bool) {
	came, gone = make(chan bool, 1), make(chan bool, 1)
	var b *bench
	b = set(tb, open, d, func(w http.ResponseWriter, r *http.Request) {
		if half {
			w.Header().Set("Content-Type", "text/event-stream")
			w.Write(b.half())
			w.(http.Flusher).Flush()
		}
		tell(came)
		if wait(r) {
			tell(gone)
		}
	})
	return b, came, gone
}

// wait waits until the caller has gone, and reports whether it has. It does not
// wait for ever, so that an adapter which never goes fails and does not hang.
func wait(r *http.Request) bool {
	select {
	case <-r.Context().Done():
		return true
	case <-time.After(patience):
		return false
	}
}

// tell says it once: nobody listens for more.
func tell(c chan bool) {
	select {
	case c <- true:
	default:
	}
}

// left claims that the provider sees the connection close within a second.
func left(tb testing.TB, gone chan bool) {
	tb.Helper()
	select {
	case <-gone:
	case <-time.After(time.Second):
		tb.Fatal("a second later the provider still sees the connection open")
	}
}
