package post

import (
	"context"
	"io"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
)

// answer is the provider's body as a dialect reads it: bounded, stamped as it
// comes, and with errors of the hub's kinds.
type answer struct {
	ctx      context.Context
	call     *llmhub.Call
	provider string
	body     io.ReadCloser
	left     int64 // bytes that may still come
	ended    bool  // the end has been read: the connection may serve again
	rest     [64]byte
}

func newAnswer(ctx context.Context, call *llmhub.Call, body io.ReadCloser, provider string) *answer {
	a := &answer{ctx: ctx, call: call, body: body, left: wire.MaxUnary, provider: provider}
	if call.Stream {
		a.left = wire.MaxStream
	}
	return a
}

func (a *answer) Read(p []byte) (int, error) {
	n, err := a.body.Read(p)
	if n > 0 {
		a.call.Touch()
		if a.left -= int64(n); a.left < 0 {
			return 0, &llmhub.Error{Kind: llmhub.Malformed, Provider: a.provider, Message: "the answer is longer than is read", Sent: true}
		}
	}
	switch {
	case err == nil:
	case err == io.EOF:
		a.ended = true
	case a.ctx.Err() != nil:
		err = interrupted(a.ctx, true)
	default:
		err = &llmhub.Error{Kind: llmhub.Broken, Provider: a.provider, Message: "the connection broke", Sent: true, Err: err}
	}
	return n, err
}

// drainTime is how long a finished answer may take to end its connection's use.
const drainTime = 50 * time.Millisecond

// drain reads the few bytes behind the last event, so that the connection can
// serve again. It gives up soon: the consumer is waiting.
func (a *answer) drain() {
	if a.ended {
		return
	}
	t := time.AfterFunc(drainTime, func() { a.body.Close() })
	defer t.Stop()
	for range 8 {
		if _, err := a.body.Read(a.rest[:]); err != nil {
			return
		}
	}
}
