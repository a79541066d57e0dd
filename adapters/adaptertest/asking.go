package adaptertest

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/llmhubd/llmhub/llmhub"
)

var asking = []Claim{
	{"does nothing before it is ranged over", func(tb testing.TB, open Opener, d Dialect) {
		b := set(tb, open, d, func(w http.ResponseWriter, r *http.Request) { w.Write(d.Answer) })
		b.adapter.Stream(tb.Context(), b.call(false)) // nobody reads this one
		b.run(tb.Context(), b.call(false))
		b.once("for a stream that nobody ranged over and one that was")
	}},
	{"sends the key in one header, and nowhere else", func(tb testing.TB, open Opener, d Dialect) {
		b := set(tb, open, d, func(w http.ResponseWriter, r *http.Request) { w.Write(d.Answer) })
		b.run(tb.Context(), b.call(false))
		b.once("after one call")
		for _, r := range b.requests() {
			n := 0
			for name, values := range r.Header {
				if strings.Contains(strings.Join(values, ","), canary) {
					n++
				} else if name == "Authorization" && len(values) > 1 {
					tb.Errorf("there are %d headers %s", len(values), name)
				}
			}
			if n != 1 || strings.Contains(r.URL.String(), canary) || strings.Contains(r.body, canary) {
				tb.Errorf("the key is in %d headers, in the URL %t, in the body %t, want one header only", n, strings.Contains(r.URL.String(), canary), strings.Contains(r.body, canary))
			}
		}
	}},
	{"sends a key to its own origin", func(tb testing.TB, open Opener, d Dialect) {
		own := set(tb, open, d, func(w http.ResponseWriter, r *http.Request) { w.Write(d.Answer) })
		b := set(tb, open, d, func(w http.ResponseWriter, r *http.Request) { w.Write(d.Answer) })
		call := b.call(false)
		call.Key.URL = own.url
		b.run(tb.Context(), call)
		if n, m := len(own.requests()), len(b.requests()); n != 1 || m != 0 {
			tb.Errorf("the key's own origin got %d requests and the adapter's %d, want 1 and 0", n, m)
		}
	}},
	{"asks for the target's model and keeps the name of the caller's to itself", func(tb testing.TB, open Opener, d Dialect) {
		b := set(tb, open, d, func(w http.ResponseWriter, r *http.Request) { w.Write(d.Answer) })
		b.run(tb.Context(), b.call(false))
		b.once("after one call")
		for _, r := range b.requests() {
			all := r.URL.Path + r.body
			if !strings.Contains(all, d.Model) || strings.Contains(all, "smart") {
				tb.Errorf("%s %s names the model %t, the caller's word %t, want only the model", r.URL.Path, r.body, strings.Contains(all, d.Model), strings.Contains(all, "smart"))
			}
		}
	}},
	{"makes the request say what its head says", func(tb testing.TB, open Opener, d Dialect) {
		b := set(tb, open, d, func(w http.ResponseWriter, r *http.Request) { w.Write(d.Answer) })
		call := b.call(false)
		call.MaxTokens = 4711
		b.run(tb.Context(), call)
		b.once("after one call")
		for _, r := range b.requests() {
			if !strings.Contains(r.body, "4711") {
				tb.Errorf("the body %s does not say the cap of 4711 tokens", r.body)
			}
		}
	}},
	{"is safe for concurrent use", func(tb testing.TB, open Opener, d Dialect) {
		b := set(tb, open, d, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Seen", "1")
			w.Write(d.Answer)
		})
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				for j := range 5 {
					call := b.call(false)
					word := fmt.Sprintf("word-%d-%d", i, j)
					call.Body = llmhub.Text(word)
					call.Key.Secret = llmhub.NewSecret(canary + word)
					if o := b.run(tb.Context(), call); o.err != nil || o.Text() != d.Text {
						tb.Errorf("call %s answered %q, %v", word, o.Text(), o.err)
					}
				}
			})
		}
		wg.Wait()
		if n := len(b.requests()); n != 80 {
			tb.Errorf("80 calls made %d requests", n)
		}
		for _, r := range b.requests() {
			_, rest, _ := strings.Cut(r.body, "word-")
			word, _, _ := strings.Cut(rest, `"`)
			for _, values := range r.Header {
				if v := strings.Join(values, ","); strings.Contains(v, canary) && !strings.HasSuffix(v, canary+"word-"+word) {
					tb.Errorf("the call of word-%s carries another's key", word)
				}
			}
		}
	}},
}
