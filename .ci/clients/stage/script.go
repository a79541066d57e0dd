package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/hubtest"
	"github.com/llmhubd/llmhub/llmhub/wire/anthropic"
	"github.com/llmhubd/llmhub/llmhub/wire/openaichat"
)

// scripted are three providers, one of each dialect, that do what the model
// they are asked for is called.
type scripted struct {
	http.Handler

	mu   sync.Mutex
	keys map[string]bool // credentials that have come
}

func newScripted() *scripted {
	s := &scripted{keys: map[string]bool{}}
	mux := http.NewServeMux()
	mux.Handle("/chat/", &hubtest.Upstream{Server: &openaichat.Server{}, Script: s.act})
	mux.Handle("/messages/", &hubtest.Upstream{Server: &anthropic.Server{}, Script: s.act})
	mux.Handle("/generate/", &hubtest.Upstream{Script: s.act})
	s.Handler = mux
	return s
}

func (s *scripted) act(seen hubtest.Seen) hubtest.Act {
	s.mu.Lock()
	s.keys[seen.Key] = true
	s.mu.Unlock()
	const openaiError = `{"error":{"message":"scripted","type":"invalid_request_error","param":null,"code":`
	switch model(seen) {
	case "tool":
		return hubtest.Act{Answer: toolTurn(seen)}
	case "wrong":
		return hubtest.Act{Status: http.StatusBadRequest, Body: openaiError + `"invalid_value"}}`}
	case "absent":
		return hubtest.Act{Status: http.StatusNotFound, Body: openaiError + `"model_not_found"}}`}
	case "busy":
		return hubtest.Act{Status: http.StatusTooManyRequests, Body: openaiError + `"rate_limit_exceeded"}}`, Header: map[string]string{"Retry-After": "77"}}
	case "cut":
		return hubtest.Act{Answer: greeting(), CutAfter: 4}
	}
	return hubtest.Act{Answer: greeting()}
}

// check fails if another credential than key has come, or none.
func (s *scripted) check(key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.keys) != 1 || !s.keys[key] {
		return errors.New("the scripted providers saw another credential than theirs, or none")
	}
	return nil
}

func model(seen hubtest.Seen) string {
	var body struct{ Model string }
	if json.Unmarshal(seen.Body, &body) == nil && body.Model != "" {
		return body.Model
	}
	_, name, _ := strings.Cut(seen.Path, "/models/")
	name, _, _ = strings.Cut(name, ":")
	return name
}

func greeting() *llmhub.Response {
	r := hubtest.Say("Hello from the script, with ünïcode and a\nsecond line.")
	r.Model = "provider-model-name"
	return r
}

// toolTurn calls a tool twice at once, or, when the results have come, answers.
func toolTurn(seen hubtest.Seen) *llmhub.Response {
	if bytes.Contains(seen.Body, []byte("18 degrees")) && bytes.Contains(seen.Body, []byte("9 degrees")) {
		return hubtest.Say("18 in Lisbon, 9 in Oslo.")
	}
	return &llmhub.Response{
		ID: "answer-2", Model: "provider-model-name",
		Parts: []llmhub.Part{
			{Kind: llmhub.PartToolCall, ID: "call_provider_1", Name: "weather", Args: `{"city":"Lisbon"}`},
			{Kind: llmhub.PartToolCall, ID: "call_provider_2", Name: "weather", Args: `{"city":"Oslo"}`},
		},
		End:   llmhub.End{Stop: llmhub.StopTools},
		Usage: llmhub.Usage{Input: 50, Output: 20},
	}
}
