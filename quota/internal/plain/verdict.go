package plain

import (
	"time"

	"github.com/llmhubd/llmhub/llmhub"
)

// hear moves the state of a lease's key by what its answer said.
func (s *Store) hear(l *lease, o llmhub.Outcome, now time.Time) {
	k, v := l.key, o.Verdict
	tried := l.stopTrying()
	if s.fault == KeepsTrying {
		for _, t := range tried {
			t.tried = l.Handle
		}
	}
	if s.fault == AllAreKeys && v.State == llmhub.KeyUntold && o.Kind != "" {
		v.State = llmhub.KeyCooling
	}
	if s.fault == Deaf {
		return
	}
	success := v.State == llmhub.KeyActive || v.State == llmhub.KeyUntold && o.Kind == "" && o.Used.Requests > 0
	switch {
	case success && v.Model:
		delete(k.models, l.Model)
	case success:
		if s.fault != KeepsDoubt {
			k.doubted = time.Time{}
		}
		for _, t := range tried {
			took := t.took
			*t = rest{}
			if s.fault == KeepsDoubling {
				t.took = took
			}
		}
	case v.State == llmhub.KeyUntold || v.State == llmhub.KeyDisabled:
	case v.Model && s.fault != ModelIsKey:
		s.hearModel(l, o, now)
	case v.State == llmhub.KeyCooling:
		again := false
		for _, t := range tried {
			again = again || t == &k.scope.cooling
		}
		if s.fault == AlwaysDoubles || s.fault == KeepsDoubling {
			again = k.scope.cooling.took > 0
		}
		d := 300 * time.Second
		if again && s.fault != NeverDoubles {
			d = max(d, 2*k.scope.cooling.took)
		}
		if s.fault == CoolsAnHour {
			d = time.Hour
		}
		s.put(&k.scope.cooling, s.named(v.Until, now.Add(min(d, 8*24*time.Hour)), now), now)
	case v.State == llmhub.KeyExhausted:
		day, _ := s.windows(k, now)
		end := s.dayEnd(k, day)
		if s.fault == SpentForGood {
			end = now.AddDate(1, 0, 0)
		}
		if until := s.named(v.Until, end, now); until.After(k.scope.spent) {
			k.scope.spent = until
		}
	case v.State == llmhub.KeyUnfunded:
		d := 6 * time.Hour
		if s.fault == UnfundedForGood {
			d *= 1000
		}
		s.put(&k.money, s.named(v.Until, now.Add(d), now), now)
	case v.State == llmhub.KeyInvalid:
		s.hearRefusal(l, v.Sure, now)
	}
}

// put begins a rest, or lengthens it.
func (s *Store) put(t *rest, until, now time.Time) {
	if until.After(t.until) || s.fault == LastWordRules {
		t.until, t.took = until, until.Sub(now)
	}
	if s.fault == FirstWordRules && !t.until.Equal(until) && now.Before(t.until.Add(-t.took).Add(time.Nanosecond)) {
		t.until = now.Add(time.Minute)
	}
}

// named is the time that the provider named, in reason, or else the default.
func (s *Store) named(t, otherwise, now time.Time) time.Time {
	switch {
	case t.IsZero() || s.fault == IgnoresTimes:
		return otherwise
	case s.fault == TakesAnyTime:
		return t
	case t.Before(now.Add(time.Second)):
		return now.Add(time.Second)
	case t.After(now.Add(8 * 24 * time.Hour)):
		return now.Add(8 * 24 * time.Hour)
	}
	return t
}

func (s *Store) hearModel(l *lease, o llmhub.Outcome, now time.Time) {
	m := modelRest{hard: true, state: o.Verdict.State}
	d := time.Hour
	switch {
	case o.Status == 404:
		d, m.gone = 10*time.Minute, true
	case o.Status == 403:
	case o.Verdict.State == llmhub.KeyCooling:
		d, m.hard = 300*time.Second, false
	case o.Verdict.State == llmhub.KeyExhausted:
		day, _ := s.windows(l.key, now)
		d, m.hard = s.dayEnd(l.key, day).Sub(now), false
	}
	if s.fault == ModelsAlike {
		d, m.hard = 30*time.Minute, false
	}
	m.until = s.named(o.Verdict.Until, now.Add(d), now)
	if m.until.After(l.key.models[l.Model].until) {
		l.key.models[l.Model] = m
	}
}

// hearRefusal takes a 401.
func (s *Store) hearRefusal(l *lease, sure bool, now time.Time) {
	k := l.key
	first, had := k.doubted, !k.doubted.IsZero()
	again := had && l.seq > k.doubt
	if s.fault == FlightConfirms {
		again = had
	}
	others, enabled, recent := 0, 0, 0
	for _, other := range s.keys {
		if other.Provider != k.Provider || other.Disabled {
			continue
		}
		fell := !other.lost.IsZero() && now.Sub(other.lost) < 5*time.Minute
		if fell {
			recent++
		}
		if fell || !other.invalid {
			enabled++
		}
		if other != k && !other.invalid && other.money.until.IsZero() {
			others++
		}
	}
	if !had || again && others > 0 && now.Sub(first) > time.Minute && s.fault != LongMemory {
		s.seq++
		k.doubted, k.doubt = now, s.seq
	}
	switch {
	case s.fault == BelievesAll:
	case s.fault == BelievesNone:
		return
	case others == 0 && s.fault != LastMayGo:
		if !again || now.Sub(first) < time.Minute {
			s.put(&k.rest, now.Add(time.Minute), now)
			return
		}
	case !sure && (!again || now.Sub(first) > time.Minute && s.fault != LongMemory):
		return
	case 2*(recent+1) > enabled && s.fault != MassMayGo && s.fault != LastMayGo:
		s.put(&k.rest, now.Add(time.Minute), now)
		return
	}
	if !k.invalid {
		k.invalid, k.lost = true, now
	}
}
