// Package openaicompat is the adapter of any provider that understands OpenAI's
// Chat Completions, a local one too.
package openaicompat

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/llmhubd/llmhub/adapters/internal/chat"
	"github.com/llmhubd/llmhub/adapters/internal/post"
	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire/openaichat"
)

// Config of an Adapter. URL is required where keys name none.
type Config struct {
	Name      string            // of the provider, in errors; "": openaicompat
	Key       llmhub.Secret     // used where a call brings none; without any the call goes out without one
	URL       string            // what precedes /chat/completions
	Transport http.RoundTripper // nil: one of the adapter's own, see adapters.NewTransport
	Now       func() time.Time  // nil: time.Now

	// Quirks says where a model differs from OpenAI's description. nil: nowhere.
	Quirks func(model string) openaichat.Quirks
	// Refine corrects the classification of an error. nil: it is good as it is.
	Refine func(e *llmhub.Error, f openaichat.Failure)
}

// Adapter speaks to one such provider. It is safe for concurrent use.
type Adapter struct{ post post.Post }

var (
	_ llmhub.Adapter = (*Adapter)(nil)
	_ llmhub.Lister  = (*Adapter)(nil)
)

// New makes an Adapter.
func New(c Config) *Adapter {
	a := &Adapter{post: post.Post{Provider: cmp.Or(c.Name, "openaicompat"), URL: c.URL, Key: c.Key, Keyless: true, Transport: c.Transport, Now: c.Now}}
	chat.Set(&a.post, openaichat.Client{Quirks: c.Quirks, Refine: c.Refine})
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
