package quotatest

import (
	"testing"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
)

// resting is about keys that a provider puts off.
var resting = []Claim{
	{"a cooled key is skipped until its time", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"}, Key{ID: "b", Priority: 1})
		b.settle(b.on("a"), limited(start.Add(time.Minute)))
		b.on("b")
		b.pass(59 * time.Second)
		b.on("b")
		b.pass(time.Second)
		b.on("a")
	}},
	{"when all rest the first recovery is told", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"}, Key{ID: "b", Priority: 1})
		b.settle(b.on("a"), limited(start.Add(time.Minute)))
		b.settle(b.on("b"), limited(start.Add(20*time.Second)))
		b.refuseFor(b.ask(), llmhub.RateLimited, 20*time.Second)
		b.pass(20 * time.Second)
		b.on("b")
	}},
	{"a key that has answered still says when it recovers", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"})
		b.settle(b.on("a"), limited(start.Add(2*time.Second)))
		r := b.ask()
		r.Tried = []llmhub.KeyID{"a"}
		b.refuseFor(r, llmhub.RateLimited, 2*time.Second)
	}},
	{"a shorter cooldown does not shorten a longer one", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"})
		one, two := b.lease(), b.lease()
		b.settle(one, limited(start.Add(time.Hour)))
		b.settle(two, limited(start.Add(time.Minute)))
		b.refuseFor(b.ask(), llmhub.RateLimited, time.Hour)
	}},
	{"a longer cooldown lengthens a shorter one", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"})
		one, two := b.lease(), b.lease()
		b.settle(one, limited(start.Add(time.Minute)))
		b.settle(two, limited(start.Add(time.Hour)))
		b.refuseFor(b.ask(), llmhub.RateLimited, time.Hour)
	}},
	{"a cooldown without a time lasts 300 s, give or take a tenth", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"})
		b.settle(b.lease(), limited(time.Time{}))
		if e := b.refuse(b.ask(), llmhub.RateLimited); e.RetryAfter < 270*time.Second || e.RetryAfter > 330*time.Second {
			tb.Errorf("RetryAfter = %v, want 270 s to 330 s", e.RetryAfter)
		}
	}},
	{"no cooldown is longer than eight days", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"})
		b.settle(b.lease(), limited(start.AddDate(1, 0, 0)))
		b.refuseFor(b.ask(), llmhub.RateLimited, 8*24*time.Hour)
	}},
	{"no cooldown is shorter than a second", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"})
		b.settle(b.lease(), limited(start.Add(-time.Hour)))
		b.refuseFor(b.ask(), llmhub.RateLimited, time.Second)
	}},
	{"a cooldown rests the whole scope", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", Scope: "project"}, Key{ID: "b", Priority: 1, Scope: "project"}, Key{ID: "c", Priority: 2})
		b.settle(b.on("a"), limited(start.Add(time.Minute)))
		b.on("c")
	}},
	{"after a cooldown one request tries the key", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"})
		b.settle(b.lease(), limited(start.Add(time.Minute)))
		b.pass(time.Minute)
		l := b.on("a")
		if e := b.refuse(b.ask(), llmhub.RateLimited); e.RetryAfter <= 0 {
			tb.Errorf("RetryAfter = %v while another request tries the key, want more than 0", e.RetryAfter)
		}
		b.settle(l, used(0))
		b.on("a")
		b.on("a")
	}},
	{"the one that tries a key may fail by itself", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"})
		b.settle(b.lease(), limited(start.Add(time.Minute)))
		b.pass(time.Minute)
		b.settle(b.on("a"), free(400, llmhub.InvalidRequest))
		b.on("a") // the next tries
		b.refuse(b.ask(), llmhub.RateLimited)
	}},
	{"the one that tries a key may be lost", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"})
		b.settle(b.lease(), limited(start.Add(time.Minute)))
		b.pass(time.Minute)
		b.on("a")
		b.pass(ttl + time.Second)
		b.on("a")
	}},
	{"a cooldown that did not help is doubled", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"})
		b.settle(b.lease(), limited(time.Time{}))
		first := b.refuse(b.ask(), llmhub.RateLimited).RetryAfter
		b.pass(first)
		b.settle(b.lease(), limited(time.Time{}))
		second := b.refuseFor(b.ask(), llmhub.RateLimited, 2*first).RetryAfter
		b.pass(second)
		b.settle(b.lease(), limited(time.Time{}))
		b.refuseFor(b.ask(), llmhub.RateLimited, 4*first)
	}},
	{"a cooldown after a success starts small again", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"})
		b.settle(b.lease(), limited(time.Time{}))
		b.pass(b.refuse(b.ask(), llmhub.RateLimited).RetryAfter)
		b.settle(b.lease(), used(0))
		b.settle(b.lease(), limited(time.Time{}))
		if e := b.refuse(b.ask(), llmhub.RateLimited); e.RetryAfter > 330*time.Second {
			tb.Errorf("RetryAfter = %v, want at most 330 s", e.RetryAfter)
		}
	}},
	{"calls in flight together do not double a cooldown", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"})
		var flight []llmhub.Lease
		for range 5 {
			flight = append(flight, b.lease())
		}
		for _, l := range flight {
			b.settle(l, limited(time.Time{}))
		}
		if e := b.refuse(b.ask(), llmhub.RateLimited); e.RetryAfter > 330*time.Second {
			tb.Errorf("RetryAfter = %v, want at most 330 s", e.RetryAfter)
		}
	}},
	{"an exhausted key waits for the end of its day", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"})
		b.pass(time.Hour)
		b.settle(b.lease(), llmhub.Outcome{Status: 429, Kind: llmhub.QuotaExceeded, Verdict: llmhub.Verdict{State: llmhub.KeyExhausted}})
		b.refuseFor(b.ask(), llmhub.RateLimited, 23*time.Hour)
		b.pass(23 * time.Hour)
		b.on("a")
		b.on("a")
	}},
	{"an exhausted key waits for the time that its provider named", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"})
		b.settle(b.lease(), llmhub.Outcome{Status: 429, Kind: llmhub.QuotaExceeded,
			Verdict: llmhub.Verdict{State: llmhub.KeyExhausted, Until: start.Add(90 * time.Minute)}})
		b.refuseFor(b.ask(), llmhub.RateLimited, 90*time.Minute)
	}},
	{"a verdict on a model closes that model only", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"})
		b.settle(b.lease(), llmhub.Outcome{Status: 429, Kind: llmhub.RateLimited,
			Verdict: llmhub.Verdict{State: llmhub.KeyCooling, Until: start.Add(time.Minute), Model: true}})
		b.refuseFor(b.ask(), llmhub.RateLimited, time.Minute)
		r := b.ask()
		r.Model = "small"
		b.must(r)
		b.pass(time.Minute)
		b.on("a")
	}},
	{"a model that a key does not have is not asked for in 10 minutes", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"}, Key{ID: "b", Priority: 1})
		b.settle(b.on("a"), llmhub.Outcome{Status: 404, Kind: llmhub.ModelNotFound, Verdict: llmhub.Verdict{State: llmhub.KeyCooling, Model: true}})
		b.pass(10*time.Minute - time.Second)
		b.on("b")
		r := b.ask()
		r.Tried = []llmhub.KeyID{"b"}
		b.refuse(r, llmhub.NoProvider)
		b.pass(time.Second)
		b.on("a")
	}},
	{"a model that no key has is not found, until one may have it again", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"}, Key{ID: "b", Priority: 1})
		gone := llmhub.Outcome{Status: 404, Kind: llmhub.ModelNotFound, Verdict: llmhub.Verdict{State: llmhub.KeyCooling, Model: true}}
		b.settle(b.on("a"), gone)
		b.settle(b.on("b"), gone)
		b.refuse(b.ask(), llmhub.ModelNotFound)
		b.pass(10 * time.Minute)
		b.on("a")
	}},
	{"a model that a key may not use is not asked for in an hour", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"}, Key{ID: "b", Priority: 1})
		b.settle(b.on("a"), llmhub.Outcome{Status: 403, Kind: llmhub.PermissionDenied, Verdict: llmhub.Verdict{State: llmhub.KeyCooling, Model: true}})
		b.pass(time.Hour - time.Second)
		b.on("b")
		b.pass(time.Second)
		b.on("a")
	}},
	{"a caller's mistake, a hang-up and an outage change nothing", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"}, Key{ID: "b", Priority: 1})
		for _, o := range []llmhub.Outcome{
			free(400, llmhub.InvalidRequest),
			free(413, llmhub.RequestTooLarge),
			{Kind: llmhub.Canceled, Used: llmhub.Amount{Requests: 1}},
			{Status: 500, Kind: llmhub.UpstreamFailed, Used: llmhub.Amount{Requests: 1}},
			{Kind: llmhub.Timeout, Used: llmhub.Amount{Requests: 1}},
			{},
		} {
			for range 5 {
				b.settle(b.on("a"), o)
			}
		}
		b.on("a")
	}},
}

// refusing is about keys that a provider refuses.
var refusing = []Claim{
	{"a key that its provider surely refuses is invalid at once", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"}, Key{ID: "b", Priority: 1})
		b.settle(b.on("a"), unauthorized(true))
		l := b.on("b")
		wantPassed(tb, l.Passed, "a", llmhub.KeyInvalid)
		b.pass(30 * 24 * time.Hour)
		b.on("b")
	}},
	{"one 401 that may be anything is not enough", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"}, Key{ID: "b", Priority: 1})
		b.settle(b.on("a"), unauthorized(false))
		b.on("a")
	}},
	{"a second 401 within a minute makes a key invalid", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"}, Key{ID: "b", Priority: 1})
		b.settle(b.on("a"), unauthorized(false))
		b.pass(30 * time.Second)
		b.settle(b.on("a"), unauthorized(false))
		l := b.on("b")
		wantPassed(tb, l.Passed, "a", llmhub.KeyInvalid)
	}},
	{"401s of calls in flight together count as one", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"}, Key{ID: "b", Priority: 1})
		one, two := b.on("a"), b.on("a")
		b.pass(time.Second)
		b.settle(one, unauthorized(false))
		b.pass(time.Second)
		b.settle(two, unauthorized(false))
		b.on("a")
	}},
	{"a second 401 after more than a minute is a first one", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"}, Key{ID: "b", Priority: 1})
		b.settle(b.on("a"), unauthorized(false))
		b.pass(61 * time.Second)
		b.settle(b.on("a"), unauthorized(false))
		b.pass(time.Second)
		b.settle(b.on("a"), unauthorized(false))
		b.on("b")
	}},
	{"a success between two 401s clears the key", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"}, Key{ID: "b", Priority: 1})
		b.settle(b.on("a"), unauthorized(false))
		b.pass(time.Second)
		b.settle(b.on("a"), used(0))
		b.pass(time.Second)
		b.settle(b.on("a"), unauthorized(false))
		b.on("a")
	}},
	{"a provider's last key rests a minute before it is invalid", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"}, Key{ID: "b", Disabled: true})
		b.settle(b.on("a"), unauthorized(true))
		b.refuseFor(b.ask(), llmhub.RateLimited, time.Minute)
		b.pass(time.Minute)
		b.settle(b.on("a"), unauthorized(true))
		e := b.refuse(b.ask(), llmhub.NoProvider)
		wantPassed(tb, e.Passed, "a", llmhub.KeyInvalid)
	}},
	{"not more than half of a provider's keys become invalid in five minutes", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"}, Key{ID: "b", Priority: 1}, Key{ID: "c", Priority: 2}, Key{ID: "d", Priority: 3})
		for _, id := range []llmhub.KeyID{"a", "b", "c", "d"} {
			b.settle(b.on(id), unauthorized(true))
		}
		e := b.refuseFor(b.ask(), llmhub.RateLimited, time.Minute)
		wantPassed(tb, e.Passed, "a", llmhub.KeyInvalid)
		wantPassed(tb, e.Passed, "b", llmhub.KeyInvalid)
		wantPassed(tb, e.Passed, "c", llmhub.KeyCooling)
		wantPassed(tb, e.Passed, "d", llmhub.KeyCooling)
		b.pass(time.Minute)
		b.settle(b.on("c"), used(0))
		b.on("c")
	}},
	{"a key without money is tried again after six hours, by one", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"})
		broke := llmhub.Outcome{Status: 402, Kind: llmhub.Unfunded, Verdict: llmhub.Verdict{State: llmhub.KeyUnfunded}}
		b.settle(b.lease(), broke)
		b.pass(6*time.Hour - time.Second)
		e := b.refuse(b.ask(), llmhub.NoProvider)
		wantPassed(tb, e.Passed, "a", llmhub.KeyUnfunded)
		b.pass(time.Second)
		l := b.on("a")
		b.refuse(b.ask(), llmhub.NoProvider)
		b.settle(l, broke)
		b.pass(time.Hour)
		b.refuse(b.ask(), llmhub.NoProvider)
		b.pass(5 * time.Hour)
		b.settle(b.on("a"), used(0))
		b.on("a")
		b.on("a")
	}},
}
