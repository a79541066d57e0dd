package wire

import "github.com/llmhubd/llmhub/llmhub"

// Batch hands events on with More set truthfully: it keeps the newest back until
// it is known whether another follows. A decoder calls Flush before it reads.
type Batch struct {
	yield func(llmhub.Event, error) bool
	held  llmhub.Event
	full  bool
	done  bool
}

// NewBatch makes a Batch in front of a stream's yield.
func NewBatch(yield func(llmhub.Event, error) bool) Batch { return Batch{yield: yield} }

// Add takes an event, and hands on the one before. It reports whether to go on:
// after false nothing may be added.
func (b *Batch) Add(ev llmhub.Event) bool {
	if b.done {
		return false
	}
	if b.full {
		b.held.More = true
		b.done = !b.yield(b.held, nil)
	}
	b.held, b.full = ev, true
	return !b.done
}

// Flush hands on what is kept back.
func (b *Batch) Flush() bool {
	if b.full && !b.done {
		b.full = false
		b.held.More = false
		b.done = !b.yield(b.held, nil)
		b.held = llmhub.Event{}
	}
	return !b.done
}

// Fail flushes, and ends the stream with err.
func (b *Batch) Fail(err error) {
	if b.Flush() {
		b.done = true
		b.yield(llmhub.Event{}, err)
	}
}
