package hubtest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/llmhubd/llmhub/adapters/anthropic"
	"github.com/llmhubd/llmhub/adapters/gemini"
	"github.com/llmhubd/llmhub/adapters/openai"
	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/hubtest"
	wireanthropic "github.com/llmhubd/llmhub/llmhub/wire/anthropic"
	"github.com/llmhubd/llmhub/llmhub/wire/openaichat"
)

// adaptersOf are real adapters in front of an upstream, one a dialect.
func adaptersOf(script func(hubtest.Seen) hubtest.Act) map[string]llmhub.Adapter {
	key := llmhub.NewSecret("sk-0123456789abcdefghij")
	return map[string]llmhub.Adapter{
		"openai":    openai.New(openai.Config{Key: key, Transport: hubtest.Transport(&hubtest.Upstream{Server: openaichat.Server{}, Script: script})}),
		"anthropic": anthropic.New(anthropic.Config{Key: key, Transport: hubtest.Transport(&hubtest.Upstream{Server: wireanthropic.Server{}, Script: script})}),
		"gemini":    gemini.New(gemini.Config{Key: key, Transport: hubtest.Transport(&hubtest.Upstream{Script: script})}),
	}
}

func call(stream bool) *llmhub.Call {
	return &llmhub.Call{Request: llmhub.Request{Stream: stream, Body: llmhub.Text("hi")}, Target: llmhub.Target{Model: "m"}}
}

func TestUpstreamSaysWhatItsScriptSays(t *testing.T) {
	want := &llmhub.Response{ID: "x", Model: "m-1", End: llmhub.End{Stop: llmhub.StopTools}, Usage: llmhub.Usage{Input: 5, Output: 6},
		Parts: []llmhub.Part{{Kind: llmhub.PartReasoning, Text: "hm"}, {Kind: llmhub.PartText, Text: "some text"}, {Kind: llmhub.PartToolCall, ID: "c1", Name: "look", Args: `{"a":1}`}}}
	for _, stream := range []bool{false, true} {
		for name, a := range adaptersOf(func(hubtest.Seen) hubtest.Act { return hubtest.Act{Answer: want} }) {
			got, err := a.Stream(t.Context(), call(stream)).Collect()
			if err != nil || got.Text() != "some text" || got.Stop != llmhub.StopTools || got.Usage.Total() != 11 || len(got.Parts) != 3 || got.Parts[2].Args != `{"a":1}` {
				t.Errorf("%s, stream %v: %+v, %v", name, stream, got, err)
			}
		}
	}
}

func TestForgetfulUpstreamKeepsNoRequests(t *testing.T) {
	last := 0
	up := &hubtest.Upstream{Server: openaichat.Server{}, Forgetful: true, Script: func(s hubtest.Seen) hubtest.Act {
		last = s.N
		return hubtest.Act{}
	}}
	a := openai.New(openai.Config{Key: llmhub.NewSecret("sk-0123456789abcdefghij"), Transport: hubtest.Transport(up)})
	for range 3 {
		if _, err := a.Stream(t.Context(), call(false)).Collect(); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(up.Requests()); n != 0 || last != 3 {
		t.Errorf("it keeps %d requests, and the last was number %d; want 0 and 3", n, last)
	}
}

func TestUpstreamMisbehaves(t *testing.T) {
	for name, tt := range map[string]struct {
		act  hubtest.Act
		kind llmhub.Kind
	}{
		"refuses":            {hubtest.Act{Status: 500, Body: "{}"}, llmhub.UpstreamFailed},
		"cuts in mid-stream": {hubtest.Act{CutAfter: 3}, llmhub.Broken},
		"forgets the end":    {hubtest.Act{NoEnd: true}, llmhub.Broken},
		"redirects":          {hubtest.Act{Redirect: "http://127.0.0.1:1/"}, llmhub.Malformed},
	} {
		for provider, a := range adaptersOf(func(hubtest.Seen) hubtest.Act { return tt.act }) {
			if _, err := a.Stream(t.Context(), call(true)).Collect(); llmhub.AsError(err) == nil || llmhub.AsError(err).Kind != tt.kind {
				t.Errorf("%s that %s gave %v, want %v", provider, name, err, tt.kind)
			}
		}
	}
}

func TestUpstreamRemembersWhatItSaw(t *testing.T) {
	up := &hubtest.Upstream{Server: openaichat.Server{}, Script: func(hubtest.Seen) hubtest.Act { return hubtest.Act{Hang: true} }}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "POST", "http://upstream.invalid/v1/chat/completions", strings.NewReader(`{"model":"m","stream":true,"messages":[]}`))
	req.Header.Set("Authorization", "Bearer k1")
	if _, err := hubtest.Transport(up).RoundTrip(req); err == nil {
		t.Fatal("an upstream that hangs has answered")
	}
	seen := up.Requests()
	if len(seen) != 1 || seen[0].Key != "k1" || !seen[0].Stream || seen[0].N != 1 {
		t.Fatalf("it saw %+v", seen)
	}
	select {
	case <-seen[0].Gone:
	case <-time.After(5 * time.Second):
		t.Error("it does not notice that its caller has gone")
	}
}

func ExampleUpstream() {
	up := &hubtest.Upstream{Server: openaichat.Server{}, Script: func(s hubtest.Seen) hubtest.Act {
		if s.N == 1 {
			return hubtest.Act{Status: http.StatusTooManyRequests, Header: map[string]string{"Retry-After": "20"}}
		}
		return hubtest.Act{Answer: hubtest.Say("at last")}
	}}
	client := &http.Client{Transport: hubtest.Transport(up)}
	for range 2 {
		resp, err := client.Post("http://upstream.invalid/v1/chat/completions", "application/json", strings.NewReader(`{"model":"m"}`))
		if err != nil {
			panic(err)
		}
		body, _ := io.ReadAll(resp.Body)
		fmt.Println(resp.StatusCode, strings.Contains(string(body), "at last"))
	}
	// Output:
	// 429 false
	// 200 true
}
