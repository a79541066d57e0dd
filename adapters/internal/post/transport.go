package post

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// NewTransport is a transport for providers: no proxy, no compression, bounded
// idle connections, HTTP/2 where TLS agrees on it. Time-outs of answers are left
// to the context of a request.
func NewTransport() *http.Transport {
	return &http.Transport{
		DialContext:            Dial((&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext),
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConns:           1024,
		MaxIdleConnsPerHost:    256,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		// Held as long as a stream lasts; what is longer goes around them.
		ReadBufferSize:  2 << 10,
		WriteBufferSize: 2 << 10,
	}
}

// DialFunc makes a connection, as net.Dialer.DialContext does.
type DialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// Dial makes dial's connections cheaper to send long bodies over.
func Dial(dial DialFunc) DialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return conn{c}, nil
	}
}

// conn sends what http.Transport copies into it through a large shared buffer:
// a net.TCPConn would make a new one of 32 KiB for each body.
type conn struct{ net.Conn }

var copyBuffers = sync.Pool{New: func() any { return new([128 << 10]byte) }}

// ReadFrom sends all of r.
func (c conn) ReadFrom(r io.Reader) (int64, error) {
	b := copyBuffers.Get().(*[128 << 10]byte)
	defer copyBuffers.Put(b)
	return io.CopyBuffer(struct{ io.Writer }{c.Conn}, r, b[:])
}

// own is the transport of a Post that was given none.
type own struct {
	once sync.Once
	rt   http.RoundTripper
}

func (p *Post) transport() http.RoundTripper {
	if p.Transport != nil {
		return p.Transport
	}
	p.own.once.Do(func() { p.own.rt = NewTransport() })
	return p.own.rt
}
