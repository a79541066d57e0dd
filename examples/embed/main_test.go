package main

import (
	"io"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/llmhubd/llmhub/llmhub/hubtest"
	"github.com/llmhubd/llmhub/llmhub/wire/anthropic"
	"github.com/llmhubd/llmhub/llmhub/wire/openaichat"
)

// printed is what main prints.
func printed(t *testing.T) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = w
	defer func() { os.Stdout = stdout }()
	main()
	w.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestWithoutKeys(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "")
	t.Setenv("ANTHROPIC_API_KEY", "")
	if got, want := printed(t), "Hello! No key is set, so nobody was asked.\n"; got != want {
		t.Errorf("it printed %q, want %q", got, want)
	}
}

func TestFallsBack(t *testing.T) {
	busy := &hubtest.Upstream{Server: openaichat.Server{}, Script: func(hubtest.Seen) hubtest.Act { return hubtest.Act{Status: 529} }}
	well := &hubtest.Upstream{Server: anthropic.Server{}, Script: func(hubtest.Seen) hubtest.Act {
		return hubtest.Act{Answer: hubtest.Say("Hello from the second one.")}
	}}
	first, second := httptest.NewServer(busy), httptest.NewServer(well)
	defer first.Close()
	defer second.Close()
	t.Setenv("OPENAI_API_KEY", "key-of-the-first")
	t.Setenv("OPENAI_BASE_URL", first.URL)
	t.Setenv("ANTHROPIC_API_KEY", "key-of-the-second")
	t.Setenv("ANTHROPIC_BASE_URL", second.URL)
	if got, want := printed(t), "Hello from the second one.\n"; got != want {
		t.Errorf("it printed %q, want %q", got, want)
	}
	for _, up := range []struct {
		*hubtest.Upstream
		key string
	}{{busy, "key-of-the-first"}, {well, "key-of-the-second"}} {
		if seen := up.Requests(); len(seen) != 1 || seen[0].Key != up.key {
			t.Errorf("a provider saw %d requests, want 1 with its own key", len(seen))
		}
	}
}

func TestReadmeShowsThisProgram(t *testing.T) {
	program, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(program), "package main")
	if !strings.Contains(string(readme), "```go\npackage main"+shown+"```") {
		t.Error("the program in README.md is not examples/embed/main.go")
	}
}
