package post

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"sync/atomic"
)

// body is what is sent, in pieces that lie in memory somebody else will use
// again. The transport may go on reading after it has returned, so every read is
// behind a lock, and after fence there is none.
type body struct {
	size  int64
	begun atomic.Bool // there was a connection to write to
	whole []byte      // a short body, in memory of its own

	mu    sync.Mutex
	parts [][]byte
	over  bool   // fence was called
	first reader // the one that is nearly always enough
	lent  bool   // first is in use
}

func newBody(parts [][]byte) *body {
	b := &body{parts: parts}
	for _, p := range parts {
		b.size += int64(len(p))
	}
	if b.size <= short {
		b.whole = make([]byte, 0, b.size)
		for _, p := range parts {
			b.whole = append(b.whole, p...)
		}
	}
	return b
}

// short is the size up to which a body is copied: http.Transport writes a
// bytes.Reader together with the headers, and anything else behind them.
const short = 3 << 10

// fence ends all reading, for good; of no body, nothing.
func (b *body) fence() {
	if b == nil {
		return
	}
	b.mu.Lock()
	b.parts, b.over = nil, true
	b.mu.Unlock()
}

// reader reads the body from its start.
func (b *body) reader() io.ReadCloser {
	if b.whole != nil {
		return io.NopCloser(bytes.NewReader(b.whole))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lent {
		return &reader{body: b}
	}
	b.lent = true
	b.first.body = b
	return &b.first
}

// again is reader as http.Request.GetBody has it.
func (b *body) again() (io.ReadCloser, error) { return b.reader(), nil }

type reader struct {
	body   *body
	part   int
	at     int // in that part
	closed bool
}

var errFenced = errors.New("the request is over")

func (r *reader) Read(p []byte) (int, error) {
	b := r.body
	b.begun.Store(true)
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.closed || b.over {
		return 0, errFenced
	}
	n := 0
	for n < len(p) && r.part < len(b.parts) {
		m := copy(p[n:], b.parts[r.part][r.at:])
		n, r.at = n+m, r.at+m
		if r.at == len(b.parts[r.part]) {
			r.part, r.at = r.part+1, 0
		}
	}
	if n == 0 && r.part == len(b.parts) {
		return 0, io.EOF
	}
	return n, nil
}

func (r *reader) Close() error {
	r.body.mu.Lock()
	r.closed = true
	r.body.mu.Unlock()
	return nil
}
