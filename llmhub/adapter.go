package llmhub

import (
	"context"
	"sync/atomic"
)

// An Adapter speaks to one provider. Stream never retries, does nothing before
// it is ranged over, and is safe for concurrent use. Its errors are [*Error]s
// that carry a Kind, Sent and, where the answer tells, a Verdict.
type Adapter interface {
	Stream(ctx context.Context, call *Call) Stream
}

// A Lister is an Adapter that can name its provider's models, which is also the
// cheapest way to try a key.
type Lister interface {
	Models(ctx context.Context, key Key) ([]string, error)
}

// Call is one attempt. Its Request is a copy: change it for this attempt alone.
// Model stays what the caller asked for; Target.Model is what goes upstream.
type Call struct {
	Request
	Attempt int // from 1
	Target  Target
	Key     Key

	warnings []string
	alive    *atomic.Int64
	now      func() int64
}

// Key is a provider key as an adapter uses it.
type Key struct {
	ID     KeyID
	Secret Secret
	URL    string // the only origin it may be sent to; "": the adapter's own
}

// KeyID names a provider key.
type KeyID string

// Warn notes that something the caller asked for was left out because the
// target's dialect has no word for it and it only tunes the answer. Operators
// see it in the log.
func (c *Call) Warn(what string) { c.warnings = append(c.warnings, what) }

// Warnings are what was noted by Warn.
func (c *Call) Warnings() []string { return c.warnings }

// Touch says that bytes of the answer have arrived, which puts off the stall
// time-out. Safe for concurrent use; does nothing outside a Hub.
func (c *Call) Touch() {
	if c.alive != nil {
		c.alive.Store(c.now())
	}
}

// StreamFunc makes the stream of one attempt.
type StreamFunc func(ctx context.Context, call *Call) Stream

// Middleware wraps every attempt. Unless KeepsRaw, promising that it neither
// reads nor changes answers, it is shown decoded events only.
type Middleware struct {
	Wrap     func(next StreamFunc) StreamFunc
	KeepsRaw bool
}
