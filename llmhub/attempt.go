package llmhub

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// attempt is one call of an adapter.
type attempt struct {
	run     *run
	call    *Call
	lease   Lease
	started time.Time
	watch   watch

	held    []Event // lifecycle events kept back until there is content
	room    [4]Event
	served  string
	usage   Usage
	metered bool  // usage is the provider's
	bytes   int64 // of deltas
	counted int64 // bytes that had come when usage was told
	ttft    time.Duration
	ended   bool
	settled bool
}

func newAttempt(r *run, t *Target, lease Lease) *attempt {
	a := &attempt{run: r, lease: lease, started: r.hub.Now()}
	a.held = a.room[:0]
	a.call = &Call{Request: r.req, Attempt: lease.Attempt, Target: *t, Key: Key{ID: lease.Key}}
	return a
}

// do sends the request with the leased key. It returns nil when the answer has
// been handed over whole, or the consumer has left.
func (a *attempt) do() (err *Error) {
	r := a.run
	if err := a.open(); err != nil {
		return a.settle(err)
	}
	ctx, cancel := context.WithCancelCause(r.ctx)
	defer cancel(nil)
	a.call.alive, a.call.now = &a.watch.alive, a.watch.now
	a.watch.start(&r.hub.Timeouts, a.call, a.started.Sub(r.started), cancel)
	defer a.watch.stop()
	defer func() {
		if p := recover(); p != nil {
			err = a.panicked(p)
		}
	}()
	for ev, serr := range r.hub.streams[a.call.Target.Provider](ctx, a.call) {
		if a.ended {
			break // what follows an end is nobody's
		}
		if serr != nil {
			return a.settle(a.failure(ctx, serr))
		}
		if !a.take(ev) {
			break
		}
	}
	if a.ended {
		return nil
	}
	return a.unfinished(ctx)
}

// open gives the call its key.
func (a *attempt) open() *Error {
	h := a.run.hub
	if h.Keys == nil || h.Quota == nil {
		return nil
	}
	key, err := h.Keys(a.lease.Key)
	if err != nil {
		return &Error{Kind: BadCredential, Message: "open the key", Err: err}
	}
	a.call.Key = key
	return nil
}

// unfinished settles an attempt whose loop is over before there was an end: the
// consumer has left, or the adapter has forgotten it.
func (a *attempt) unfinished(ctx context.Context) *Error {
	r := a.run
	if !r.left {
		return a.settle(a.failure(ctx, &Error{Kind: Broken, Provider: a.call.Target.Provider, Message: "the stream ended without an end", Sent: true}))
	}
	gone := r.gone()
	if gone == nil {
		gone = &Error{Kind: Canceled}
	}
	gone.Sent = true
	r.report(a.settle(gone))
	return nil
}

// take looks at an event and hands it on, or holds it back until there is
// content. It reports whether to go on.
func (a *attempt) take(ev Event) bool {
	r := a.run
	a.bytes += int64(len(ev.Delta))
	if ev.Usage != nil {
		a.usage, a.metered, a.counted = *ev.Usage, true, a.bytes
	}
	if ev.Start != nil {
		a.served = ev.Start.Model
	}
	content := ev.Delta != "" || ev.Kind == EventOpen && ev.Part != nil && ev.Part.Kind == PartToolCall
	if content && a.ttft == 0 {
		a.ttft = max(1, r.hub.Now().Sub(a.started))
		r.ttft = r.hub.Now().Sub(r.started)
		a.watch.content.Store(true)
	}
	if !r.committed {
		if !content && ev.Kind != EventEnd && len(a.held) < mostHeld {
			a.hold(ev)
			return true
		}
		if !a.commit(&ev) {
			return false
		}
	}
	if ev.Kind == EventEnd {
		a.ended = true
		if !a.metered && ev.Raw == nil { // the caller is told what is written down
			u := a.meter(nil)
			ev.Usage = &u
		}
		a.settle(nil)
		r.report(nil)
	}
	return a.emit(ev)
}

func (a *attempt) emit(ev Event) bool {
	a.watch.pause()
	more := a.run.emit(ev)
	a.watch.resume()
	return more
}

// mostHeld is how many lifecycle events wait for content.
const mostHeld = 1000

// hold keeps a lifecycle event back. A note that says nothing is dropped.
func (a *attempt) hold(ev Event) {
	a.watch.seen()
	if ev.Kind == EventNote && len(ev.Raw) == 0 && ev.Usage == nil {
		return
	}
	if ev.Raw != nil {
		ev.Raw = append([]byte{}, ev.Raw...)
	}
	ev.More = true
	a.held = append(a.held, ev)
}

// commit hands over what was held back: from here on the answer is this one.
func (a *attempt) commit(ev *Event) bool {
	a.run.committed = true
	if o, ok := a.run.hub.Quota.(Observer); ok && ev.Kind != EventEnd {
		o.Answers(a.lease)
	}
	first := ev
	if len(a.held) > 0 {
		first = &a.held[0]
	}
	first.From = a.call
	for i := range a.held {
		if !a.emit(a.held[i]) {
			return false
		}
	}
	a.held = nil
	return true
}

// failure is what the adapter's error means: a time-out of ours or a caller who
// left look like a broken connection from there.
func (a *attempt) failure(ctx context.Context, err error) *Error {
	e := *AsError(err)
	var own *Error
	if !errors.As(err, &own) {
		e.Sent = true // an adapter that does not say may well have sent it
	}
	if e.Provider == "" && !e.unsent() {
		e.Provider = a.call.Target.Provider
	}
	if gone := a.run.gone(); gone != nil {
		gone.Sent, gone.Err = e.Sent, &e
		return gone
	}
	var cause *Error
	if errors.As(context.Cause(ctx), &cause) {
		return &Error{Kind: cause.Kind, Provider: e.Provider, Message: cause.Message, Sent: e.Sent, Err: &e}
	}
	if e.Kind == Canceled || e.Kind == DeadlineExceeded { // not by us, so by the way
		e.Kind = Broken
	}
	return &e
}

// panicked turns an adapter's panic into an error. One of the consumer's own
// goes on up, after the lease is settled.
func (a *attempt) panicked(p any) *Error {
	err := a.settle(&Error{Kind: Internal, Provider: a.call.Target.Provider, Message: fmt.Sprint("adapter panics: ", p), Sent: true})
	if a.run.busy {
		a.run.report(err)
		panic(p)
	}
	return err
}

// settle ends the attempt's lease and reports the attempt, once. It returns err.
func (a *attempt) settle(err *Error) *Error {
	if a.settled {
		return err
	}
	a.settled = true
	r := a.run
	out := Outcome{Usage: a.meter(err), TTFT: a.ttft, Took: r.hub.Now().Sub(a.started), Status: 200}
	if err == nil || err.Sent {
		out.Used = Amount{Requests: 1, Tokens: out.Usage.Total()}
	}
	if err != nil {
		out.Kind, out.Status, out.Verdict = err.Kind, err.Status, err.Verdict
		out.Loss = err.Kind != Canceled && err.Kind != DeadlineExceeded
	} else {
		out.Verdict = Verdict{State: KeyActive}
	}
	if r.hub.Quota != nil {
		// The lease expires by itself, charged, should this fail.
		_ = r.hub.Quota.Settle(context.WithoutCancel(r.ctx), a.lease, out)
	}
	if err.unsent() {
		r.skip(&a.call.Target, a.call.Key.ID, err.Error())
		return err
	}
	r.attempts = append(r.attempts, AttemptReport{
		N: a.lease.Attempt, Target: a.call.Target, Key: a.call.Key.ID, Served: a.served, Started: a.started,
		Outcome: out, Err: err, WhyChosen: a.lease.Why, Warnings: a.call.warnings,
	})
	report := &r.attempts[len(r.attempts)-1]
	if err != nil {
		report.WhyLeft = string(err.Kind)
	}
	if r.hub.Trace.Attempt != nil {
		r.hub.Trace.Attempt(report)
	}
	return err
}

// unsent reports whether an attempt failed before anything was dispatched, for a
// reason that lies in the request or on our side.
func (e *Error) unsent() bool {
	if e == nil || e.Sent || e.Status != 0 {
		return false
	}
	switch e.Kind {
	case Unsupported, InvalidRequest, RequestTooLarge, BadCredential:
		return true
	}
	return false
}
