package openaichat

import (
	"sync"

	"github.com/llmhubd/llmhub/llmhub"
)

// body is a request's bytes that nobody has decoded yet, and what the scan of
// its head found.
type body struct {
	raw []byte
	at  spans
	head

	once   sync.Once
	prompt *llmhub.Prompt
	err    error
}

var _ llmhub.Body = (*body)(nil)

// Decode decodes the bytes, once.
func (b *body) Decode() (*llmhub.Prompt, error) {
	b.once.Do(func() { b.prompt, b.err = decodePrompt(b.raw) })
	return b.prompt, b.err
}

// Tokens is about a quarter of the text's bytes, and a flat 1,000 for each image,
// document or sound.
func (b *body) Tokens() int64 { return b.tokens }

// of is the value of a key, nil when it is not there.
func (b *body) of(k key) []byte { return b.at[k].Of(b.raw) }

// bodyOf finds the caller's bytes behind a request, nil when there are none of
// this dialect.
func bodyOf(b llmhub.Body) *body {
	switch b := b.(type) {
	case *body:
		return b
	case *llmhub.Prompt:
		if b.Origin.Dialect != Name {
			return nil
		}
		again := &body{raw: b.Origin.JSON}
		if again.scan() == nil {
			return again
		}
	}
	return nil
}
