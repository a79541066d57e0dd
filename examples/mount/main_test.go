package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/hubtest"
	"github.com/llmhubd/llmhub/llmhub/wire/openaichat"
)

func TestModels(t *testing.T) {
	provider := &hubtest.Upstream{Server: openaichat.Server{}, Script: func(s hubtest.Seen) hubtest.Act {
		if s.Key == "key-1" {
			return hubtest.Act{Status: http.StatusTooManyRequests, Header: map[string]string{"Retry-After": "60"}}
		}
		return hubtest.Act{Answer: hubtest.Say("by the spare key")}
	}}
	up := httptest.NewServer(provider)
	defer up.Close()
	h, err := models(up.URL, llmhub.NewSecret("key-1"), llmhub.NewSecret("key-2"), "let-me-in")
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	defer s.Close()
	const body = `{"model":"smart","max_tokens":100,"messages":[{"role":"user","content":"hi"}]}`

	status, answer := post(t, s.URL+"/v1/chat/completions", "Authorization", "Bearer let-me-in", body)
	choices, _ := answer["choices"].([]any)
	if status != 200 || len(choices) != 1 || answer["model"] != "smart" {
		t.Errorf("chat was answered %d %v", status, answer)
	}
	status, answer = post(t, s.URL+"/v1/messages", "X-Api-Key", "let-me-in", body)
	content, _ := answer["content"].([]any)
	if status != 200 || len(content) != 1 || content[0].(map[string]any)["text"] != "by the spare key" {
		t.Errorf("messages was answered %d %v", status, answer)
	}
	if status, _ = post(t, s.URL+"/v1/messages", "X-Api-Key", "let-somebody-in", body); status != http.StatusUnauthorized {
		t.Errorf("a wrong token was answered %d, want 401", status)
	}
	var keys []string
	for _, seen := range provider.Requests() {
		keys = append(keys, seen.Key)
	}
	if got, want := strings.Join(keys, " "), "key-1 key-2 key-2"; got != want {
		t.Errorf("the provider saw %s, want %s: the first key rests after its 429", got, want)
	}
}

func post(t *testing.T, url, header, value, body string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(header, value)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(b, &answer); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return resp.StatusCode, answer
}
