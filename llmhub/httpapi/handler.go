// Package httpapi serves a Hub over HTTP in any dialect, so that any Go program
// can mount the gateway on its own mux.
package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
)

// Config of a Handler. Hub and Server are required.
type Config struct {
	Hub    Streamer
	Server wire.Server // the dialect that is spoken here
	// Caller says who asks, before the body is read. Its error is answered in
	// the dialect. Nil: everybody may, without limits.
	Caller func(*http.Request) (llmhub.Caller, error)
	// Logical says whether a model is a logical name. A caller who asks for one
	// cannot tell who answers, unless Caller.Disclose. Nil: every model is.
	Logical     func(model string) bool
	LogicalOnly bool // refuse other models
	// Sealer closes what a provider signed, so that only it gets it back. Nil:
	// a Sealer with a key of this Handler's own.
	Sealer *Sealer
	// Header adds headers to an answer before it goes out. from is nil with an
	// error. Nil: none.
	Header func(h http.Header, req *llmhub.Request, from *llmhub.Call)
	// Refused is told of a request by a known caller that never came to the Hub,
	// such as a body that is not valid. Nil: nobody is.
	Refused func(req *llmhub.Request, err *llmhub.Error)
	// MaxBody is the longest body, in bytes. Zero: 32 MiB.
	MaxBody int64
	// InFlight bounds the bytes of all bodies held at once; share one between
	// handlers. Nil: one of this Handler's own of 512 MiB.
	InFlight *InFlight
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
	// Log takes what must not happen. Nil: slog.Default().
	Log *slog.Logger
}

// Streamer is what a Hub does here.
type Streamer interface {
	Stream(ctx context.Context, req *llmhub.Request) llmhub.Stream
}

// Handler answers model calls in one dialect. It is safe for concurrent use.
type Handler struct{ Config }

// New makes a Handler. It panics when Hub or Server is missing.
func New(c Config) *Handler {
	if c.Hub == nil || c.Server == nil {
		panic("httpapi: Config needs Hub and Server")
	}
	if c.Logical == nil {
		c.Logical = func(string) bool { return true }
	}
	if c.Sealer == nil {
		c.Sealer = NewSealer(nil)
	}
	if c.MaxBody == 0 {
		c.MaxBody = 32 << 20
	}
	if c.InFlight == nil {
		c.InFlight = NewInFlight(512 << 20)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return &Handler{c}
}

// ServeHTTP answers one model call.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{Handler: h, w: w, r: r}
	now := h.Now()
	x.id = llmhub.NewID(now)
	x.as.ID, x.as.Created = x.id.String(), now.Unix()
	defer x.release()
	defer x.cut()
	if err := x.accept(); err != nil {
		if x.req != nil && h.Refused != nil {
			h.Refused(x.req, llmhub.AsError(err))
		}
		x.refuse(err)
		return
	}
	x.answer()
}

// cut breaks the connection of an answer that a panic ends: whoever recovers it
// further up would end the answer in good order, and it would look whole.
func (x *exchange) cut() {
	if !x.wrote {
		return
	}
	if p := recover(); p != nil {
		if p != http.ErrAbortHandler {
			x.Log.Error("answer panics", "request", x.as.ID, "panic", p)
		}
		panic(http.ErrAbortHandler)
	}
}

// exchange is one request and its answer.
type exchange struct {
	*Handler
	w     http.ResponseWriter
	r     *http.Request
	id    llmhub.ID
	as    wire.Identity
	req   *llmhub.Request
	blind bool
	body  *[]byte
	held  int64 // bytes counted in InFlight
	wrote bool
	until time.Time // of the write deadline
}

// accept reads the request: who asks, then the body, then its head.
func (x *exchange) accept() error {
	identify(x.w.Header(), x.as.ID)
	var caller llmhub.Caller
	if x.Caller != nil {
		var err error
		if caller, err = x.Caller(x.r); err != nil {
			return err
		}
	}
	x.req = &llmhub.Request{ID: x.id, Caller: caller, Dialect: x.Server.Name()} // for refusals
	if err := x.read(); err != nil {
		return err
	}
	req, err := x.Server.Request(wire.Incoming{Path: x.r.URL.Path, Header: x.r.Header, Body: *x.body})
	if err != nil {
		return err
	}
	x.req = req
	req.ID, req.Caller, req.Dialect = x.id, caller, x.Server.Name()
	if client := x.r.Header.Get("X-Request-Id"); plainID(client) {
		req.Caller.ClientID = client
	}
	x.as.Model = req.Model
	logical := x.Logical(req.Model)
	if x.LogicalOnly && !logical {
		return &llmhub.Error{Kind: llmhub.ModelNotLogical, Param: "model"}
	}
	x.blind = logical && !caller.Disclose
	if !x.blind {
		req.Accept = x.Server.Name()
	}
	return x.Sealer.openAll(req, *x.body)
}

// answer asks the hub and writes what comes.
func (x *exchange) answer() {
	ctx := x.r.Context()
	if d := x.timeout(); d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d)
		defer cancel()
	}
	veil := veil{blind: x.blind, sealer: x.Sealer, request: x.as.ID}
	var enc wire.Encoder // made when it is known who answers
	buf := buffers.Get().(*[]byte)
	defer func() {
		if cap(*buf) <= 1<<20 {
			buffers.Put(buf)
		}
	}()
	var from *llmhub.Call
	for ev, err := range x.Hub.Stream(ctx, x.req) {
		if err != nil {
			x.fail(enc, (*buf)[:0], err)
			return
		}
		if ev.From != nil {
			from = ev.From
			veil.provider = from.Target.Provider
			if !x.blind {
				x.as.Model = from.Target.String()
			}
		}
		if enc == nil {
			enc = x.Server.Encoder(x.req, x.as)
		}
		veil.draw(&ev)
		if *buf = enc.Append((*buf)[:0], ev); len(*buf) == 0 {
			continue
		}
		write := x.write
		if !x.wrote {
			x.open(from, len(*buf))
			if x.req.Stream {
				write = x.writeFirst
			}
		}
		if !write(*buf, x.req.Stream && !ev.More) {
			return
		}
	}
}

// open writes the status and headers of an answer.
func (x *exchange) open(from *llmhub.Call, size int) {
	h := x.w.Header()
	if x.req.Stream {
		h["Content-Type"] = eventStream
		h["X-Accel-Buffering"] = no
		if x.r.ProtoMajor == 1 && x.r.ProtoMinor > 0 { // else a short stream gets a length, which tells how it was cut
			h["Transfer-Encoding"] = chunked
		}
	} else {
		h["Content-Type"] = jsonType
		h["Content-Length"] = []string{strconv.Itoa(size)}
	}
	h["Cache-Control"] = noStore
	if x.Header != nil {
		x.Handler.Header(h, x.req, from)
	}
	x.w.WriteHeader(http.StatusOK)
	x.wrote = true
}

// Header values that every answer shares; nobody appends to them.
var (
	eventStream = []string{"text/event-stream"}
	jsonType    = []string{"application/json"}
	noStore     = []string{"no-store"}
	no          = []string{"no"}
	chunked     = []string{"chunked"}
)

// writeTime is how long a caller may take to read what was written.
const writeTime = 30 * time.Second

// write reports whether the caller still takes bytes.
func (x *exchange) write(b []byte, flush bool) bool {
	if now := x.Now(); now.Add(writeTime / 2).After(x.until) {
		x.until = now.Add(writeTime)
		// Not every ResponseWriter has deadlines; one without serves all the same.
		_ = http.NewResponseController(x.w).SetWriteDeadline(x.until)
	}
	if _, err := x.w.Write(b); err != nil {
		return false
	}
	if flush {
		err := http.NewResponseController(x.w).Flush()
		return err == nil || errors.Is(err, http.ErrNotSupported) // then it comes late, but whole
	}
	return true
}

// writeFirst is write for what goes out with the headers of a stream. Writing
// headers takes net/http about 3 KB of stack, and the stack it needs on top of
// the engine's would stay as long as the stream lasts; so another goroutine does
// it, which ends before writeFirst returns.
func (x *exchange) writeFirst(b []byte, _ bool) (ok bool) {
	done := make(chan any, 1)
	go func() {
		defer func() { done <- recover() }()
		ok = x.write(b, true)
	}()
	if p := <-done; p != nil {
		panic(p)
	}
	return ok
}

// fail ends the answer with an error: as a status if nothing has gone out, else
// in the stream.
func (x *exchange) fail(enc wire.Encoder, buf []byte, err error) {
	if !x.wrote {
		x.refuse(err)
		return
	}
	if !x.req.Stream { // half a body is cut off, so that nobody takes it for a whole one
		panic(http.ErrAbortHandler)
	}
	x.write(enc.AppendError(buf, x.tellable(err)), true)
}

// refuse answers with an error and nothing else.
func (x *exchange) refuse(err error) {
	e := x.tellable(err)
	if e.Kind == llmhub.Internal {
		x.Log.Error("request failed", "request", x.as.ID, "error", err)
	}
	status, body := x.Server.Error(e, x.as)
	h := x.w.Header()
	mark(h, e, status, len(body))
	if x.Handler.Header != nil {
		x.Handler.Header(h, x.req, nil)
	}
	x.w.WriteHeader(status)
	x.w.Write(body)
}

// mark sets the headers of every error.
func mark(h http.Header, e *llmhub.Error, status, size int) {
	h["Content-Type"] = jsonType
	h["Cache-Control"] = noStore
	h["Content-Length"] = []string{strconv.Itoa(size)}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		h["Retry-After"] = []string{strconv.FormatInt(int64(max(time.Second, e.RetryAfter)+time.Second-1)/int64(time.Second), 10)}
	}
	if status >= 429 && e.Kind != llmhub.Draining { // we have tried all there is, so an SDK need not
		h["X-Should-Retry"] = []string{"false"}
	}
}

// tellable is the error as this caller may know it.
func (x *exchange) tellable(err error) *llmhub.Error {
	e := llmhub.AsError(err)
	if e.Kind == llmhub.QuotaExceeded || e.Kind == llmhub.BudgetExceeded { // Param names a limit, as the operator's side knows it
		told := *e
		told.Param = ""
		e = &told
	}
	if len(e.Raw) > 0 && (x.blind || x.req == nil || x.req.Accept == "") {
		told := *e
		told.Raw, told.Dialect, told.Code = nil, "", ""
		return &told
	}
	return e
}

// timeout is the caller's own deadline; 0: none.
func (x *exchange) timeout() time.Duration {
	v := x.r.Header.Get("X-Llmhub-Timeout-Ms")
	if v == "" {
		return 0
	}
	ms, err := strconv.ParseInt(v, 10, 32)
	if err != nil || ms <= 0 {
		return 0
	}
	return time.Duration(ms) * time.Millisecond
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 1<<10); return &b }}
