package memquota

import (
	"fmt"
	"slices"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
)

// Why a key was left or taken, for the record.
const (
	whyDisabled = "switched off"
	whyModel    = "not for this model"
	whyInvalid  = "refused by its provider"
	whyMoney    = "out of money"
	whyLarge    = "the request is above its whole limit"
	whyTried    = "was tried for this request already"
	whyProbing  = "being tried by another request"
	whyDay      = "its day's limit is used up"
	whyDayRest  = "the request does not fit in the rest of its day"
	whyMinute   = "its minute's limit is used up"

	whyOnly     = "the only key that is ready"
	whyPriority = "first by priority"
	whyHeadroom = "most headroom"
	whyTurn     = "least recently used"
)

// standing is whether a key can serve a reservation, and if not why.
type standing struct {
	state llmhub.KeyState
	why   string // "": it can
	until int64  // when that ends; 0: not by itself
	wait  bool   // it is worth waiting until then
	large bool   // the request is above its limit
	gone  bool   // the provider has no such model
}

// never is a key that cannot serve, however long one waits.
func never(state llmhub.KeyState, why string) standing { return standing{state: state, why: why} }

// later puts off what st says, if that was to end earlier.
func (st *standing) later(state llmhub.KeyState, until int64, why string) {
	if until > st.until {
		*st = standing{state: state, why: why, until: until, wait: true}
	}
}

// standing looks at all that may keep a key from serving.
func (k *key) standing(r *llmhub.Reservation, a count, now int64) standing {
	switch {
	case k.Disabled:
		return never(llmhub.KeyDisabled, whyDisabled)
	case k.invalid:
		return never(llmhub.KeyInvalid, whyInvalid)
	case k.Models != nil && !slices.Contains(k.Models, r.Model):
		return never(llmhub.KeyActive, whyModel)
	case above(a.requests, k.DailyRequests) || above(a.requests, k.RPM) || above(a.tokens, k.DailyTokens) || above(a.tokens, k.TPM):
		return standing{state: llmhub.KeyActive, why: whyLarge, large: true}
	}
	if until := k.money.closed(now); until != 0 {
		return standing{state: llmhub.KeyUnfunded, why: whyMoney, until: until}
	}
	var st standing
	if len(k.models) > 0 {
		if c, ok := k.models[r.Model]; ok && now < c.until {
			if c.hard {
				return standing{state: llmhub.KeyActive, why: c.why, until: c.until, gone: c.gone}
			}
			st.later(c.state, c.until, c.why)
		}
	}
	s := k.scope
	s.roll(now)
	st.gate(llmhub.KeyCooling, &k.doubt, now)
	st.gate(llmhub.KeyCooling, &s.cooling, now)
	st.gate(llmhub.KeyExhausted, &s.spent, now)
	if !s.minute.fits(a, k.RPM, k.TPM) {
		st.later(llmhub.KeyActive, s.minute.end, whyMinute)
	}
	if !s.day.fits(a, k.DailyRequests, k.DailyTokens) {
		if s.day.full(k.DailyRequests, k.DailyTokens) {
			st.later(llmhub.KeyExhausted, s.day.end, whyDay)
		} else {
			st.later(llmhub.KeyActive, s.day.end, whyDayRest)
		}
	}
	if slices.Contains(r.Tried, k.ID) {
		if st.why == "" {
			st.state = llmhub.KeyActive
		}
		st.why = whyTried
	}
	return st
}

func above(n, limit int64) bool { return limit > 0 && n > limit }

func (st *standing) gate(state llmhub.KeyState, g *gate, now int64) {
	if until := g.closed(now); until != 0 {
		why := g.why
		if now >= g.until {
			why = whyProbing
		}
		st.later(state, until, why)
	}
}

// pick is what choose found.
type pick struct {
	key    *key // nil: none is ready
	why    string
	passed []llmhub.Passed

	until int64 // the first recovery; 0: none will
	large bool  // some key could serve a smaller request
	gone  int   // keys whose provider has said that there is no such model
}

// choose finds the best key that is ready.
func (p *pool) choose(r *llmhub.Reservation, amount llmhub.Amount, now int64) pick {
	var best pick
	a := count{amount.Requests, amount.Tokens}
	ready := 0
	for _, k := range p.keys {
		if best.key != nil && k.Priority != best.key.Priority {
			break
		}
		st := k.standing(r, a, now)
		if st.why != "" {
			best.pass(k, &st)
			continue
		}
		if ready++; ready == 1 {
			best.key = k
			continue
		}
		better, why := p.prefers(k, best.key)
		if better {
			best.key = k
		}
		if ready == 2 || better || why == whyTurn {
			best.why = why
		}
	}
	switch {
	case ready != 1:
	case len(p.keys) == 1+len(best.passed):
		best.why = whyOnly
	default:
		best.why = whyPriority
	}
	return best
}

func (b *pick) pass(k *key, st *standing) {
	passed := llmhub.Passed{Key: k.ID, State: st.state, Why: st.why}
	if st.until != 0 {
		passed.Until = time.Unix(0, st.until)
	}
	b.passed = append(b.passed, passed)
	if st.wait && (b.until == 0 || st.until < b.until) {
		b.until = st.until
	}
	b.large = b.large || st.large
	if st.gone {
		b.gone++
	}
}

// prefers reports whether a goes before b, and by what.
func (p *pool) prefers(a, b *key) (bool, string) {
	if x, y := a.headroom(), b.headroom(); x != y {
		return x > y, whyHeadroom
	}
	if x, y := max(a.turn, p.turn), max(b.turn, p.turn); x != y {
		return x < y, whyTurn
	}
	return a.seq < b.seq, whyTurn
}

// headroom is the part of the key's tightest limit that is left; what is used
// counts less the heavier the key.
func (k *key) headroom() float64 {
	s := k.scope
	load := max(s.day.load(k.DailyRequests, k.DailyTokens), s.minute.load(k.RPM, k.TPM))
	return 1 - load/float64(max(k.Weight, 1))
}

// refusal is the error when no key is ready.
func (b *pick) refusal(now int64) error {
	err := &llmhub.Error{Kind: llmhub.NoProvider, Message: "no key can serve this", Passed: b.passed}
	switch {
	case b.until != 0:
		err.Kind, err.RetryAfter = llmhub.RateLimited, time.Duration(b.until-now)
		err.Message = fmt.Sprintf("no key is ready for %v", err.RetryAfter.Round(time.Millisecond))
	case b.large:
		err.Kind, err.Message = llmhub.RequestTooLarge, "the request is above the whole limit of every key"
	case len(b.passed) == 0:
		err.Message = "the provider has no key"
	case b.gone == len(b.passed):
		err.Kind, err.Message = llmhub.ModelNotFound, "the provider has said that it has no such model"
	}
	return err
}

// grant takes the amount on a key and its holds into a new lease.
func (p *pool) grant(k *key, r *llmhub.Reservation, amount llmhub.Amount, holds []hold, now, expires int64) uint64 {
	s := k.scope
	sl, handle := p.slab.alloc(p.index)
	sl.request, sl.attempt, sl.model = r.Request, r.Attempt, r.Model
	sl.key, sl.scope, sl.expires = k, s, expires
	sl.day, sl.minute = s.day.n, s.minute.n
	sl.amount = count{amount.Requests, amount.Tokens}
	sl.holds = append(sl.holds, holds...)
	sl.seq = p.nextSeq()
	sl.probe = 0
	if s.cooling.probes() {
		sl.probe, s.cooling.busy = probesScope, true
	}
	if k.doubt.probes() {
		sl.probe, k.doubt.busy = sl.probe|probesKey, true
	}
	if k.money.probes() {
		sl.probe, k.money.busy = sl.probe|probesMoney, true
	}
	s.day.take(sl.amount)
	s.minute.take(sl.amount)
	p.turn = max(k.turn, p.turn)
	k.turn = p.turn + 1/float64(max(k.Weight, 1))
	k.seq, k.used = sl.seq, now
	return handle
}

// charge books what a lease used on its key: requests up to what was reserved,
// tokens in full.
func (p *pool) charge(sl *slot, used llmhub.Amount) {
	u := count{min(used.Requests, sl.amount.requests), used.Tokens}
	sl.scope.day.settle(sl.day, sl.amount, u)
	sl.scope.minute.settle(sl.minute, sl.amount, u)
	p.changes++
}
