package llmhub

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Config of a Hub. Adapters and Router are required.
type Config struct {
	Adapters map[string]Adapter // by the name that Targets call their Provider
	Router   Router
	// Quota chooses keys and holds quota. Nil: nothing is held, and the adapters
	// use keys of their own.
	Quota QuotaStore
	// Keys opens the key of a lease, at each attempt anew. Nil: an adapter gets
	// the KeyID alone.
	Keys       func(KeyID) (Key, error)
	Middleware []Middleware // outermost first
	Trace      Trace
	Timeouts   Timeouts
	// RetryWait is how long a request may wait for a key of its first choice
	// rather than fall back. Zero: 3 seconds; negative: never.
	RetryWait time.Duration
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
	// Jitter is a number in [0, 1), for spreading retries. Nil: a random one.
	Jitter func() float64
}

// Timeouts of attempts. Zero fields take the default, negative ones are none.
type Timeouts struct {
	// Silence of the provider, from sending to its headers and from then on
	// between bytes, of a stream whose adapter calls Touch. Default 30 seconds.
	Silence time.Duration
	// FirstContent of a stream. Default 120 seconds.
	FirstContent time.Duration
	// FirstThought is FirstContent of a Target that Reasons. Default 600 seconds.
	FirstThought time.Duration
	// Unary is for a whole unary request, all its attempts together, unless a
	// Target has a Timeout of its own. Default 600 seconds.
	Unary time.Duration
	// Stream is Unary of a stream. Default an hour.
	Stream time.Duration
}

// Hub is the engine: it plans, reserves, attempts, falls back, meters and
// settles. It is safe for concurrent use and runs no goroutine of its own.
type Hub struct {
	Config
	streams  map[string]StreamFunc
	keepsRaw bool
}

// New makes a Hub. It fails when something required is missing.
func New(c Config) (*Hub, error) {
	if c.Router == nil {
		return nil, errors.New("new hub: Router is nil")
	}
	if len(c.Adapters) == 0 {
		return nil, errors.New("new hub: there are no Adapters")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Jitter == nil {
		c.Jitter = rand.Float64
	}
	fill(&c.RetryWait, 3*time.Second)
	fill(&c.Timeouts.Silence, 30*time.Second)
	fill(&c.Timeouts.FirstContent, 120*time.Second)
	fill(&c.Timeouts.FirstThought, 600*time.Second)
	fill(&c.Timeouts.Unary, 600*time.Second)
	fill(&c.Timeouts.Stream, time.Hour)
	h := &Hub{Config: c, streams: make(map[string]StreamFunc, len(c.Adapters)), keepsRaw: true}
	for _, m := range c.Middleware {
		h.keepsRaw = h.keepsRaw && m.KeepsRaw
	}
	for name, a := range c.Adapters {
		if a == nil {
			return nil, fmt.Errorf("new hub: the adapter of %q is nil", name)
		}
		stream := a.Stream
		for i := len(c.Middleware) - 1; i >= 0; i-- {
			stream = c.Middleware[i].Wrap(stream)
		}
		h.streams[name] = stream
	}
	return h, nil
}

func fill(d *time.Duration, byDefault time.Duration) {
	if *d == 0 {
		*d = byDefault
	}
}

// Stream answers a request. Nothing happens before the Stream is ranged over.
// Its errors are [*Error]s. An error that is the first pair means that no target
// could answer; one that comes later is final, and what came before is not whole.
func (h *Hub) Stream(ctx context.Context, req *Request) Stream {
	return func(yield func(Event, error) bool) {
		r := &run{hub: h, ctx: ctx, req: *req, yield: yield, started: h.Now()}
		if r.req.ID.IsZero() {
			r.req.ID = NewID(r.started)
		}
		if !h.keepsRaw {
			r.req.Accept = ""
		}
		r.serve()
	}
}

// Complete answers a request as a whole, whatever req.Stream says.
func (h *Hub) Complete(ctx context.Context, req *Request) (*Response, error) {
	whole := *req
	whole.Stream = false
	return h.Stream(ctx, &whole).Collect()
}
