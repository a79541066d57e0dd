package gemini

import (
	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire/scan"
)

// usageOf reads usageMetadata into disjoint buckets. It is cumulative, so the
// last one holds; the cached tokens are within the prompt's, the thoughts are
// beside the candidates'.
func (d *decoder) usageOf(c *scan.Cursor) {
	if c.Peek() != '{' {
		c.Skip()
		return
	}
	var prompt, cached, tools, candidates, thoughts, heard, cachedHeard, spoken int64
	seen := false
	for c.Enter('{'); c.Member(); {
		switch string(c.Key) {
		case "promptTokenCount":
			prompt, seen = c.Int(), true
		case "cachedContentTokenCount":
			cached = c.Int()
		case "toolUsePromptTokenCount":
			tools = c.Int()
		case "candidatesTokenCount":
			candidates, seen = c.Int(), true
		case "thoughtsTokenCount":
			thoughts = c.Int()
		case "promptTokensDetails":
			heard = audio(c)
		case "cacheTokensDetails":
			cachedHeard = audio(c)
		case "candidatesTokensDetails":
			spoken = audio(c)
		default:
			c.Skip()
		}
	}
	if !seen {
		return
	}
	heard = max(heard-cachedHeard, 0)
	d.metered = true
	d.usage = llmhub.Usage{
		Input:       max(prompt-cached-heard, 0) + tools,
		CacheRead:   cached,
		AudioInput:  heard,
		Output:      max(candidates-spoken, 0),
		AudioOutput: spoken,
		Reasoning:   thoughts,
	}
}

// audio sums the sound in a list of counts by modality.
func audio(c *scan.Cursor) int64 {
	var sum int64
	for c.Enter('['); c.Elem(); {
		var n int64
		sound := false
		for c.Enter('{'); c.Member(); {
			switch string(c.Key) {
			case "modality":
				sound = string(c.Raw()) == `"AUDIO"`
			case "tokenCount":
				n = c.Int()
			default:
				c.Skip()
			}
		}
		if sound {
			sum += n
		}
	}
	return sum
}
