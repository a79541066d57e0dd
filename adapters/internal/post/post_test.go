package post_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/llmhubd/llmhub/adapters/internal/post"
	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
)

// lines is a dialect of nothing but lines of text: its body is the pieces it was
// given, its answer a start, a part that grows by a line, an end after "END".
type lines struct{ pieces [][]byte }

func (lines) Name() string { return "lines" }

func (l lines) Body(*llmhub.Call) ([][]byte, error) { return l.pieces, nil }

func (lines) Events(_ *llmhub.Call, body io.Reader, _ int64) llmhub.Stream {
	return func(yield func(llmhub.Event, error) bool) {
		if !yield(llmhub.Event{Kind: llmhub.EventStart}, nil) {
			return
		}
		r := bufio.NewReader(body)
		for {
			line, err := r.ReadString('\n')
			switch {
			case err == io.EOF:
				err = &llmhub.Error{Kind: llmhub.Broken, Message: "no END"}
				fallthrough
			case err != nil:
				yield(llmhub.Event{}, err)
				return
			case line == "END\n":
				yield(llmhub.Event{Kind: llmhub.EventEnd, End: &llmhub.End{Stop: llmhub.StopEnd}}, nil)
				return
			}
			if !yield(llmhub.Event{Kind: llmhub.EventDelta, Delta: line}, nil) {
				return
			}
		}
	}
}

func (lines) Error(_ *llmhub.Call, status int, _ http.Header, body []byte) *llmhub.Error {
	k := llmhub.InvalidRequest
	switch {
	case status == 429:
		k = llmhub.RateLimited
	case status == 503:
		k = llmhub.Overloaded
	case status >= 500:
		k = llmhub.UpstreamFailed
	}
	return &llmhub.Error{Kind: k, Message: string(body), Dialect: "lines", Raw: body}
}

var clock = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newPost(url string, pieces ...string) *post.Post {
	l := lines{}
	for _, p := range pieces {
		l.pieces = append(l.pieces, []byte(p))
	}
	return &post.Post{Provider: "p", Client: l, URL: url, Auth: post.Bearer, Now: func() time.Time { return clock },
		Path: func(*llmhub.Call) (string, error) { return "/x", nil }}
}

func newCall() *llmhub.Call {
	return &llmhub.Call{Request: llmhub.Request{Stream: true}, Key: llmhub.Key{Secret: llmhub.NewSecret("canary-0123456789abcdef")}}
}

func serve(t testing.TB, h http.HandlerFunc) string {
	s := httptest.NewServer(h)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL
}

func asError(t *testing.T, err error) *llmhub.Error {
	t.Helper()
	var e *llmhub.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v, want an *llmhub.Error", err)
	}
	return e
}

func TestSends(t *testing.T) {
	var got *http.Request
	var body string
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got, body = r, string(b)
		io.WriteString(w, "a\nEND\n")
	})
	p := newPost(url+"/base/", "{", "", "one,", "two}")
	resp, err := p.Stream(t.Context(), newCall()).Collect()
	if err != nil || resp.Stop != llmhub.StopEnd {
		t.Fatalf("Stream gave %+v, %v", resp, err)
	}
	if body != "{one,two}" || got.ContentLength != 9 {
		t.Errorf("body sent is %q of length %d, want {one,two} of 9", body, got.ContentLength)
	}
	var names []string
	for k := range got.Header {
		names = append(names, k)
	}
	slices.Sort(names)
	want := []string{"Authorization", "Content-Length", "Content-Type", "User-Agent"}
	if !slices.Equal(names, want) || got.URL.Path != "/base/x" || got.Method != "POST" {
		t.Errorf("%s %s with headers %v, want POST /base/x with %v", got.Method, got.URL.Path, names, want)
	}
	if a := got.Header.Get("Authorization"); a != "Bearer canary-0123456789abcdef" {
		t.Errorf("Authorization is not the key")
	}
	if ua := got.Header.Get("User-Agent"); ua != post.UserAgent {
		t.Errorf("User-Agent is %q, want %q", ua, post.UserAgent)
	}
}

func TestKeyNamesItsOrigin(t *testing.T) {
	var hits atomic.Int32
	url := serve(t, func(w http.ResponseWriter, r *http.Request) { hits.Add(1); io.WriteString(w, "END\n") })
	p := newPost("http://127.0.0.1:1")
	c := newCall()
	c.Key.URL = url
	if _, err := p.Stream(t.Context(), c).Collect(); err != nil || hits.Load() != 1 {
		t.Errorf("a key with a URL of its own: error %v, %d requests there, want none, 1", err, hits.Load())
	}
}

func TestRefusesBeforeSending(t *testing.T) {
	for _, tt := range []struct {
		name string
		url  string
		key  string
		kind llmhub.Kind
	}{
		{"no secret", "http://127.0.0.1:1", "", llmhub.BadCredential},
		{"nobody listens", "http://127.0.0.1:1", "k", llmhub.Unreachable},
		{"no such host", "http://no-such-host.invalid", "k", llmhub.Unreachable},
		{"no URL", "::", "k", llmhub.Unreachable},
		{"a URL with a password", "http://u:p@127.0.0.1", "k", llmhub.Unreachable},
		{"another scheme", "file:///etc", "k", llmhub.Unreachable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCall()
			c.Key.Secret = llmhub.NewSecret(tt.key)
			_, err := newPost(tt.url, "{}").Stream(t.Context(), c).Collect()
			if e := asError(t, err); e.Kind != tt.kind || e.Sent {
				t.Errorf("error %v, sent %t, want %s, not sent", e, e.Sent, tt.kind)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		header string
		body   string
		kind   llmhub.Kind
		sent   bool
		retry  time.Duration
	}{
		{"a refusal is free", 400, "", "no", llmhub.InvalidRequest, false, 0},
		{"a failure is charged", 500, "", "no", llmhub.UpstreamFailed, true, 0},
		{"a redirect is not followed", 307, "Location: /elsewhere", "", llmhub.Malformed, true, 0},
		{"a success of another sort", 204, "", "", llmhub.Malformed, true, 0},
		{"retry-after of a 429", 429, "Retry-After: 7", "", llmhub.RateLimited, false, 7 * time.Second},
		{"retry-after of a 503", 503, "Retry-After: 0.25", "", llmhub.Overloaded, true, time.Second},
		{"retry-after of a 400 says nothing", 400, "Retry-After: 7", "", llmhub.InvalidRequest, false, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var hits atomic.Int32
			url := serve(t, func(w http.ResponseWriter, r *http.Request) {
				hits.Add(1)
				if k, v, ok := strings.Cut(tt.header, ": "); ok {
					w.Header().Set(k, v)
				}
				w.WriteHeader(tt.status)
				io.WriteString(w, tt.body)
			})
			_, err := newPost(url, "{}").Stream(t.Context(), newCall()).Collect()
			e := asError(t, err)
			if e.Kind != tt.kind || e.Sent != tt.sent || e.Status != tt.status || e.RetryAfter != tt.retry || e.Provider != "p" {
				t.Errorf("error %+v, want %s, sent %t, after %v", e, tt.kind, tt.sent, tt.retry)
			}
			if tt.kind == llmhub.RateLimited && e.Verdict != (llmhub.Verdict{State: llmhub.KeyCooling, Until: clock.Add(tt.retry)}) {
				t.Errorf("verdict %+v, want cooling for %v", e.Verdict, tt.retry)
			}
			if hits.Load() != 1 {
				t.Errorf("%d requests, want 1", hits.Load())
			}
		})
	}
}

// An error's body is bounded, and what it says is made fit to be told.
func TestErrorIsCleaned(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(400)
		fmt.Fprint(w, "bad key ", strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), " or sk-proj-abcdefghijklmnop ")
		for range 100 {
			io.WriteString(w, strings.Repeat("é", 1000))
		}
	})
	_, err := newPost(url, "{}").Stream(t.Context(), newCall()).Collect()
	e := asError(t, err)
	if len(e.Message) > 512 || !strings.HasPrefix(e.Message, "bad key **** or **** é") || strings.ContainsRune(e.Message, '\ufffd') {
		t.Errorf("message is %d bytes, %q", len(e.Message), e.Message)
	}
	if e.Raw != nil {
		t.Errorf("the body that holds the key is kept")
	}
}

// An upstream sees its connection close within a second when the caller goes:
// before an answer, after its headers, and in mid-stream.
func TestUpstreamSeesTheCallerLeave(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer string // what the upstream says before it waits
		head   bool
		leave  bool // by leaving the loop; else by the context
	}{
		{"before an answer, by the context", "", false, false},
		{"after the headers, by the context", "", true, false},
		{"in mid-stream, by the context", "a\nb\n", true, false},
		{"in mid-stream, by leaving the loop", "a\nb\n", true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			closed, waits := make(chan time.Time, 1), make(chan bool)
			url := serve(t, func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				if tt.head {
					io.WriteString(w, tt.answer)
					w.(http.Flusher).Flush()
				}
				close(waits)
				<-r.Context().Done()
				closed <- time.Now()
			})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if !tt.leave {
				go func() { <-waits; cancel() }()
			}
			var last error
			var left time.Time
			for ev, err := range newPost(url, "{}").Stream(ctx, newCall()) {
				last = err
				if tt.leave && ev.Delta == "b\n" {
					left = time.Now()
					break
				}
			}
			if left.IsZero() {
				left = time.Now()
			}
			select {
			case at := <-closed:
				t.Logf("closed after %v", at.Sub(left))
			case <-time.After(time.Second):
				t.Fatal("the upstream still waits a second after the caller left")
			}
			if !tt.leave {
				if e := asError(t, last); e.Kind != llmhub.Canceled || !e.Sent {
					t.Errorf("error %v, sent %t, want canceled, sent", e, e.Sent)
				}
			}
		})
	}
}

// What ended the context is what the error says.
func TestCause(t *testing.T) {
	for _, tt := range []struct {
		cause error
		kind  llmhub.Kind
	}{
		{nil, llmhub.Canceled},
		{llmhub.Timeout, llmhub.Timeout},
		{&llmhub.Error{Kind: llmhub.Draining, Message: "m"}, llmhub.Draining},
		{context.DeadlineExceeded, llmhub.DeadlineExceeded},
	} {
		waits := make(chan bool, 1)
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			io.WriteString(w, "a\n")
			w.(http.Flusher).Flush()
			waits <- true
			<-r.Context().Done()
		})
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() { <-waits; cancel(tt.cause) }()
		_, err := newPost(url, "{}").Stream(ctx, newCall()).Collect()
		if e := asError(t, err); e.Kind != tt.kind || !e.Sent {
			t.Errorf("cause %v gave %v, sent %t, want %s, sent", tt.cause, e, e.Sent, tt.kind)
		}
		cancel(nil)
	}
}

// A connection that breaks is Broken, before an answer and within it, and
// nothing is sent again.
func TestBrokenConnection(t *testing.T) {
	for _, answer := range []string{"", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\na\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\na\n\r\n"} {
		var hits atomic.Int32
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			hits.Add(1)
			io.Copy(io.Discard, r.Body)
			c, _, _ := w.(http.Hijacker).Hijack()
			io.WriteString(c, answer)
			c.Close()
		})
		_, err := newPost(url, "{}").Stream(t.Context(), newCall()).Collect()
		if e := asError(t, err); e.Kind != llmhub.Broken || !e.Sent || hits.Load() != 1 {
			t.Errorf("after %q: error %v, sent %t, %d requests, want stream_broken, sent, 1", answer, e, e.Sent, hits.Load())
		}
	}
}

// An idle connection that the provider has closed meanwhile is no failure.
func TestStaleConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var bodies atomic.Int32
	go func() { // ends when the listener closes
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r := bufio.NewReader(c)
			if req, err := http.ReadRequest(r); err == nil {
				if b, _ := io.ReadAll(req.Body); string(b) == "{}" {
					bodies.Add(1)
				}
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEND\n")
			}
			if n == 0 { // the first one closes when the next request comes in
				if req, err := http.ReadRequest(r); err == nil {
					io.Copy(io.Discard, req.Body)
				}
			}
			c.Close()
		}
	}()
	p := newPost("http://"+l.Addr().String(), "{", "}")
	for range 2 {
		if _, err := p.Stream(t.Context(), newCall()).Collect(); err != nil {
			t.Fatal(err)
		}
	}
	if bodies.Load() != 2 {
		t.Errorf("%d whole bodies arrived, want 2", bodies.Load())
	}
}

// The connection serves again after an answer whose end comes behind its last
// event.
func TestConnectionIsReused(t *testing.T) {
	var conns sync.Map
	ended := make(chan bool, 1)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		conns.Store(r.RemoteAddr, true)
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "a\nEND\n")
		w.(http.Flusher).Flush()
		<-ended
	})
	p := newPost(url, "{}")
	for range 20 {
		for ev, err := range p.Stream(t.Context(), newCall()) {
			if err != nil {
				t.Fatal(err)
			}
			if ev.Kind == llmhub.EventEnd {
				ended <- true
			}
		}
	}
	n := 0
	conns.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("20 calls one after another took %d connections, want 1", n)
	}
}

// After the stream has ended nobody reads the caller's bytes, even when the
// provider answers before it has taken them all.
func TestBodyIsFenced(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(413) // without reading
	})
	p := newPost(url)
	for range 50 {
		big := make([]byte, 4<<20)
		p.Client = lines{[][]byte{big}}
		p.Stream(t.Context(), newCall()).Collect()
		for i := range 1000 {
			big[i*4096] = 1 // the race detector sees a reader that is late
		}
	}
}

// A body of more than may be read fails, and does not fill the memory.
func TestAnswerIsBounded(t *testing.T) {
	var end atomic.Bool
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		chunk := []byte(strings.Repeat("x", 1<<20-1) + "\n")
		for !end.Load() && r.Context().Err() == nil {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	defer end.Store(true)
	c := newCall()
	c.Stream = false
	_, err := newPost(url, "{}").Stream(t.Context(), c).Collect()
	if e := asError(t, err); e.Kind != llmhub.Malformed || !e.Sent {
		t.Errorf("an endless body gave %v, want malformed_answer, sent", e)
	}
	if wire.MaxUnary < 1<<20 {
		t.Errorf("MaxUnary is %d", wire.MaxUnary)
	}
}

func TestNothingLeaks(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "a\nb\nEND\n")
	})
	tr := post.NewTransport()
	p := newPost(url, "{}")
	p.Transport = tr
	before := runtime.NumGoroutine()
	for i := range 50 {
		n := 0
		for range p.Stream(t.Context(), newCall()) {
			if n++; n > i%5 {
				break
			}
		}
		p.Stream(t.Context(), newCall()) // one that nobody ranges over
	}
	tr.CloseIdleConnections()
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before+4; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}

func TestList(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "GET" || r.URL.String() != "/models?limit=9" || r.Header.Get("Authorization") == "" {
			w.WriteHeader(500)
		}
		io.WriteString(w, `{"data":[{"id":"a"},{"id":"models/b"},{}]}`)
	})
	got, err := newPost(url).List(t.Context(), newCall().Key, "/models?limit=9", "data", "id")
	if err != nil || !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("List = %v, %v, want a and b", got, err)
	}
}

func BenchmarkStream(b *testing.B) {
	p := newPost("http://provider.example", strings.Repeat("x", 1000))
	p.Transport = answering{}
	c := newCall()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Stream(b.Context(), c).Collect(); err != nil {
			b.Fatal(err)
		}
	}
}

// answering is a provider without a network.
type answering struct{}

func (answering) RoundTrip(r *http.Request) (*http.Response, error) {
	io.Copy(io.Discard, r.Body)
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("END\n")), ContentLength: 4}, nil
}
