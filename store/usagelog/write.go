package usagelog

import (
	"context"
	"time"

	"github.com/llmhubd/llmhub/store"
)

// run writes what is appended until the log is closed and empty, or ctx ends.
func (l *Log) run(ctx context.Context) {
	defer close(l.done)
	defer l.cancel()
	for l.wait() {
		rows := l.take()
		written := l.write(ctx, rows)
		l.giveBack(rows, len(rows)-written)
	}
}

// wait returns when rows are due; false when the log is closed and has none.
func (l *Log) wait() bool {
	select {
	case <-l.wake:
	case <-l.closing:
		return l.Stats().Queued > 0
	}
	late := time.NewTimer(l.c.Delay)
	defer late.Stop()
	for l.Stats().Queued < l.c.Rows {
		select {
		case <-l.wake:
		case <-late.C:
			return true
		case <-l.closing:
			return true
		}
	}
	return true
}

// take swaps the buffers.
func (l *Log) take() []store.Attempt {
	l.mu.Lock()
	defer l.mu.Unlock()
	rows := l.pending
	l.pending, l.spare, l.taken = l.spare, nil, len(rows)
	return rows
}

// keepRows is how large a buffer may be to be used again: an outage grows it.
const keepRows = 16384

func (l *Log) giveBack(rows []store.Attempt, lost int) {
	clear(rows) // lets go of the texts
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken = 0
	l.stats.Lost += int64(lost)
	if cap(rows) <= keepRows {
		l.spare = rows[:0]
	}
}

// write writes rows in order and returns how many: all, unless ctx ends.
func (l *Log) write(ctx context.Context, rows []store.Attempt) (written int) {
	pause := l.c.Retry
	for written < len(rows) {
		batch := rows[written:min(len(rows), written+l.c.MaxBatch)]
		err := l.writeOnce(ctx, batch)
		if err == nil {
			written += len(batch)
			l.count(len(batch))
			pause = l.c.Retry
			continue
		}
		if ctx.Err() != nil {
			return written
		}
		l.count(-1)
		l.c.Failed(err)
		if !sleep(ctx, pause) {
			return written
		}
		pause = min(2*pause, 100*l.c.Retry)
	}
	return written
}

func (l *Log) writeOnce(ctx context.Context, rows []store.Attempt) error {
	ctx, cancel := context.WithTimeout(ctx, l.c.Timeout)
	defer cancel()
	return l.to.AppendUsage(ctx, rows)
}

// count notes that as many rows are written; a failure if negative.
func (l *Log) count(rows int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if rows < 0 {
		l.stats.Failures++
		return
	}
	l.stats.Written += int64(rows)
	l.taken -= rows
}

// sleep reports whether it slept to the end.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
