package quotatest

import (
	"slices"
	"testing"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
)

// choosing is about which key serves.
var choosing = []Claim{
	{"a lease names its key, its reservation and its end", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"})
		r := b.ask()
		l := b.must(r)
		if l.Key != "a" || l.Request != r.Request || l.Attempt != r.Attempt || l.Amount != r.Amount || l.Provider != r.Provider || l.Model != r.Model {
			tb.Errorf("Reserve(%+v) = %+v, want key a and the same reservation", r, l)
		}
		if want := start.Add(ttl); !about(l.Expires.Sub(want), 0) {
			tb.Errorf("lease expires at %v, want %v", l.Expires, want)
		}
		if l.Why == "" {
			tb.Errorf("lease does not say why key %s was chosen", l.Key)
		}
	}},
	{"a provider without keys cannot serve", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", Provider: "other"})
		if e := b.refuse(b.ask(), llmhub.NoProvider); e.RetryAfter != 0 {
			tb.Errorf("RetryAfter = %v where no wait would help, want 0", e.RetryAfter)
		}
	}},
	{"a disabled key never serves", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", Disabled: true})
		e := b.refuse(b.ask(), llmhub.NoProvider)
		wantPassed(tb, e.Passed, "a", llmhub.KeyDisabled)
	}},
	{"a key serves its own models only", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", Models: []string{"small"}}, Key{ID: "b", Priority: 1, Models: []string{"small", model}})
		b.on("b")
		r := b.ask()
		r.Model = "huge"
		b.refuse(r, llmhub.NoProvider)
	}},
	{"the lowest priority goes first", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", Priority: 2}, Key{ID: "b", Priority: 1}, Key{ID: "c", Priority: 3})
		for range 3 {
			b.on("b")
		}
	}},
	{"the next priority serves when the first is used up", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", DailyRequests: 2}, Key{ID: "b", Priority: 1})
		b.on("a")
		b.on("a")
		l := b.on("b")
		wantPassed(tb, l.Passed, "a", "")
	}},
	{"among equals the most headroom goes first", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", DailyRequests: 10}, Key{ID: "b", DailyRequests: 1000})
		r := b.ask()
		r.Tried = []llmhub.KeyID{"b"}
		b.must(r) // a: 9 of 10, b: 1000 of 1000
		for range 50 {
			b.on("b")
		}
	}},
	{"among equals without limits the least recently used goes first", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"}, Key{ID: "b"}, Key{ID: "c"})
		var order []llmhub.KeyID
		for range 9 {
			b.pass(time.Second)
			order = append(order, b.lease().Key)
		}
		seen := slices.Clone(order[:3])
		slices.Sort(seen)
		if !slices.Equal(seen, []llmhub.KeyID{"a", "b", "c"}) || !slices.Equal(order[:3], order[3:6]) || !slices.Equal(order[:3], order[6:]) {
			tb.Errorf("keys are used in the order %v, want each in its turn", order)
		}
	}},
	{"a key that has answered is not chosen again", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"}, Key{ID: "b", Priority: 1})
		r := b.ask()
		r.Tried = []llmhub.KeyID{"a"}
		if l := b.must(r); l.Key != "b" {
			tb.Errorf("Reserve(tried a) chose %q, want b", l.Key)
		}
		r.Tried = []llmhub.KeyID{"a", "b"}
		b.refuse(r, llmhub.NoProvider)
	}},
	{"keys that could not serve are named with their states", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"}, Key{ID: "b", Priority: 1, Disabled: true}, Key{ID: "c", Priority: 2})
		until := start.Add(time.Hour)
		b.settle(b.on("a"), limited(until))
		l := b.on("c")
		wantPassed(tb, l.Passed, "a", llmhub.KeyCooling)
		wantPassed(tb, l.Passed, "b", llmhub.KeyDisabled)
		for _, p := range l.Passed {
			if p.Key == "a" && !about(p.Until.Sub(until), 0) {
				tb.Errorf("key a is passed until %v, want %v", p.Until, until)
			}
		}
	}},
	{"keys of one scope share what is left", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", Scope: "project", DailyRequests: 5}, Key{ID: "b", Scope: "project", DailyRequests: 5})
		b.left(5)
	}},
	{"providers do not share a scope's name", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", Scope: "project", DailyRequests: 2}, Key{ID: "b", Provider: "other", Scope: "project", DailyRequests: 2})
		b.left(2)
		r := b.ask()
		r.Provider = "other"
		b.must(r)
	}},
}

// wantPassed wants a key among those passed, with a reason, and in the state
// unless that is "".
func wantPassed(tb testing.TB, passed []llmhub.Passed, id llmhub.KeyID, state llmhub.KeyState) {
	tb.Helper()
	for _, p := range passed {
		if p.Key != id {
			continue
		}
		if state != "" && p.State != state {
			tb.Errorf("key %s is passed as %q, want %q", id, p.State, state)
		}
		if p.Why == "" {
			tb.Errorf("key %s is passed without a reason", id)
		}
		return
	}
	tb.Errorf("key %s is not among those passed, %v", id, passed)
}
