// Package adapters is what the provider adapters below it share with those who
// run them.
package adapters

import (
	"context"
	"net"
	"net/http"

	"github.com/llmhubd/llmhub/adapters/internal/post"
)

// NewTransport makes the transport that an adapter uses when it is given none:
// no proxy, no compression, up to 256 idle connections a host for 90 seconds,
// HTTP/2 where TLS agrees on it, no time-out of its own for answers. Change it
// before its first use, or share it between adapters: one pool serves all.
func NewTransport() *http.Transport { return post.NewTransport() }

// Dial wraps the dial function of a transport whose DialContext you replace, so
// that long bodies are sent over its connections as cheaply.
func Dial(dial func(ctx context.Context, network, addr string) (net.Conn, error)) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return post.Dial(dial)
}
