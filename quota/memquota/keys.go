package memquota

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
)

// Key is a provider key as an operator set it up. The zero fields mean a key
// without limits for all models, whose days begin when the store first sees it.
type Key struct {
	ID       llmhub.KeyID
	Provider string
	Priority int // lower goes first
	Weight   int // among equals, how much more than a key of weight 1 it is used; 0: 1
	Models   []string
	Disabled bool
	// Scope names the account that the key belongs to: keys of a provider with
	// the same Scope share their counts and their cool-downs. "": its own.
	// The windows of a scope are those of its first key.
	Scope string

	DailyRequests, DailyTokens int64 // 0: no limit
	RPM, TPM                   int64 // 0: no limit

	Anchor time.Time      // a window's begin; zero: when the store first saw the key
	Zone   *time.Location // nil: days of 86,400 s from Anchor; else the calendar days of the zone
}

// pool is a provider's keys and their leases.
type pool struct {
	store *Store
	index int // in a handle

	mu     sync.Mutex
	keys   []*key // as they are looked at: by Priority
	byID   map[llmhub.KeyID]*key
	scopes map[string]*scope
	slab   slab

	seq     uint64  // of grants and refusals
	turn    float64 // of the key that was chosen last
	changes uint64
}

// key is a key's state, guarded by its pool's mutex.
type key struct {
	Key
	scope *scope
	gone  bool // not in the latest snapshot; remembered in case it comes back

	invalid    bool
	why        string // it is invalid
	lost       int64  // when it became so by an answer; 0: never
	refused    int64  // when a 401 put it in doubt; 0: none
	refusedSeq uint64
	doubt      gate // resting because a 401 was not believed
	money      gate
	models     map[string]closedModel

	turn float64 // when its next turn is, by weight
	seq  uint64  // of its last lease
	used int64   // when it was last chosen; 0: never
}

func (p *pool) nextSeq() uint64 {
	p.seq++
	return p.seq
}

// mostGone is how many keys a provider remembers that are no longer there.
const mostGone = 1000

// SetKeys makes keys all the keys there are. A key that was there before, by ID
// and provider, keeps its state and counts, and so does one that was there once
// and comes back. Leases of keys that go can still be settled. Of two keys with
// the same ID the first is taken.
func (s *Store) SetKeys(keys []Key) {
	s.admin.Lock()
	defer s.admin.Unlock()
	now := s.now()
	seen := map[llmhub.KeyID]bool{}
	byProvider := map[string][]Key{}
	for _, k := range keys {
		if !seen[k.ID] {
			seen[k.ID] = true
			byProvider[k.Provider] = append(byProvider[k.Provider], k)
		}
	}
	old := s.pools.Load()
	next := &pools{byName: maps.Clone(old.byName), list: slices.Clone(old.list)}
	for _, name := range slices.Sorted(maps.Keys(byProvider)) {
		if next.byName[name] == nil {
			p := &pool{store: s, index: len(next.list), byID: map[llmhub.KeyID]*key{}, scopes: map[string]*scope{}}
			next.byName[name], next.list = p, append(next.list, p)
		}
	}
	for name, p := range next.byName {
		p.set(byProvider[name], s.saved, now)
	}
	s.pools.Store(next)
}

// set makes keys the pool's keys.
func (p *pool) set(keys []Key, saved map[llmhub.KeyID]Saved, now int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changes++
	for _, k := range p.keys {
		k.gone = true
	}
	p.keys = p.keys[:0:0]
	ruled := map[*scope]bool{} // by the first of its keys
	for _, config := range keys {
		config.Models = slices.Clone(config.Models)
		k := p.byID[config.ID]
		if k == nil {
			k = &key{}
			p.byID[config.ID] = k
		}
		k.Key, k.gone = config, false
		p.enter(k, ruled, now)
		p.keys = append(p.keys, k)
		if sv, ok := saved[k.ID]; ok {
			p.restore(k, sv, now)
			delete(saved, k.ID)
		}
	}
	slices.SortStableFunc(p.keys, func(a, b *key) int { return cmp.Compare(a.Priority, b.Priority) })
	p.forget()
}

// enter puts a key into its scope, under the rule that the scope now has.
func (p *pool) enter(k *key, ruled map[*scope]bool, now int64) {
	name := "shared " + k.Scope
	if k.Scope == "" {
		name = "own " + string(k.ID)
	}
	s := p.scopes[name]
	r := rule{zone: k.Zone}
	switch {
	case !k.Anchor.IsZero():
		r.anchor = nanos(k.Anchor)
	case s != nil:
		r.anchor = s.rule.anchor
	case k.scope != nil:
		r.anchor = k.scope.rule.anchor
	default:
		r.anchor = now
	}
	if s == nil {
		s = newScope(name, r, now)
		p.scopes[name] = s
	}
	if !ruled[s] && !s.rule.equal(r) {
		p.rebase(s, r, now)
	}
	ruled[s] = true
	if k.scope != nil && k.scope != s {
		p.move(k, s, now)
	}
	k.scope = s
}

// rebase gives a scope other windows. The counts of the windows of now go on in
// the new ones, so that no edit of an anchor gives a quota twice; a stored
// window that lies ahead of the clock is brought back to it.
func (p *pool) rebase(s *scope, r rule, now int64) {
	s.roll(now)
	dayWas, minuteWas := s.day.n, s.minute.n
	s.rule = r
	s.day.n, s.minute.n = r.day(now), r.minute(now)
	s.day.end, s.minute.end = r.dayEnd(s.day.n), r.minuteEnd(s.minute.n)
	for i := range p.slab.slots {
		sl := &p.slab.slots[i]
		if sl.live() && sl.scope == s {
			sl.day = rebased(sl.day, dayWas, s.day.n)
			sl.minute = rebased(sl.minute, minuteWas, s.minute.n)
		}
	}
}

// rebased is a lease's window under new numbers: the present one, or one that is
// over.
func rebased(n, was, is int64) int64 {
	if n == was {
		return is
	}
	return is - 1
}

// move takes a key's leases, and what it knows, along to another scope. What the
// old scope has used cannot be told apart by key, so both have used it.
func (p *pool) move(k *key, to *scope, now int64) {
	from := k.scope
	from.roll(now)
	to.roll(now)
	for i := range p.slab.slots {
		sl := &p.slab.slots[i]
		if !sl.live() || sl.key != k || sl.scope != from {
			continue
		}
		from.day.settle(sl.day, sl.amount, count{})
		from.minute.settle(sl.minute, sl.amount, count{})
		sl.day = moved(sl.day == from.day.n, &to.day, sl.amount)
		sl.minute = moved(sl.minute == from.minute.n, &to.minute, sl.amount)
		if sl.probe&probesScope != 0 {
			from.cooling.busy = false
			sl.probe &^= probesScope
		}
		sl.scope = to
	}
	to.day.learn(from.day.used)
	to.minute.learn(from.minute.used)
	to.cooling.shut(from.cooling.until, now, from.cooling.why)
	to.cooling.half = to.cooling.half || from.cooling.half
	to.spent.shut(from.spent.until, now, from.spent.why)
}

// moved takes an amount in a window, if it is to be taken in the present one,
// and returns the number of the window that the lease is in.
func moved(present bool, w *window, a count) int64 {
	if !present {
		return w.n - 1
	}
	w.take(a)
	return w.n
}

// learn raises what is used to what is known to be.
func (w *window) learn(used count) {
	w.used.requests = max(w.used.requests, used.requests)
	w.used.tokens = max(w.used.tokens, used.tokens)
}

// forget drops the keys that have long gone, and the scopes of no key.
func (p *pool) forget() {
	var gone []*key
	for _, k := range p.byID {
		if k.gone {
			gone = append(gone, k)
		}
	}
	slices.SortFunc(gone, func(a, b *key) int { return cmp.Compare(b.used, a.used) })
	for _, k := range gone[min(len(gone), mostGone):] {
		delete(p.byID, k.ID)
	}
	used := map[*scope]bool{}
	for _, k := range p.byID {
		used[k.scope] = true
	}
	maps.DeleteFunc(p.scopes, func(_ string, s *scope) bool { return !used[s] })
}

// SetDisabled switches a key off or on until the next SetKeys. It reports
// whether there is such a key.
func (s *Store) SetDisabled(id llmhub.KeyID, disabled bool) bool {
	return s.edit(id, func(p *pool, k *key, now int64) { k.Disabled = disabled })
}

// Clear forgets what answers have said about a key and its scope: that it is
// cooling, exhausted, invalid, unfunded or without a model. What it has used
// stays; a window that a wrong clock has put ahead comes back to the present.
// It reports whether there is such a key.
func (s *Store) Clear(id llmhub.KeyID) bool {
	return s.edit(id, func(p *pool, k *key, now int64) {
		k.invalid, k.why, k.refused = false, "", 0
		k.doubt, k.money, k.models = gate{}, gate{}, nil
		k.scope.cooling, k.scope.spent = gate{}, gate{}
		for i := range p.slab.slots {
			if sl := &p.slab.slots[i]; sl.live() {
				if sl.key == k {
					sl.probe = 0
				}
				if sl.scope == k.scope {
					sl.probe &^= probesScope
				}
			}
		}
		p.rebase(k.scope, k.scope.rule, now)
	})
}

// edit runs change on a key that is there.
func (s *Store) edit(id llmhub.KeyID, change func(*pool, *key, int64)) bool {
	now := s.now()
	for _, p := range s.pools.Load().list {
		p.mu.Lock()
		k := p.byID[id]
		if k != nil && !k.gone {
			change(p, k, now)
			p.changes++
			p.mu.Unlock()
			return true
		}
		p.mu.Unlock()
	}
	return false
}
