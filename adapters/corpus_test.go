package adapters_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/llmhubd/llmhub/adapters/adaptertest/replay"
	"github.com/llmhubd/llmhub/adapters/anthropic"
	"github.com/llmhubd/llmhub/adapters/deepseek"
	"github.com/llmhubd/llmhub/adapters/gemini"
	"github.com/llmhubd/llmhub/adapters/groq"
	"github.com/llmhubd/llmhub/adapters/openai"
	"github.com/llmhubd/llmhub/adapters/openaicompat"
	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
	anthropicwire "github.com/llmhubd/llmhub/llmhub/wire/anthropic"
	"github.com/llmhubd/llmhub/llmhub/wire/openaichat"
	"github.com/llmhubd/llmhub/llmhub/wire/wiretest"
)

var secret = llmhub.NewSecret("canary-7f1d9a52c04b4e6e")

// provider is how a recording is played: through which adapter, asked for by
// which dialect, and how its answer is read here.
type provider struct {
	adapter func(url string) llmhub.Adapter
	base    string      // what the base URL holds behind the host
	server  wire.Server // of the recorded requests; nil: a plain text is sent instead
	said    func(body []byte) said
}

var chat = openaichat.Server{}

var providers = map[string]provider{
	"openai/chat":   {func(u string) llmhub.Adapter { return openai.New(openai.Config{URL: u}) }, "/v1", chat, chatSaid},
	"groq/chat":     {func(u string) llmhub.Adapter { return groq.New(groq.Config{URL: u}) }, "/openai/v1", chat, chatSaid},
	"deepseek/chat": {func(u string) llmhub.Adapter { return deepseek.New(deepseek.Config{URL: u}) }, "", chat, chatSaid},
	"gemini/openai-compat:chat/completions": {func(u string) llmhub.Adapter { return openaicompat.New(openaicompat.Config{URL: u}) },
		"/v1beta/openai", chat, chatSaid},
	"anthropic/messages": {func(u string) llmhub.Adapter { return anthropic.New(anthropic.Config{URL: u}) }, "", anthropicwire.Server{}, messageSaid},
	"gemini/generate":    {func(u string) llmhub.Adapter { return gemini.New(gemini.Config{URL: u}) }, "", nil, generateSaid},
	"gemini/stream":      {func(u string) llmhub.Adapter { return gemini.New(gemini.Config{URL: u}) }, "", nil, generateSaid},
}

// excluded are the recordings that are not played, and why.
var excluded = map[string]string{
	"gemini/stream-stream-parallel-tool-calls-3188b7": "arguments in pieces, which Vertex AI sends to those who ask for them",
}

func TestCorpus(t *testing.T) {
	passed, total := map[string]int{}, map[string]int{}
	for seed, x := range wiretest.Corpus(t, func(x *wiretest.Exchange) bool { return providers[x.Provider+"/"+x.Endpoint].adapter != nil }) {
		id := x.Provider + "/" + x.ID
		if excluded[id] != "" {
			t.Logf("%s is not played: %s", id, excluded[id])
			continue
		}
		total[x.Provider]++
		if t.Run(id, func(t *testing.T) { play(t, x, uint64(seed)) }) {
			passed[x.Provider]++
		}
	}
	for name := range total {
		t.Logf("%s: %d of %d exchanges passed", name, passed[name], total[name])
	}
}

func play(t *testing.T, x *wiretest.Exchange, seed uint64) {
	p := providers[x.Provider+"/"+x.Endpoint]
	config := replay.Config{Seed: seed}
	call := callOf(t, p, x)
	if p.server == nil || x.Request == nil { // what is sent is not what was recorded
		config.Fallback = func(replay.Asked) *wiretest.Exchange { return x }
	}
	s := httptest.NewServer(replay.New(config, []*wiretest.Exchange{x}))
	defer s.Close()
	got, err := p.adapter(s.URL+p.base).Stream(t.Context(), call).Collect()
	if want := kinds[x.Provider+"/"+x.ID]; want != "" || x.Status != 200 {
		var e *llmhub.Error
		if !errors.As(err, &e) || e.Kind != want || e.Provider != x.Provider {
			t.Fatalf("answer %d %.400s\nis error %v, want %q", x.Status, x.Response, err, want)
		}
		if strings.Contains(fmt.Sprintf("%+v %s", *e, e.Raw), secret.Expose()) {
			t.Fatalf("the error tells the key")
		}
		return
	}
	if err != nil {
		t.Fatalf("answer %.400s\ngave error %v", x.Response, err)
	}
	want := p.said(x.Response)
	if got := told(got).as(want); got != want.String() {
		t.Fatalf("answer read as\n%s\nwant\n%s", got, want)
	}
}

// callOf is the recorded request as a caller of the dialect makes it, who names
// the model; a plain text where there is none.
func callOf(t *testing.T, p provider, x *wiretest.Exchange) *llmhub.Call {
	call := &llmhub.Call{
		Request: llmhub.Request{Model: "m", Stream: x.Stream || x.Endpoint == "stream", Body: llmhub.Text("hi")},
		Target:  llmhub.Target{Provider: x.Provider, Model: "m"},
		Key:     llmhub.Key{ID: "k", Secret: secret},
	}
	if p.server == nil || x.Request == nil {
		return call
	}
	req, err := p.server.Request(wire.Incoming{Path: x.Path, Header: x.Header, Body: bytes.Clone(x.Request)})
	if err != nil {
		t.Fatalf("the recorded request %.400s gave error %v", x.Request, err)
	}
	call.Request = *req
	call.Target.Model = req.Model
	return call
}

// kinds are what the recorded failures mean.
var kinds = map[string]llmhub.Kind{
	"anthropic/messages-unary-status-400-02cb46": llmhub.InvalidRequest,
	"anthropic/messages-unary-status-400-7316e5": llmhub.InvalidRequest,
	"anthropic/messages-unary-status-400-8721d7": llmhub.InvalidRequest,
	"anthropic/messages-unary-status-400-edd14d": llmhub.ContextLength,
	"anthropic/messages-unary-status-401-1977b6": llmhub.BadCredential,
	"anthropic/messages-unary-status-401-37b9c1": llmhub.BadCredential,
	"anthropic/messages-unary-status-401-5fc830": llmhub.BadCredential,
	"anthropic/messages-unary-status-404-10a5fc": llmhub.ModelNotFound,
	"anthropic/messages-unary-status-404-370891": llmhub.ModelNotFound,
	"anthropic/messages-unary-status-404-f4b680": llmhub.ModelNotFound,
	"deepseek/chat-unary-status-400-a57957":      llmhub.Unsupported,
	"deepseek/chat-unary-status-400-af1316":      llmhub.Unsupported,
	"deepseek/chat-unary-status-400-fabdca":      llmhub.ContextLength,
	"deepseek/chat-unary-status-401-3c77e4":      llmhub.BadCredential,
	"gemini/generate-unary-status-400-191f24":    llmhub.BadCredential,
	"gemini/generate-unary-status-400-50a4f5":    llmhub.Blocked,
	"gemini/generate-unary-status-400-e68dcb":    llmhub.InvalidRequest,
	"gemini/generate-unary-status-403-3a0a66":    llmhub.PermissionDenied,
	"gemini/generate-unary-status-403-6411e9":    llmhub.PermissionDenied,
	"gemini/generate-unary-status-403-8ec51e":    llmhub.PermissionDenied,
	"gemini/generate-unary-status-404-4f0480":    llmhub.ModelNotFound,
	"gemini/generate-unary-status-404-c7eefc":    llmhub.ModelNotFound,
	"gemini/generate-unary-status-404-d69b71":    llmhub.ModelNotFound,
	"gemini/generate-unary-status-429-068010":    llmhub.RateLimited,
	"gemini/generate-unary-status-429-46365e":    llmhub.RateLimited,
	"gemini/generate-unary-status-429-776294":    llmhub.RateLimited,
	"gemini/stream-unary-status-400-2d49e3":      llmhub.BadCredential,
	"gemini/stream-unary-status-400-8f880b":      llmhub.InvalidRequest,
	"gemini/stream-unary-status-400-fdb4b5":      llmhub.BadCredential,
	"gemini/stream-unary-status-404-2f518c":      llmhub.ModelNotFound,
	"gemini/stream-unary-status-404-ad01a2":      llmhub.ModelNotFound,
	"groq/chat-unary-status-400-02405e":          llmhub.UpstreamFailed,
	"groq/chat-unary-status-401-e529a2":          llmhub.BadCredential,
	"groq/chat-unary-status-404-4218e0":          llmhub.ModelNotFound,
	"groq/chat-unary-status-404-e62262":          llmhub.ModelNotFound,
	"openai/chat-unary-status-400-3b51d4":        llmhub.Unsupported,
	"openai/chat-unary-status-400-6613e6":        llmhub.InvalidRequest,
	"openai/chat-unary-status-400-8b2d99":        llmhub.Unsupported,
	"openai/chat-unary-status-400-8e073a":        llmhub.InvalidRequest,
	"openai/chat-unary-status-400-965d8d":        llmhub.InvalidRequest,
	"openai/chat-unary-status-400-a08f6a":        llmhub.InvalidRequest,
	"openai/chat-unary-status-400-c773ce":        llmhub.InvalidRequest,
	"openai/chat-unary-status-400-c912d1":        llmhub.InvalidRequest,
	"openai/chat-unary-status-400-ea4da9":        llmhub.InvalidRequest,
	"openai/chat-unary-status-401-0f57e4":        llmhub.BadCredential,
	"openai/chat-unary-status-401-9502e5":        llmhub.BadCredential,
	"openai/chat-unary-status-404-12c695":        llmhub.ModelNotFound,
	"openai/chat-unary-status-404-3ace3c":        llmhub.ModelNotFound,
	"openai/chat-unary-status-404-4a5930":        llmhub.ModelNotFound,
	"openai/chat-unary-status-404-e6a5ed":        llmhub.ModelNotFound,
	"openai/chat-unary-status-404-ef212f":        llmhub.ModelNotFound,
}
