package plain

import (
	"slices"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
)

// no says why a key cannot serve; with an empty why it can.
type no struct {
	state llmhub.KeyState
	why   string
	until time.Time
	wait  bool // for until
	large bool

	missing bool // the provider has no such model
}

// judge looks for a reason against a key.
func (s *Store) judge(k *keyState, r llmhub.Reservation, now time.Time) no {
	a := r.Amount
	above := func(n, limit int64) bool { return limit > 0 && n > limit }
	switch {
	case k.Disabled && s.fault != UsesDisabled:
		return no{state: llmhub.KeyDisabled, why: "disabled"}
	case k.invalid:
		return no{state: llmhub.KeyInvalid, why: "invalid"}
	case k.Models != nil && !slices.Contains(k.Models, r.Model) && s.fault != AnyModel:
		return no{state: llmhub.KeyActive, why: "model"}
	case above(a.Requests, min2(k.DailyRequests, k.RPM)) || above(a.Tokens, min2(k.DailyTokens, k.TPM)):
		return no{state: llmhub.KeyActive, why: "large", large: true}
	}
	if until, closed := k.money.closed(now); closed {
		return no{state: llmhub.KeyUnfunded, why: "unfunded", until: until}
	}
	var found no
	add := func(until time.Time, state llmhub.KeyState, why string) {
		if until.After(found.until) {
			found = no{state: state, why: why, until: until, wait: true}
		}
	}
	if m, ok := k.models[r.Model]; ok && now.Before(m.until) {
		if m.hard {
			return no{state: llmhub.KeyActive, why: "closed model", until: m.until, missing: m.gone}
		}
		add(m.until, m.state, "resting model")
	}
	if until, closed := k.rest.closed(now); closed {
		add(until, llmhub.KeyCooling, "doubted")
	}
	if until, closed := k.scope.cooling.closed(now); closed && s.fault != NeverCools {
		add(until, llmhub.KeyCooling, "cooling")
	}
	if now.Before(k.scope.spent) {
		add(k.scope.spent, llmhub.KeyExhausted, "spent")
	}
	day, minute := s.counts(k, now)
	d, m := s.windows(k, now)
	if !fits(minute, a, k.RPM, k.TPM) {
		add(s.minuteEnd(k, m), llmhub.KeyActive, "minute")
	}
	if !fits(day, a, k.DailyRequests, k.DailyTokens) && s.fault != NoDays {
		state := llmhub.KeyActive
		if k.DailyRequests > 0 && day.Requests >= k.DailyRequests || k.DailyTokens > 0 && day.Tokens >= k.DailyTokens {
			state = llmhub.KeyExhausted
		}
		add(s.dayEnd(k, d), state, "day")
	}
	if slices.Contains(r.Tried, k.ID) && s.fault != TriesAgain {
		if found.why == "" {
			found.state = llmhub.KeyActive
		}
		found.why = "tried"
		if s.fault == ForgetsTried {
			found.wait = false
		}
	}
	return found
}

// min2 is the smaller of two limits, where 0 is none.
func min2(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

func fits(have, more llmhub.Amount, requests, tokens int64) bool {
	return (requests == 0 || have.Requests+more.Requests <= requests) && (tokens == 0 || have.Tokens+more.Tokens <= tokens)
}

// closed reports until when a rest lasts, if it does.
func (t *rest) closed(now time.Time) (time.Time, bool) {
	if now.Before(t.until) {
		return t.until, true
	}
	if t.tried != 0 {
		return now.Add(time.Second), true
	}
	return time.Time{}, false
}

// Total is what is used and held.
type Total struct {
	Used, Held llmhub.Amount
	Window     int64
	Minute     llmhub.Amount // of a key: used and held
}

// Keys returns the totals of the day and minute of now, of each key in the order
// given to New.
func (s *Store) Keys() []Total {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	s.expire(now)
	all := make([]Total, len(s.keys))
	for i, k := range s.keys {
		all[i].Window, _ = s.windows(k, now)
		_, all[i].Minute = s.counts(k, now)
		for _, l := range s.all {
			switch {
			case l.scope != k.scope || l.day != all[i].Window:
			case l.ended:
				plus(&all[i].Used, l.charged)
			default:
				plus(&all[i].Held, l.Amount)
			}
		}
	}
	return all
}

// Limit returns the totals of the present window of a caller's limit.
func (s *Store) Limit(limit llmhub.Limit) Total {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	s.expire(now)
	sp := span{limit.Name, max(limit.Per, 0)}
	t := Total{Window: s.window(sp, now)}
	for _, l := range s.all {
		n, named := l.spans[sp]
		switch {
		case !named || n != t.Window:
		case !l.ended:
			a := l.Amount
			if l.Admitted && sp.per > 0 {
				a.Requests = 0
			}
			plus(&t.Held, a)
		case sp.per > 0:
			plus(&t.Used, l.billed)
		}
	}
	return t
}

func plus(sum *llmhub.Amount, a llmhub.Amount) {
	sum.Requests += a.Requests
	sum.Tokens += a.Tokens
	sum.NanoUSD += a.NanoUSD
}

// counts are what is used and held of the day and of the minute.
func (s *Store) counts(k *keyState, now time.Time) (day, minute llmhub.Amount) {
	d, m := s.windows(k, now)
	for _, l := range s.all {
		if l.scope != k.scope {
			continue
		}
		a := l.Amount
		if l.ended {
			a = l.charged
		} else if s.fault == HoldsNothing {
			continue
		}
		if l.day == d {
			day.Requests += a.Requests
			day.Tokens += a.Tokens
		}
		if l.minute == m && s.fault != NoMinutes {
			minute.Requests += a.Requests
			minute.Tokens += a.Tokens
		}
	}
	return day, minute
}

func (s *Store) headroom(k *keyState, now time.Time) float64 {
	day, minute := s.counts(k, now)
	load := 0.0
	for _, part := range []struct{ n, limit int64 }{
		{day.Requests, k.DailyRequests}, {day.Tokens, k.DailyTokens}, {minute.Requests, k.RPM}, {minute.Tokens, k.TPM},
	} {
		if part.limit > 0 {
			load = max(load, float64(part.n)/float64(part.limit))
		}
	}
	return 1 - load
}

// callerRefuses looks for a limit of the caller that has no room.
func (s *Store) callerRefuses(r llmhub.Reservation, now time.Time) error {
	for _, limit := range r.Caller.Limits {
		sp := span{limit.Name, max(limit.Per, 0)}
		if s.fault == NamesAlone {
			sp.name += r.Provider + string(r.Request[:1])
		}
		win := s.window(sp, now)
		var have llmhub.Amount
		for _, l := range s.all {
			n, named := l.spans[sp]
			if !named || n != win || sp.per == 0 && l.ended && s.fault != KeepsSlots {
				continue
			}
			a := l.Amount
			if l.Admitted && sp.per > 0 && s.fault != CountsAttempts {
				a.Requests = 0
			}
			if l.ended {
				a = l.billed
			}
			have.Requests += a.Requests
			have.Tokens += a.Tokens
			have.NanoUSD += a.NanoUSD
		}
		a := r.Amount
		if r.Admitted && s.fault != CountsAttempts && (sp.per > 0 || s.fault != RefusesAdmitted) {
			a.Requests = 0
		}
		over := func(have, more, limit int64) bool { return limit > 0 && more > 0 && have+more > limit }
		err := &llmhub.Error{Kind: llmhub.QuotaExceeded, Param: limit.Name}
		if s.fault == NamelessLimits {
			err.Param = ""
		}
		asked, most := a.Requests, limit.Max.Requests
		switch {
		case over(have.Requests, a.Requests, limit.Max.Requests):
		case over(have.Tokens, a.Tokens, limit.Max.Tokens):
			asked, most = a.Tokens, limit.Max.Tokens
		case over(have.NanoUSD, a.NanoUSD, limit.Max.NanoUSD):
			asked, most = a.NanoUSD, limit.Max.NanoUSD
			if s.fault != MoneyIsQuota {
				err.Kind = llmhub.BudgetExceeded
			}
		default:
			continue
		}
		if sp.per > 0 && asked <= most && s.fault != NoRetryAfter {
			err.RetryAfter = time.Unix(0, (win+1)*int64(sp.per)).Sub(now)
		}
		return err
	}
	return nil
}
