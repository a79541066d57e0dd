// Package usagelog writes rows of the usage log behind the requests they are of.
package usagelog

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/store"
)

// Writer is what a Log writes to; a store.Usage is one. Rows may come again
// after a failure: one that is there already must stay.
type Writer interface {
	AppendUsage(ctx context.Context, rows []store.Attempt) error
}

// Config of a Log.
type Config struct {
	MaxRows  int           // rows that may wait to be written; 0: 32,768
	Spare    int           // of these, kept for requests under way; 0: an eighth of MaxRows
	Delay    time.Duration // how long a row waits for company; 0: 100 ms
	Rows     int           // as many are written at once without more delay; 0: 256
	MaxBatch int           // rows in one write; 0: 1,000
	Timeout  time.Duration // of one write; 0: 10 s
	Retry    time.Duration // pause after a failure, doubled by the next up to 100-fold; 0: 50 ms
	// Failed hears of each write that failed and will be tried again. It is called
	// by the writing goroutine. nil: nobody does.
	Failed func(error)
}

// Log is a bounded queue of rows and the goroutine that writes them, which ends
// with Close. It is safe for concurrent use.
type Log struct {
	to     Writer
	c      Config
	cancel context.CancelFunc // of writes

	wake    chan struct{} // there is something to look at
	closing chan struct{} // closed by Close
	done    chan struct{} // closed by the goroutine's end

	mu      sync.Mutex
	closed  bool
	pending []store.Attempt // appended, not yet taken
	spare   []store.Attempt // empty, to become pending
	taken   int             // rows that are being written
	stats   Stats
}

// Stats is what has become of the rows.
type Stats struct {
	Queued   int   // wait, or are being written
	Written  int64 // are in the store
	Refused  int64 // did not fit, or came after Close: Append said so
	Lost     int64 // were not written before Close had to end
	Failures int64 // writes that failed
}

// New starts a Log.
func New(to Writer, c Config) *Log {
	set(&c.MaxRows, 32768)
	set(&c.Spare, c.MaxRows/8)
	set(&c.Delay, 100*time.Millisecond)
	set(&c.Rows, 256)
	set(&c.MaxBatch, 1000)
	set(&c.Timeout, 10*time.Second)
	set(&c.Retry, 50*time.Millisecond)
	if c.Failed == nil {
		c.Failed = func(error) {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	l := &Log{to: to, c: c, cancel: cancel,
		wake: make(chan struct{}, 1), closing: make(chan struct{}), done: make(chan struct{})}
	go l.run(ctx)
	return l
}

func set[T comparable](v *T, preset T) {
	var zero T
	if *v == zero {
		*v = preset
	}
}

// Ready asks, before a request is dispatched, whether its rows will find room:
// an error of kind [llmhub.NoAccounting] says that they may not.
func (l *Log) Ready() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.queued() > l.c.MaxRows-l.c.Spare {
		return l.refusal()
	}
	return nil
}

// Append takes rows to be written, in this order, all or none: an error of kind
// [llmhub.NoAccounting] says that they did not fit. It never waits for a write.
func (l *Log) Append(rows ...store.Attempt) error {
	l.mu.Lock()
	if l.closed || l.queued()+len(rows) > l.c.MaxRows {
		l.stats.Refused += int64(len(rows))
		err := l.refusal()
		l.mu.Unlock()
		return err
	}
	before := len(l.pending)
	l.pending = append(l.pending, rows...)
	after := len(l.pending)
	l.mu.Unlock()
	if before == 0 || before < l.c.Rows && after >= l.c.Rows {
		l.nudge()
	}
	return nil
}

// refusal is called with mu held.
func (l *Log) refusal() error {
	why := fmt.Sprintf("%d usage rows wait to be written", l.queued())
	if l.closed {
		why = "the usage log is closed"
	}
	return &llmhub.Error{Kind: llmhub.NoAccounting, Message: why, RetryAfter: time.Second}
}

// queued is called with mu held.
func (l *Log) queued() int { return len(l.pending) + l.taken }

func (l *Log) nudge() {
	select {
	case l.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// Stats returns the figures of now.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.Queued = l.queued()
	return s
}

// Close takes no more rows and waits until those it has are written. When ctx
// ends before, what is left is lost, and the error says how much. A second Close
// waits like the first.
func (l *Log) Close(ctx context.Context) error {
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(l.closing)
	}
	l.mu.Unlock()
	select {
	case <-l.done:
	case <-ctx.Done():
		l.cancel()
		<-l.done
	}
	if lost := l.Stats().Lost; lost > 0 {
		return fmt.Errorf("close usage log: %d rows could not be written: %w", lost, context.Cause(ctx))
	}
	return nil
}
