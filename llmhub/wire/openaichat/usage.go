package openaichat

import (
	"strconv"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire/scan"
)

// counts is a usage object as providers say it: buckets inside one another.
type counts struct {
	prompt, completion, total int64
	cached, written, audioIn  int64
	reasoning, audioOut       int64
	hit                       int64 // DeepSeek's word for cached
}

// readUsage decodes a usage object; nil when it is none.
func readUsage(v []byte) *llmhub.Usage {
	if len(v) == 0 || v[0] != '{' {
		return nil
	}
	var n counts
	c := scan.New(v)
	for c.Enter('{'); c.Member(); {
		switch string(c.Key) {
		case "prompt_tokens":
			n.prompt = c.Int()
		case "completion_tokens":
			n.completion = c.Int()
		case "total_tokens":
			n.total = c.Int()
		case "prompt_cache_hit_tokens":
			n.hit = c.Int()
		case "prompt_tokens_details":
			n.details(&c, &n.audioIn)
		case "completion_tokens_details":
			n.details(&c, &n.audioOut)
		default:
			c.Skip()
		}
	}
	if c.Err != nil {
		return nil
	}
	return n.usage()
}

func (n *counts) details(c *scan.Cursor, audio *int64) {
	for c.Enter('{'); c.Member(); {
		switch string(c.Key) {
		case "cached_tokens":
			n.cached = c.Int()
		case "cache_write_tokens":
			n.written = c.Int()
		case "audio_tokens":
			*audio = c.Int()
		case "reasoning_tokens":
			n.reasoning = c.Int()
		default:
			c.Skip()
		}
	}
}

// usage parts what is inside one another, so that the buckets' sum is the total
// whatever a provider claims.
func (n *counts) usage() *llmhub.Usage {
	u := &llmhub.Usage{}
	rest := max(n.prompt, 0)
	take := func(want int64) int64 {
		got := max(0, min(want, rest))
		rest -= got
		return got
	}
	u.CacheRead = take(max(n.cached, n.hit))
	u.CacheWrite5m = take(n.written)
	u.AudioInput = take(n.audioIn)
	u.Input = rest

	// Some count reasoning beside the completion: then the total tells.
	beside := max(0, n.total-max(n.prompt, 0)-max(n.completion, 0))
	rest = max(n.completion, 0)
	u.Reasoning = take(n.reasoning-beside) + beside
	u.AudioOutput = take(n.audioOut)
	u.Output = rest
	return u
}

// appendUsage renders a usage object with all its details.
func appendUsage(dst []byte, u *llmhub.Usage) []byte {
	if u == nil {
		u = &llmhub.Usage{}
	}
	dst = number(dst, `{"prompt_tokens":`, u.Prompt())
	dst = number(dst, `,"completion_tokens":`, u.Completion())
	dst = number(dst, `,"total_tokens":`, u.Total())
	dst = number(dst, `,"prompt_tokens_details":{"cached_tokens":`, u.CacheRead)
	dst = number(dst, `,"audio_tokens":`, u.AudioInput)
	if n := u.CacheWrite5m + u.CacheWrite1h; n > 0 {
		dst = number(dst, `,"cache_write_tokens":`, n)
	}
	dst = number(dst, `},"completion_tokens_details":{"reasoning_tokens":`, u.Reasoning)
	dst = number(dst, `,"audio_tokens":`, u.AudioOutput)
	return append(dst, `,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}`...)
}

func number(dst []byte, before string, n int64) []byte {
	return strconv.AppendInt(append(dst, before...), n, 10)
}
