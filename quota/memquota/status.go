package memquota

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
)

// Status is how a key stands. Its counts are those of its scope.
type Status struct {
	ID       llmhub.KeyID
	Provider string
	State    llmhub.KeyState
	Reason   string    // what made it so; "" when active
	Until    time.Time // when the state may end; zero: not by itself
	Window   int64     // number of the day
	ResetsAt time.Time // when the day ends
	Requests Count     // of the day
	Tokens   Count
	Minute   MinuteStatus
	Models   []ModelStatus // that it cannot serve for a while, by name
	LastUsed time.Time     // zero: never
}

// Count is a limit and what there is of it.
type Count struct {
	Limit    int64 // 0: none
	Used     int64
	Reserved int64
}

// MinuteStatus is the minute's part of a Status.
type MinuteStatus struct {
	Window   int64
	ResetsAt time.Time
	Requests Count
	Tokens   Count
}

// ModelStatus is a model that a key cannot serve.
type ModelStatus struct {
	Model  string
	State  llmhub.KeyState
	Reason string
	Until  time.Time
}

// Status returns how a key stands; false if there is no such key.
func (s *Store) Status(id llmhub.KeyID) (Status, bool) {
	now := s.now()
	for _, p := range s.pools.Load().list {
		p.mu.Lock()
		if k := p.byID[id]; k != nil && !k.gone {
			st := k.status(now)
			p.mu.Unlock()
			return st, true
		}
		p.mu.Unlock()
	}
	return Status{}, false
}

// Statuses returns how all keys stand: by provider, then as they are preferred.
func (s *Store) Statuses() []Status {
	now := s.now()
	byName := s.pools.Load().byName
	var all []Status
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		p := byName[name]
		p.mu.Lock()
		for _, k := range p.keys {
			all = append(all, k.status(now))
		}
		p.mu.Unlock()
	}
	return all
}

func (k *key) status(now int64) Status {
	s := k.scope
	s.roll(now)
	st := Status{
		ID: k.ID, Provider: k.Provider, Window: s.day.n, ResetsAt: time.Unix(0, s.day.end), LastUsed: moment(k.used),
		Requests: Count{k.DailyRequests, s.day.used.requests, s.day.held.requests},
		Tokens:   Count{k.DailyTokens, s.day.used.tokens, s.day.held.tokens},
		Minute: MinuteStatus{
			Window: s.minute.n, ResetsAt: time.Unix(0, s.minute.end),
			Requests: Count{k.RPM, s.minute.used.requests, s.minute.held.requests},
			Tokens:   Count{k.TPM, s.minute.used.tokens, s.minute.held.tokens},
		},
	}
	st.State, st.Reason, st.Until = k.state(now)
	for model, c := range k.models {
		if now < c.until {
			st.Models = append(st.Models, ModelStatus{Model: model, State: c.state, Reason: c.why, Until: time.Unix(0, c.until)})
		}
	}
	slices.SortFunc(st.Models, func(a, b ModelStatus) int { return cmp.Compare(a.Model, b.Model) })
	return st
}

// state is the worst that is the matter with a key.
func (k *key) state(now int64) (state llmhub.KeyState, why string, until time.Time) {
	s := k.scope
	rest, spent := k.resting(), max(s.spent.until, 0)
	full := s.day.full(k.DailyRequests, k.DailyTokens)
	switch {
	case k.Disabled:
		return llmhub.KeyDisabled, whyDisabled, time.Time{}
	case k.invalid:
		return llmhub.KeyInvalid, k.why, time.Time{}
	case k.money.until != 0:
		return llmhub.KeyUnfunded, k.money.why, moment(k.money.until)
	case now < rest.until && rest.until >= spent:
		return llmhub.KeyCooling, rest.why, moment(rest.until)
	case full && s.day.end >= spent:
		return llmhub.KeyExhausted, whyDay, moment(s.day.end)
	case now < spent:
		return llmhub.KeyExhausted, s.spent.why, moment(spent)
	case now < rest.until:
		return llmhub.KeyCooling, rest.why, moment(rest.until)
	case rest.probes():
		return llmhub.KeyActive, "one request at a time until one succeeds", time.Time{}
	}
	return llmhub.KeyActive, "", time.Time{}
}

// resting is the later of the key's own rest and its scope's.
func (k *key) resting() *gate {
	if k.doubt.until > k.scope.cooling.until {
		return &k.doubt
	}
	return &k.scope.cooling
}

// moment is the time of nanoseconds since 1970; 0 is the zero time.
func moment(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}

// Saved is what must survive a restart of a key's state.
type Saved struct {
	ID       llmhub.KeyID
	State    llmhub.KeyState
	Reason   string
	Until    time.Time
	Window   int64 // number of the day that the counts are of
	Requests int64 // used
	Tokens   int64
	LastUsed time.Time
	Anchor   time.Time // of the key's days; zero for days of a zone
}

// Snapshot returns what to save of all keys. What is reserved is not in it: it
// is settled, or lost with the process.
func (s *Store) Snapshot() []Saved {
	now := s.now()
	var all []Saved
	for _, p := range s.pools.Load().list {
		p.mu.Lock()
		for _, k := range p.keys {
			all = append(all, k.save(now))
		}
		p.mu.Unlock()
	}
	slices.SortFunc(all, func(a, b Saved) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

func (k *key) save(now int64) Saved {
	s := k.scope
	s.roll(now)
	sv := Saved{
		ID: k.ID, State: llmhub.KeyActive, Window: s.day.n, LastUsed: moment(k.used),
		Requests: s.day.used.requests, Tokens: s.day.used.tokens,
	}
	if s.rule.zone == nil {
		sv.Anchor = time.Unix(0, s.rule.anchor)
	}
	rest := k.resting()
	switch {
	case k.invalid:
		sv.State, sv.Reason = llmhub.KeyInvalid, k.why
	case k.money.until != 0:
		sv.State, sv.Reason, sv.Until = llmhub.KeyUnfunded, k.money.why, moment(k.money.until)
	case now < s.spent.until && s.spent.until > rest.until:
		sv.State, sv.Reason, sv.Until = llmhub.KeyExhausted, s.spent.why, moment(s.spent.until)
	case rest.until != 0:
		sv.State, sv.Reason, sv.Until = llmhub.KeyCooling, rest.why, moment(rest.until)
	}
	return sv
}

// Restore adds what was saved to what is known, and never lowers it. What is
// saved of a key that is not there waits for the SetKeys that brings it. It may
// be called before or after SetKeys, but before the first Reserve.
func (s *Store) Restore(all []Saved) {
	s.admin.Lock()
	defer s.admin.Unlock()
	now := s.now()
	for _, sv := range all {
		if !s.edit(sv.ID, func(p *pool, k *key, _ int64) { p.restore(k, sv, now) }) {
			s.saved[sv.ID] = sv
		}
	}
}

// restore adds to a key what was saved of it.
func (p *pool) restore(k *key, sv Saved, now int64) {
	s := k.scope
	if k.Anchor.IsZero() && k.Zone == nil && !sv.Anchor.IsZero() && s.day.used == (count{}) && s.day.held == (count{}) {
		p.rebase(s, rule{anchor: nanos(sv.Anchor)}, now)
	}
	s.roll(now)
	if !sv.LastUsed.IsZero() {
		k.used = max(k.used, nanos(sv.LastUsed))
	}
	s.restoreDay(sv, now)
	until := int64(0)
	if !sv.Until.IsZero() {
		until = nanos(sv.Until)
	}
	switch sv.State {
	case llmhub.KeyInvalid:
		k.invalid, k.why = true, sv.Reason
	case llmhub.KeyUnfunded:
		k.money.half = true
		k.money.shut(until, now, sv.Reason)
	case llmhub.KeyCooling:
		s.cooling.half = true
		s.cooling.shut(until, now, sv.Reason)
	case llmhub.KeyExhausted:
		s.spent.shut(until, now, sv.Reason)
	}
}

// restoreDay adds the counts of a saved day, if that is this day. A day that was
// numbered by another anchor or zone counts as this one while it is not over.
func (s *scope) restoreDay(sv Saved, now int64) {
	used := count{max(sv.Requests, 0), max(sv.Tokens, 0)}
	n := sv.Window
	switch {
	case sv.Anchor.IsZero() && s.rule.zone == nil: // days of a zone, up to 14 hours from UTC
		if d := floorDiv(now, day) - n; d < -1 || d > 1 {
			return
		}
		n = s.day.n
	case !sv.Anchor.IsZero() && (s.rule.zone != nil || nanos(sv.Anchor) != s.rule.anchor):
		if (rule{anchor: nanos(sv.Anchor)}).day(now) > n {
			return
		}
		n = s.day.n
	}
	switch {
	case n == s.day.n:
		s.day.learn(used)
	case n > s.day.n: // the clock was ahead, or is behind now
		s.day = window{n: n, end: s.rule.dayEnd(n), used: used}
	}
}

// Changed is a number that grows whenever there may be something new to save.
func (s *Store) Changed() uint64 {
	var n uint64
	for _, p := range s.pools.Load().list {
		p.mu.Lock()
		n += p.changes
		p.mu.Unlock()
	}
	return n
}
