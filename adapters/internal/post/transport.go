package post

import (
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
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConns:           1024,
		MaxIdleConnsPerHost:    256,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
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
