package llmhub

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// watch ends an attempt that is silent for too long. One timer serves all its
// bounds: it wakes at the earliest that could have passed, looks at the stamps
// and sleeps again, so that an event costs a stamp and no timer.
type watch struct {
	alive   atomic.Int64 // when bytes last came, from began; 0: the adapter has not said
	content atomic.Bool  // there has been content
	paused  atomic.Bool  // the consumer has the goroutine: the provider is not to blame
	began   time.Time
	limits  *Timeouts
	target  *Target
	stream  bool
	spent   time.Duration // by the request before this attempt
	cancel  context.CancelCauseFunc
	mu      sync.Mutex // of what follows
	timer   *time.Timer
	done    bool
}

func (w *watch) start(limits *Timeouts, call *Call, spent time.Duration, cancel context.CancelCauseFunc) {
	w.spent = spent
	w.began, w.limits, w.stream, w.target, w.cancel = time.Now(), limits, call.Stream, &call.Target, cancel
	w.mu.Lock()
	w.timer = time.AfterFunc(w.next(0), w.wake)
	w.mu.Unlock()
}

func (w *watch) stop() {
	w.mu.Lock()
	w.done = true
	w.timer.Stop()
	w.mu.Unlock()
}

// now is a stamp: nanoseconds since began, and one, so that 0 is none.
func (w *watch) now() int64 { return int64(time.Since(w.began)) + 1 }

// seen stamps an event, of an adapter that stamps bytes itself too.
func (w *watch) seen() {
	if w.alive.Load() != 0 {
		w.alive.Store(w.now())
	}
}

func (w *watch) pause() { w.paused.Store(true) }

func (w *watch) resume() {
	w.seen()
	w.paused.Store(false)
}

// wake is run by the timer; it ends the attempt or sets the timer again.
func (w *watch) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.done {
		return
	}
	age := time.Since(w.began)
	wait := w.next(age)
	if wait > 0 {
		w.timer.Reset(wait)
		return
	}
	w.cancel(&Error{Kind: Timeout, Message: w.reason(age)})
}

// next is how long until a bound may have passed; not positive: one has.
func (w *watch) next(age time.Duration) time.Duration {
	bounds := [3]time.Duration{w.whole(), w.first(), w.silence()}
	wait := time.Duration(1<<62 - 1)
	if w.stream && w.limits.Silence > 0 {
		wait = w.limits.Silence // to look whether it speaks by now
	}
	for _, b := range bounds {
		if b > 0 {
			wait = min(wait, b-age)
		}
	}
	if wait <= 0 && w.paused.Load() && (w.whole() <= 0 || age < w.whole()) {
		wait = time.Second
	}
	return wait
}

// whole, first and silence are when, from began, the bounds pass; not positive:
// they do not.
func (w *watch) whole() time.Duration {
	switch {
	case w.target.Timeout > 0:
		return w.target.Timeout
	case w.stream:
		return w.left(w.limits.Stream)
	}
	return w.left(w.limits.Unary)
}

// left is what remains of a bound on the whole request.
func (w *watch) left(bound time.Duration) time.Duration {
	if bound <= 0 {
		return bound
	}
	return max(1, bound-w.spent)
}

func (w *watch) first() time.Duration {
	switch {
	case !w.stream || w.content.Load():
		return 0
	case w.target.Reasons:
		return w.limits.FirstThought
	}
	return w.limits.FirstContent
}

func (w *watch) silence() time.Duration {
	if !w.stream || w.limits.Silence <= 0 {
		return 0
	}
	if at := w.alive.Load(); at > 0 {
		return time.Duration(at-1) + w.limits.Silence
	}
	return 0
}

func (w *watch) reason(age time.Duration) string {
	switch {
	case w.whole() > 0 && age >= w.whole():
		return "the answer took longer than " + w.whole().String()
	case w.first() > 0 && age >= w.first():
		return "no content within " + w.first().String()
	}
	return "nothing came for " + w.limits.Silence.String()
}
