package anthropic_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/llmhub/wire/anthropic"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func says(kind, message string) string {
	return `{"type":"error","error":{"type":"` + kind + `","message":"` + message + `"},"request_id":"req_1"}`
}

func TestClassify(t *testing.T) {
	cooling := func(d time.Duration) llmhub.Verdict {
		return llmhub.Verdict{State: llmhub.KeyCooling, Until: noon.Add(d)}
	}
	model := func(d time.Duration) llmhub.Verdict {
		return llmhub.Verdict{State: llmhub.KeyCooling, Until: noon.Add(d), Model: true}
	}
	invalid := llmhub.Verdict{State: llmhub.KeyInvalid}
	unfunded := llmhub.Verdict{State: llmhub.KeyUnfunded}
	sure := llmhub.Verdict{State: llmhub.KeyInvalid, Sure: true}
	for _, tt := range []struct {
		name    string
		status  int
		header  map[string]string
		body    string
		kind    llmhub.Kind
		verdict llmhub.Verdict
		wait    time.Duration
		sent    bool
	}{
		{name: "a mistake", status: 400, body: says("invalid_request_error", "temperature: range: 0..1"), kind: llmhub.InvalidRequest},
		{name: "a long prompt", status: 400, body: says("invalid_request_error", "prompt is too long: 3333404 tokens > 200000 maximum"), kind: llmhub.ContextLength},
		{name: "a long prompt and a high cap", status: 400, body: says("invalid_request_error", "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000"), kind: llmhub.ContextLength},
		{name: "no credit", status: 400, body: says("invalid_request_error", "Your credit balance is too low to access the Anthropic API."), kind: llmhub.Unfunded, verdict: unfunded},
		{name: "a month's limit", status: 400, body: says("invalid_request_error", "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC."), kind: llmhub.Unfunded,
			verdict: llmhub.Verdict{State: llmhub.KeyUnfunded, Until: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)}},
		{name: "content policy", status: 400, body: says("invalid_request_error", "Output blocked by content filtering policy"), kind: llmhub.ContentPolicy},
		{name: "a disabled organization", status: 400, body: says("invalid_request_error", "This organization has been disabled."), kind: llmhub.BadCredential, verdict: sure},
		{name: "a bad key", status: 401, body: says("authentication_error", "invalid x-api-key"), kind: llmhub.BadCredential, verdict: sure},
		{name: "a 401 of somebody else", status: 401, body: `nope`, kind: llmhub.BadCredential, verdict: invalid},
		{name: "billing", status: 402, body: says("billing_error", "pay"), kind: llmhub.Unfunded, verdict: unfunded},
		{name: "no permission", status: 403, body: says("permission_error", "no"), kind: llmhub.PermissionDenied, verdict: model(time.Hour)},
		{name: "a firewall", status: 403, body: "\n<!DOCTYPE html><title>Just a moment...</title>", kind: llmhub.Blocked},
		{name: "a region", status: 403, body: `{"error":{"type":"forbidden","message":"Request not allowed"}}`, kind: llmhub.Blocked},
		{name: "no model", status: 404, body: says("not_found_error", "model: x"), kind: llmhub.ModelNotFound, verdict: model(10 * time.Minute)},
		{name: "a time-out of the edge", status: 408, kind: llmhub.Timeout, sent: true},
		{name: "a conflict", status: 409, body: says("conflict_error", "x"), kind: llmhub.Conflict},
		{name: "too large", status: 413, body: says("request_too_large", "x"), kind: llmhub.RequestTooLarge},
		{name: "too large for the edge", status: 413, body: "<html>", kind: llmhub.RequestTooLarge},
		{name: "not to be processed", status: 422, body: says("invalid_request_error", "x"), kind: llmhub.Unprocessable},
		{name: "a rate, with seconds", status: 429, header: map[string]string{"retry-after": "12"}, body: says("rate_limit_error", "x"), kind: llmhub.RateLimited, verdict: cooling(12 * time.Second), wait: 12 * time.Second},
		{name: "a rate, with half a second", status: 429, header: map[string]string{"retry-after": "0.5"}, kind: llmhub.RateLimited, verdict: cooling(time.Second / 2), wait: time.Second / 2},
		{name: "a rate, with a date", status: 429, header: map[string]string{"retry-after": "Mon, 23 Nov 2026 12:01:00 GMT"}, kind: llmhub.RateLimited, verdict: cooling(time.Minute), wait: time.Minute},
		{name: "a rate, with resets", status: 429, header: map[string]string{"anthropic-ratelimit-requests-remaining": "5", "anthropic-ratelimit-requests-reset": "2026-11-23T12:09:00Z",
			"anthropic-ratelimit-input-tokens-remaining": "0", "anthropic-ratelimit-input-tokens-reset": "2026-11-23T12:00:19Z"}, body: says("rate_limit_error", "x"), kind: llmhub.RateLimited, verdict: cooling(19 * time.Second), wait: 19 * time.Second},
		{name: "a rate, with nothing", status: 429, body: says("rate_limit_error", "x"), kind: llmhub.RateLimited, verdict: llmhub.Verdict{State: llmhub.KeyCooling}},
		{name: "a spend limit", status: 429, body: `{"type":"error","error":{"type":"rate_limit_error","message":"x","details":{"error_code":"enforced_spend_limit_reached"}}}`, kind: llmhub.Unfunded, verdict: unfunded},
		{name: "their fault", status: 500, body: says("api_error", "x"), kind: llmhub.UpstreamFailed, sent: true},
		{name: "a bad gateway page", status: 502, body: "<html>", kind: llmhub.UpstreamFailed, sent: true},
		{name: "unavailable", status: 503, header: map[string]string{"retry-after": "3"}, kind: llmhub.UpstreamFailed, wait: 3 * time.Second, sent: true},
		{name: "their time-out", status: 504, body: says("timeout_error", "x"), kind: llmhub.UpstreamFailed, sent: true},
		{name: "a page of the edge", status: 522, body: "<html>", kind: llmhub.Overloaded, sent: true},
		{name: "overloaded", status: 529, body: says("overloaded_error", "Overloaded"), kind: llmhub.Overloaded, sent: true},
		{name: "the type rules, not the status", status: 500, body: says("overloaded_error", "Overloaded"), kind: llmhub.Overloaded, sent: true},
		{name: "a redirect", status: 302, kind: llmhub.Malformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{}
			for k, v := range tt.header {
				h.Set(k, v)
			}
			c := anthropic.Client{Now: func() time.Time { return noon }}
			e := c.Error(nil, tt.status, h, []byte(tt.body))
			if e.Kind != tt.kind || e.Verdict != tt.verdict || e.RetryAfter != tt.wait || e.Sent != tt.sent || e.Provider != "anthropic" || e.Status != tt.status {
				t.Errorf("Error(%d, %s) = %+v, want kind %s, verdict %+v, wait %s, sent %t", tt.status, tt.body, e, tt.kind, tt.verdict, tt.wait, tt.sent)
			}
			if raw := json.Valid([]byte(tt.body)); raw != (len(e.Raw) > 0) || raw && (e.Dialect != anthropic.Name || string(e.Raw) != tt.body) {
				t.Errorf("Error(%d, %s) keeps %q of dialect %q", tt.status, tt.body, e.Raw, e.Dialect)
			}
		})
	}
}

func TestServerErrors(t *testing.T) {
	for _, tt := range []struct {
		err    llmhub.Error
		status int
		want   string
	}{
		{llmhub.Error{Kind: llmhub.InvalidRequest, Message: "max_tokens must be a whole number", Param: "max_tokens"}, 400,
			`{"type":"error","error":{"type":"invalid_request_error","message":"max_tokens must be a whole number","details":{"error_code":"invalid_request","param":"max_tokens"}},"request_id":"r"}`},
		{llmhub.Error{Kind: llmhub.BadCredential}, 401, `"authentication_error"`},
		{llmhub.Error{Kind: llmhub.PermissionDenied}, 403, `"permission_error"`},
		{llmhub.Error{Kind: llmhub.ModelNotFound}, 404, `"not_found_error"`},
		{llmhub.Error{Kind: llmhub.RequestTooLarge}, 413, `"request_too_large"`},
		{llmhub.Error{Kind: llmhub.QuotaExceeded}, 429, `"rate_limit_error"`},
		{llmhub.Error{Kind: llmhub.Timeout}, 504, `"timeout_error"`},
		{llmhub.Error{Kind: llmhub.Internal}, 500, `"api_error"`},
		{llmhub.Error{Kind: llmhub.NoProvider}, 503, `"overloaded_error"`},
		{llmhub.Error{Kind: llmhub.UpstreamFailed, Provider: "openai", Message: "secret words"}, 502, `"api_error"`},
		{llmhub.Error{Kind: llmhub.BadCredential, Provider: "anthropic", Dialect: anthropic.Name, Raw: []byte(says("authentication_error", "secret words")), Status: 401}, 503, `"error_code":"all_attempts_failed"`},
		{llmhub.Error{Kind: llmhub.Unfunded, Provider: "anthropic", Dialect: anthropic.Name, Raw: []byte(says("billing_error", "secret words")), Status: 402}, 503, `"error_code":"all_attempts_failed"`},
		{llmhub.Error{Kind: llmhub.ContextLength, Provider: "anthropic", Dialect: anthropic.Name, Raw: []byte(says("invalid_request_error", "prompt is too long")), Status: 400}, 400, says("invalid_request_error", "prompt is too long")},
		{llmhub.Error{Kind: llmhub.ContextLength, Provider: "openai", Dialect: "openaichat", Raw: []byte("secret words"), Status: 400}, 400, `"error_code":"context_length_exceeded"`},
		{llmhub.Error{Kind: llmhub.Overloaded, Provider: "anthropic", Dialect: anthropic.Name, Raw: []byte(says("overloaded_error", "Overloaded"))}, 503, says("overloaded_error", "Overloaded")},
	} {
		status, body := anthropic.Server{}.Error(&tt.err, wire.Identity{ID: "r"})
		if status != tt.status || !strings.Contains(string(body), tt.want) || strings.Contains(string(body), "secret words") || !json.Valid(body) {
			t.Errorf("Error(%+v) = %d %s, want %d %s", tt.err, status, body, tt.status, tt.want)
		}
	}
}

// TestBrokenAnswers holds what is said of answers that do not come whole.
func TestBrokenAnswers(t *testing.T) {
	half := string(stream(1, "half"))
	half = half[:strings.Index(half, "event: content_block_stop")]
	lost := errors.New("connection reset")
	for _, tt := range []struct {
		name string
		body io.Reader
		kind llmhub.Kind
		sent bool
	}{
		{"nothing", strings.NewReader(""), llmhub.Broken, true},
		{"blank lines", strings.NewReader("\n\n\n"), llmhub.Broken, true},
		{"a page", strings.NewReader("<html>"), llmhub.Malformed, true},
		{"a list", strings.NewReader("[]"), llmhub.Malformed, true},
		{"half a body", strings.NewReader(`{"type":"message","content":[`), llmhub.Malformed, true},
		{"a body that is no message", strings.NewReader(`{"object":"chat.completion"}`), llmhub.Malformed, true},
		{"an error as the body", strings.NewReader(says("overloaded_error", "x")), llmhub.Overloaded, false},
		{"an error as the first event", strings.NewReader("event: error\ndata: " + says("api_error", "x") + "\n\n"), llmhub.UpstreamFailed, false},
		{"an error after the start", strings.NewReader(half + "event: error\ndata: " + says("api_error", "x") + "\n\n"), llmhub.UpstreamFailed, true},
		{"half a stream", strings.NewReader(half), llmhub.Broken, true},
		{"half an event", strings.NewReader(half[:len(half)-20]), llmhub.Broken, true},
		{"a lost connection", io.MultiReader(strings.NewReader(half), iotest.ErrReader(lost)), llmhub.Broken, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := anthropic.Client{}.Events(&llmhub.Call{Target: llmhub.Target{Provider: "mine"}}, tt.body, -1).Collect()
			e := llmhub.AsError(err)
			if e == nil || e.Kind != tt.kind || e.Sent != tt.sent || e.Provider != "mine" {
				t.Errorf("Events gave %+v, want kind %s, sent %t", e, tt.kind, tt.sent)
			}
			if tt.name == "a lost connection" && !errors.Is(err, lost) {
				t.Errorf("Events gave %v, which hides its cause", err)
			}
		})
	}
}
