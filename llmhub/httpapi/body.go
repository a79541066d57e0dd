package httpapi

import (
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
)

// readIdle is how long a caller may pause while it sends its body.
const readIdle = 15 * time.Second

// read takes the body into a pooled buffer.
func (x *exchange) read() error {
	size := x.r.ContentLength
	if size > x.MaxBody {
		return tooLarge(x.MaxBody)
	}
	x.body = bodies.Get().(*[]byte)
	b := (*x.body)[:0]
	if size > int64(cap(b)) {
		if !x.hold(size) {
			return busy
		}
		b = make([]byte, 0, size+1)
	}
	rc := http.NewResponseController(x.w)
	for {
		if len(b) == cap(b) {
			if !x.hold(int64(2 * cap(b))) {
				return busy
			}
			b = append(b, 0)[:len(b)]
		}
		// Not every ResponseWriter has deadlines.
		_ = rc.SetReadDeadline(x.Now().Add(readIdle))
		n, err := x.r.Body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if int64(len(b)) > x.MaxBody {
			return tooLarge(x.MaxBody)
		}
		if err == io.EOF || int64(len(b)) == size {
			break
		}
		if err != nil {
			return &llmhub.Error{Kind: llmhub.InvalidRequest, Message: "the body did not arrive whole", Err: err}
		}
	}
	_ = rc.SetReadDeadline(time.Time{})
	*x.body = b
	return nil
}

// hold counts the body as size bytes in flight.
func (x *exchange) hold(size int64) bool {
	if !x.InFlight.take(size - x.held) {
		return false
	}
	x.held = size
	return true
}

// release gives the body back. Nothing reads it any more: the stream has ended.
func (x *exchange) release() {
	if x.body != nil && cap(*x.body) <= 1<<20 {
		bodies.Put(x.body)
	}
	x.InFlight.take(-x.held)
}

// bodies start small: one is held as long as its stream lasts.
var bodies = sync.Pool{New: func() any { b := make([]byte, 0, 2<<10); return &b }}

var busy = &llmhub.Error{Kind: llmhub.NoProvider, Message: "too many bytes in flight", RetryAfter: time.Second}

func tooLarge(limit int64) error {
	return &llmhub.Error{Kind: llmhub.RequestTooLarge, Message: "the body is longer than " + strconv.FormatInt(limit, 10) + " bytes"}
}
