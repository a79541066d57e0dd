package openaicompat_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/llmhubd/llmhub/adapters/adaptertest"
	"github.com/llmhubd/llmhub/adapters/openaicompat"
	"github.com/llmhubd/llmhub/llmhub"
)

func ExampleNew() {
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s", adaptertest.OpenAIChat().Answer) // in place of the real one
	}))
	defer provider.Close()

	a := openaicompat.New(openaicompat.Config{URL: provider.URL, Key: llmhub.NewSecret("sk-your-key")})
	resp, err := a.Stream(context.Background(), &llmhub.Call{
		Request: llmhub.Request{Body: llmhub.Text("Say hello")},
		Target:  llmhub.Target{Provider: "openaicompat", Model: "some-model"},
	}).Collect()
	fmt.Println(resp.Text(), err)
	// Output: Hello, world <nil>
}
