// Package anthropic is the adapter of Anthropic's Messages API.
package anthropic

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/llmhubd/llmhub/adapters/internal/post"
	"github.com/llmhubd/llmhub/llmhub"
	dialect "github.com/llmhubd/llmhub/llmhub/wire/anthropic"
)

// URL is the public endpoint.
const URL = "https://api.anthropic.com"

// Version is the version of the API that is asked for.
const Version = "2023-06-01"

// Config of an Adapter. The zero Config is good where calls bring their keys.
type Config struct {
	Key       llmhub.Secret     // used where a call brings none
	URL       string            // what precedes /v1/messages; "": URL
	Transport http.RoundTripper // nil: one of the adapter's own, see adapters.NewTransport
	Now       func() time.Time  // nil: time.Now
	// Betas are the values of anthropic-beta that may go from a caller to the
	// provider; one that ends in * allows all that begin so. nil: DefaultBetas.
	Betas []string
}

// DefaultBetas are the values of anthropic-beta that neither reach what other
// callers own nor change the price.
func DefaultBetas() []string {
	return []string{
		"advanced-tool-use-*", "claude-code-*", "computer-use-*", "context-management-*", "effort-*", "extended-cache-ttl-*",
		"fine-grained-tool-streaming-*", "interleaved-thinking-*", "max-tokens-*", "output-128k-*", "pdfs-*", "prompt-caching-*",
		"structured-outputs-*", "thinking-token-count-*", "token-counting-*", "token-efficient-tools-*", "tool-examples-*", "tools-*",
	}
}

// Adapter speaks to Anthropic. It is safe for concurrent use.
type Adapter struct {
	post  post.Post
	betas []string
}

var (
	_ llmhub.Adapter = (*Adapter)(nil)
	_ llmhub.Lister  = (*Adapter)(nil)
)

// New makes an Adapter.
func New(c Config) *Adapter {
	a := &Adapter{betas: c.Betas}
	if c.Betas == nil {
		a.betas = DefaultBetas()
	}
	a.post = post.Post{
		Provider: "anthropic", URL: cmp.Or(c.URL, URL), Key: c.Key, Transport: c.Transport, Now: c.Now,
		Client: dialect.Client{Now: c.Now},
		Auth:   post.Auth{Header: "X-Api-Key"},
		Path:   func(*llmhub.Call) (string, error) { return "/v1/messages", nil },
		Header: a.header,
	}
	return a
}

// Stream sends the call, once.
func (a *Adapter) Stream(ctx context.Context, call *llmhub.Call) llmhub.Stream {
	return a.post.Stream(ctx, call)
}

// Models names the models that the key may use.
func (a *Adapter) Models(ctx context.Context, key llmhub.Key) ([]string, error) {
	return a.post.List(ctx, key, "/v1/models?limit=1000", "data", "id")
}

var version = []string{Version}

func (a *Adapter) header(h http.Header, call *llmhub.Call) {
	h["Anthropic-Version"] = version
	if call == nil {
		return
	}
	var allowed []string
	for _, beta := range dialect.Betas(call.Body) {
		if a.allows(beta) {
			allowed = append(allowed, beta)
		} else {
			call.Warn("anthropic-beta: " + beta)
		}
	}
	if allowed != nil {
		h["Anthropic-Beta"] = []string{strings.Join(allowed, ",")}
	}
}

func (a *Adapter) allows(beta string) bool {
	for _, b := range a.betas {
		if head, ok := strings.CutSuffix(b, "*"); b == beta || ok && strings.HasPrefix(beta, head) {
			return clean(beta)
		}
	}
	return false
}

// clean reports whether a value is one word, so that it cannot be more than one
// value of a header.
func clean(beta string) bool {
	for _, c := range []byte(beta) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return true
}
