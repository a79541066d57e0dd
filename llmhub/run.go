package llmhub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// run is one request on its way through a Hub. It lives on the goroutine that
// ranges over the stream.
type run struct {
	hub     *Hub
	ctx     context.Context
	req     Request
	yield   func(Event, error) bool
	started time.Time

	busy      bool // the consumer has the goroutine
	left      bool // the consumer has left; yield must not be called again
	committed bool // content has gone out
	reported  bool
	ttft      time.Duration
	attempts  []AttemptReport
	skipped   []Skip
	tokens    int64 // estimate of the prompt
	admitted  bool  // a lease was granted

	// What failures have taught about the targets that remain.
	failures    []*Error
	window      int    // a context window that was too small
	tooLargeFor string // a provider that the request is too large for
	retryAfter  time.Duration
}

// serve plans, and goes through the targets until one has answered.
func (r *run) serve() {
	targets, err := r.plan()
	if err != nil {
		r.fail(err)
		return
	}
	r.tokens = r.req.Body.Tokens()
	for i := range targets { // by pointer from here on: the stack under a held stream stays small
		t := &targets[i]
		if r.spent() {
			r.skip(t, "", "the request has had all its attempts")
			continue
		}
		if reason, ok := r.fits(t); !ok {
			r.skip(t, "", reason)
			continue
		}
		if r.try(t) {
			return
		}
	}
	r.fail(r.conclude())
}

// Bounds on what a request may name.
const (
	maxFallbacks = 32  // models beside its own
	maxModel     = 256 // bytes of a model's name
)

// plan checks what the caller may do and asks the router.
func (r *run) plan() ([]Target, *Error) {
	req := &r.req
	if req.Body == nil {
		return nil, &Error{Kind: InvalidRequest, Message: "the request has no body"}
	}
	if len(req.Fallbacks) > maxFallbacks {
		return nil, &Error{Kind: InvalidRequest, Param: "fallbacks", Message: fmt.Sprintf("fallbacks may name %d models at most", maxFallbacks)}
	}
	for _, name := range req.Restricted {
		if !slices.Contains(req.Caller.May, name) && !slices.Contains(req.Caller.May, "*") {
			return nil, &Error{Kind: Unsupported, Param: name, Message: "your key may not use " + name + "; ask your operator to allow it"}
		}
	}
	var targets []Target
	ask := *req
	for i := -1; i < len(req.Fallbacks); i++ {
		if i >= 0 {
			ask.Model = req.Fallbacks[i]
		}
		if len(ask.Model) > maxModel {
			return nil, &Error{Kind: InvalidRequest, Param: "model", Message: fmt.Sprintf("the name of a model has %d bytes at most", maxModel)}
		}
		if !req.Caller.Allows(ask.Model) {
			return nil, &Error{Kind: PermissionDenied, Param: "model", Message: "your key may not use the model " + ask.Model}
		}
		more, err := r.hub.Router.Route(r.ctx, &ask)
		if err != nil {
			return nil, AsError(err)
		}
		for _, t := range more {
			if !slices.Contains(targets, t) {
				targets = append(targets, t)
			}
		}
	}
	return targets, nil
}

// try attempts one target with as many keys as the failures allow, and reports
// whether the request is over.
func (r *run) try(t *Target) (over bool) {
	var tried []KeyID
	paused, waited := false, false
	for {
		if r.late() {
			return false
		}
		a, err := r.reserve(t, tried)
		if err != nil {
			if err.Kind == RateLimited && !waited && r.wait(t, err.RetryAfter) {
				waited, tried = true, nil
				continue
			}
			return r.refused(t, err, len(tried) > 0)
		}
		if err = a.do(); err == nil || r.left {
			return true
		}
		if r.committed || stepAfter(err) == stop {
			r.fail(err)
			return true
		}
		r.note(t, err)
		if r.spent() || !cheap(err) && r.providerAttempts(t.Provider) >= maxProviderAttempts {
			return false
		}
		switch stepAfter(err) {
		case nextKey:
			tried = append(tried, a.lease.Key)
		case again:
			if paused || !r.pause() {
				return false
			}
			paused = true
		default:
			return false
		}
	}
}

// reserve takes room for the next attempt.
func (r *run) reserve(t *Target, tried []KeyID) (*attempt, *Error) {
	res := Reservation{
		Request: r.req.ID, Attempt: len(r.attempts) + 1, Provider: t.Provider, Model: t.Model,
		Amount: Amount{Requests: 1, Tokens: r.estimate(t)}, Caller: r.req.Caller, Tried: tried,
		TTL: r.life(t), Admitted: r.admitted,
	}
	if r.hub.Quota == nil {
		if len(tried) > 0 {
			return nil, &Error{Kind: NoProvider, Message: "the adapter's own key has been tried"}
		}
		return newAttempt(r, t, Lease{Reservation: res}), nil
	}
	lease, err := r.hub.Quota.Reserve(r.ctx, res)
	if err != nil {
		return nil, AsError(err)
	}
	r.admitted = true
	for _, p := range lease.Passed {
		r.skip(t, p.Key, p.Why)
	}
	return newAttempt(r, t, lease), nil
}

// uncapped is the answer's length that is reserved when the caller gave no cap.
const uncapped = 4096

// estimate is the tokens to reserve: the prompt and a tenth, and the longest
// answer.
func (r *run) estimate(t *Target) int64 {
	answer := int64(r.req.MaxTokens)
	if answer == 0 {
		answer = uncapped
		if t.MaxOutput > 0 {
			answer = min(answer, int64(t.MaxOutput))
		}
	}
	return r.tokens + r.tokens/10 + answer*int64(max(1, r.req.Choices))
}

// life is how long a lease lives: longer than its attempt may take, or a day if
// that has no end.
func (r *run) life(t *Target) time.Duration {
	if d := r.total(t); d >= 0 {
		return d + time.Minute
	}
	return 24 * time.Hour
}

func (r *run) total(t *Target) time.Duration {
	if t.Timeout > 0 {
		return t.Timeout
	}
	if r.req.Stream {
		return r.hub.Timeouts.Stream
	}
	return r.hub.Timeouts.Unary
}

// refused takes note of a target that has no key to offer, and reports whether
// that ends the request: a limit of the caller's own does.
func (r *run) refused(t *Target, err *Error, tried bool) (over bool) {
	for _, p := range err.Passed {
		r.skip(t, p.Key, p.Why)
	}
	switch err.Kind {
	case RateLimited, NoProvider, RequestTooLarge, ModelNotFound:
	default:
		r.fail(err)
		return true
	}
	if tried { // what the keys answered says more
		if err.RetryAfter > 0 && (r.retryAfter == 0 || err.RetryAfter < r.retryAfter) {
			r.retryAfter = err.RetryAfter
		}
		return false
	}
	r.skip(t, "", err.Error())
	r.note(t, err)
	return false
}

// wait waits for a key of t to become ready, if that is soon enough.
func (r *run) wait(t *Target, d time.Duration) bool {
	return d > 0 && d <= r.hub.RetryWait && !t.NoWait && r.sleep(d)
}

// pause waits a random while before the same target is asked again, so that
// requests that failed together do not come back together.
func (r *run) pause() bool {
	const least, most = 250 * time.Millisecond, 2 * time.Second
	return r.sleep(least + time.Duration(r.hub.Jitter()*float64(most-least)))
}

// sleep reports whether the request is still wanted after d.
func (r *run) sleep(d time.Duration) bool {
	if at, ok := r.ctx.Deadline(); ok && time.Until(at) <= d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.ctx.Done():
		return false
	}
}

// skip takes note of what was not tried. It is not inlined: what it needs of the
// stack would be held as long as a stream lasts.
//
//go:noinline
func (r *run) skip(t *Target, key KeyID, reason string) {
	r.skipped = append(r.skipped, Skip{Target: *t, Key: key, Reason: reason})
}

// emit hands an event to the consumer and reports whether it wants more.
func (r *run) emit(ev Event) bool {
	r.busy = true
	more := r.yield(ev, nil)
	r.busy = false
	r.left = r.left || !more
	return more
}

// fail ends the request with an error.
func (r *run) fail(err *Error) {
	if e := r.gone(); e != nil && err.Kind != e.Kind {
		e.Err = err
		err = e
	}
	r.report(err)
	if !r.left {
		r.left = true
		r.yield(Event{}, err)
	}
}

// gone is the error of a request that nobody waits for any more, or nil. The
// cause of its context's end is kept when it is an *Error, such as Draining.
func (r *run) gone() *Error {
	err := r.ctx.Err()
	if err == nil {
		return nil
	}
	var cause *Error
	if errors.As(context.Cause(r.ctx), &cause) {
		e := *cause
		return &e
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &Error{Kind: DeadlineExceeded}
	}
	return &Error{Kind: Canceled}
}

// report tells the trace how the request went, once.
func (r *run) report(err *Error) {
	if r.reported || r.hub.Trace.Done == nil {
		return
	}
	r.reported = true
	r.hub.Trace.Done(&Report{
		Request: &r.req, Started: r.started, TTFT: r.ttft, Took: r.hub.Now().Sub(r.started),
		Err: err, Attempts: r.attempts, Skipped: r.skipped,
	})
}
