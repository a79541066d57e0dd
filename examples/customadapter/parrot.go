// Customadapter is an adapter written outside the hub's own, for a provider
// that nobody has heard of.
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptrace"

	"github.com/llmhubd/llmhub/llmhub"
)

// Parrot speaks to a provider that answers in lines of JSON.
type Parrot struct{ URL string }

var _ llmhub.Adapter = Parrot{}

// Stream sends the call when it is ranged over, once, and reads the answer.
func (p Parrot) Stream(ctx context.Context, call *llmhub.Call) llmhub.Stream {
	return func(yield func(llmhub.Event, error) bool) {
		if err := p.talk(ctx, call, yield); err != nil {
			yield(llmhub.Event{}, err)
		}
	}
}

func (p Parrot) talk(ctx context.Context, call *llmhub.Call, yield func(llmhub.Event, error) bool) error {
	body, err := question(call)
	if err != nil {
		return err
	}
	sent := false
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sent = true }})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, cmp.Or(call.Key.URL, p.URL)+"/talk", bytes.NewReader(body))
	if err != nil {
		return failed(ctx, call, llmhub.Internal, false, err)
	}
	req.Header.Set("Parrot-Key", call.Key.Secret.Expose())
	resp, err := client.Do(req)
	if err != nil && !sent {
		return failed(ctx, call, llmhub.Unreachable, false, err)
	}
	if err != nil {
		return failed(ctx, call, llmhub.UpstreamFailed, true, err)
	}
	defer resp.Body.Close()
	call.Touch()
	if resp.StatusCode != http.StatusOK {
		return refusal(call, resp)
	}
	return listen(ctx, call, resp.Body, yield)
}

// client takes answers as they are: a redirect would carry the key elsewhere.
var client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// question is the call in the provider's words.
func question(call *llmhub.Call) ([]byte, error) {
	prompt, err := call.Body.Decode()
	if err != nil {
		return nil, err
	}
	words := ""
	for _, m := range prompt.Messages {
		for _, part := range m.Parts {
			if part.Kind != llmhub.PartText {
				return nil, &llmhub.Error{Kind: llmhub.Unsupported, Param: "messages", Message: "a parrot hears text only"}
			}
			words += part.Text
		}
	}
	return json.Marshal(map[string]any{"model": call.Target.Model, "words": words, "most": call.MaxTokens})
}
