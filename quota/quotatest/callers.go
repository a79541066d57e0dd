package quotatest

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
)

func perMinute(name string, requests, tokens int64) llmhub.Limit {
	return llmhub.Limit{Name: name, Per: time.Minute, Max: llmhub.Amount{Requests: requests, Tokens: tokens}}
}

func inFlight(name string, requests int64) llmhub.Limit {
	return llmhub.Limit{Name: name, Max: llmhub.Amount{Requests: requests}}
}

// callers is about the limits of who asks.
var callers = []Claim{
	{"a caller's limit refuses by name until its window ends", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"})
		b.pass(15 * time.Second)
		l := perMinute("vk", 2, 0)
		b.settle(b.must(b.askLimited(l)), used(0))
		b.must(b.askLimited(l))
		if e := b.refuseFor(b.askLimited(l), llmhub.QuotaExceeded, 45*time.Second); e.Param != "vk" {
			tb.Errorf("the refusal's Param = %q, want the limit's name, vk", e.Param)
		}
		b.pass(45 * time.Second)
		b.must(b.askLimited(l))
	}},
	{"everybody who names a limit shares it", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"}, Key{ID: "z", Provider: "other"})
		l := perMinute("team", 2, 0)
		b.must(b.askLimited(l))
		r := b.askLimited(l)
		r.Provider = "other"
		b.must(r)
		b.refuse(b.askLimited(l), llmhub.QuotaExceeded)
		b.must(b.askLimited(perMinute("another team", 2, 0)))
	}},
	{"a caller's refusal holds nothing on the key", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", DailyRequests: 3})
		l := perMinute("vk", 1, 0)
		b.must(b.askLimited(l))
		for range 5 {
			b.refuse(b.askLimited(l), llmhub.QuotaExceeded)
		}
		b.left(2)
	}},
	{"a key's refusal holds nothing on the caller", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", DailyRequests: 1}, Key{ID: "z", Provider: "other"})
		limits := []llmhub.Limit{perMinute("vk", 3, 0), inFlight("vk", 3)}
		b.must(b.askLimited(limits...))
		for range 5 {
			b.refuse(b.askLimited(limits...), llmhub.RateLimited)
		}
		for range 2 {
			r := b.askLimited(limits...)
			r.Provider = "other"
			b.must(r)
		}
	}},
	{"a caller's limits hold all or none", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"})
		wide, narrow := perMinute("user", 3, 0), perMinute("vk", 1, 0)
		b.must(b.askLimited(wide, narrow))
		for range 5 {
			b.refuse(b.askLimited(wide, narrow), llmhub.QuotaExceeded)
			b.refuse(b.askLimited(narrow, wide), llmhub.QuotaExceeded)
		}
		b.must(b.askLimited(wide))
		b.must(b.askLimited(wide))
		b.refuse(b.askLimited(wide), llmhub.QuotaExceeded)
	}},
	{"a limit that is named twice is held once", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"})
		l := perMinute("vk", 2, 0)
		b.must(b.askLimited(l, perMinute("vk", 5, 0)))
		b.must(b.askLimited(l, l))
		b.refuse(b.askLimited(perMinute("vk", 5, 0), l), llmhub.QuotaExceeded)
		b.must(b.askLimited(perMinute("vk", 5, 0)))
	}},
	{"goroutines together are granted exactly a caller's limit", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"}, Key{ID: "b"})
		one, two := perMinute("one", 50, 0), perMinute("two", 80, 0)
		var granted atomic.Int64
		var wg sync.WaitGroup
		for g := range 16 {
			wg.Go(func() {
				for i := range 20 {
					r := b.askLimited(one, two)
					if g%2 == 1 {
						r = b.askLimited(two, one)
					}
					r.Request = llmhub.ID{byte(g), byte(i), 3}
					if l, err := b.store.Reserve(context.Background(), r); err == nil {
						granted.Add(1)
						_ = b.store.Settle(context.Background(), l, used(0)) // checked by what is left
					}
				}
			})
		}
		wg.Wait()
		if n := granted.Load(); n != 50 {
			tb.Errorf("%d of 320 requests are granted, want 50", n)
		}
		for range 30 {
			b.must(b.askLimited(two))
		}
		b.refuse(b.askLimited(two), llmhub.QuotaExceeded)
	}},
	{"a request that was admitted stays counted", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", DailyRequests: 10})
		l := perMinute("vk", 1, 0)
		b.settle(b.must(b.askLimited(l)), free(400, llmhub.InvalidRequest))
		b.refuse(b.askLimited(l), llmhub.QuotaExceeded)
		b.left(10)
	}},
	{"an admitted request is not counted again by its next attempt", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"})
		l := perMinute("vk", 2, 0)
		r := b.askLimited(l)
		b.settle(b.must(r), free(429, llmhub.RateLimited))
		for range 4 {
			r.Attempt++
			r.Admitted = true
			b.settle(b.must(r), free(503, llmhub.UpstreamFailed))
		}
		b.must(b.askLimited(l))
		b.refuse(b.askLimited(l), llmhub.QuotaExceeded)
	}},
	{"a caller's tokens that were not used are given back", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"})
		l := perMinute("vk", 0, 100)
		b.settle(b.must(with(b.askTokens(70), l)), used(20))
		b.refuse(with(b.askTokens(81), l), llmhub.QuotaExceeded)
		b.must(with(b.askTokens(80), l))
	}},
	{"an operator's loss is not charged to the caller's tokens", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", DailyTokens: 1000})
		l := perMinute("vk", 0, 100)
		o := llmhub.Outcome{Kind: llmhub.Broken, Used: llmhub.Amount{Requests: 1, Tokens: 60}, Loss: true}
		b.settle(b.must(with(b.askTokens(70), l)), o)
		b.must(with(b.askTokens(100), l))
		b.leftTokens(840)
	}},
	{"a caller's money refuses as such", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"})
		l := llmhub.Limit{Name: "budget", Per: 24 * time.Hour, Max: llmhub.Amount{NanoUSD: 100}}
		r := b.askLimited(l)
		r.Amount.NanoUSD = 60
		o := used(0)
		o.Used.NanoUSD = 50
		b.settle(b.must(r), o)
		if e := b.refuse(r, llmhub.BudgetExceeded); e.Param != "budget" {
			tb.Errorf("the refusal's Param = %q, want the limit's name, budget", e.Param)
		}
		r.Amount.NanoUSD = 50
		b.must(r)
	}},
	{"a slot in flight is given back when its lease ends", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"})
		l := inFlight("vk", 2)
		one := b.must(b.askLimited(l))
		b.must(b.askLimited(l))
		if e := b.refuse(b.askLimited(l), llmhub.QuotaExceeded); e.Param != "vk" {
			tb.Errorf("the refusal's Param = %q, want the limit's name, vk", e.Param)
		}
		b.settle(one, used(0))
		b.settle(one, used(0))
		b.must(b.askLimited(l))
		b.refuse(b.askLimited(l), llmhub.QuotaExceeded)
	}},
	{"a slot in flight is given back when its lease expires", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"}, Key{ID: "z", Provider: "other"})
		l := inFlight("vk", 1)
		r := b.askLimited(l)
		r.Provider = "other"
		b.must(r)
		b.refuse(b.askLimited(l), llmhub.QuotaExceeded)
		b.pass(ttl + time.Second)
		b.must(b.askLimited(l))
		b.refuse(b.askLimited(l), llmhub.QuotaExceeded)
	}},
	{"an admitted request takes its slot again without being refused", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"})
		l := inFlight("vk", 1)
		r := b.askLimited(l)
		b.settle(b.must(r), free(429, llmhub.RateLimited))
		b.must(b.askLimited(l))
		r.Attempt, r.Admitted = 2, true
		b.must(r)
		b.refuse(b.askLimited(l), llmhub.QuotaExceeded)
	}},
}

func with(r llmhub.Reservation, limits ...llmhub.Limit) llmhub.Reservation {
	r.Caller.Limits = limits
	return r
}
