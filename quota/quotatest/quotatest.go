// Package quotatest holds any quota store to the contract of [llmhub.QuotaStore].
package quotatest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
	_ "time/tzdata" // days of a zone are tested wherever the tests run

	"github.com/llmhubd/llmhub/llmhub"
)

// Key is a provider key that a store under test is to have. The zero fields mean
// a key without limits for all models.
type Key struct {
	ID       llmhub.KeyID
	Provider string
	Priority int // lower goes first
	Models   []string
	Disabled bool
	Scope    string // keys with the same share counts and cool-downs; "": its own

	DailyRequests, DailyTokens int64 // 0: none
	RPM, TPM                   int64 // 0: none

	Anchor time.Time      // always given
	Zone   *time.Location // nil: days of 86,400 s from Anchor; else the zone's calendar days
}

// An Opener makes a store that has these keys and no other, nothing used and
// nothing known of them, and reads the time from clock only. It closes the store
// by tb.Cleanup.
type Opener func(tb testing.TB, clock func() time.Time, keys []Key) llmhub.QuotaStore

// Claim is one thing that a store must do.
type Claim struct {
	Name  string
	Check func(tb testing.TB, open Opener)
}

// Run checks every claim, each in a subtest with a store of its own.
func Run(t *testing.T, open func(tb testing.TB, clock func() time.Time, keys []Key) llmhub.QuotaStore) {
	for _, c := range Claims() {
		t.Run(c.Name, func(t *testing.T) { c.Check(t, open) })
	}
}

// Claims returns what Run checks.
func Claims() []Claim {
	var all []Claim
	for _, some := range [][]Claim{choosing, leases, tokens, resting, refusing, callers, windows} {
		all = append(all, some...)
	}
	return all
}

// start is the anchor of the keys, unless a claim says otherwise: noon, so that
// no calendar day begins with it.
var start = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)

const (
	provider = "acme"
	model    = "large"
	ttl      = 10 * time.Minute
)

// bench is a store on a test bench: its clock moves by hand.
type bench struct {
	testing.TB
	store llmhub.QuotaStore
	mu    sync.Mutex
	now   time.Time
	n     byte // of requests made
}

// set makes a bench with these keys at time start. Keys without provider or
// anchor get the usual ones.
func set(tb testing.TB, open Opener, keys ...Key) *bench {
	tb.Helper()
	return setAt(tb, open, start, keys...)
}

func setAt(tb testing.TB, open Opener, now time.Time, keys ...Key) *bench {
	tb.Helper()
	b := &bench{TB: tb, now: now}
	for i := range keys {
		if keys[i].Provider == "" {
			keys[i].Provider = provider
		}
		if keys[i].Anchor.IsZero() {
			keys[i].Anchor = start
		}
	}
	b.store = open(tb, b.clock, keys)
	return b
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

// pass moves the clock; back, if d is negative.
func (b *bench) pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

// goTo moves the clock to a time.
func (b *bench) goTo(t time.Time) { b.pass(t.Sub(b.clock())) }

// ask is a reservation of one request for the usual model.
func (b *bench) ask() llmhub.Reservation {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n++
	return llmhub.Reservation{
		Request: llmhub.ID{b.n, 1}, Attempt: 1, Provider: provider, Model: model,
		Amount: llmhub.Amount{Requests: 1}, TTL: ttl,
	}
}

func (b *bench) askTokens(n int64) llmhub.Reservation {
	r := b.ask()
	r.Amount.Tokens = n
	return r
}

func (b *bench) askLimited(limits ...llmhub.Limit) llmhub.Reservation {
	r := b.ask()
	r.Caller.Limits = limits
	return r
}

// must reserves r, which must be granted.
func (b *bench) must(r llmhub.Reservation) llmhub.Lease {
	b.Helper()
	l, err := b.store.Reserve(context.Background(), r)
	if err != nil {
		b.Fatalf("Reserve(%v of %s) at %v = %v, want a lease", r.Amount, r.Model, b.clock(), err)
	}
	return l
}

// lease reserves one request.
func (b *bench) lease() llmhub.Lease {
	b.Helper()
	return b.must(b.ask())
}

// on reserves one request, which must be granted on the key.
func (b *bench) on(id llmhub.KeyID) llmhub.Lease {
	b.Helper()
	l := b.lease()
	if l.Key != id {
		b.Fatalf("Reserve at %v chose key %q, want %q", b.clock(), l.Key, id)
	}
	return l
}

// refuse reserves r, which must fail with kind.
func (b *bench) refuse(r llmhub.Reservation, kind llmhub.Kind) *llmhub.Error {
	b.Helper()
	l, err := b.store.Reserve(context.Background(), r)
	if err == nil {
		b.Fatalf("Reserve(%v of %s) at %v granted key %q, want %s", r.Amount, r.Model, b.clock(), l.Key, kind)
	}
	var e *llmhub.Error
	if !errors.As(err, &e) || e.Kind != kind {
		b.Fatalf("Reserve(%v of %s) at %v = %v, want an *llmhub.Error of kind %s", r.Amount, r.Model, b.clock(), err, kind)
	}
	return e
}

// refuseFor is refuse that also wants RetryAfter to be d.
func (b *bench) refuseFor(r llmhub.Reservation, kind llmhub.Kind, d time.Duration) *llmhub.Error {
	b.Helper()
	e := b.refuse(r, kind)
	if !about(e.RetryAfter, d) {
		b.Errorf("Reserve at %v says RetryAfter %v, want %v", b.clock(), e.RetryAfter, d)
	}
	return e
}

// about allows for stores that keep time in milliseconds.
func about(got, want time.Duration) bool { return (got - want).Abs() <= 2*time.Millisecond }

// left wants exactly n more single requests to be granted, and leaves them
// charged.
func (b *bench) left(n int) {
	b.Helper()
	for i := range n + 1 {
		l, err := b.store.Reserve(context.Background(), b.ask())
		switch {
		case err == nil && i == n:
			b.Fatalf("request %d is granted at %v, want %d left", i+1, b.clock(), n)
		case err != nil && i < n:
			b.Fatalf("request %d is refused at %v (%v), want %d left", i+1, b.clock(), err, n)
		case err == nil:
			b.settle(l, used(0))
		}
	}
}

// leftTokens wants n tokens to be left, and leaves them held.
func (b *bench) leftTokens(n int64) {
	b.Helper()
	r := b.askTokens(n + 1)
	if l, err := b.store.Reserve(context.Background(), r); err == nil {
		b.Fatalf("%d tokens are granted at %v on key %q, want %d left", n+1, b.clock(), l.Key, n)
	}
	if n > 0 {
		b.must(b.askTokens(n))
	}
}

// settle ends a lease; that never fails.
func (b *bench) settle(l llmhub.Lease, o llmhub.Outcome) {
	b.Helper()
	if err := b.store.Settle(context.Background(), l, o); err != nil {
		b.Fatalf("Settle(%v) = %v, want nil", o, err)
	}
}

// used is a good answer that used one request and n tokens.
func used(n int64) llmhub.Outcome {
	return llmhub.Outcome{Status: 200, Used: llmhub.Amount{Requests: 1, Tokens: n}, Verdict: llmhub.Verdict{State: llmhub.KeyActive}}
}

// free is an attempt that was charged nothing and says nothing.
func free(status int, kind llmhub.Kind) llmhub.Outcome {
	return llmhub.Outcome{Status: status, Kind: kind}
}

// limited is a 429.
func limited(until time.Time) llmhub.Outcome {
	return llmhub.Outcome{Status: 429, Kind: llmhub.RateLimited, Verdict: llmhub.Verdict{State: llmhub.KeyCooling, Until: until}}
}

// unauthorized is a 401.
func unauthorized(sure bool) llmhub.Outcome {
	return llmhub.Outcome{Status: 401, Kind: llmhub.BadCredential, Verdict: llmhub.Verdict{State: llmhub.KeyInvalid, Sure: sure}}
}
