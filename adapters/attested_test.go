package adapters_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/llmhubd/llmhub/adapters/anthropic"
	"github.com/llmhubd/llmhub/adapters/deepseek"
	"github.com/llmhubd/llmhub/adapters/gemini"
	"github.com/llmhubd/llmhub/adapters/groq"
	"github.com/llmhubd/llmhub/adapters/openai"
	"github.com/llmhubd/llmhub/llmhub"
)

// now is noon in London, five in the morning in Los Angeles.
var now = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return now }

var clocked = map[string]func(url string) llmhub.Adapter{
	"openai": func(u string) llmhub.Adapter { return openai.New(openai.Config{URL: u, Now: clock}) },
	"groq":   func(u string) llmhub.Adapter { return groq.New(groq.Config{URL: u, Now: clock}) },
	"deepseek": func(u string) llmhub.Adapter {
		return deepseek.New(deepseek.Config{URL: u, Now: clock})
	},
	"anthropic": func(u string) llmhub.Adapter { return anthropic.New(anthropic.Config{URL: u, Now: clock}) },
	"gemini":    func(u string) llmhub.Adapter { return gemini.New(gemini.Config{URL: u, Now: clock}) },
}

// answered is a failure as a provider sends it.
type answered struct {
	ID, Provider string
	Status       int
	Headers      map[string]string
	Body         json.RawMessage
	SSE          *string
}

// ask sends a plain text to a provider that answers so.
func (a answered) ask(t *testing.T) *llmhub.Error {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for k, v := range a.Headers {
			w.Header().Set(k, v)
		}
		w.WriteHeader(a.Status)
		switch {
		case a.SSE != nil:
			io.WriteString(w, *a.SSE)
		case string(a.Body) == "null":
			io.WriteString(w, "\n\n\n")
		default:
			w.Write(a.Body)
		}
	}))
	defer s.Close()
	call := &llmhub.Call{
		Request: llmhub.Request{Stream: a.SSE != nil, Body: llmhub.Text("hi")},
		Target:  llmhub.Target{Provider: a.Provider, Model: "m"},
		Key:     llmhub.Key{Secret: secret},
	}
	_, err := clocked[a.Provider](s.URL).Stream(t.Context(), call).Collect()
	var e *llmhub.Error
	if !errors.As(err, &e) {
		t.Fatalf("%s: %d %s gave %v, want an error", a.ID, a.Status, a.Body, err)
	}
	return e
}

// meant is what a failure means.
type meant struct {
	kind  llmhub.Kind
	key   llmhub.KeyState
	retry time.Duration // until the key is good again; 0: not said
	sent  bool          // charged
}

func (m meant) check(t *testing.T, a answered, e *llmhub.Error) {
	t.Helper()
	got := meant{e.Kind, e.Verdict.State, e.RetryAfter, e.Sent}
	if got != m {
		t.Errorf("%s: %d %s\nmeans %+v (%s), want %+v", a.ID, a.Status, a.Body, got, e.Message, m)
	}
	if m.retry > 0 && m.key != "" && !e.Verdict.Until.Equal(now.Add(m.retry)) {
		t.Errorf("%s: the key is off until %v, want %v", a.ID, e.Verdict.Until, now.Add(m.retry))
	}
}

// TestAttested holds that failures which nobody recorded, and many have quoted,
// are understood.
func TestAttested(t *testing.T) {
	dir := os.Getenv("LLMHUB_CORPUS")
	if dir == "" {
		if os.Getenv("LLMHUB_TEST_REQUIRE") == "all" {
			t.Fatal("LLMHUB_TEST_REQUIRE is all, but LLMHUB_CORPUS is not set")
		}
		t.Skip("LLMHUB_CORPUS names no folder of recorded exchanges")
	}
	b, err := os.ReadFile(filepath.Join(dir, "attested", "errors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []answered
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	passed := 0
	for _, a := range all {
		m, ok := attested[a.ID]
		if !ok {
			t.Errorf("%s is attested, but nobody says what it means", a.ID)
			continue
		}
		if t.Run(a.ID, func(t *testing.T) { m.check(t, a, a.ask(t)) }) {
			passed++
		}
	}
	t.Logf("%d of %d attested failures passed", passed, len(all))
}

const day = 24 * time.Hour

var attested = map[string]meant{
	"anthropic-529":                   {llmhub.Overloaded, "", 0, true},
	"anthropic-429-itpm":              {llmhub.RateLimited, llmhub.KeyCooling, 0, false},
	"anthropic-429-tokens-old":        {llmhub.RateLimited, llmhub.KeyCooling, 0, false},
	"anthropic-overloaded-in-stream":  {llmhub.Overloaded, "", 0, false},
	"groq-413-tpm":                    {llmhub.RequestTooLarge, "", 0, false},
	"groq-429-tpm":                    {llmhub.RateLimited, llmhub.KeyCooling, 4770 * time.Millisecond, false},
	"groq-429-rpm":                    {llmhub.RateLimited, llmhub.KeyCooling, 2 * time.Second, false},
	"groq-429-tpd":                    {llmhub.QuotaExceeded, llmhub.KeyExhausted, 67391999999, false},
	"openai-429-tpm":                  {llmhub.RateLimited, llmhub.KeyCooling, 18642 * time.Millisecond, false},
	"openai-429-too-large":            {llmhub.RequestTooLarge, "", 0, false},
	"openai-429-quota":                {llmhub.Unfunded, llmhub.KeyUnfunded, 0, false},
	"openai-429-no-ratelimit-headers": {llmhub.RateLimited, llmhub.KeyCooling, 0, false},
	"openai-500":                      {llmhub.UpstreamFailed, "", 0, true},
	"openai-chat-error-in-stream":     {llmhub.UpstreamFailed, "", 0, false},
	// Two of the Responses API, read as chat: the words are the same.
	"openai-responses-error-in-stream":        {llmhub.UpstreamFailed, "", 0, false},
	"azure-openai-responses-ratelimit-in-200": {llmhub.RateLimited, llmhub.KeyCooling, 0, false},
	"gemini-503":            {llmhub.Overloaded, "", 0, true},
	"gemini-503-demand":     {llmhub.Overloaded, "", 0, true},
	"gemini-429-free-tier":  {llmhub.QuotaExceeded, llmhub.KeyExhausted, 19 * time.Hour, false},
	"gemini-429-array-body": {llmhub.RateLimited, llmhub.KeyCooling, 0, false},
	"deepseek-402":          {llmhub.Unfunded, llmhub.KeyUnfunded, 0, false},
	"deepseek-keepalive":    {llmhub.Broken, "", 0, true},
	"deepseek-empty-200":    {llmhub.Broken, "", 0, true},
}

// TestFailures holds the same of failures that the providers' pages describe.
func TestFailures(t *testing.T) {
	openAI := func(kind, code, message string) json.RawMessage {
		b, _ := json.Marshal(map[string]any{"error": map[string]any{"message": message, "type": kind, "param": nil, "code": code}})
		return b
	}
	claude := func(kind, message string) json.RawMessage {
		b, _ := json.Marshal(map[string]any{"type": "error", "error": map[string]any{"type": kind, "message": message}})
		return b
	}
	sse := func(s string) *string { return &s }
	for _, tt := range []struct {
		name string
		a    answered
		want meant
	}{
		{"Retry-After goes before the words", answered{Provider: "openai", Status: 429, Headers: map[string]string{"Retry-After": "5"}, Body: openAI("tokens", "rate_limit_exceeded", "Please try again in 18.642s.")},
			meant{llmhub.RateLimited, llmhub.KeyCooling, 5 * time.Second, false}},
		{"Retry-After in milliseconds", answered{Provider: "openai", Status: 429, Headers: map[string]string{"Retry-After-Ms": "1500"}, Body: openAI("tokens", "rate_limit_exceeded", "m")},
			meant{llmhub.RateLimited, llmhub.KeyCooling, 1500 * time.Millisecond, false}},
		{"Retry-After as a fraction", answered{Provider: "groq", Status: 429, Headers: map[string]string{"Retry-After": "11.75"}, Body: openAI("tokens", "rate_limit_exceeded", "m")},
			meant{llmhub.RateLimited, llmhub.KeyCooling, 11750 * time.Millisecond, false}},
		{"Retry-After as a date", answered{Provider: "anthropic", Status: 429, Headers: map[string]string{"Retry-After": now.Add(90 * time.Second).Format(http.TimeFormat)}, Body: claude("rate_limit_error", "m")},
			meant{llmhub.RateLimited, llmhub.KeyCooling, 90 * time.Second, false}},
		{"less than a second is a second", answered{Provider: "openai", Status: 429, Body: openAI("requests", "rate_limit_exceeded", "Please try again in 644ms.")},
			meant{llmhub.RateLimited, llmhub.KeyCooling, time.Second, false}},
		{"more than 8 days is 8 days", answered{Provider: "anthropic", Status: 429, Headers: map[string]string{"Retry-After": "9000000"}, Body: claude("rate_limit_error", "m")},
			meant{llmhub.RateLimited, llmhub.KeyCooling, 8 * day, false}},
		{"the limit that is used up resets", answered{Provider: "openai", Status: 429, Headers: map[string]string{
			"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s", "x-ratelimit-remaining-tokens": "9", "x-ratelimit-reset-tokens": "12h"},
			Body: openAI("requests", "rate_limit_exceeded", "m")}, meant{llmhub.RateLimited, llmhub.KeyCooling, 6 * time.Minute, false}},
		{"a limit that is overdrawn resets", answered{Provider: "openai", Status: 429, Headers: map[string]string{"x-ratelimit-remaining-tokens": "-27689", "x-ratelimit-reset-tokens": "64"},
			Body: openAI("tokens", "rate_limit_exceeded", "m")}, meant{llmhub.RateLimited, llmhub.KeyCooling, 64 * time.Second, false}},
		{"Anthropic's reset is a point in time", answered{Provider: "anthropic", Status: 429, Headers: map[string]string{
			"anthropic-ratelimit-input-tokens-remaining": "0", "anthropic-ratelimit-input-tokens-reset": now.Add(37 * time.Second).Format(time.RFC3339)},
			Body: claude("rate_limit_error", "m")}, meant{llmhub.RateLimited, llmhub.KeyCooling, 37 * time.Second, false}},
		{"Retry-After of a 400 says nothing", answered{Provider: "anthropic", Status: 400, Headers: map[string]string{"Retry-After": "19"}, Body: claude("invalid_request_error", "m")},
			meant{llmhub.InvalidRequest, "", 0, false}},
		{"Retry-After of a 529", answered{Provider: "anthropic", Status: 529, Headers: map[string]string{"Retry-After": "19"}, Body: claude("overloaded_error", "m")},
			meant{llmhub.Overloaded, "", 19 * time.Second, true}},
		{"Groq's requests a day", answered{Provider: "groq", Status: 429, Body: openAI("requests", "rate_limit_exceeded", "Rate limit reached for model `m` on requests per day (RPD): Limit 1000, Used 1000, Requested 1. Please try again in 1m26.4s.")},
			meant{llmhub.QuotaExceeded, llmhub.KeyExhausted, 86400 * time.Millisecond, false}},
		{"Groq is full", answered{Provider: "groq", Status: 498, Body: openAI("", "capacity_exceeded", "m")}, meant{llmhub.Overloaded, "", 0, false}},
		{"a tool call that the model spoiled", answered{Provider: "groq", Status: 400, Body: openAI("invalid_request_error", "tool_use_failed", "Failed to call a function.")}, meant{llmhub.UpstreamFailed, "", 0, true}},
		{"the same in a stream", answered{Provider: "groq", Status: 200, SSE: sse("event: error\ndata: {\"error\":{\"message\":\"Failed to call a function.\",\"code\":\"tool_use_failed\",\"status_code\":400}}\n\n")}, meant{llmhub.UpstreamFailed, "", 0, false}},
		{"money is gone", answered{Provider: "anthropic", Status: 400, Body: claude("invalid_request_error", "Your credit balance is too low to access the Anthropic API.")}, meant{llmhub.Unfunded, llmhub.KeyUnfunded, 0, false}},
		{"money is gone, by 402", answered{Provider: "anthropic", Status: 402, Body: claude("billing_error", "m")}, meant{llmhub.Unfunded, llmhub.KeyUnfunded, 0, false}},
		{"a prompt that is too long", answered{Provider: "openai", Status: 400, Body: openAI("invalid_request_error", "context_length_exceeded", "m")}, meant{llmhub.ContextLength, "", 0, false}},
		{"what the provider will not hear", answered{Provider: "openai", Status: 400, Body: openAI("invalid_request_error", "invalid_prompt", "m")}, meant{llmhub.ContentPolicy, "", 0, false}},
		{"DeepSeek has no such model", answered{Provider: "deepseek", Status: 400, Body: openAI("invalid_request_error", "invalid_request_error", "Model Not Exist")}, meant{llmhub.ModelNotFound, llmhub.KeyCooling, 0, false}},
		{"DeepSeek will not hear it", answered{Provider: "deepseek", Status: 400, Body: openAI("invalid_request_error", "invalid_request_error", "Content Exists Risk")}, meant{llmhub.ContentPolicy, "", 0, false}},
		{"DeepSeek is short of resources", answered{Provider: "deepseek", Status: 200, Body: json.RawMessage(`{"id":"1","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"insufficient_system_resource"}]}`)},
			meant{llmhub.Overloaded, "", 0, true}},
		{"a model that the key may not use", answered{Provider: "openai", Status: 403, Body: openAI("invalid_request_error", "", "You are not allowed to sample from this model")}, meant{llmhub.PermissionDenied, llmhub.KeyCooling, 0, false}},
		{"a wall in front of the provider", answered{Provider: "openai", Status: 403, Body: json.RawMessage("<html>Sorry</html>")}, meant{llmhub.Blocked, "", 0, false}},
		{"a country that is not served", answered{Provider: "openai", Status: 403, Body: openAI("request_forbidden", "unsupported_country_region_territory", "Country, region, or territory not supported")}, meant{llmhub.Blocked, "", 0, false}},
		{"a gateway's page", answered{Provider: "anthropic", Status: 522, Body: json.RawMessage("<html>")}, meant{llmhub.Overloaded, "", 0, true}},
		{"an answer of another place", answered{Provider: "openai", Status: 200, Body: json.RawMessage("<html>Sign in</html>")}, meant{llmhub.Malformed, "", 0, true}},
		{"a redirect", answered{Provider: "groq", Status: 308, Headers: map[string]string{"Location": "/other"}, Body: json.RawMessage("")}, meant{llmhub.Malformed, "", 0, true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.a.ID = tt.name
			tt.want.check(t, tt.a, tt.a.ask(t))
		})
	}
}

// A key is bad for certain only where the provider says so.
func TestSureOfBadKeys(t *testing.T) {
	for _, tt := range []struct {
		provider, body string
		sure           bool
	}{
		{"openai", `{"error":{"message":"Incorrect API key provided","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`, true},
		{"openai", `{"error":{"message":"Unauthorized"}}`, false},
		{"groq", `{"error":{"message":"Invalid API Key","type":"invalid_request_error","code":"invalid_api_key"}}`, true},
		{"deepseek", `{"error":{"message":"Authentication Fails, Your api key: ****-key is invalid","type":"authentication_error","param":null,"code":"invalid_request_error"}}`, true},
		{"deepseek", `{"error":{"message":"Authentication Fails (governor)","type":"authentication_error","param":null,"code":"invalid_request_error"}}`, false},
		{"anthropic", `{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}`, true},
		{"anthropic", `<html>`, false},
		{"gemini", `{"error":{"code":401,"status":"UNAUTHENTICATED","message":"m"}}`, false},
	} {
		e := answered{ID: tt.provider, Provider: tt.provider, Status: 401, Body: json.RawMessage(tt.body)}.ask(t)
		if tt.body == "<html>" {
			if e.Verdict.Sure {
				t.Errorf("%s: a page means %+v", tt.provider, e.Verdict)
			}
			continue
		}
		if e.Kind != llmhub.BadCredential || e.Verdict.State != llmhub.KeyInvalid || e.Verdict.Sure != tt.sure {
			t.Errorf("%s: 401 %s means %s %+v, want sure %t", tt.provider, tt.body, e.Kind, e.Verdict, tt.sure)
		}
	}
	if strings.Contains(secret.Masked(), "7f1d") {
		t.Error("the canary is not masked")
	}
}
