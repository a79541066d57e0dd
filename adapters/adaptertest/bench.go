package adaptertest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/llmhubd/llmhub/llmhub"
)

const canary = "canary-5f0c7a1e93d84b62"

// bench is an adapter with a provider that does as it is told.
type bench struct {
	testing.TB
	Dialect
	open    Opener
	url     string
	adapter llmhub.Adapter

	mu   sync.Mutex
	seen []request
}

type request struct {
	*http.Request
	body string
}

// set makes a bench whose provider answers with serve.
func set(tb testing.TB, open Opener, d Dialect, serve http.HandlerFunc) *bench {
	tb.Helper()
	b := &bench{TB: tb, Dialect: d, open: open}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		b.mu.Lock()
		b.seen = append(b.seen, request{r, string(body)})
		b.mu.Unlock()
		serve(w, r)
	}))
	tb.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	b.url, b.adapter = s.URL, open(s.URL)
	return b
}

// requests are those that the provider has got.
func (b *bench) requests() []request {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]request(nil), b.seen...)
}

// once claims that the provider has got one request.
func (b *bench) once(when string) {
	b.Helper()
	if n := len(b.requests()); n != 1 {
		b.Errorf("%s the provider got %d requests, want 1", when, n)
	}
}

func (b *bench) call(stream bool) *llmhub.Call {
	return &llmhub.Call{
		Request: llmhub.Request{Model: "smart", Stream: stream, MaxTokens: 50, Body: llmhub.Text("hi")},
		Attempt: 1,
		Target:  llmhub.Target{Provider: "under-test", Model: b.Model},
		Key:     llmhub.Key{ID: "k", Secret: llmhub.NewSecret(canary)},
	}
}

// outcome is how a stream went.
type outcome struct {
	llmhub.Response
	events int
	kinds  []llmhub.EventKind
	err    error
	after  int // pairs behind the end or the error
}

// run ranges over a call to the end.
func (b *bench) run(ctx context.Context, call *llmhub.Call) outcome {
	return collect(b.adapter.Stream(ctx, call))
}

func collect(s llmhub.Stream) outcome {
	var o outcome
	ended := false
	for ev, err := range s {
		if ended {
			o.after++
			continue
		}
		if err != nil {
			o.err, ended = err, true
			continue
		}
		o.events++
		o.kinds = append(o.kinds, ev.Kind)
		o.Add(ev)
		ended = ev.Kind == llmhub.EventEnd
	}
	return o
}

// failed claims that a stream ended with an error of a kind, the last pair.
func (b *bench) failed(o outcome, kinds ...llmhub.Kind) *llmhub.Error {
	b.Helper()
	var e *llmhub.Error
	if !errors.As(o.err, &e) {
		b.Fatalf("the stream ended with %v after %d events, want an *llmhub.Error", o.err, o.events)
	}
	if o.after > 0 {
		b.Errorf("%d pairs came behind the error", o.after)
	}
	for _, k := range kinds {
		if e.Kind == k {
			return e
		}
	}
	b.Errorf("the error is %v, want one of %v", e, kinds)
	return e
}

// answer writes an answer, a stream flushed at every so many bytes.
func (b *bench) answer(w http.ResponseWriter, stream bool, step int) {
	if !stream {
		w.Header().Set("Content-Type", "application/json")
		w.Write(b.Answer)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for rest := b.Stream; len(rest) > 0; {
		n := min(step, len(rest))
		w.Write(rest[:n])
		w.(http.Flusher).Flush()
		rest = rest[n:]
	}
}

// half is a stream's first part, up to and with its first piece of text.
func (b *bench) half() []byte {
	const mark = "Hello"
	for i := range b.Stream {
		if string(b.Stream[i:min(i+len(mark), len(b.Stream))]) == mark {
			for j := i; j+1 < len(b.Stream); j++ {
				if b.Stream[j] == '\n' && (b.Stream[j+1] == '\n' || b.Stream[j+1] == '\r') {
					return b.Stream[:j+1+len("\n")+boolInt(b.Stream[j+1] == '\r')]
				}
			}
		}
	}
	b.Fatal("the dialect's stream does not say Hello first")
	return nil
}

func boolInt(v bool) int {
	if v {
		return 1
	}
	return 0
}
