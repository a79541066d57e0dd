package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/httpapi"
	"github.com/llmhubd/llmhub/llmhub/hubtest"
	"github.com/llmhubd/llmhub/llmhub/routers"
	"github.com/llmhubd/llmhub/llmhub/wire/openaichat"
)

func Example() {
	hub, err := llmhub.New(llmhub.Config{
		Adapters: map[string]llmhub.Adapter{"demo": hubtest.Adapter(func(context.Context, *llmhub.Call) llmhub.Stream {
			return hubtest.Say("hello").Events()
		})},
		Router: &routers.Table{Models: map[string][]llmhub.Target{"smart": {{Provider: "demo", Model: "demo-1"}}}},
	})
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /v1/chat/completions", httpapi.New(httpapi.Config{Hub: hub, Server: openaichat.Server{}}))

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("POST", "/v1/chat/completions", strings.NewReader(`{"model":"smart","messages":[{"role":"user","content":"hi"}]}`)))
	fmt.Println(w.Code, strings.Contains(w.Body.String(), `"content":"hello"`))
	// Output: 200 true
}
