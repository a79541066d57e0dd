package main

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/routers"
)

// main has a parrot of its own, so that it runs anywhere.
func main() {
	cage := httptest.NewServer(cage{})
	defer cage.Close()
	hub, err := llmhub.New(llmhub.Config{
		Adapters: map[string]llmhub.Adapter{"parrot": Parrot{URL: cage.URL}},
		Router:   &routers.Table{Models: map[string][]llmhub.Target{"smart": {{Provider: "parrot", Model: "grey"}}}},
	})
	if err != nil {
		log.Fatal(err)
	}
	answer, err := hub.Complete(context.Background(), &llmhub.Request{Model: "smart", Body: llmhub.Text("Polly wants a cracker.")})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Text())
}
