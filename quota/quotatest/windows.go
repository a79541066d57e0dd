package quotatest

import (
	"testing"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
)

const aDay = 24 * time.Hour

// windows is about when what is used counts no longer.
var windows = []Claim{
	{"the window rolls at the anchor", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", DailyRequests: 3})
		b.left(3)
		b.pass(aDay - time.Second)
		b.refuseFor(b.ask(), llmhub.RateLimited, time.Second)
		b.pass(time.Second)
		b.left(3)
		b.pass(aDay - time.Second)
		b.left(0)
		b.pass(time.Second)
		b.left(3)
		b.pass(5 * aDay)
		b.left(3)
	}},
	{"an anchor may lie far back, or ahead", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", DailyRequests: 1, Anchor: start.Add(-1000*aDay + time.Hour)},
			Key{ID: "z", Provider: "other", DailyRequests: 1, Anchor: start.Add(10*aDay + time.Hour)})
		for _, name := range []string{provider, "other"} {
			r := b.ask()
			r.Provider = name
			b.must(r)
			b.refuseFor(r, llmhub.RateLimited, time.Hour)
		}
		b.pass(time.Hour)
		b.left(1)
		r := b.ask()
		r.Provider = "other"
		b.must(r)
	}},
	{"a lease of yesterday leaves today alone", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", DailyRequests: 3, DailyTokens: 100})
		b.pass(aDay - time.Minute)
		charged, refused := b.must(b.askTokens(50)), b.must(b.askTokens(50))
		b.pass(2 * time.Minute)
		b.must(b.askTokens(10))
		b.settle(charged, used(50))
		b.settle(refused, free(400, llmhub.InvalidRequest))
		b.leftTokens(90)
		b.left(1)
	}},
	{"a lease that expires tomorrow is charged to its own day", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", DailyRequests: 2})
		b.pass(aDay - time.Minute)
		b.lease()
		b.pass(ttl + time.Second)
		b.left(2)
	}},
	{"a clock that goes back opens no window again", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", DailyRequests: 3})
		b.left(3)
		b.pass(aDay)
		b.left(3)
		b.pass(-2 * time.Hour)
		b.left(0)
		b.pass(2 * time.Hour)
		b.left(0)
		b.pass(aDay)
		b.left(3)
	}},
	{"a clock that jumps ahead resets once", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", DailyRequests: 3})
		b.left(3)
		b.pass(2 * aDay)
		b.left(3)
		b.pass(-2 * aDay)
		b.left(0)
		b.pass(aDay)
		b.left(0)
		b.pass(aDay)
		b.left(0)
		b.pass(aDay)
		b.left(3)
	}},
	{"a minute's limit comes back with the minute", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", RPM: 2, DailyRequests: 5})
		b.pass(20 * time.Second)
		b.left(2)
		b.refuseFor(b.ask(), llmhub.RateLimited, 40*time.Second)
		b.pass(40 * time.Second)
		b.left(2)
		b.pass(time.Minute)
		b.left(1)
		b.refuseFor(b.ask(), llmhub.RateLimited, aDay-2*time.Minute)
	}},
	{"a minute's tokens come back with the minute", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a", TPM: 100})
		b.settle(b.must(b.askTokens(60)), used(70))
		b.refuseFor(b.askTokens(40), llmhub.RateLimited, time.Minute)
		b.leftTokens(30)
		b.pass(time.Minute)
		b.leftTokens(100)
	}},
	{"a clock that goes back opens no caller's window again", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"})
		l := perMinute("vk", 1, 0)
		b.must(b.askLimited(l))
		b.pass(time.Minute)
		b.must(b.askLimited(l))
		b.pass(-time.Minute)
		b.refuse(b.askLimited(l), llmhub.QuotaExceeded)
	}},
	{"a caller's lease of the minute before leaves this one alone", func(tb testing.TB, open Opener) {
		b := set(tb, open, Key{ID: "a"})
		l := perMinute("vk", 0, 100)
		old := b.must(with(b.askTokens(50), l))
		b.pass(time.Minute)
		b.must(with(b.askTokens(10), l))
		b.settle(old, used(50))
		b.refuse(with(b.askTokens(91), l), llmhub.QuotaExceeded)
		b.must(with(b.askTokens(90), l))
	}},
	{"a day in Pacific time begins at its midnight", func(tb testing.TB, open Opener) {
		pacific := load(tb, "America/Los_Angeles")
		b := setAt(tb, open, time.Date(2026, time.January, 10, 23, 59, 59, 0, pacific), Key{ID: "a", DailyRequests: 2, Zone: pacific})
		b.left(2)
		b.refuseFor(b.ask(), llmhub.RateLimited, time.Second)
		b.pass(time.Second)
		b.left(2)
		b.refuseFor(b.ask(), llmhub.RateLimited, aDay)
	}},
	{"a day in Pacific time has 23 hours once a year", func(tb testing.TB, open Opener) {
		pacific := load(tb, "America/Los_Angeles")
		dayOf(tb, open, pacific, time.Date(2026, time.March, 8, 0, 0, 0, 0, pacific), 23*time.Hour)
	}},
	{"a day in Pacific time has 25 hours once a year", func(tb testing.TB, open Opener) {
		pacific := load(tb, "America/Los_Angeles")
		dayOf(tb, open, pacific, time.Date(2026, time.November, 1, 0, 0, 0, 0, pacific), 25*time.Hour)
	}},
	{"a day without a midnight begins with its first second", func(tb testing.TB, open Opener) {
		// São Paulo went from 23:59:59 of the 3rd to 1:00 of the 4th.
		zone := load(tb, "America/Sao_Paulo")
		dayOf(tb, open, zone, time.Date(2018, time.November, 4, 3, 0, 0, 0, time.UTC), 23*time.Hour)
	}},
	{"a leap day is a day", func(tb testing.TB, open Opener) {
		pacific := load(tb, "America/Los_Angeles")
		dayOf(tb, open, pacific, time.Date(2028, time.February, 29, 0, 0, 0, 0, pacific), aDay)
	}},
}

func load(tb testing.TB, name string) *time.Location {
	tb.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		tb.Fatal(err)
	}
	return zone
}

// dayOf checks that a day of the zone begins at first and lasts as long as said.
func dayOf(tb testing.TB, open Opener, zone *time.Location, first time.Time, lasts time.Duration) {
	tb.Helper()
	b := setAt(tb, open, first.Add(-time.Second), Key{ID: "a", DailyRequests: 2, Zone: zone})
	b.left(2)
	b.refuseFor(b.ask(), llmhub.RateLimited, time.Second)
	b.goTo(first)
	b.left(2)
	b.refuseFor(b.ask(), llmhub.RateLimited, lasts)
	b.goTo(first.Add(lasts - time.Second))
	b.left(0)
	b.pass(time.Second)
	b.left(2)
}
