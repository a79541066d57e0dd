// Package plain is a quota store written to be read: the yardstick of the fast
// ones, which counts everything anew whenever it is asked. It can be told to
// get one thing wrong, so that what is measured by it can be seen to fail.
package plain

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
)

// Key is a provider key; the fields mean what those of a quotatest.Key do.
type Key struct {
	ID                                   llmhub.KeyID
	Provider                             string
	Priority                             int
	Models                               []string
	Disabled                             bool
	Scope                                string
	DailyRequests, DailyTokens, RPM, TPM int64
	Anchor                               time.Time
	Zone                                 *time.Location
}

// Store is a [llmhub.QuotaStore] behind one mutex. A default cool-down is
// exactly 300 s.
type Store struct {
	mu     sync.Mutex
	clock  func() time.Time
	fault  Fault
	keys   []*keyState
	scopes map[string]*scopeState
	leases map[uint64]*lease
	all    []*lease       // every one there was in a window that still counts
	high   map[span]int64 // the latest window of each caller's limit
	seq    int64
	looked time.Time // at the callers' windows
}

var _ llmhub.QuotaStore = (*Store)(nil)

type keyState struct {
	Key
	scope  *scopeState
	looked time.Time // when day and minute were
	day    int64
	minute int64
	ends   struct { // of the zone's day that was asked for last
		day int64
		at  time.Time
	}
	invalid bool
	lost    time.Time // when it became invalid
	doubted time.Time // of a 401
	doubt   int64     // its seq
	rest    rest      // for the 401's sake
	money   rest
	models  map[string]modelRest
	last    int64 // seq of the last lease
}

type scopeState struct {
	day, minute int64 // the latest that there was
	cooling     rest
	spent       time.Time
}

// rest is a time of rest, after which one lease at a time tries.
type rest struct {
	until time.Time
	took  time.Duration
	tried uint64 // the lease that tries; 0: none
}

type modelRest struct {
	until time.Time
	state llmhub.KeyState
	hard  bool
	gone  bool // the provider has no such model
}

// span names a caller's limit.
type span struct {
	name string
	per  time.Duration
}

// lease is a reservation, live or not.
type lease struct {
	llmhub.Lease
	key         *keyState
	scope       *scopeState
	day, minute int64
	spans       map[span]int64 // windows of the caller's limits
	ended       bool
	charged     llmhub.Amount // on the key
	billed      llmhub.Amount // to the caller
	seq         int64
}

// New makes a store that has these keys and one fault, "" for none.
func New(clock func() time.Time, keys []Key, fault Fault) *Store {
	s := &Store{clock: clock, fault: fault, scopes: map[string]*scopeState{}, leases: map[uint64]*lease{}, high: map[span]int64{}}
	for _, k := range keys {
		name := k.Provider + "/key/" + string(k.ID)
		if k.Scope != "" && fault != OwnScopes {
			name = k.Provider + "/scope/" + k.Scope
			if fault == GlobalScopes {
				name = k.Scope
			}
		}
		if s.scopes[name] == nil {
			s.scopes[name] = &scopeState{}
		}
		s.keys = append(s.keys, &keyState{Key: k, scope: s.scopes[name], models: map[string]modelRest{}})
	}
	return s
}

// Edit changes a key's limits.
func (s *Store) Edit(id llmhub.KeyID, change func(*Key)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.keys {
		if k.ID == id {
			change(&k.Key)
		}
	}
}

// Reserve grants a lease or says why not.
func (s *Store) Reserve(_ context.Context, r llmhub.Reservation) (llmhub.Lease, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	s.expire(now)
	if err := s.callerRefuses(r, now); err != nil && s.fault != FreeCallers {
		if s.fault == HoldsWhenRefused {
			for _, k := range s.keys {
				s.grant(r, k, now)
				break
			}
		}
		return llmhub.Lease{}, err
	}
	var ready []*keyState
	var passed []llmhub.Passed
	var first time.Time
	large := false
	missing := 0
	for _, k := range s.inOrder(r.Provider) {
		if len(ready) > 0 && k.Priority > ready[0].Priority {
			break
		}
		no := s.judge(k, r, now)
		if no.why == "" {
			ready = append(ready, k)
			continue
		}
		passed = append(passed, llmhub.Passed{Key: k.ID, State: no.state, Until: no.until, Why: no.why})
		large = large || no.large
		if no.missing {
			missing++
		}
		if no.wait && (first.IsZero() || no.until.Before(first)) {
			first = no.until
		}
	}
	if s.fault == NoPassed {
		passed = nil
	}
	switch {
	case len(ready) > 0:
	case !first.IsZero():
		err := &llmhub.Error{Kind: llmhub.RateLimited, RetryAfter: first.Sub(now), Passed: passed}
		if s.fault == NoRetryAfter {
			err.RetryAfter = 0
		}
		if s.fault == HoldsWhenRefused {
			s.hold(r, now)
		}
		return llmhub.Lease{}, err
	case large && s.fault != NeverTooLarge:
		return llmhub.Lease{}, &llmhub.Error{Kind: llmhub.RequestTooLarge, Passed: passed}
	case missing > 0 && missing == len(s.inOrder(r.Provider)) && s.fault != BlamesKeys:
		return llmhub.Lease{}, &llmhub.Error{Kind: llmhub.ModelNotFound, Passed: passed}
	default:
		return llmhub.Lease{}, &llmhub.Error{Kind: llmhub.NoProvider, Passed: passed}
	}
	slices.SortStableFunc(ready, func(a, b *keyState) int {
		x, y := s.headroom(a, now), s.headroom(b, now)
		if x != y && s.fault != NoHeadroom {
			return cmp.Compare(y, x)
		}
		if s.fault == NoTurns {
			return 0
		}
		return cmp.Compare(a.last, b.last)
	})
	l := s.grant(r, ready[0], now)
	l.Why, l.Passed = "it is first", passed
	if s.fault == Silent {
		l.Why = ""
	}
	return l.Lease, nil
}

// inOrder are a provider's keys by priority.
func (s *Store) inOrder(provider string) []*keyState {
	var keys []*keyState
	for _, k := range s.keys {
		if k.Provider == provider || s.fault == AnyProvider {
			keys = append(keys, k)
		}
	}
	if s.fault != NoPriority {
		slices.SortStableFunc(keys, func(a, b *keyState) int { return cmp.Compare(a.Priority, b.Priority) })
	}
	return keys
}

// grant makes the lease.
func (s *Store) grant(r llmhub.Reservation, k *keyState, now time.Time) *lease {
	s.seq++
	l := &lease{Lease: llmhub.Lease{Reservation: r, Key: k.ID, Handle: uint64(s.seq), Expires: now.Add(r.TTL)}, key: k, scope: k.scope, seq: s.seq}
	l.day, l.minute = s.windows(k, now)
	l.spans = s.hold(r, now)
	s.leases[l.Handle] = l
	s.all = append(s.all, l)
	k.last = s.seq
	if s.fault == AllMayTry {
		return l
	}
	for _, t := range []*rest{&k.scope.cooling, &k.rest, &k.money} {
		if !t.until.IsZero() {
			t.tried = l.Handle
		}
	}
	return l
}

// hold notes the windows of the caller's limits.
func (s *Store) hold(r llmhub.Reservation, now time.Time) map[span]int64 {
	spans := map[span]int64{}
	for _, limit := range r.Caller.Limits {
		sp := span{limit.Name, max(limit.Per, 0)}
		spans[sp] = s.window(sp, now)
		if s.fault == HoldsWhenRefused {
			s.seq++
			s.all = append(s.all, &lease{Lease: llmhub.Lease{Reservation: r, Expires: now.Add(time.Hour)}, spans: spans})
		}
	}
	return spans
}

// Settle ends a lease.
func (s *Store) Settle(_ context.Context, given llmhub.Lease, o llmhub.Outcome) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	if s.fault != LateIsInTime {
		s.expire(now)
	}
	l := s.leases[given.Handle]
	switch {
	case l == nil && s.fault == EndsAnother:
		l = s.all[0]
	case l == nil:
		return nil
	}
	if l.ended || l.Request != given.Request || l.Attempt != given.Attempt {
		switch s.fault {
		case SettlesAgain:
		case JudgesAgain:
			s.hear(l, o, now)
			return nil
		case EndsAnother:
			for _, other := range s.all {
				other.ended = true
			}
			return nil
		default:
			return nil
		}
	}
	l.ended = true
	l.charged = llmhub.Amount{Requests: min(max(o.Used.Requests, 0), l.Amount.Requests), Tokens: max(o.Used.Tokens, 0)}
	switch s.fault {
	case ChargesAll:
		l.charged = l.Amount
	case ChargesNone:
		l.charged = llmhub.Amount{}
	case ChargesAsTold:
		l.charged = o.Used
	case CapsTokens:
		l.charged.Tokens = min(l.charged.Tokens, l.Amount.Tokens)
	case KeepsTokens:
		l.charged.Tokens = max(l.charged.Tokens, l.Amount.Tokens)
	case BooksToday:
		l.day, l.minute = s.windows(l.key, now)
		for sp := range l.spans {
			l.spans[sp] = s.window(sp, now)
		}
	}
	l.billed = llmhub.Amount{Requests: l.Amount.Requests, Tokens: max(o.Used.Tokens, 0), NanoUSD: max(o.Used.NanoUSD, 0)}
	if l.Admitted && s.fault != CountsAttempts {
		l.billed.Requests = 0
	}
	if s.fault == RefundsRequests && o.Used.Requests == 0 {
		l.billed.Requests = 0
	}
	if s.fault == KeepsTokens {
		l.billed.Tokens = l.Amount.Tokens
	}
	if o.Loss && s.fault != BillsLoss {
		l.billed.Tokens, l.billed.NanoUSD = 0, 0
	}
	s.hear(l, o, now)
	return nil
}

// expire ends leases whose time has come, and drops those that count no longer.
func (s *Store) expire(now time.Time) {
	for _, k := range s.keys {
		s.windows(k, now)
	}
	if !s.looked.Equal(now) {
		s.looked = now
		for sp := range s.high {
			s.window(sp, now)
		}
	}
	keep := s.all[:0]
	for _, l := range s.all {
		if !l.ended && !now.Before(l.Expires) && s.fault != NeverExpires {
			s.lose(l)
		}
		if l.ended && s.over(l) && s.fault != SettlesAgain && s.fault != ClockIsGod {
			delete(s.leases, l.Handle)
			continue
		}
		keep = append(keep, l)
	}
	clear(s.all[len(keep):])
	s.all = keep
}

// lose ends a lease that nobody settled.
func (s *Store) lose(l *lease) {
	l.ended = true
	l.charged, l.billed = l.Amount, l.Amount
	if l.Admitted {
		l.billed.Requests = 0
	}
	if s.fault == ExpiresFree {
		l.charged = llmhub.Amount{}
	}
	if l.key != nil && s.fault != KeepsTrying {
		l.stopTrying()
	}
}

// over reports whether a lease counts in no window any more.
func (s *Store) over(l *lease) bool {
	if l.key != nil && (l.day >= l.scope.day || l.minute >= l.scope.minute) {
		return false
	}
	for sp, n := range l.spans {
		if sp.per > 0 && n >= s.high[sp] {
			return false
		}
	}
	return true
}

// stopTrying lets the next lease try what this one tried.
func (l *lease) stopTrying() (tried []*rest) {
	for _, t := range []*rest{&l.scope.cooling, &l.key.rest, &l.key.money} {
		if t.tried == l.Handle {
			t.tried = 0
			tried = append(tried, t)
		}
	}
	return tried
}
