package memquota_test

import (
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/quota/internal/plain"
	"github.com/llmhubd/llmhub/quota/memquota"
)

var (
	simSteps = flag.Float64("sim.steps", simDefault, "steps of the model simulation")
	simSeed  = flag.Uint64("sim.seed", 0, "seed of the model simulation; 0: a fixed one")
)

// TestModel plays random operations on the store and on a plain one that counts
// everything anew, and wants the same answers and, after each step, the same
// books:
//
//	I1  what is granted fits: used + reserved ≤ limit when it is granted
//	I2  reserved is the sum of live leases, used the sum of what was charged
//	I3  a lease ends once, and a request is charged at most what it reserved
//	I4  tokens above the reservation are booked in full
//	I5  no window is entered twice
func TestModel(t *testing.T) {
	seed := *simSeed
	if seed == 0 {
		seed = 20260302
	}
	w := &world{t: t, seed: seed, rand: rand.New(rand.NewPCG(seed, 1))}
	for w.step < int(*simSteps) && !t.Failed() {
		w.begin()
		w.check() // both look at the clock before it may go back
		for range 1000 {
			w.play()
			w.check()
			w.step++
		}
	}
	t.Logf("seed %d: %d steps, %d granted, %d refused, %d settled, %d late or again, %d edits, %d day rolls",
		seed, w.step, w.granted, w.refused, w.settled, w.again, w.edits, w.rolls)
	for name, n := range map[string]int{"granted": w.granted, "refused": w.refused, "settled": w.settled, "again": w.again, "rolls": w.rolls} {
		if n == 0 && !t.Failed() {
			t.Errorf("the simulation never %s", name)
		}
	}
}

// world is two stores that must agree.
type world struct {
	t    *testing.T
	seed uint64
	rand *rand.Rand
	step int
	op   string

	now    time.Time
	keys   []memquota.Key
	store  *memquota.Store
	plain  *plain.Store
	live   []both
	ended  []both
	days   []int64 // of each key, the latest
	limits []llmhub.Limit
	next   uint64

	granted, refused, settled, again, edits, rolls int
}

// both is a lease in both stores.
type both struct{ store, plain llmhub.Lease }

func (w *world) clock() time.Time { return w.now }

// begin makes a new world.
func (w *world) begin() {
	zone := []*time.Location{nil, w.zone("America/Los_Angeles"), w.zone("America/Sao_Paulo")}[w.rand.IntN(3)]
	w.now = time.Date(2026, time.Month(1+w.rand.IntN(12)), 1+w.rand.IntN(28), w.rand.IntN(24), w.rand.IntN(60), w.rand.IntN(60), 0, time.UTC)
	if w.rand.IntN(4) == 0 {
		w.now = w.now.AddDate(-8, 0, 0) // São Paulo moved its clocks at midnight
	}
	w.keys = nil
	var all []plain.Key
	for i := range 3 + w.rand.IntN(6) {
		k := memquota.Key{
			ID: llmhub.KeyID(rune('a' + i)), Provider: w.pick("acme", "acme", "other"), Priority: w.rand.IntN(3) / 2,
			Anchor: w.now.Add(-time.Duration(w.rand.Int64N(int64(3000 * time.Hour)))),
		}
		if w.rand.IntN(3) == 0 {
			k.Zone = zone
		}
		if w.rand.IntN(4) == 0 {
			k.Models = []string{"large", "small"}
		}
		if i > 0 && w.rand.IntN(4) == 0 && w.keys[i-1].Provider == k.Provider {
			k.Scope, k.Anchor, k.Zone = "shared", w.keys[i-1].Anchor, w.keys[i-1].Zone
			for _, other := range w.keys {
				if other.Scope == k.Scope && other.Provider == k.Provider {
					k.Anchor, k.Zone = other.Anchor, other.Zone
				}
			}
		}
		w.setLimits(&k)
		w.keys = append(w.keys, k)
		all = append(all, plainKey(k))
	}
	w.store = memquota.New(memquota.Config{Now: w.clock, Rand: func() float64 { return 0.5 }})
	w.store.SetKeys(w.keys)
	w.plain = plain.New(w.clock, all, "")
	w.live, w.ended, w.days = nil, nil, make([]int64, len(w.keys))
	for i := range w.days {
		w.days[i] = -1 << 62
	}
	w.limits = []llmhub.Limit{
		{Name: "user", Per: time.Minute, Max: llmhub.Amount{Requests: 8, Tokens: 300}},
		{Name: "key", Per: time.Minute, Max: llmhub.Amount{Requests: 5}},
		{Name: "key", Per: 24 * time.Hour, Max: llmhub.Amount{Tokens: 1500, NanoUSD: 2000}},
		{Name: "user", Max: llmhub.Amount{Requests: 6}},
	}
}

func plainKey(k memquota.Key) plain.Key {
	return plain.Key{
		ID: k.ID, Provider: k.Provider, Priority: k.Priority, Models: k.Models, Disabled: k.Disabled, Scope: k.Scope,
		DailyRequests: k.DailyRequests, DailyTokens: k.DailyTokens, RPM: k.RPM, TPM: k.TPM, Anchor: k.Anchor, Zone: k.Zone,
	}
}

func (w *world) zone(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		w.t.Fatal(err)
	}
	return zone
}

func (w *world) pick(names ...string) string { return names[w.rand.IntN(len(names))] }

// some is up to n, or none.
func (w *world) some(n int64) int64 {
	if w.rand.IntN(3) == 0 {
		return 0
	}
	return 1 + w.rand.Int64N(n)
}

func (w *world) setLimits(k *memquota.Key) {
	k.DailyRequests, k.DailyTokens = w.some(30), w.some(800)
	k.RPM, k.TPM = w.some(12), w.some(400)
	k.Disabled = w.rand.IntN(12) == 0
}

// play does one thing to both stores.
func (w *world) play() {
	w.pass()
	switch n := w.rand.IntN(100); {
	case n < 48:
		w.reserve()
	case n < 92:
		w.settle()
	case n < 97:
		w.settleAgain()
	case n < 98:
		w.op = "sweep"
		w.store.Sweep()
	default:
		w.edit()
	}
}

// pass moves the clock: mostly on by little, at times far, at times back.
func (w *world) pass() {
	var d int64
	switch n := w.rand.IntN(200); {
	case n < 60:
	case n < 180:
		d = w.rand.Int64N(int64(20 * time.Second))
	case n < 194:
		d = w.rand.Int64N(int64(30 * time.Minute))
	case n < 198:
		d = w.rand.Int64N(int64(30 * time.Hour))
	default:
		d = -w.rand.Int64N(int64(3 * time.Hour))
	}
	w.now = w.now.Add(time.Duration(d))
}

func (w *world) reserve() {
	w.op = "reserve"
	w.next++
	r := llmhub.Reservation{
		Request: llmhub.ID{byte(w.next >> 16), byte(w.next >> 8), byte(w.next)}, Attempt: 1,
		Provider: w.pick("acme", "acme", "other"), Model: w.pick("large", "large", "small", "huge"),
		Amount:   llmhub.Amount{Requests: 1, Tokens: w.rand.Int64N(60), NanoUSD: w.rand.Int64N(100)},
		Admitted: w.rand.IntN(5) == 0,
		TTL:      []time.Duration{30 * time.Second, 2 * time.Minute, 11 * time.Minute}[w.rand.IntN(3)],
	}
	if w.rand.IntN(50) == 0 {
		r.Amount.Tokens = 500
	}
	if w.rand.IntN(20) == 0 {
		r.Amount.Requests = 2
	}
	if w.rand.IntN(5) == 0 {
		r.Tried = []llmhub.KeyID{w.keys[w.rand.IntN(len(w.keys))].ID}
	}
	if w.rand.IntN(2) == 0 {
		for _, i := range w.rand.Perm(len(w.limits))[:1+w.rand.IntN(len(w.limits))] {
			r.Caller.Limits = append(r.Caller.Limits, w.limits[i])
		}
	}
	l, err := w.store.Reserve(context.Background(), r)
	pl, perr := w.plain.Reserve(context.Background(), r)
	w.sameAnswer(r, l, pl, err, perr)
	if err != nil || perr != nil {
		w.refused++
		return
	}
	w.granted++
	w.live = append(w.live, both{l, pl})
	st, _ := w.store.Status(l.Key)
	for name, c := range map[string]memquota.Count{
		"requests a day": st.Requests, "tokens a day": st.Tokens, "requests a minute": st.Minute.Requests, "tokens a minute": st.Minute.Tokens,
	} {
		if c.Limit > 0 && c.Used+c.Reserved > c.Limit {
			w.errorf("I1: key %s was granted with %d used + %d reserved of %d %s", l.Key, c.Used, c.Reserved, c.Limit, name)
		}
	}
}

func (w *world) sameAnswer(r llmhub.Reservation, l, pl llmhub.Lease, err, perr error) {
	var e, pe *llmhub.Error
	errors.As(err, &e)
	errors.As(perr, &pe)
	switch {
	case (err == nil) != (perr == nil):
		w.errorf("Reserve(%+v) = %v, %v, want %v, %v", r, l.Key, err, pl.Key, perr)
	case err == nil:
		if l.Key != pl.Key || !l.Expires.Equal(pl.Expires) {
			w.errorf("Reserve(%+v) = %s until %v, want %s until %v", r, l.Key, l.Expires, pl.Key, pl.Expires)
		}
		w.samePassed(r, l.Passed, pl.Passed)
	default:
		if e.Kind != pe.Kind || e.RetryAfter != pe.RetryAfter || e.Param != pe.Param {
			w.errorf("Reserve(%+v) = %s %q after %v, want %s %q after %v", r, e.Kind, e.Param, e.RetryAfter, pe.Kind, pe.Param, pe.RetryAfter)
		}
		w.samePassed(r, e.Passed, pe.Passed)
	}
}

func (w *world) samePassed(r llmhub.Reservation, got, want []llmhub.Passed) {
	same := len(got) == len(want)
	for i := 0; same && i < len(got); i++ {
		same = got[i].Key == want[i].Key && got[i].State == want[i].State && got[i].Until.Equal(want[i].Until)
	}
	if !same {
		w.errorf("Reserve(%+v) passed %v, want %v", r, got, want)
	}
}

func (w *world) settle() {
	w.op = "settle"
	if len(w.live) == 0 {
		return
	}
	i := w.rand.IntN(len(w.live))
	l := w.live[i]
	w.live[i] = w.live[len(w.live)-1]
	w.live = w.live[:len(w.live)-1]
	if w.rand.IntN(12) != 0 { // else it is lost, and expires
		w.end(l)
		w.settled++
	}
	w.ended = append(w.ended, l)
	if len(w.ended) > 50 {
		w.ended = w.ended[1:]
	}
}

// settleAgain settles what was settled, or lost.
func (w *world) settleAgain() {
	w.op = "settle again"
	if len(w.ended) > 0 {
		w.end(w.ended[w.rand.IntN(len(w.ended))])
		w.again++
	}
}

func (w *world) end(l both) {
	o := w.outcome(l.store)
	if err := w.store.Settle(context.Background(), l.store, o); err != nil {
		w.errorf("Settle(%+v) = %v, want nil", o, err)
	}
	_ = w.plain.Settle(context.Background(), l.plain, o) // never fails
}

func (w *world) outcome(l llmhub.Lease) llmhub.Outcome {
	var named time.Time
	if w.rand.IntN(2) == 0 {
		named = w.now.Add(time.Duration(w.rand.Int64N(int64(2*time.Hour))) - time.Minute)
	}
	o := llmhub.Outcome{Status: 200, Used: llmhub.Amount{Requests: 1, Tokens: w.rand.Int64N(l.Amount.Tokens + 10), NanoUSD: w.rand.Int64N(100)}}
	switch n := w.rand.IntN(40); {
	case n < 18:
		o.Verdict.State = llmhub.KeyActive
	case n < 21: // good, and the adapter says nothing of the key
	case n < 24:
		o = llmhub.Outcome{Status: 429, Kind: llmhub.RateLimited, Verdict: llmhub.Verdict{State: llmhub.KeyCooling, Until: named, Model: n == 23}}
	case n < 26:
		o = llmhub.Outcome{Status: 429, Kind: llmhub.QuotaExceeded, Verdict: llmhub.Verdict{State: llmhub.KeyExhausted, Until: named, Model: n == 25}}
	case n < 28:
		o = llmhub.Outcome{Status: 401, Kind: llmhub.BadCredential, Verdict: llmhub.Verdict{State: llmhub.KeyInvalid, Sure: n == 27 && w.rand.IntN(4) == 0}}
	case n < 29:
		o = llmhub.Outcome{Status: 402, Kind: llmhub.Unfunded, Verdict: llmhub.Verdict{State: llmhub.KeyUnfunded, Until: named}}
	case n < 30:
		o = llmhub.Outcome{Status: 404, Kind: llmhub.ModelNotFound, Verdict: llmhub.Verdict{State: llmhub.KeyInvalid, Model: true, Until: named}}
	case n < 31:
		o = llmhub.Outcome{Status: 403, Kind: llmhub.PermissionDenied, Verdict: llmhub.Verdict{State: llmhub.KeyInvalid, Model: true}}
	case n < 34:
		o = llmhub.Outcome{Status: 400, Kind: llmhub.InvalidRequest}
	case n < 36:
		o = llmhub.Outcome{Kind: llmhub.Canceled, Used: o.Used}
	case n < 38:
		o = llmhub.Outcome{Status: 500, Kind: llmhub.UpstreamFailed, Used: o.Used, Loss: true}
	case n < 39:
		o = llmhub.Outcome{}
	default:
		o.Used = llmhub.Amount{Requests: 5, Tokens: -3, NanoUSD: -1}
	}
	return o
}

// edit is an operator who changes a key's limits.
func (w *world) edit() {
	w.op = "edit"
	w.edits++
	k := &w.keys[w.rand.IntN(len(w.keys))]
	w.setLimits(k)
	w.store.SetKeys(w.keys)
	w.plain.Edit(k.ID, func(p *plain.Key) { *p = plainKey(*k) })
}

// check compares the books.
func (w *world) check() {
	totals := w.plain.Keys()
	for i, k := range w.keys {
		st, ok := w.store.Status(k.ID)
		if !ok {
			w.errorf("key %s is gone", k.ID)
			continue
		}
		got := plain.Total{
			Used: llmhub.Amount{Requests: st.Requests.Used, Tokens: st.Tokens.Used},
			Held: llmhub.Amount{Requests: st.Requests.Reserved, Tokens: st.Tokens.Reserved}, Window: st.Window,
			Minute: llmhub.Amount{Requests: st.Minute.Requests.Used + st.Minute.Requests.Reserved, Tokens: st.Minute.Tokens.Used + st.Minute.Tokens.Reserved},
		}
		want := totals[i]
		want.Used.NanoUSD, want.Held.NanoUSD, want.Minute.NanoUSD = 0, 0, 0 // keys have no limits of money
		if got != want {
			w.errorf("I2: key %s has %+v, want %+v", k.ID, got, want)
		}
		if st.Window < w.days[i] {
			w.errorf("I5: key %s goes back from day %d to %d", k.ID, w.days[i], st.Window)
		}
		if st.Window > w.days[i] && w.days[i] > -1<<62 {
			w.rolls++
		}
		w.days[i] = st.Window
	}
	for _, l := range w.limits {
		got, want := w.store.Limit(l), w.plain.Limit(l)
		if got.Used != want.Used || got.Reserved != want.Held {
			w.errorf("I2: limit %s per %v has %+v used and %+v reserved, want %+v and %+v", l.Name, l.Per, got.Used, got.Reserved, want.Used, want.Held)
		}
	}
}

func (w *world) errorf(format string, args ...any) {
	w.t.Helper()
	w.t.Errorf(format, args...)
	w.t.Fatalf("at step %d, %s, %v: run again with -sim.seed=%d -sim.steps=%d", w.step, w.op, w.now, w.seed, w.step+1)
}
