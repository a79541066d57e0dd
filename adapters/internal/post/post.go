// Package post sends a dialect's bodies to a provider over HTTP. It is the one
// place where a provider's secret leaves its wrapping.
package post

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
)

// UserAgent is how a hub calls itself towards providers.
const UserAgent = "llmhub/0.1"

// Post is the way to one provider. Fill it before the first use; it is safe for
// concurrent use and must not be copied then.
type Post struct {
	Provider  string            // in errors of calls whose target names none
	Client    wire.Client       // speaks the provider's dialect
	URL       string            // base URL where a key has none; no slash at its end
	Key       llmhub.Secret     // used where a call brings none
	Keyless   bool              // a call without any secret is sent all the same
	Auth      Auth              // which header carries the secret
	Transport http.RoundTripper // nil: NewTransport, at the first use
	Now       func() time.Time  // nil: time.Now

	// Path is what follows the base URL for a call.
	Path func(call *llmhub.Call) (string, error)
	// Header adds the dialect's own headers; call is nil where there is none. nil:
	// there are no others.
	Header func(h http.Header, call *llmhub.Call)

	urls urls
	own  own
}

// Auth is how a secret stands in a header.
type Auth struct {
	Header string // in canonical form
	Prefix string // "Bearer "
}

// Bearer is the usual way.
var Bearer = Auth{Header: "Authorization", Prefix: "Bearer "}

// Stream sends the call when it is ranged over, once, and reads the answer. Every
// error it yields is an *llmhub.Error. When the consumer leaves or ctx ends, the
// connection is closed, or the request on it reset; after that no byte of the
// call's body is read.
func (p *Post) Stream(ctx context.Context, call *llmhub.Call) llmhub.Stream {
	return func(yield func(llmhub.Event, error) bool) {
		if err := p.exchange(ctx, call, yield); err != nil {
			yield(llmhub.Event{}, err)
		}
	}
}

// exchange sends and reads. It returns the error that is still to be yielded.
func (p *Post) exchange(ctx context.Context, call *llmhub.Call, yield func(llmhub.Event, error) bool) error {
	if ctx.Err() != nil {
		return interrupted(ctx, false)
	}
	var sent *body
	defer func() { sent.fence() }()
	resp, err := p.send(ctx, call, &sent)
	if err != nil {
		return err
	}
	a := newAnswer(ctx, call, resp.Body, p.provider(call))
	defer a.body.Close()
	if resp.StatusCode != http.StatusOK {
		return p.refused(call, resp)
	}
	begun := false
	for ev, err := range p.Client.Events(call, a, resp.ContentLength) {
		if err != nil {
			return p.broken(call, err, begun)
		}
		begun = true
		if !yield(ev, nil) {
			return nil
		}
	}
	a.drain()
	return nil
}

// send makes the request and waits for the headers of its answer. It sets sent as
// soon as there is a body that somebody may be reading.
func (p *Post) send(ctx context.Context, call *llmhub.Call, sent **body) (*http.Response, error) {
	parts, err := p.Client.Body(call)
	if err != nil {
		return nil, err
	}
	path, err := p.Path(call)
	if err != nil {
		return nil, err
	}
	b := newBody(parts)
	*sent = b
	req, err := p.request(ctx, call.Key, http.MethodPost, path, call, b)
	if err != nil {
		return nil, err
	}
	call.Touch() // from here on silence counts
	resp, err := p.transport().RoundTrip(req)
	if err != nil {
		return nil, unanswered(ctx, p.provider(call), err, b.begun.Load())
	}
	call.Touch()
	return resp, nil
}

func (p *Post) provider(call *llmhub.Call) string {
	if call == nil || call.Target.Provider == "" {
		return p.Provider
	}
	return call.Target.Provider
}

func (p *Post) now() time.Time {
	if p.Now == nil {
		return time.Now()
	}
	return p.Now()
}

// Values of headers, shared by all requests: nobody may change them.
var (
	jsonType  = []string{"application/json"}
	userAgent = []string{UserAgent}
)

// request makes the request for path. A nil body makes one without.
func (p *Post) request(ctx context.Context, key llmhub.Key, method, path string, call *llmhub.Call, b *body) (*http.Request, error) {
	base := p.URL
	if key.URL != "" {
		base = key.URL
	}
	u, err := p.urls.of(base, path)
	if err != nil {
		return nil, &llmhub.Error{Kind: llmhub.Unreachable, Provider: p.provider(call), Message: "the base URL is not valid", Err: err}
	}
	h := make(http.Header, 8)
	h["User-Agent"] = userAgent
	secret := key.Secret
	if secret.IsZero() {
		secret = p.Key
	}
	switch {
	case !secret.IsZero():
		h[p.Auth.Header] = []string{p.Auth.Prefix + secret.Expose()}
	case !p.Keyless:
		return nil, &llmhub.Error{Kind: llmhub.BadCredential, Message: "there is no key to send"}
	}
	if p.Header != nil {
		p.Header(h, call)
	}
	r := http.Request{Method: method, URL: u, Host: u.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h}
	if b != nil {
		h["Content-Type"] = jsonType
		// A key without values is not sent, and tells http.Transport that a request
		// may go out again when the idle connection it took turns out to be dead
		// before a byte of an answer has come.
		h["Idempotency-Key"] = nil
		r.ContentLength, r.Body, r.GetBody = b.size, b.reader(), b.again
	}
	if b != nil && b.whole != nil {
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { b.begun.Store(true) }})
	}
	return r.WithContext(ctx), nil
}
