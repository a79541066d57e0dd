package anthropic

import (
	"sync"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
)

// body is a request in this dialect: its bytes, and where its members stand.
type body struct {
	json      []byte
	at        [keyCount]wire.Span
	stream    bool // as the bytes say
	maxTokens int  // as the bytes say
	found     survey
	betas     []string

	decode  sync.Once
	decoded *llmhub.Prompt
	err     error
}

// Betas are the values of anthropic-beta that came with a request of this
// dialect, decoded or not.
func Betas(b llmhub.Body) []string {
	switch b := b.(type) {
	case *body:
		return b.betas
	case *llmhub.Prompt:
		if b.Origin.Dialect == Name {
			return b.Flags
		}
	}
	return nil
}

// value is the member's bytes, nil when it is not there.
func (b *body) value(key int) []byte {
	if !b.at[key].Ok() {
		return nil
	}
	return b.at[key].Of(b.json)
}

// Decode returns the content. Its strings may be kept, its raw JSON lies in the
// body's bytes.
func (b *body) Decode() (*llmhub.Prompt, error) {
	b.decode.Do(func() { b.decoded, b.err = decodePrompt(b) })
	return b.decoded, b.err
}

// Tokens estimates the prompt's size: a token for four bytes, and a flat 1,000
// for each picture or document whose data stands in the body.
func (b *body) Tokens() int64 {
	return max((int64(len(b.json))-b.found.mediaSize)/4, 0) + 1000*b.found.media + 1
}
