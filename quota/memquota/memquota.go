// Package memquota is a quota store in memory, for one process.
package memquota

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
)

// Config of a Store.
type Config struct {
	// Now is the clock. nil: the wall clock at New and monotonic time since, so
	// that a wall clock that jumps changes nothing. One that goes back opens no
	// window again.
	Now func() time.Time
	// DefaultCooldown is how long a rate limited key rests when its provider did
	// not say; the first time, give or take a tenth. 0: 300 s.
	DefaultCooldown time.Duration
	// Rand returns numbers in [0, 1), for that tenth. It must be safe for
	// concurrent use. nil: math/rand/v2.
	Rand func() float64
	// TTL is the life of a lease whose reservation gives none. 0: 11 minutes.
	TTL time.Duration
}

// Store is a [llmhub.QuotaStore] that remembers in memory. It is safe for
// concurrent use. It has no keys until [Store.SetKeys] gives it some.
//
// What it holds, at every look, of each key and window:
//
//   - A lease is granted only if used + reserved + its amount ≤ the limit.
//   - Reserved is the sum of the window's live leases, used the sum of what its
//     ended leases were charged.
//   - A lease ends exactly once, by Settle or by expiry, and is charged at most
//     the requests that it reserved; expired, all of them.
//   - Tokens above the reservation are booked in full, so only tokens that were
//     estimated too low can pass a limit.
//   - The number of a window never falls, so no clock resets one twice.
//
// Each provider's keys lie under one mutex, and so do the limits of callers
// whose names fall in one of 64 shards. Reserve locks shards in ascending order,
// then the provider; checks all; then takes from all, or from none.
type Store struct {
	cool  time.Duration
	rand  func() float64
	ttl   time.Duration
	clock func() int64

	admin   sync.Mutex // held by SetKeys and Restore, before any pool's
	saved   map[llmhub.KeyID]Saved
	pools   atomic.Pointer[pools]
	callers callers
	soonest atomic.Int64 // no live lease expires before this
}

var (
	_ llmhub.QuotaStore = (*Store)(nil)
	_ llmhub.Observer   = (*Store)(nil)
)

// pools are the providers, which are never removed.
type pools struct {
	byName map[string]*pool
	list   []*pool // a handle has the index
}

// New makes a Store.
func New(c Config) *Store {
	s := &Store{cool: c.DefaultCooldown, rand: c.Rand, ttl: c.TTL, saved: map[llmhub.KeyID]Saved{}}
	if s.cool <= 0 {
		s.cool = 300 * time.Second
	}
	if s.rand == nil {
		s.rand = rand.Float64
	}
	if s.ttl <= 0 {
		s.ttl = 11 * time.Minute
	}
	if now := c.Now; now != nil {
		s.clock = func() int64 { return now().UnixNano() }
	} else {
		start := time.Now()
		s.clock = func() int64 { return start.UnixNano() + int64(time.Since(start)) }
	}
	s.pools.Store(&pools{byName: map[string]*pool{}})
	s.callers.init()
	s.soonest.Store(math.MaxInt64)
	return s
}

// Reserve picks a key of the provider and holds the amount on it and on the
// limits of the caller, or on none. Among the keys that are ready the lowest
// Priority goes first, then the most headroom, then the least recently used.
//
// It fails with [llmhub.QuotaExceeded], or [llmhub.BudgetExceeded] if it is
// about money, when a limit of the caller refuses (Param names it, RetryAfter is
// when its window ends, 0 if waiting does not help); [llmhub.RateLimited] when
// no key is ready (RetryAfter: the first recovery); [llmhub.RequestTooLarge]
// when the amount is more than the whole limit of every key that could serve;
// [llmhub.ModelNotFound] while the provider is known to have no such model;
// [llmhub.NoProvider] when no key could ever serve.
func (s *Store) Reserve(_ context.Context, r llmhub.Reservation) (llmhub.Lease, error) {
	now := s.now()
	amount := bounded(r.Amount)
	var room [8]hold
	holds := room[:0]
	locked := s.callers.lock(r.Caller.Limits)
	defer s.callers.unlock(locked)
	for i := range r.Caller.Limits {
		var err error
		if holds, err = s.callers.check(holds, &r.Caller.Limits[i], amount, r.Admitted, now); err != nil {
			return llmhub.Lease{}, err
		}
	}
	p := s.pools.Load().byName[r.Provider]
	if p == nil {
		return llmhub.Lease{}, (&pick{}).refusal(now)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	pick := p.choose(&r, amount, now)
	if pick.key == nil {
		return llmhub.Lease{}, pick.refusal(now)
	}
	expires := now + int64(s.ttl)
	if r.TTL > 0 {
		expires = now + int64(r.TTL)
	}
	for i := range holds {
		holds[i].take()
	}
	handle := p.grant(pick.key, &r, amount, holds, now, expires)
	s.expectExpiry(expires)
	return llmhub.Lease{
		Reservation: r, Key: pick.key.ID, Expires: time.Unix(0, expires), Handle: handle,
		Why: pick.why, Passed: pick.passed,
	}, nil
}

// Settle ends a lease: what was used is booked in the windows that the lease was
// taken in, what was reserved above that is free again, and the verdict moves
// the key's state. It does nothing for a lease that has ended, by Settle or by
// expiry, and never fails.
func (s *Store) Settle(_ context.Context, l llmhub.Lease, o llmhub.Outcome) error {
	now := s.now()
	p := s.poolOf(l.Handle)
	if p == nil {
		return nil
	}
	var room [8]hold
	used := bounded(o.Used)
	p.mu.Lock()
	sl := p.slab.find(&l)
	if sl == nil {
		p.mu.Unlock()
		return nil
	}
	p.charge(sl, used)
	p.judge(sl, &o, now)
	holds := append(room[:0], sl.holds...)
	p.slab.free(sl)
	p.mu.Unlock()
	if o.Loss {
		used = llmhub.Amount{}
	}
	for i := range holds {
		s.callers.settle(&holds[i], used, now)
	}
	return nil
}

// Answers notes that a lease's answer has begun: what the lease was trying is
// open to others while its stream goes on. It does nothing for a lease that was
// trying nothing, or has ended.
func (s *Store) Answers(l llmhub.Lease) {
	p := s.poolOf(l.Handle)
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	sl := p.slab.find(&l)
	if sl == nil || sl.probe == 0 {
		return
	}
	sl.key.succeed(sl, sl.release())
	sl.probe = 0
	p.changes++
}

// Sweep ends the leases that have expired, each charged as it was reserved, and
// forgets limits of callers that nobody uses. Reserve, Settle and whatever looks
// do the former by themselves, so Sweep is only for stores that lie idle.
func (s *Store) Sweep() {
	now := s.now()
	s.callers.sweep(now)
}

// now is the time, by which every lease that is over has been ended.
func (s *Store) now() int64 {
	now := s.clock()
	if now >= s.soonest.Load() {
		s.expire(now)
	}
	return now
}

// expire ends the leases that have expired and finds the next to do so.
func (s *Store) expire(now int64) {
	s.soonest.Store(math.MaxInt64) // before the pools are locked: a grant meanwhile lowers it again
	for _, p := range s.pools.Load().list {
		p.mu.Lock()
		holds, soonest := p.expire(now)
		s.expectExpiry(soonest)
		p.mu.Unlock()
		for i := range holds {
			s.callers.settle(&holds[i], holds[i].amount, now)
		}
	}
}

// expectExpiry notes that a lease expires at the given time.
func (s *Store) expectExpiry(at int64) {
	for {
		soonest := s.soonest.Load()
		if at >= soonest || s.soonest.CompareAndSwap(soonest, at) {
			return
		}
	}
}

// bounded is a without negative fields and without such large ones that a sum
// of many could overflow.
func bounded(a llmhub.Amount) llmhub.Amount {
	return llmhub.Amount{
		Requests: max(0, min(a.Requests, 1<<40)),
		Tokens:   max(0, min(a.Tokens, 1<<40)),
		NanoUSD:  max(0, min(a.NanoUSD, 1<<48)),
	}
}
