// Package hubtest holds scripted providers that misbehave on cue, for testing
// programs that embed a Hub and for trying one without a provider.
package hubtest

import (
	"context"

	"github.com/llmhubd/llmhub/llmhub"
)

// Adapter is a function that is an Adapter.
type Adapter func(ctx context.Context, call *llmhub.Call) llmhub.Stream

var _ llmhub.Adapter = Adapter(nil)

// Stream calls f.
func (f Adapter) Stream(ctx context.Context, call *llmhub.Call) llmhub.Stream { return f(ctx, call) }

// Say is an answer of one text, counted as one token a word or so.
func Say(text string) *llmhub.Response {
	return &llmhub.Response{
		ID: "answer-1", Model: "model-1",
		Parts: []llmhub.Part{{Kind: llmhub.PartText, Text: text}},
		End:   llmhub.End{Stop: llmhub.StopEnd},
		Usage: llmhub.Usage{Input: 10, Output: int64(len(text)+3) / 4},
	}
}

// CutAfter plays the first n events of s and then fails with err.
func CutAfter(s llmhub.Stream, n int, err error) llmhub.Stream {
	return func(yield func(llmhub.Event, error) bool) {
		for ev, serr := range s {
			if n == 0 || serr != nil {
				break
			}
			n--
			if !yield(ev, nil) {
				return
			}
		}
		yield(llmhub.Event{}, err)
	}
}
