// Package chat is what the adapters of providers that understand OpenAI's Chat
// Completions have in common.
package chat

import (
	"io"
	"net/http"

	"github.com/llmhubd/llmhub/adapters/internal/post"
	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/llmhub/wire/openaichat"
)

// Set makes p speak Chat Completions as c does.
func Set(p *post.Post, c openaichat.Client) {
	c.Provider, c.Now = p.Provider, p.Now
	p.Client = newClient(c)
	p.Auth = post.Bearer
	p.Path = func(*llmhub.Call) (string, error) { return "/chat/completions", nil }
}

// client is an openaichat.Client that takes a caller at his word who named the
// very model and speaks the dialect: what he wrote reaches the provider, though
// the model may refuse it. Others could not know what the model takes.
type client struct{ all, named *openaichat.Client }

var _ wire.Client = client{}

func newClient(c openaichat.Client) client {
	named := c
	if c.Quirks != nil {
		named.Quirks = func(model string) openaichat.Quirks {
			q := c.Quirks(model)
			q.Refuses, q.Drops, q.Effort = nil, nil, nil
			q.NoSchema, q.NoImages, q.NoAudio, q.NoFiles, q.NoAllowedTools = false, false, false, false, false
			return q
		}
	}
	return client{all: &c, named: &named}
}

func (c client) Name() string { return c.all.Name() }

func (c client) Body(call *llmhub.Call) ([][]byte, error) {
	if call.Dialect == openaichat.Name && (call.Model == call.Target.Model || call.Model == call.Target.String()) {
		return c.named.Body(call)
	}
	return c.all.Body(call)
}

func (c client) Events(call *llmhub.Call, body io.Reader, size int64) llmhub.Stream {
	return c.all.Events(call, body, size)
}

func (c client) Error(call *llmhub.Call, status int, header http.Header, body []byte) *llmhub.Error {
	return c.all.Error(call, status, header, body)
}
