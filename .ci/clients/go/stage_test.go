// Package clients runs the official Go clients against a real llmhubd.
package clients

import (
	"net/http"
	"os"
	"regexp"
	"strconv"
	"sync/atomic"
	"testing"

	anthropic "github.com/anthropics/anthropic-sdk-go"
	anthropicoption "github.com/anthropics/anthropic-sdk-go/option"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

const (
	greeting = "Hello from the script, with ünïcode and a\nsecond line."
	verdict  = "18 in Lisbon, 9 in Oslo."
	question = "How warm is it in Lisbon and in Oslo?"
)

var (
	dialects = []string{"chat", "messages", "generate"}
	logical  = []string{"smart", "fast", "cheap", "any"}
	degrees  = map[string]string{"Lisbon": "18 degrees", "Oslo": "9 degrees"}
	schema   = map[string]any{"type": "object", "properties": map[string]any{"city": map[string]any{"type": "string"}}, "required": []string{"city"}}
	plainID  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)
)

// setting reads what the stage has made.
func setting(t *testing.T, name string) string {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		t.Fatalf("%s is not set: run this by .ci/clients/run", name)
	}
	return v
}

// counting is a transport that counts what it sends.
type counting struct{ sent atomic.Int64 }

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.sent.Add(1)
	return http.DefaultTransport.RoundTrip(r)
}

func openaiClient(t *testing.T, key string, more ...option.RequestOption) openai.Client {
	return openai.NewClient(append([]option.RequestOption{option.WithAPIKey(key), option.WithBaseURL(setting(t, "STAGE_URL") + "/v1")}, more...)...)
}

func anthropicClient(t *testing.T, key string, more ...anthropicoption.RequestOption) anthropic.Client {
	return anthropic.NewClient(append([]anthropicoption.RequestOption{anthropicoption.WithAPIKey(key), anthropicoption.WithBaseURL(setting(t, "STAGE_URL"))}, more...)...)
}

// checkWait looks at a Retry-After that was scripted as 77 seconds.
func checkWait(t *testing.T, resp *http.Response) {
	t.Helper()
	if after, err := strconv.Atoi(resp.Header.Get("Retry-After")); err != nil || after < 1 || after > 78 {
		t.Errorf("Retry-After = %q, want 1 to 78 seconds", resp.Header.Get("Retry-After"))
	}
}
