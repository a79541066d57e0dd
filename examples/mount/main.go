// Mount serves models on a program's own mux, beside what else it serves.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/llmhubd/llmhub/adapters/openai"
	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/httpapi"
	"github.com/llmhubd/llmhub/llmhub/routers"
	"github.com/llmhubd/llmhub/llmhub/wire/anthropic"
	"github.com/llmhubd/llmhub/llmhub/wire/openaichat"
	"github.com/llmhubd/llmhub/quota/memquota"
)

// models answers OpenAI's and Anthropic's clients. It uses the first of two
// keys, 1,000 times a day, and the second when that rests.
func models(baseURL string, main, spare llmhub.Secret, token string) (http.Handler, error) {
	quota := memquota.New(memquota.Config{})
	quota.SetKeys([]memquota.Key{
		{ID: "main", Provider: "openai", DailyRequests: 1000},
		{ID: "spare", Provider: "openai", Priority: 1},
	})
	secrets := map[llmhub.KeyID]llmhub.Secret{"main": main, "spare": spare}
	hub, err := llmhub.New(llmhub.Config{
		Adapters: map[string]llmhub.Adapter{"openai": openai.New(openai.Config{URL: baseURL})},
		Router:   &routers.Table{Models: map[string][]llmhub.Target{"smart": {{Provider: "openai", Model: "gpt-5.5"}}}},
		Quota:    quota,
		Keys:     func(id llmhub.KeyID) (llmhub.Key, error) { return llmhub.Key{ID: id, Secret: secrets[id]}, nil },
	})
	if err != nil {
		return nil, err
	}
	caller := func(r *http.Request) (llmhub.Caller, error) {
		if r.Header.Get("Authorization") != "Bearer "+token && r.Header.Get("X-Api-Key") != token {
			return llmhub.Caller{}, &llmhub.Error{Kind: llmhub.BadCredential}
		}
		return llmhub.Caller{Key: "the only one"}, nil
	}
	mux := http.NewServeMux()
	mux.Handle("POST /v1/chat/completions", httpapi.New(httpapi.Config{Hub: hub, Server: openaichat.Server{}, Caller: caller}))
	mux.Handle("POST /v1/messages", httpapi.New(httpapi.Config{Hub: hub, Server: anthropic.Server{}, Caller: caller}))
	return mux, nil
}

func main() {
	token := os.Getenv("MOUNT_TOKEN")
	if token == "" {
		log.Fatal("set MOUNT_TOKEN to what callers have to send")
	}
	h, err := models(os.Getenv("OPENAI_BASE_URL"), llmhub.NewSecret(os.Getenv("OPENAI_API_KEY")),
		llmhub.NewSecret(os.Getenv("OPENAI_API_KEY_2")), token)
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/ai/", http.StripPrefix("/ai", h))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "My own page.") })
	log.Print("models are on http://127.0.0.1:8080/ai/v1")
	server := http.Server{Addr: "127.0.0.1:8080", Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}
