// Package deepseek is the adapter of DeepSeek.
package deepseek

import (
	"context"
	"net/http"
	"time"

	"github.com/llmhubd/llmhub/adapters/internal/chat"
	"github.com/llmhubd/llmhub/adapters/internal/post"
	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire/openaichat"
)

// URL is the public endpoint.
const URL = "https://api.deepseek.com"

// Config of an Adapter. The zero Config is good where calls bring their keys.
type Config struct {
	Key       llmhub.Secret     // used where a call brings none
	URL       string            // what precedes /chat/completions; "": URL
	Transport http.RoundTripper // nil: one of the adapter's own, see adapters.NewTransport
	Now       func() time.Time  // nil: time.Now
}

// Adapter speaks to DeepSeek. It is safe for concurrent use.
type Adapter struct{ post post.Post }

var (
	_ llmhub.Adapter = (*Adapter)(nil)
	_ llmhub.Lister  = (*Adapter)(nil)
)

// New makes an Adapter.
func New(c Config) *Adapter {
	a := &Adapter{post: post.Post{Provider: "deepseek", URL: c.URL, Key: c.Key, Transport: c.Transport, Now: c.Now}}
	if c.URL == "" {
		a.post.URL = URL
	}
	chat.Set(&a.post, openaichat.Client{Quirks: quirks, Refine: refine})
	return a
}

// Stream sends the call, once.
func (a *Adapter) Stream(ctx context.Context, call *llmhub.Call) llmhub.Stream {
	return a.post.Stream(ctx, call)
}

// Models names the models that the key may use.
func (a *Adapter) Models(ctx context.Context, key llmhub.Key) ([]string, error) {
	return a.post.List(ctx, key, "/models", "data", "id")
}
