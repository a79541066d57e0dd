package memquota_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/quota/memquota"
)

var start = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)

// bench is a store with a clock moved by hand.
type bench struct {
	*memquota.Store
	now time.Time
}

func open(keys ...memquota.Key) *bench {
	b := &bench{now: start}
	b.Store = memquota.New(memquota.Config{Now: func() time.Time { return b.now }, Rand: func() float64 { return 0.5 }})
	for i := range keys {
		keys[i].Provider = "acme"
	}
	b.SetKeys(keys)
	return b
}

func reserve(t *testing.T, s llmhub.QuotaStore, provider string) llmhub.Lease {
	t.Helper()
	l, err := s.Reserve(context.Background(), llmhub.Reservation{Provider: provider, Model: "m", Amount: llmhub.Amount{Requests: 1, Tokens: 10}, TTL: time.Minute})
	if err != nil {
		t.Fatalf("Reserve = %v, want a lease", err)
	}
	return l
}

func refused(t *testing.T, s llmhub.QuotaStore, provider string, kind llmhub.Kind) {
	t.Helper()
	l, err := s.Reserve(context.Background(), llmhub.Reservation{Provider: provider, Model: "m", Amount: llmhub.Amount{Requests: 1, Tokens: 10}, TTL: time.Minute})
	if !errors.Is(err, kind) {
		t.Fatalf("Reserve = %q, %v, want %s", l.Key, err, kind)
	}
}

func settle(s llmhub.QuotaStore, l llmhub.Lease, o llmhub.Outcome) {
	_ = s.Settle(context.Background(), l, o) // never fails
}

func verdict(status int, kind llmhub.Kind, state llmhub.KeyState) llmhub.Outcome {
	return llmhub.Outcome{Status: status, Kind: kind, Verdict: llmhub.Verdict{State: state, Sure: true}}
}

var (
	good      = llmhub.Outcome{Status: 200, Used: llmhub.Amount{Requests: 1, Tokens: 7}, Verdict: llmhub.Verdict{State: llmhub.KeyActive}}
	limited   = verdict(429, llmhub.RateLimited, llmhub.KeyCooling)
	exhausted = verdict(429, llmhub.QuotaExceeded, llmhub.KeyExhausted)
	invalid   = verdict(401, llmhub.BadCredential, llmhub.KeyInvalid)
	unfunded  = verdict(402, llmhub.Unfunded, llmhub.KeyUnfunded)
)

func TestStatusTellsAllOfAKey(t *testing.T) {
	b := open(memquota.Key{ID: "a", DailyRequests: 5, RPM: 3, Anchor: start.Add(-time.Hour)})
	settle(b, reserve(t, b, "acme"), good)
	reserve(t, b, "acme")
	got, _ := b.Status("a")
	want := memquota.Status{
		ID: "a", Provider: "acme", State: llmhub.KeyActive, LastUsed: start.Local(),
		ResetsAt: start.Add(23 * time.Hour).Local(),
		Requests: memquota.Count{Limit: 5, Used: 1, Reserved: 1}, Tokens: memquota.Count{Used: 7, Reserved: 10},
		Minute: memquota.MinuteStatus{
			Window: 60, ResetsAt: start.Add(time.Minute).Local(),
			Requests: memquota.Count{Limit: 3, Used: 1, Reserved: 1}, Tokens: memquota.Count{Used: 7, Reserved: 10},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Status(a) = %+v\nwant %+v", got, want)
	}
	if _, ok := b.Status("b"); ok {
		t.Error("Status(b) is known, want none")
	}
}

func TestStatusNamesTheState(t *testing.T) {
	for _, tt := range []struct {
		name   string
		o      llmhub.Outcome
		state  llmhub.KeyState
		reason string
		until  time.Duration // 0: none
	}{
		{"a good key is active", good, llmhub.KeyActive, "", 0},
		{"a rate limited key is cooling", limited, llmhub.KeyCooling, "rate_limited (429)", 300 * time.Second},
		{"an exhausted key waits for its day", exhausted, llmhub.KeyExhausted, "quota_exceeded (429)", 24 * time.Hour},
		{"a refused key is invalid", invalid, llmhub.KeyInvalid, "invalid_api_key (401)", 0},
		{"a key without money is unfunded", unfunded, llmhub.KeyUnfunded, "unfunded (402)", 6 * time.Hour},
		{"a caller's mistake is none of the key's", verdict(400, llmhub.InvalidRequest, ""), llmhub.KeyActive, "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := open(memquota.Key{ID: "a", Anchor: start}, memquota.Key{ID: "b", Priority: 1})
			settle(b, reserve(t, b, "acme"), tt.o)
			st, _ := b.Status("a")
			want := time.Time{}
			if tt.until != 0 {
				want = start.Add(tt.until)
			}
			if st.State != tt.state || st.Reason != tt.reason || !st.Until.Equal(want) {
				t.Errorf("Status(a) = %s (%s) until %v, want %s (%s) until %v", st.State, st.Reason, st.Until, tt.state, tt.reason, want)
			}
			b.Clear("a")
			if st, _ := b.Status("a"); st.State != llmhub.KeyActive || st.Reason != "" {
				t.Errorf("after Clear Status(a) = %s (%s), want active", st.State, st.Reason)
			}
			if l := reserve(t, b, "acme"); l.Key != "a" {
				t.Errorf("after Clear key %s serves, want a", l.Key)
			}
		})
	}
}

func TestStatusOfAUsedUpDayIsExhausted(t *testing.T) {
	b := open(memquota.Key{ID: "a", DailyRequests: 1, Anchor: start})
	reserve(t, b, "acme")
	if st, _ := b.Status("a"); st.State != llmhub.KeyExhausted || !st.Until.Equal(start.Add(24*time.Hour)) {
		t.Errorf("Status(a) = %s until %v, want exhausted until the day ends", st.State, st.Until)
	}
}

func TestStatusListsClosedModels(t *testing.T) {
	b := open(memquota.Key{ID: "a"})
	o := verdict(404, llmhub.ModelNotFound, llmhub.KeyInvalid)
	o.Verdict.Model = true
	settle(b, reserve(t, b, "acme"), o)
	st, _ := b.Status("a")
	if st.State != llmhub.KeyActive || len(st.Models) != 1 || st.Models[0].Model != "m" || !st.Models[0].Until.Equal(start.Add(10*time.Minute)) {
		t.Errorf("Status(a) = %s, models %v, want active without m for 10 minutes", st.State, st.Models)
	}
}

func TestStatusesAreInOrder(t *testing.T) {
	b := open(memquota.Key{ID: "x", Priority: 2}, memquota.Key{ID: "y", Priority: 1}, memquota.Key{ID: "z", Priority: 1})
	var got []llmhub.KeyID
	for _, st := range b.Statuses() {
		got = append(got, st.ID)
	}
	if want := []llmhub.KeyID{"y", "z", "x"}; !reflect.DeepEqual(got, want) {
		t.Errorf("Statuses = %v, want %v", got, want)
	}
}

func TestSetDisabled(t *testing.T) {
	b := open(memquota.Key{ID: "a"})
	if !b.SetDisabled("a", true) || b.SetDisabled("b", true) {
		t.Error("SetDisabled knows b or not a")
	}
	refused(t, b, "acme", llmhub.NoProvider)
	b.SetDisabled("a", false)
	reserve(t, b, "acme")
}

func TestClearBringsAWindowBackFromTheFuture(t *testing.T) {
	b := open(memquota.Key{ID: "a", DailyRequests: 2, Anchor: start})
	b.now = start.AddDate(0, 0, 10) // a wrong clock
	l := reserve(t, b, "acme")
	b.now = start.Add(time.Hour)
	if st, _ := b.Status("a"); st.Window != 10 {
		t.Fatalf("Status(a) is of day %d, want 10: no window is entered twice", st.Window)
	}
	b.Clear("a")
	st, _ := b.Status("a")
	if st.Window != 0 || st.Requests.Reserved != 1 {
		t.Errorf("after Clear it is day %d with %d reserved, want 0 with 1", st.Window, st.Requests.Reserved)
	}
	settle(b, l, good)
	if st, _ := b.Status("a"); st.Requests.Used != 1 || st.Requests.Reserved != 0 {
		t.Errorf("after Settle %d are used and %d reserved, want 1 and 0", st.Requests.Used, st.Requests.Reserved)
	}
}

func TestSetKeysKeepsWhatIsKnown(t *testing.T) {
	a := memquota.Key{ID: "a", Provider: "acme", DailyRequests: 5}
	b := open(a)
	l := reserve(t, b, "acme")
	settle(b, reserve(t, b, "acme"), good)
	b.now = start.Add(20 * time.Second)
	for _, step := range []struct {
		name string
		keys []memquota.Key
	}{
		{"the same keys", []memquota.Key{a}},
		{"another limit", []memquota.Key{{ID: "a", Provider: "acme", DailyRequests: 2}}},
		{"gone and back", nil},
		{"another anchor", []memquota.Key{{ID: "a", Provider: "acme", DailyRequests: 5, Anchor: start.Add(-100 * time.Hour)}}},
		{"a zone", []memquota.Key{{ID: "a", Provider: "acme", DailyRequests: 5, Zone: time.UTC}}},
		{"a scope", []memquota.Key{{ID: "a", Provider: "acme", DailyRequests: 5, Scope: "project"}}},
		{"no scope again", []memquota.Key{a}},
	} {
		b.SetKeys(step.keys)
		if step.keys == nil {
			if _, ok := b.Status("a"); ok {
				t.Errorf("%s: Status(a) is known, want none", step.name)
			}
			refused(t, b, "acme", llmhub.NoProvider)
			continue
		}
		if st, _ := b.Status("a"); st.Requests.Used != 1 || st.Requests.Reserved != 1 || st.Requests.Limit != step.keys[0].DailyRequests {
			t.Errorf("%s: Status(a) has %+v, want 1 used, 1 reserved of %d", step.name, st.Requests, step.keys[0].DailyRequests)
		}
	}
	settle(b, l, good)
	if st, _ := b.Status("a"); st.Requests.Used != 2 || st.Requests.Reserved != 0 || st.Tokens.Used != 14 {
		t.Errorf("after Settle Status(a) has %+v and %+v, want 2 and 14 used", st.Requests, st.Tokens)
	}
}

func TestALeaseOfARemovedKeyCanBeSettled(t *testing.T) {
	b := open(memquota.Key{ID: "a", DailyRequests: 5})
	l := reserve(t, b, "acme")
	b.SetKeys(nil)
	settle(b, l, good)
	b.SetKeys([]memquota.Key{{ID: "a", Provider: "acme", DailyRequests: 5}})
	if st, _ := b.Status("a"); st.Requests.Used != 1 || st.Requests.Reserved != 0 {
		t.Errorf("Status(a) has %+v, want 1 used", st.Requests)
	}
}

func TestALoweredLimitIsNeverNegative(t *testing.T) {
	b := open(memquota.Key{ID: "a", DailyRequests: 5, Anchor: start})
	for range 4 {
		reserve(t, b, "acme")
	}
	b.SetKeys([]memquota.Key{{ID: "a", Provider: "acme", DailyRequests: 2, Anchor: start}})
	refused(t, b, "acme", llmhub.RateLimited)
	b.now = start.Add(24 * time.Hour)
	reserve(t, b, "acme")
}

func TestWeightSharesTraffic(t *testing.T) {
	for _, limit := range []int64{0, 100_000} {
		t.Run(fmt.Sprint("limit ", limit), func(t *testing.T) {
			b := open(memquota.Key{ID: "a", Weight: 3, DailyRequests: limit}, memquota.Key{ID: "b", DailyRequests: limit})
			n := map[llmhub.KeyID]int{}
			for range 4000 {
				l := reserve(t, b, "acme")
				n[l.Key]++
				settle(b, l, good)
			}
			if n["a"] < 2990 || n["a"] > 3010 {
				t.Errorf("of 4000 requests a, of weight 3, has %d and b %d, want 3000 and 1000", n["a"], n["b"])
			}
		})
	}
}

func TestRestoreBringsStatesBack(t *testing.T) {
	for _, before := range []bool{true, false} {
		for _, o := range []llmhub.Outcome{good, limited, exhausted, invalid, unfunded} {
			t.Run(fmt.Sprintf("%s, before SetKeys: %v", o.Verdict.State, before), func(t *testing.T) {
				keys := []memquota.Key{{ID: "a", DailyRequests: 9}, {ID: "b", Priority: 1}}
				old := open(keys...)
				settle(old, reserve(t, old, "acme"), good)
				settle(old, reserve(t, old, "acme"), o)
				old.now = start.Add(10 * time.Second)
				saved := old.Snapshot()

				b := open()
				b.now = start.Add(time.Minute)
				if before {
					b.Restore(saved)
					b.SetKeys(keys)
				} else {
					b.SetKeys(keys)
					b.Restore(saved)
				}
				old.now = b.now
				want, _ := old.Status("a")
				got, _ := b.Status("a")
				want.Minute, got.Minute = memquota.MinuteStatus{}, memquota.MinuteStatus{} // not saved
				if !reflect.DeepEqual(got, want) {
					t.Errorf("after a restart Status(a) = %+v\nwant %+v", got, want)
				}
			})
		}
	}
}

func TestRestoreNeverLowers(t *testing.T) {
	b := open(memquota.Key{ID: "a", Anchor: start}, memquota.Key{ID: "b", Priority: 1})
	first := b.Snapshot()
	for range 3 {
		settle(b, reserve(t, b, "acme"), good)
	}
	settle(b, reserve(t, b, "acme"), limited)
	b.Restore(first)
	if st, _ := b.Status("a"); st.State != llmhub.KeyCooling || st.Requests.Used != 3 {
		t.Errorf("after an old Restore Status(a) = %s with %d used, want cooling with 3", st.State, st.Requests.Used)
	}
	b.Restore([]memquota.Saved{{ID: "a", State: llmhub.KeyCooling, Until: start.Add(time.Second), Requests: 9, Anchor: start}})
	if st, _ := b.Status("a"); !st.Until.Equal(start.Add(300*time.Second)) || st.Requests.Used != 9 {
		t.Errorf("Status(a) is cooling until %v with %d used, want 300 s with 9", st.Until, st.Requests.Used)
	}
}

func TestRestoreOfAnotherDay(t *testing.T) {
	pacific := zone(t, "America/Los_Angeles")
	today := int64(20514) // 2 March 2026
	for _, tt := range []struct {
		name  string
		key   memquota.Key
		saved memquota.Saved
		want  int64
	}{
		{"yesterday counts no longer", memquota.Key{Anchor: start.Add(-30 * time.Hour)}, memquota.Saved{Window: 0, Anchor: start.Add(-30 * time.Hour)}, 0},
		{"today counts", memquota.Key{Anchor: start.Add(-30 * time.Hour)}, memquota.Saved{Window: 1, Anchor: start.Add(-30 * time.Hour)}, 5},
		{"a key without an anchor takes the saved one", memquota.Key{}, memquota.Saved{Window: 1, Anchor: start.Add(-30 * time.Hour)}, 5},
		{"a day by another anchor counts while it lasts", memquota.Key{Anchor: start.Add(-time.Hour)}, memquota.Saved{Window: 1, Anchor: start.Add(-30 * time.Hour)}, 5},
		{"and not when it is over", memquota.Key{Anchor: start.Add(-time.Hour)}, memquota.Saved{Window: 0, Anchor: start.Add(-30 * time.Hour)}, 0},
		{"a zone's today counts", memquota.Key{Zone: pacific}, memquota.Saved{Window: today}, 5},
		{"a zone's yesterday does not", memquota.Key{Zone: pacific}, memquota.Saved{Window: today - 1}, 0},
		{"a day from before there was a zone counts", memquota.Key{Zone: pacific}, memquota.Saved{Window: 1, Anchor: start.Add(-30 * time.Hour)}, 5},
		{"a zone's day counts when there is none any more", memquota.Key{Anchor: start.Add(-time.Hour)}, memquota.Saved{Window: today}, 5},
		{"a window ahead of the clock is kept", memquota.Key{Anchor: start}, memquota.Saved{Window: 3, Anchor: start}, 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.key.ID, tt.saved.ID, tt.saved.Requests, tt.saved.State = "a", "a", 5, llmhub.KeyActive
			b := open(tt.key)
			b.Restore([]memquota.Saved{tt.saved})
			st, _ := b.Status("a")
			if st.Requests.Used != tt.want {
				t.Errorf("Restore(%+v) gives %d used on day %d, want %d", tt.saved, st.Requests.Used, st.Window, tt.want)
			}
		})
	}
}

func TestChangedGrowsWithWhatIsToBeSaved(t *testing.T) {
	b := open(memquota.Key{ID: "a"})
	last := b.Changed()
	grows := func(what string, want bool) {
		t.Helper()
		if n := b.Changed(); (n > last) != want {
			t.Errorf("%s: Changed goes from %d to %d", what, last, n)
		} else {
			last = n
		}
	}
	grows("nothing", false)
	l := reserve(t, b, "acme")
	b.Statuses()
	grows("Reserve", false)
	settle(b, l, good)
	grows("Settle", true)
	settle(b, l, good)
	grows("Settle again", false)
	b.SetDisabled("a", false)
	grows("SetDisabled", true)
	reserve(t, b, "acme")
	b.now = b.now.Add(time.Hour)
	b.Sweep()
	grows("a lease that expires", true)
}

func TestLimitsAreForgotten(t *testing.T) {
	b := open(memquota.Key{ID: "a"})
	for i := range 100_000 {
		b.now = b.now.Add(time.Second)
		l, err := b.Reserve(context.Background(), llmhub.Reservation{
			Provider: "acme", Amount: llmhub.Amount{Requests: 1},
			Caller: llmhub.Caller{Limits: []llmhub.Limit{{Name: fmt.Sprint(i), Per: time.Minute, Max: llmhub.Amount{Requests: 1}}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		settle(b, l, good)
	}
	if n := b.Buckets(); n > 64*130 {
		t.Errorf("%d limits are remembered, want some thousands: 60 are in use", n)
	}
	b.now = b.now.Add(time.Hour)
	b.Sweep()
	if n := b.Buckets(); n != 0 {
		t.Errorf("after Sweep %d limits are remembered, want 0", n)
	}
}

func TestALimitThatWasForgottenIsNotEnteredTwice(t *testing.T) {
	b := open(memquota.Key{ID: "a"})
	limit := llmhub.Limit{Name: "vk", Per: time.Minute, Max: llmhub.Amount{Requests: 1}}
	settle(b, reserve(t, b, "acme"), good)
	ends := b.Limit(limit).ResetsAt
	b.now = ends
	b.Sweep()
	b.now = ends.Add(-time.Second)
	if got := b.Limit(limit).ResetsAt; !got.Equal(ends.Add(time.Minute)) {
		t.Errorf("after the clock went back the window ends at %v, want %v: the one before is over", got, ends.Add(time.Minute))
	}
}

func TestAKeyThatLeavesItsScopeTakesItsLeasesAlong(t *testing.T) {
	keys := []memquota.Key{{ID: "a", Scope: "project", Anchor: start}, {ID: "b", Scope: "project", Priority: 1, Anchor: start}}
	b := open(keys...)
	l := reserve(t, b, "acme")
	keys[0].Scope = ""
	b.SetKeys(keys)
	for id, want := range map[llmhub.KeyID]int64{"a": 1, "b": 0} {
		if st, _ := b.Status(id); st.Requests.Reserved != want || st.Minute.Requests.Reserved != want {
			t.Errorf("key %s has %+v and %+v, want %d reserved", id, st.Requests, st.Minute.Requests, want)
		}
	}
	settle(b, l, good)
	for id, want := range map[llmhub.KeyID]int64{"a": 1, "b": 0} {
		if st, _ := b.Status(id); st.Requests.Used != want || st.Requests.Reserved != 0 {
			t.Errorf("after Settle key %s has %+v, want %d used", id, st.Requests, want)
		}
	}
}

func TestALeaseIsOverAtItsVeryEnd(t *testing.T) {
	b := open(memquota.Key{ID: "a"})
	l := reserve(t, b, "acme")
	b.now = l.Expires
	settle(b, l, verdict(400, llmhub.InvalidRequest, ""))
	if st, _ := b.Status("a"); st.Requests.Used != 1 || st.Requests.Reserved != 0 {
		t.Errorf("Settle at %v of a lease until %v leaves %+v, want it charged", b.now, l.Expires, st.Requests)
	}
}

func TestATryEndsWhenItsAnswerBegins(t *testing.T) {
	b := open(memquota.Key{ID: "a"})
	settle(b, reserve(t, b, "acme"), limited)
	b.now = start.Add(300 * time.Second)
	stream := reserve(t, b, "acme")
	refused(t, b, "acme", llmhub.RateLimited)
	b.Answers(stream)
	other := reserve(t, b, "acme") // while the stream goes on
	settle(b, other, limited)
	refused(t, b, "acme", llmhub.RateLimited)
	b.Answers(stream)
	settle(b, stream, good)
	b.Answers(stream)
	refused(t, b, "acme", llmhub.RateLimited) // it opens nothing that was closed since
}

func TestATryEndsWhenItsKeyIsMovedOrCleared(t *testing.T) {
	mistake := verdict(400, llmhub.InvalidRequest, "")
	for _, tt := range []struct {
		name   string
		change func(*bench, []memquota.Key)
	}{
		{"moved", func(b *bench, keys []memquota.Key) { keys[0].Scope = ""; b.SetKeys(keys) }},
		{"cleared", func(b *bench, keys []memquota.Key) { b.Clear("a") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			keys := []memquota.Key{{ID: "a", Scope: "project"}, {ID: "b", Scope: "project", Priority: 1}}
			b := open(keys...)
			settle(b, reserve(t, b, "acme"), limited)
			b.now = start.Add(300 * time.Second)
			old := reserve(t, b, "acme")
			refused(t, b, "acme", llmhub.RateLimited)
			tt.change(b, keys)

			b.SetDisabled("a", true)
			l := reserve(t, b, "acme") // b's scope is free to be tried again
			settle(b, l, mistake)
			b.SetDisabled("a", false)
			b.SetDisabled("b", true)

			again := limited
			again.Verdict.Until = b.now.Add(time.Second)
			settle(b, reserve(t, b, "acme"), again)
			b.now = b.now.Add(2 * time.Second)
			reserve(t, b, "acme") // tries
			settle(b, old, mistake)
			refused(t, b, "acme", llmhub.RateLimited) // it is still being tried
		})
	}
}
