package quotatest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
)

// leases is about requests held and charged.
var leases = []Claim{
	{"two reservations cannot take the last unit", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", DailyRequests: 1})
		b.lease()
		b.refuse(b.ask(), llmhub.RateLimited)
	}},
	{"goroutines together are granted exactly the quota", func(tb testing.TB, open Opener) {
		const quota, goroutines, each = 200, 16, 40
		b := set(tb, open, Key{ID: "a", DailyRequests: quota / 2}, Key{ID: "b", DailyRequests: quota / 2})
		var granted atomic.Int64
		var wg sync.WaitGroup
		for g := range goroutines {
			wg.Go(func() {
				for i := range each {
					r := b.ask()
					r.Request = llmhub.ID{byte(g), byte(i), 2}
					l, err := b.store.Reserve(context.Background(), r)
					if err != nil {
						if !errors.Is(err, llmhub.RateLimited) {
							tb.Errorf("Reserve = %v, want a lease or %s", err, llmhub.RateLimited)
						}
						continue
					}
					granted.Add(1)
					_ = b.store.Settle(context.Background(), l, used(0)) // checked by what is left
					_ = b.store.Settle(context.Background(), l, free(0, llmhub.Canceled))
				}
			})
		}
		wg.Wait()
		if n := granted.Load(); n != quota {
			tb.Errorf("%d of %d requests are granted, want %d", n, goroutines*each, quota)
		}
	}},
	{"what was used stays used", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", DailyRequests: 3})
		b.settle(b.lease(), used(0))
		b.left(2)
	}},
	{"a free refusal gives its unit back", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", DailyRequests: 3})
		b.settle(b.lease(), free(400, llmhub.InvalidRequest))
		b.left(3)
	}},
	{"a lease is settled once", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", DailyRequests: 4})
		charged, refused := b.lease(), b.lease()
		for range 3 {
			b.settle(charged, used(0))
		}
		b.settle(charged, free(400, llmhub.InvalidRequest))
		for range 3 {
			b.settle(refused, free(400, llmhub.InvalidRequest))
		}
		b.settle(refused, used(0))
		b.left(3)
	}},
	{"settling again does not end another's lease", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", DailyRequests: 3})
		old := b.lease()
		b.settle(old, used(0))
		b.lease() // may well lie where the old one lay
		b.settle(old, free(400, llmhub.InvalidRequest))
		b.left(1)
	}},
	{"a verdict of a second settle is not heard", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"})
		l := b.lease()
		b.settle(l, used(0))
		b.settle(l, limited(start.Add(time.Hour)))
		b.on("a")
	}},
	{"a lease that no store gave ends nothing", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", DailyRequests: 2})
		l := b.lease()
		l.Handle, l.Request = ^l.Handle, llmhub.ID{9, 9, 9}
		b.settle(l, free(400, llmhub.InvalidRequest))
		l.Handle = 0
		b.settle(l, free(400, llmhub.InvalidRequest))
		b.left(1)
	}},
	{"no more requests are charged than were reserved", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", DailyRequests: 3})
		o := used(0)
		o.Used.Requests = 3
		b.settle(b.lease(), o)
		b.left(2)
	}},
	{"nobody is charged less than nothing", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", DailyRequests: 3, DailyTokens: 100})
		o := used(-50)
		o.Used.Requests = -1
		b.settle(b.must(b.askTokens(10)), o)
		b.leftTokens(100)
	}},
	{"an expired lease is charged", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", DailyRequests: 3, DailyTokens: 100})
		b.must(b.askTokens(40))
		b.pass(ttl + time.Second)
		b.leftTokens(60)
		b.left(1)
	}},
	{"a late settle charges nothing twice", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", DailyRequests: 3})
		l := b.lease()
		b.pass(ttl + time.Second)
		b.settle(l, used(0))
		b.settle(l, used(0))
		b.left(2)
	}},
	{"a late settle gives nothing back", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", DailyRequests: 3, DailyTokens: 100})
		l := b.must(b.askTokens(40))
		b.pass(ttl + time.Second)
		b.settle(l, free(400, llmhub.InvalidRequest))
		b.leftTokens(60)
	}},
	{"a lease just before its end is in time", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", DailyRequests: 3})
		l := b.lease()
		b.pass(ttl - time.Second)
		b.settle(l, free(400, llmhub.InvalidRequest))
		b.left(3)
	}},
}

// tokens is about tokens held and charged.
var tokens = []Claim{
	{"tokens are held before they are used", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", DailyTokens: 100})
		b.must(b.askTokens(70))
		b.leftTokens(30)
	}},
	{"tokens that were not used are given back", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", DailyTokens: 100})
		b.settle(b.must(b.askTokens(70)), used(20))
		b.leftTokens(80)
	}},
	{"tokens above the reservation are booked in full", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", DailyTokens: 100})
		b.settle(b.must(b.askTokens(10)), used(95))
		b.leftTokens(5)
	}},
	{"tokens above the quota leave nothing", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", DailyTokens: 100})
		b.settle(b.must(b.askTokens(10)), used(500))
		b.refuseFor(b.askTokens(1), llmhub.RateLimited, 24*time.Hour)
	}},
	{"a key's limits hold all or none", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", DailyRequests: 3, DailyTokens: 100})
		b.must(b.askTokens(60))
		for range 5 {
			b.refuse(b.askTokens(60), llmhub.RateLimited)
		}
		b.must(b.askTokens(40))
		b.must(b.askTokens(0))
		b.refuse(b.askTokens(0), llmhub.RateLimited)
	}},
	{"what fits no key's whole quota is too large", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", DailyTokens: 100}, Key{ID: "b", TPM: 50})
		b.refuse(b.askTokens(101), llmhub.RequestTooLarge)
	}},
	{"what fits one key's quota is served by it", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", DailyTokens: 100}, Key{ID: "b", Priority: 1, DailyTokens: 1000})
		l := b.must(b.askTokens(101))
		if l.Key != "b" {
			tb.Errorf("Reserve(101 tokens) chose %q, want b, whose quota is 1000", l.Key)
		}
		wantPassed(tb, l.Passed, "a", "")
	}},
}
