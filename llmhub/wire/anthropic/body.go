package anthropic

import (
	"bytes"
	"sync"
	"sync/atomic"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/llmhub/wire/scan"
)

// body is a request in this dialect: its bytes, and where its members stand.
type body struct {
	json      []byte
	at        [keyCount]wire.Span
	stream    bool // as the bytes say
	maxTokens int  // as the bytes say
	betas     []string

	tokens  atomic.Int64 // 0: not yet estimated
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
// for each picture, document or sound whose data stands in the body.
func (b *body) Tokens() int64 {
	if n := b.tokens.Load(); n != 0 {
		return n
	}
	n := int64(len(b.json))
	if bytes.Contains(b.json, []byte(`"base64"`)) {
		media, size := base64Size(b.value(kMessages))
		n += 4000*media - size
	}
	n = max(n/4, 1)
	b.tokens.Store(n)
	return n
}

// base64Size counts the base64 data in messages, and its bytes.
func base64Size(messages []byte) (count, size int64) {
	c := scan.New(messages)
	for c.Enter('['); c.Elem(); {
		for c.Enter('{'); c.Member(); {
			if isKey(c.Key, "content") {
				n, s := blocksBase64(&c)
				count, size = count+n, size+s
				continue
			}
			c.Skip()
		}
	}
	return count, size
}

func blocksBase64(c *scan.Cursor) (count, size int64) {
	for c.Enter('['); c.Elem(); {
		for c.Enter('{'); c.Member(); {
			var n, s int64
			switch {
			case isKey(c.Key, "content"):
				n, s = blocksBase64(c)
			case isKey(c.Key, "source"):
				n, s = sourceBase64(c)
			default:
				c.Skip()
			}
			count, size = count+n, size+s
		}
	}
	return count, size
}

func sourceBase64(c *scan.Cursor) (count, size int64) {
	coded, data := false, 0
	for c.Enter('{'); c.Member(); {
		switch {
		case isKey(c.Key, "type"):
			coded = c.Text() == "base64"
		case isKey(c.Key, "data"):
			data = len(c.Raw())
		case isKey(c.Key, "content"):
			count, size = blocksBase64(c)
		default:
			c.Skip()
		}
	}
	if coded {
		return count + 1, size + int64(data)
	}
	return count, size
}
