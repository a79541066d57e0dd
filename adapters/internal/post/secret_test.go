package post_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/llmhubd/llmhub/adapters/anthropic"
	"github.com/llmhubd/llmhub/adapters/gemini"
	"github.com/llmhubd/llmhub/adapters/openai"
	"github.com/llmhubd/llmhub/llmhub"
)

// TestErrorsHoldNoKey holds that a provider which repeats the key it was sent,
// in words and in what is relayed, finds it nowhere in the error.
func TestErrorsHoldNoKey(t *testing.T) {
	const key = "sk-abcdefghijklmnopqrstuvwxyz0123"
	for _, status := range []int{400, 401, 403, 404, 429, 500, 529} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			w.Write([]byte(`{"error":{"message":"you sent ` + key + `","type":"` + key + `","code":"` + key + `","status":"` + key + `"}}`))
		}))
		for name, a := range map[string]llmhub.Adapter{
			"openai": openai.New(openai.Config{URL: srv.URL}), "anthropic": anthropic.New(anthropic.Config{URL: srv.URL}), "gemini": gemini.New(gemini.Config{URL: srv.URL}),
		} {
			call := &llmhub.Call{Request: llmhub.Request{Body: llmhub.Text("hi"), Accept: "openaichat"}, Target: llmhub.Target{Model: "m"}, Key: llmhub.Key{Secret: llmhub.NewSecret(key)}}
			_, err := a.Stream(t.Context(), call).Collect()
			var e *llmhub.Error
			if !errors.As(err, &e) {
				t.Fatalf("%s: status %d gave %v", name, status, err)
			}
			if strings.Contains(e.Error()+e.Code+e.Param+string(e.Raw), key) {
				t.Errorf("%s: the error of status %d holds the key: %s %s", name, status, e, e.Raw)
			}
		}
		srv.Close()
	}
}
