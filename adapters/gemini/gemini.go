// Package gemini is the adapter of Google's Gemini API.
package gemini

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/llmhubd/llmhub/adapters/internal/post"
	"github.com/llmhubd/llmhub/llmhub"
	dialect "github.com/llmhubd/llmhub/llmhub/wire/gemini"
)

// URL is the public endpoint.
const URL = "https://generativelanguage.googleapis.com"

// Config of an Adapter. The zero Config is good where calls bring their keys.
type Config struct {
	Key       llmhub.Secret     // used where a call brings none
	URL       string            // what precedes /v1beta/models; "": URL
	Transport http.RoundTripper // nil: one of the adapter's own, see adapters.NewTransport
	Now       func() time.Time  // nil: time.Now
}

// Adapter speaks to Gemini. It is safe for concurrent use.
type Adapter struct{ post post.Post }

var (
	_ llmhub.Adapter = (*Adapter)(nil)
	_ llmhub.Lister  = (*Adapter)(nil)
)

// New makes an Adapter.
func New(c Config) *Adapter {
	return &Adapter{post: post.Post{
		Provider: "gemini", URL: cmp.Or(c.URL, URL), Key: c.Key, Transport: c.Transport, Now: c.Now,
		Client: &dialect.Client{Now: c.Now},
		Auth:   post.Auth{Header: "X-Goog-Api-Key"}, // never ?key=, which ends in logs
		Path:   path,
	}}
}

// Stream sends the call, once.
func (a *Adapter) Stream(ctx context.Context, call *llmhub.Call) llmhub.Stream {
	return a.post.Stream(ctx, call)
}

// Models names the models that the key may use.
func (a *Adapter) Models(ctx context.Context, key llmhub.Key) ([]string, error) {
	return a.post.List(ctx, key, "/v1beta/models?pageSize=1000", "models", "name")
}

// path names model and method. The model may be a caller's word, so it must not
// be able to name anything else.
func path(call *llmhub.Call) (string, error) {
	kind, model := "models/", strings.TrimPrefix(call.Target.Model, "models/")
	if rest, ok := strings.CutPrefix(model, "tunedModels/"); ok {
		kind, model = "tunedModels/", rest
	}
	if !goodModel(model) {
		return "", &llmhub.Error{Kind: llmhub.ModelNotFound, Message: "no model of this provider is called so"}
	}
	if call.Stream {
		return "/v1beta/" + kind + model + ":streamGenerateContent?alt=sse", nil
	}
	return "/v1beta/" + kind + model + ":generateContent", nil
}

func goodModel(model string) bool {
	for _, c := range []byte(model) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return model != "" && model[0] != '.'
}
