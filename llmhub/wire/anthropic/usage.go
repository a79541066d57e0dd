package anthropic

import (
	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire/scan"
)

// usage is what an answer says of its tokens, so far: each time it speaks, what
// it names replaces what it named before.
type usage struct {
	input, cacheRead, cacheWrite, write5m, write1h int64
	output, thinking                               int64
}

// take reads a usage object.
func (u *usage) take(v []byte) {
	c := scan.New(v)
	if absent(v) || c.Peek() != '{' {
		return
	}
	for c.Enter('{'); c.Member(); {
		if c.Peek() == 'n' { // null says nothing
			c.Skip()
			continue
		}
		switch string(c.Key) {
		case "input_tokens":
			u.input = count(&c)
		case "cache_read_input_tokens":
			u.cacheRead = count(&c)
		case "cache_creation_input_tokens":
			u.cacheWrite = count(&c)
		case "output_tokens":
			u.output = count(&c)
		case "cache_creation":
			for c.Enter('{'); c.Member(); {
				switch string(c.Key) {
				case "ephemeral_5m_input_tokens":
					u.write5m = count(&c)
				case "ephemeral_1h_input_tokens":
					u.write1h = count(&c)
				default:
					c.Skip()
				}
			}
		case "output_tokens_details":
			for c.Enter('{'); c.Member(); {
				if string(c.Key) == "thinking_tokens" {
					u.thinking = count(&c)
					continue
				}
				c.Skip()
			}
		default:
			c.Skip()
		}
	}
}

// count reads a number of tokens.
func count(c *scan.Cursor) int64 { return min(max(c.Int(), 0), 1<<40) }

// neutral are the disjoint buckets. What was written to the cache for an hour is
// told apart; the rest of what was written lives five minutes.
func (u *usage) neutral() llmhub.Usage {
	hour := min(u.write1h, max(u.cacheWrite, u.write1h+u.write5m))
	reasoning := min(u.thinking, u.output)
	return llmhub.Usage{
		Input:        u.input,
		CacheRead:    u.cacheRead,
		CacheWrite5m: max(u.cacheWrite, u.write1h+u.write5m) - hour,
		CacheWrite1h: hour,
		Output:       u.output - reasoning,
		Reasoning:    reasoning,
	}
}
