package adaptertest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
)

var failures = []Claim{
	{"an error before content is the first pair, and the only one", func(tb testing.TB, open Opener, d Dialect) {
		for _, stream := range []bool{false, true} {
			b := set(tb, open, d, refuse(d, 400, nil))
			o := b.run(tb.Context(), b.call(stream))
			b.failed(o, llmhub.InvalidRequest)
			if o.events > 0 {
				tb.Errorf("%d events came before the error", o.events)
			}
		}
	}},
	{"classifies refusals, and says what they cost", func(tb testing.TB, open Opener, d Dialect) {
		for _, tt := range []struct {
			status int
			kind   llmhub.Kind
			key    llmhub.KeyState
			sent   bool
		}{
			{400, llmhub.InvalidRequest, llmhub.KeyUntold, false},
			{401, llmhub.BadCredential, llmhub.KeyInvalid, false},
			{429, llmhub.RateLimited, llmhub.KeyCooling, false},
			{500, llmhub.UpstreamFailed, llmhub.KeyUntold, true},
		} {
			b := set(tb, open, d, refuse(d, tt.status, nil))
			e := b.failed(b.run(tb.Context(), b.call(false)), tt.kind)
			if e.Verdict.State != tt.key || e.Sent != tt.sent || e.Status != tt.status {
				tb.Errorf("%d: the key is %q, sent %t, status %d, want %q, %t, %d", tt.status, e.Verdict.State, e.Sent, e.Status, tt.key, tt.sent, tt.status)
			}
		}
	}},
	{"waits as long as Retry-After says, on a 429 only", func(tb testing.TB, open Opener, d Dialect) {
		for status, want := range map[int]time.Duration{429: 17 * time.Second, 400: 0} {
			b := set(tb, open, d, refuse(d, status, http.Header{"Retry-After": {"17"}}))
			e := b.failed(b.run(tb.Context(), b.call(false)), llmhub.RateLimited, llmhub.InvalidRequest)
			if e.RetryAfter != want {
				tb.Errorf("%d with Retry-After: 17 waits for %v, want %v", status, e.RetryAfter, want)
			}
		}
	}},
	{"never retries", func(tb testing.TB, open Opener, d Dialect) {
		for _, status := range []int{400, 401, 408, 409, 429, 500, 502, 503, 504, 529} {
			b := set(tb, open, d, refuse(d, status, http.Header{"Retry-After": {"0"}, "X-Should-Retry": {"true"}}))
			b.run(tb.Context(), b.call(false))
			b.once(fmt.Sprint("after a ", status))
		}
		b := set(tb, open, d, hangUp("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"))
		b.run(tb.Context(), b.call(false))
		b.once("after a broken answer")
		b = set(tb, open, d, hangUp(""))
		b.run(tb.Context(), b.call(false))
		b.once("after a connection that broke without an answer")
	}},
	{"never follows redirects", func(tb testing.TB, open Opener, d Dialect) {
		other := set(tb, open, d, func(w http.ResponseWriter, r *http.Request) { w.Write(d.Answer) })
		for _, status := range []int{301, 302, 303, 307, 308} {
			b := set(tb, open, d, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", other.url)
				w.WriteHeader(status)
			})
			b.failed(b.run(tb.Context(), b.call(false)), llmhub.Malformed, llmhub.UpstreamFailed)
			b.once("after a redirect")
		}
		if n := len(other.requests()); n != 0 {
			tb.Errorf("the place redirected to got %d requests, want 0", n)
		}
	}},
	{"a stream that breaks off is an error", func(tb testing.TB, open Opener, d Dialect) {
		for _, clean := range []bool{true, false} {
			var b *bench
			b = set(tb, open, d, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				w.Write(b.half())
				w.(http.Flusher).Flush()
				if !clean {
					panic(http.ErrAbortHandler)
				}
			})
			o := b.run(tb.Context(), b.call(true))
			if e := b.failed(o, llmhub.Broken); !e.Sent {
				tb.Errorf("a stream that broke is not charged")
			}
			if !strings.HasPrefix(d.Text, o.Text()) {
				tb.Errorf("before the break it said %q, want the beginning of %q", o.Text(), d.Text)
			}
		}
	}},
	{"an answer of nothing is an error", func(tb testing.TB, open Opener, d Dialect) {
		for _, stream := range []bool{false, true} {
			b := set(tb, open, d, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "\n\n") })
			b.failed(b.run(tb.Context(), b.call(stream)), llmhub.Broken, llmhub.Malformed)
		}
	}},
	{"a provider that is not there has not been sent to", func(tb testing.TB, open Opener, d Dialect) {
		b := set(tb, open, d, nil)
		b.adapter = open("http://127.0.0.1:1")
		if e := b.failed(b.run(tb.Context(), b.call(false)), llmhub.Unreachable); e.Sent {
			tb.Errorf("it is charged")
		}
	}},
	{"does not tell the key, whatever the provider says", func(tb testing.TB, open Opener, d Dialect) {
		for _, status := range []int{400, 401, 403, 500} {
			b := set(tb, open, d, func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(status)
				w.Write(d.Error(status, "no to "+canary))
			})
			o := b.run(tb.Context(), b.call(false))
			e := b.failed(o, llmhub.InvalidRequest, llmhub.BadCredential, llmhub.PermissionDenied, llmhub.Blocked, llmhub.UpstreamFailed)
			if strings.Contains(fmt.Sprintf("%v %+v %s", o.err, *e, e.Raw), canary) {
				tb.Errorf("the error of a %d tells the key", status)
			}
		}
	}},
}

// refuse is a provider that answers with an error.
func refuse(d Dialect, status int, h http.Header) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for k, v := range h {
			w.Header()[k] = v
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		w.Write(d.Error(status, "no"))
	}
}

// hangUp is a provider that says words and breaks the connection.
func hangUp(words string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		io.WriteString(c, words)
		c.Close()
	}
}
