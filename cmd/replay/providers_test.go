package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/llmhubd/llmhub/llmhub/wire/wiretest"
)

func exchange(provider, endpoint, path, request, response string) *wiretest.Exchange {
	return &wiretest.Exchange{Provider: provider, Endpoint: endpoint, Method: "POST", Path: path, Status: 200,
		Stream: strings.Contains(request, `"stream":true`), Request: []byte(request), Response: []byte(response + told)}
}

// told is what an answer must tell to stand for others.
const told = ` "usage": {}`

func TestProviders(t *testing.T) {
	refused := exchange("openai", "chat", "/v1/chat/completions", `{"messages":["bad"]}`, "refused")
	refused.Status = 400
	silent := exchange("openai", "chat", "/v1/chat/completions", `{"messages":[5]}`, "silent")
	silent.Response = []byte("silent")
	recorded := []*wiretest.Exchange{
		exchange("openai", "chat", "/v1/chat/completions", `{"messages":[1]}`, "openai"),
		exchange("openai", "chat", "/v1/chat/completions", `{"messages":[2],"tools":[{}]}`, "openai tools"),
		exchange("openai", "chat", "/v1/chat/completions", `{"messages":[3],"stream":true}`, "openai stream"),
		exchange("openai", "embeddings", "/v1/embeddings", `{"input":"x"}`, "openai embeddings"),
		exchange("groq", "chat", "/openai/v1/chat/completions", `{"messages":[1]}`, "groq"),
		exchange("deepseek", "chat", "/chat/completions", `{"messages":[1]}`, "deepseek"),
		exchange("anthropic", "messages", "/v1/messages", `{"messages":[1]}`, "anthropic"),
		exchange("gemini", "generate", "/v1beta/models/g:generateContent", `{"contents":[1]}`, "gemini"),
		refused,
		exchange("openai", "chat", "/v1/chat/completions", `{"messages":[4]}`, `"finish_reason": "length"`),
		silent,
	}
	for _, tt := range []struct {
		name, path, body string
		failures         bool
		want             string
	}{
		{"each provider has its own recordings", "/openai/v1/chat/completions", `{"messages":[1]}`, false, "openai"},
		{"groq too, below its own path", "/groq/openai/v1/chat/completions", `{"messages":[1]}`, false, "groq"},
		{"deepseek needs no version", "/deepseek/chat/completions", `{"messages":[1]}`, false, "deepseek"},
		{"anthropic speaks messages", "/anthropic/v1/messages", `{"messages":[1]}`, false, "anthropic"},
		{"gemini has the model in the path", "/gemini/v1beta/models/other:generateContent", `{"contents":[1]}`, false, "gemini"},
		{"what was not recorded gets a similar answer", "/openai/v1/chat/completions", `{"messages":[9]}`, false, "openai"},
		{"with tools one with tools", "/openai/v1/chat/completions", `{"messages":[9],"tools":[{"type":"function"}]}`, false, "openai tools"},
		{"streamed one streamed", "/openai/v1/chat/completions", `{"messages":[9],"stream":true}`, false, "openai stream"},
		{"nothing is similar to an embedding", "/openai/v1/embeddings", `{"input":"y","messages":[]}`, false, ""},
		{"a provider does not speak another's dialect", "/anthropic/v1/chat/completions", `{"messages":[1]}`, false, ""},
		{"refusals are left out", "/openai/v1/chat/completions", `{"messages":["bad"]}`, false, "openai"},
		{"unless they are asked for", "/openai/v1/chat/completions", `{"messages":["bad"]}`, true, "refused"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := httptest.NewServer(providers(recorded, 1, tt.failures))
			defer s.Close()
			resp, err := http.Post(s.URL+tt.path, "application/json", strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			got, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode == http.StatusNotFound {
				got = nil
			}
			if got := strings.TrimSuffix(string(got), told); got != tt.want {
				t.Errorf("POST %s %s = %q, want %q", tt.path, tt.body, got, tt.want)
			}
		})
	}
}

func TestSameRequestSameAnswer(t *testing.T) {
	var recorded []*wiretest.Exchange
	for _, text := range []string{"a", "b", "c", "d", "e"} {
		recorded = append(recorded, exchange("openai", "chat", "/v1/chat/completions", `{"messages":["`+text+`"]}`, text))
	}
	h := providers(recorded, 1, false)
	ask := func(body string) string {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "/openai/v1/chat/completions", strings.NewReader(body)))
		return strings.TrimSuffix(w.Body.String(), told)
	}
	seen := map[string]bool{}
	for _, body := range []string{`{"messages":[1]}`, `{"messages":[2]}`, `{"messages":[3]}`, `{"messages":[4]}`, `{"messages":[5]}`, `{"messages":[6]}`} {
		first := ask(body)
		if again := ask(body); again != first {
			t.Errorf("%s was answered %q, then %q", body, first, again)
		}
		seen[first] = true
	}
	if len(seen) < 2 {
		t.Errorf("six requests were all answered %v", seen)
	}
}
