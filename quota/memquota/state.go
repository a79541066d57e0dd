package memquota

import (
	"fmt"
	"net/http"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
)

const (
	shortestRest = int64(time.Second)
	longestRest  = 8 * day
	doubtRest    = int64(time.Minute)     // of a key whose 401 is not believed
	doubtWindow  = int64(time.Minute)     // within which a second 401 confirms the first
	massWindow   = int64(5 * time.Minute) // in which at most half of the keys become invalid
	unfundedRest = int64(6 * time.Hour)
	noModelRest  = int64(10 * time.Minute)
	noRightRest  = int64(time.Hour)
	probeRest    = int64(time.Second) // to wait while another request probes
	mostModels   = 1024               // models that a key remembers as closed
)

// gate lets nothing through until a time. One with half set then lets one lease
// through at a time, until one is a success.
type gate struct {
	until int64 // 0: open
	half  bool
	busy  bool  // the one is on its way
	step  int64 // how long it was closed the last time
	why   string
}

// closed returns until when nothing may pass, or 0.
func (g *gate) closed(now int64) int64 {
	switch {
	case now < g.until:
		return g.until
	case g.busy:
		return now + probeRest
	}
	return 0
}

// probes reports whether what passes now is the one.
func (g *gate) probes() bool { return g.half && g.until != 0 }

// shut closes the gate until a time; never for shorter than it is already.
func (g *gate) shut(until, now int64, why string) {
	if until > g.until {
		g.until, g.step, g.why = until, until-now, why
	}
}

// closedModel is a model that a key cannot serve for a while.
type closedModel struct {
	until int64
	state llmhub.KeyState
	hard  bool // the key has no such model, so waiting is no use
	gone  bool // nor has its provider
	why   string
}

// judge moves the key's state by what its answer said. Only a success opens a
// gate, and only the one that went through to try it.
func (p *pool) judge(sl *slot, o *llmhub.Outcome, now int64) {
	k, v := sl.key, o.Verdict
	probed := sl.release()
	switch {
	case v.State == llmhub.KeyActive && v.Model:
		delete(k.models, sl.model)
	case v.State == llmhub.KeyActive, v.State == llmhub.KeyUntold && o.Kind == "" && o.Used.Requests > 0:
		k.succeed(sl, probed)
	case v.State == llmhub.KeyUntold, v.State == llmhub.KeyDisabled:
	case v.Model:
		k.closeModel(sl.model, p.modelRest(sl, o, now), now)
	case v.State == llmhub.KeyCooling:
		p.cool(sl.scope, v.Until, probed&probesScope != 0, now, reason(o))
	case v.State == llmhub.KeyExhausted:
		sl.scope.roll(now)
		sl.scope.spent.shut(until(v.Until, sl.scope.day.end, now), now, reason(o))
	case v.State == llmhub.KeyUnfunded:
		k.money.half = true
		k.money.shut(until(v.Until, now+unfundedRest, now), now, reason(o))
	case v.State == llmhub.KeyInvalid:
		p.refuse(sl, v.Sure, now, reason(o))
	}
}

// succeed opens the gates that the lease went through as the one.
func (k *key) succeed(sl *slot, probed probe) {
	k.refused = 0
	if probed&probesKey != 0 {
		k.doubt = gate{}
	}
	if probed&probesMoney != 0 {
		k.money = gate{}
	}
	if probed&probesScope != 0 {
		sl.scope.cooling = gate{}
	}
}

// cool rests a scope: until the time that its provider named; else for the
// default, or twice as long as the last time if this was the one lease that
// should have found it ready.
func (p *pool) cool(s *scope, at time.Time, repeated bool, now int64, why string) {
	rest := int64(float64(p.store.cool) * (0.9 + 0.2*p.store.rand()))
	if repeated {
		rest = max(rest, 2*s.cooling.step)
	}
	s.cooling.half = true
	s.cooling.shut(until(at, now+max(shortestRest, min(rest, longestRest)), now), now, why)
}

// refuse handles a 401: it may be the key, or a provider who refuses everybody
// for a while.
func (p *pool) refuse(sl *slot, sure bool, now int64, why string) {
	k := sl.key
	first := k.refused
	again := first != 0 && sl.seq > k.refusedSeq // dispatched after the first was answered
	if first == 0 || again && now-first > doubtWindow && !p.last(k) {
		k.refused, k.refusedSeq = now, p.nextSeq()
	}
	switch {
	case p.last(k):
		if !again || now-first < doubtWindow {
			k.rest(now, why)
			return
		}
	case !sure && (!again || now-first > doubtWindow):
		return
	case p.tooMany(now):
		k.rest(now, why)
		return
	}
	if !k.invalid {
		k.invalid, k.why, k.lost = true, why, now
	}
}

// rest gives a key the benefit of the doubt.
func (k *key) rest(now int64, why string) {
	k.doubt.half = true
	k.doubt.shut(now+doubtRest, now, why)
}

// last reports whether no other key of the provider could be chosen, now or
// after some rest.
func (p *pool) last(k *key) bool {
	for _, other := range p.keys {
		if other != k && other.alive() {
			return false
		}
	}
	return true
}

func (k *key) alive() bool { return !k.Disabled && !k.invalid && k.money.until == 0 }

// tooMany reports whether one more invalid key would be more than half of the
// provider's within massWindow.
func (p *pool) tooMany(now int64) bool {
	lost, all := 0, 0
	for _, k := range p.keys {
		fell := k.lost != 0 && now-k.lost < massWindow
		if k.Disabled || k.invalid && !fell {
			continue
		}
		all++
		if fell {
			lost++
		}
	}
	return 2*(lost+1) > all
}

// modelRest is how long and how a model is closed for the key.
func (p *pool) modelRest(sl *slot, o *llmhub.Outcome, now int64) closedModel {
	c := closedModel{state: o.Verdict.State, hard: true, why: reason(o)}
	rest := noRightRest
	switch {
	case o.Status == http.StatusNotFound || o.Kind == llmhub.ModelNotFound:
		rest, c.gone = noModelRest, true
	case o.Status == http.StatusForbidden || o.Kind == llmhub.PermissionDenied:
	case c.state == llmhub.KeyCooling:
		rest, c.hard = int64(float64(p.store.cool)*(0.9+0.2*p.store.rand())), false
	case c.state == llmhub.KeyExhausted:
		sl.scope.roll(now)
		rest, c.hard = sl.scope.day.end-now, false
	}
	c.until = until(o.Verdict.Until, now+rest, now)
	return c
}

// closeModel closes a model, never for shorter than it is already.
func (k *key) closeModel(model string, c closedModel, now int64) {
	if k.models[model].until >= c.until {
		return
	}
	if k.models == nil {
		k.models = map[string]closedModel{}
	}
	if len(k.models) >= mostModels {
		k.forgetModels(now)
	}
	k.models[model] = c
}

// forgetModels makes room: for what is over, else for what is over first.
func (k *key) forgetModels(now int64) {
	first := ""
	for model, c := range k.models {
		if c.until <= now {
			delete(k.models, model)
		} else if first == "" || c.until < k.models[first].until {
			first = model
		}
	}
	if len(k.models) >= mostModels {
		delete(k.models, first)
	}
}

// until is the time that the provider named, in reason; or else the default.
func until(named time.Time, otherwise, now int64) int64 {
	if named.IsZero() {
		return otherwise
	}
	return max(now+shortestRest, min(nanos(named), now+longestRest))
}

// nanos is t in nanoseconds since 1970, the last that there is if t is later.
func nanos(t time.Time) int64 {
	if t.Year() >= 2200 {
		return time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	}
	return t.UnixNano()
}

// reason words an outcome for operators.
func reason(o *llmhub.Outcome) string {
	what := string(o.Kind)
	if what == "" {
		what = string(o.Verdict.State)
	}
	if o.Status != 0 {
		return fmt.Sprintf("%s (%d)", what, o.Status)
	}
	return what
}
