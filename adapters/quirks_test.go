package adapters_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/llmhubd/llmhub/adapters/adaptertest"
	"github.com/llmhubd/llmhub/adapters/anthropic"
	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
	anthropicwire "github.com/llmhubd/llmhub/llmhub/wire/anthropic"
	"github.com/llmhubd/llmhub/llmhub/wire/openaichat"
	"github.com/llmhubd/llmhub/llmhub/wire/wiretest"
)

// sent is what a provider gets of a call: path, headers and body.
func sent(t *testing.T, provider string, call *llmhub.Call) (*http.Request, []byte, error) {
	t.Helper()
	var got *http.Request
	var body []byte
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		switch provider {
		case "anthropic":
			w.Write(adaptertest.Anthropic().Answer)
		case "gemini":
			w.Write(adaptertest.Gemini().Answer)
		default:
			w.Write(adaptertest.OpenAIChat().Answer)
		}
	}))
	defer s.Close()
	call.Key.Secret = secret
	_, err := clocked[provider](s.URL).Stream(t.Context(), call).Collect()
	return got, body, err
}

// A caller who asked for a logical model gets what the model takes; one who named
// it is taken at his word.
func TestQuirks(t *testing.T) {
	for _, tt := range []struct {
		name, provider, model, body string
		logical, named              string // what is sent; "!x": refused for x
		warns                       []string
	}{
		{"the cap of a model that reasons", "openai", "o3", `{"model":"M","messages":[],"max_tokens":5}`,
			`{"model":"o3","messages":[],"max_completion_tokens":5}`, `{"model":"o3","messages":[],"max_completion_tokens":5}`, nil},
		{"sampling of a model that reasons", "openai", "gpt-5-mini", `{"model":"M","messages":[],"temperature":0.2,"reasoning_effort":"none"}`,
			`{"model":"gpt-5-mini","messages":[],"reasoning_effort":"minimal"}`, `{"model":"gpt-5-mini","messages":[],"temperature":0.2,"reasoning_effort":"none"}`, []string{"temperature"}},
		{"an effort of a model that does not reason", "openai", "gpt-4o", `{"model":"M","messages":[],"reasoning_effort":"low"}`,
			`{"model":"gpt-4o","messages":[]}`, `{"model":"gpt-4o","messages":[],"reasoning_effort":"low"}`, []string{"reasoning_effort"}},
		{"several answers", "groq", "llama-3.3-70b-versatile", `{"model":"M","messages":[],"n":2}`, "!n", `{"model":"llama-3.3-70b-versatile","messages":[],"n":2}`, nil},
		{"a schema", "deepseek", "deepseek-v4-flash", `{"model":"M","messages":[],"response_format":{"type":"json_schema","json_schema":{"name":"a"}}}`,
			"!response_format", `{"model":"deepseek-v4-flash","messages":[],"response_format":{"type":"json_schema","json_schema":{"name":"a"}}}`, nil},
		{"words to favour", "deepseek", "deepseek-v4-flash", `{"model":"M","messages":[],"logit_bias":{"1":5}}`,
			"!logit_bias", `{"model":"deepseek-v4-flash","messages":[],"logit_bias":{"1":5}}`, nil},
		{"the developer's role", "deepseek", "deepseek-v4-flash", `{"model":"M","messages":[{"role":"developer","content":"a"}]}`,
			`{"model":"deepseek-v4-flash","messages":[{"role":"system","content":"a"}]}`, `{"model":"deepseek-v4-flash","messages":[{"role":"system","content":"a"}]}`, nil},
	} {
		for _, named := range []bool{false, true} {
			t.Run(tt.name, func(t *testing.T) {
				model, want, warns := "smart", tt.logical, tt.warns
				if named {
					model, want, warns = tt.provider+"/"+tt.model, tt.named, nil
				}
				req, err := openaichat.Server{}.Request(wire.Incoming{Body: []byte(strings.Replace(tt.body, `"M"`, `"`+model+`"`, 1))})
				if err != nil {
					t.Fatal(err)
				}
				call := &llmhub.Call{Request: *req, Target: llmhub.Target{Provider: tt.provider, Model: tt.model}}
				_, body, err := sent(t, tt.provider, call)
				if param, ok := strings.CutPrefix(want, "!"); ok {
					var e *llmhub.Error
					if !errors.As(err, &e) || e.Kind != llmhub.Unsupported || e.Param != param || body != nil {
						t.Errorf("asked for %s: error %v, sent %s, want %s refused", model, err, body, param)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if d := wiretest.DiffJSON(body, []byte(want)); d != "" {
					t.Errorf("asked for %s: sent %s, want %s: %s", model, body, want, d)
				}
				if !slices.Equal(call.Warnings(), warns) {
					t.Errorf("asked for %s: warnings %q, want %q", model, call.Warnings(), warns)
				}
			})
		}
	}
}

// Of a caller's anthropic-beta goes on what is on the list.
func TestAnthropicBetas(t *testing.T) {
	h := http.Header{"Anthropic-Beta": {"interleaved-thinking-2025-05-14,files-api-2025-04-14,unheard-of"}, "X-Caller": {"1"}}
	req, err := anthropicwire.Server{}.Request(wire.Incoming{Header: h, Body: []byte(`{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"hi"}]}`)})
	if err != nil {
		t.Fatal(err)
	}
	call := &llmhub.Call{Request: *req, Target: llmhub.Target{Provider: "anthropic", Model: "m"}}
	r, _, err := sent(t, "anthropic", call)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Header.Get("Anthropic-Beta"); got != "interleaved-thinking-2025-05-14" {
		t.Errorf("anthropic-beta sent is %q", got)
	}
	if r.Header.Get("Anthropic-Version") != anthropic.Version || r.Header.Get("X-Api-Key") == "" || r.Header.Get("X-Caller") != "" || r.URL.Path != "/v1/messages" {
		t.Errorf("%s got headers %v", r.URL.Path, r.Header)
	}
	if want := []string{"anthropic-beta: files-api-2025-04-14", "anthropic-beta: unheard-of"}; !slices.Equal(call.Warnings(), want) {
		t.Errorf("warnings %q, want %q", call.Warnings(), want)
	}
}

// Gemini's model stands in the path, and can name nothing else.
func TestGeminiPath(t *testing.T) {
	for _, tt := range []struct {
		model  string
		stream bool
		want   string // "": refused
	}{
		{"gemini-2.5-flash", false, "/v1beta/models/gemini-2.5-flash:generateContent"},
		{"models/gemini-2.5-flash", true, "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"},
		{"tunedModels/mine-1", false, "/v1beta/tunedModels/mine-1:generateContent"},
		{"../cachedContents", false, ""}, {"a:countTokens?x=", false, ""}, {"a/b", false, ""}, {"", false, ""}, {"%2e%2e", false, ""},
	} {
		r, _, err := sent(t, "gemini", &llmhub.Call{Request: llmhub.Request{Stream: tt.stream, Body: llmhub.Text("hi")}, Target: llmhub.Target{Provider: "gemini", Model: tt.model}})
		if tt.want == "" {
			if !errors.Is(err, llmhub.ModelNotFound) || r != nil {
				t.Errorf("model %q gave %v, sent %t, want it refused", tt.model, err, r != nil)
			}
			continue
		}
		if err != nil || r.URL.String() != tt.want || r.Header.Get("X-Goog-Api-Key") == "" {
			t.Errorf("model %q: error %v, asked %v, want %s", tt.model, err, r, tt.want)
		}
	}
}

// The list of models is each provider's own.
func TestModels(t *testing.T) {
	for provider, list := range map[string]struct{ path, body string }{
		"openai":    {"/models", `{"data":[{"id":"a"},{"id":"b"}]}`},
		"groq":      {"/models", `{"data":[{"id":"a"},{"id":"b"}]}`},
		"deepseek":  {"/models", `{"data":[{"id":"a"},{"id":"b"}]}`},
		"anthropic": {"/v1/models?limit=1000", `{"data":[{"id":"a"},{"id":"b"}]}`},
		"gemini":    {"/v1beta/models?pageSize=1000", `{"models":[{"name":"models/a"},{"name":"models/b"}]}`},
	} {
		var path string
		status := 200
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			path = r.URL.String()
			w.WriteHeader(status)
			io.WriteString(w, list.body)
		}))
		a := clocked[provider](s.URL).(llmhub.Lister)
		got, err := a.Models(t.Context(), llmhub.Key{Secret: secret})
		if err != nil || path != list.path || !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("%s: Models asked %s and gave %v, %v, want %s, a and b", provider, path, got, err, list.path)
		}
		status = 401
		if _, err := a.Models(t.Context(), llmhub.Key{Secret: secret}); !errors.Is(err, llmhub.BadCredential) {
			t.Errorf("%s: Models with a bad key gave %v, want %s", provider, err, llmhub.BadCredential)
		}
		s.Close()
	}
}
