package gemini_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire/gemini"
	"github.com/llmhubd/llmhub/llmhub/wire/wiretest"
)

// play reads an answer and says its events in words.
func play(body string, seed uint64) (words []string, err error) {
	for ev, err := range (&gemini.Client{}).Events(&llmhub.Call{}, wiretest.Cut([]byte(body), seed), -1) {
		if err != nil {
			return words, err
		}
		var s string
		switch ev.Kind {
		case llmhub.EventStart:
			s = "start " + ev.Start.ID
		case llmhub.EventOpen:
			s = fmt.Sprintf("open %d %s %s", ev.Index, ev.Part.Kind, ev.Part.Name)
			if ev.Part.Choice > 0 {
				s += fmt.Sprint(" of choice ", ev.Part.Choice)
			}
		case llmhub.EventDelta:
			s = fmt.Sprintf("delta %d %s", ev.Index, ev.Delta)
		case llmhub.EventClose:
			s = fmt.Sprintf("close %d", ev.Index)
			if ev.Part != nil {
				s += " signed " + ev.Part.Signature
			}
		case llmhub.EventNote:
			s = "note"
		case llmhub.EventEnd:
			s = fmt.Sprint("end ", ev.End.Stop, ev.End.Stops)
		}
		if ev.Usage != nil {
			s += fmt.Sprintf(" %d+%d", ev.Usage.Prompt(), ev.Usage.Completion())
		}
		words = append(words, strings.Join(strings.Fields(s), " "))
	}
	return words, nil
}

func stream(chunks ...string) string {
	return "data: " + strings.Join(chunks, "\r\n\r\ndata: ") + "\r\n\r\n"
}

func TestEvents(t *testing.T) {
	for _, tt := range []struct{ name, body, want string }{
		{"usage is told as it grows",
			stream(`{"candidates":[{"content":{"parts":[{"text":"a"}]}}],"usageMetadata":{"promptTokenCount":3},"responseId":"r"}`,
				`{"candidates":[{"content":{"parts":[{"text":"b"}]}}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":1}}`,
				`{"candidates":[{"content":{"parts":[{"text":"c"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"thoughtsTokenCount":5}}`),
			"start r 3+0|open 0 text|delta 0 a|delta 0 b|note 3+1|delta 0 c|close 0|end end[] 3+7"},
		{"a signature on an empty last text closes the text",
			stream(`{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}`, `{"candidates":[{"content":{"parts":[{"text":"","thoughtSignature":"s"}]},"finishReason":"STOP"}]}`),
			"start|open 0 text|delta 0 a|close 0 signed s|end end[]"},
		{"a signature on nothing but an empty text is kept",
			stream(`{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f"}}]}}]}`, `{"candidates":[{"content":{"parts":[{"text":"","thoughtSignature":"s"}]},"finishReason":"STOP"}]}`),
			"start|open 0 tool_call f|delta 0 {}|close 0|open 1 text|close 1 signed s|end tools[]"},
		{"thoughts come apart from text",
			stream(`{"candidates":[{"content":{"parts":[{"text":"h","thought":true}]}}]}`, `{"candidates":[{"content":{"parts":[{"text":"m","thought":true},{"text":"a"}]},"finishReason":"MAX_TOKENS"}]}`),
			"start|open 0 reasoning|delta 0 h|delta 0 m|close 0|open 1 text|delta 1 a|close 1|end length[]"},
		{"several candidates are several choices",
			stream(`{"candidates":[{"content":{"parts":[{"text":"a"}]}},{"content":{"parts":[{"text":"b"}]},"index":1}]}`,
				`{"candidates":[{"content":{"parts":[{"text":"c"}]},"finishReason":"STOP"},{"content":{"parts":[{"text":"d"}]},"index":1,"finishReason":"SAFETY"}]}`),
			"start|open 0 text|delta 0 a|open 1 text of choice 1|delta 1 b|delta 0 c|close 0|delta 1 d|close 1|end end[filter]"},
		{"a blocked prompt is an answer that was filtered", `{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":4}}`, "start 4+0|end filter[] 4+0"},
		{"an array is a stream", `[{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}` + "\n,\r\n" + `{"candidates":[{"content":{"parts":[{"text":"b"}]},"finishReason":"STOP"}]}]`,
			"start|open 0 text|delta 0 a|delta 0 b|close 0|end end[]"},
		{"events without a blank line between them", "data: " + `{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}` + "\ndata: " + `{"candidates":[{"content":{"parts":[{"text":"b"}]},"finishReason":"STOP"}]}` + "\n",
			"start|open 0 text|delta 0 a|delta 0 b|close 0|end end[]"},
		{"thinking that used all tokens up", `{"candidates":[{"content":{"role":"model"},"finishReason":"MAX_TOKENS","index":0}],"usageMetadata":{"promptTokenCount":4,"thoughtsTokenCount":9}}`, "start 4+9|end length[] 4+9"},
		{"an event that is no JSON is passed over", "data: {\"candid\n\n" + stream(`{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}`), "start|open 0 text|delta 0 a|close 0|end end[]"},
		{"a reason to stop that nobody knows", `{"candidates":[{"finishReason":"TIRED"}]}`, "start|end other[]"},
		{"a picture", `{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"AAAA"}}]},"finishReason":"STOP"}]}`, "start|open 0 image|close 0|end end[]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for seed := range uint64(10) {
				words, err := play(tt.body, seed)
				if got := strings.Join(words, "|"); err != nil || got != tt.want {
					t.Fatalf("seed %d: events %s, error %v\nwant %s", seed, got, err, tt.want)
				}
			}
		})
	}
}

func TestEventsFail(t *testing.T) {
	free := map[string]bool{"an error of many lines in the stream": true, "a bad key in an array": true} // instead of an answer
	for _, tt := range []struct {
		name, body string
		kind       llmhub.Kind
	}{
		{"nothing at all", "", llmhub.Broken},
		{"blank lines", "\r\n\r\n", llmhub.Broken},
		{"an end without a reason", stream(`{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}`), llmhub.Broken},
		{"one of two candidates without a reason", stream(`{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"},{"index":1}]}`), llmhub.Broken},
		{"a body cut short", `{"candidates":[{"content":{"parts":[{"text":"a`, llmhub.Malformed},
		{"no JSON", strings.Repeat("data: {\"a\n\n", 4), llmhub.Malformed},
		{"no JSON, once", "data: {\"a\n\n", llmhub.Broken},
		{"another page", "<html>", llmhub.Broken},
		{"an error in the stream", stream(`{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}`, `{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}`), llmhub.Overloaded},
		{"an error of many lines in the stream", "data: {\ndata:   \"error\": {\"code\": 500, \"status\": \"INTERNAL\"}\ndata: }\n\n", llmhub.UpstreamFailed},
		{"a bad key in an array", `[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}]`, llmhub.BadCredential},
		{"a function call that the model spoiled", `{"candidates":[{"content":{},"finishReason":"MALFORMED_FUNCTION_CALL","finishMessage":"Malformed function call: f("}]}`, llmhub.UpstreamFailed},
		{"arguments in pieces", stream(`{"candidates":[{"content":{"parts":[{"functionCall":{"partialArgs":[]}}]}}]}`), llmhub.Malformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for seed := range uint64(10) {
				_, err := play(tt.body, seed)
				var e *llmhub.Error
				if !errors.As(err, &e) || e.Kind != tt.kind || e.Sent == free[tt.name] {
					t.Fatalf("seed %d: error %#v, want %s, sent but for a refusal", seed, err, tt.kind)
				}
			}
		})
	}
}

// A call without an id gets the same id whenever the same answer is read, and
// another in each place and each answer.
func TestMintedIDs(t *testing.T) {
	ids := func(response string) (all []string) {
		body := `{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f"}},{"functionCall":{"name":"f"}}]},"finishReason":"STOP"}],"responseId":"` + response + `"}`
		r, err := (&gemini.Client{}).Events(&llmhub.Call{}, strings.NewReader(body), -1).Collect()
		if err != nil {
			t.Fatal(err)
		}
		return []string{r.Parts[0].ID, r.Parts[1].ID}
	}
	a, again, b := ids("a"), ids("a"), ids("b")
	if a[0] != again[0] || a[1] != again[1] {
		t.Errorf("the same answer gave ids %q, then %q", a, again)
	}
	seen := map[string]bool{}
	for _, id := range append(append(append(a, b...), ids("")...), ids("")...) {
		if seen[id] || id == "" {
			t.Errorf("id %q is given twice or empty", id)
		}
		seen[id] = true
	}
}

// After the consumer has left nothing is yielded, wherever that is.
func TestConsumerLeaves(t *testing.T) {
	body := stream(`{"candidates":[{"content":{"parts":[{"text":"h","thought":true},{"text":"a"},{"functionCall":{"name":"f"}}]}}],"usageMetadata":{"promptTokenCount":1}}`,
		`{"candidates":[{"content":{"parts":[{"text":"b"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":2}}`)
	for leave := range 20 {
		n := 0
		for range (&gemini.Client{}).Events(&llmhub.Call{}, strings.NewReader(body), -1) {
			if n++; n > leave {
				break // the runtime panics if anything is yielded after this
			}
		}
	}
}

func TestErrorLimits(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC) // 5:00 in Los Angeles
	minute := `{"error":{"code":429,"message":"Quota exceeded. Please retry in 48.939935699s.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerMinutePerProjectPerModel-FreeTier","quotaValue":"10"}]}%s]}}`
	for _, tt := range []struct {
		name    string
		status  int
		body    string
		kind    llmhub.Kind
		verdict llmhub.Verdict
		retry   time.Duration
	}{
		{"a minute's limit, by RetryInfo", 429, fmt.Sprintf(minute, `,{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.4s"}`),
			llmhub.RateLimited, llmhub.Verdict{State: llmhub.KeyCooling, Until: now.Add(34400 * time.Millisecond)}, 34400 * time.Millisecond},
		{"a minute's limit, by the message", 429, fmt.Sprintf(minute, ""),
			llmhub.RateLimited, llmhub.Verdict{State: llmhub.KeyCooling, Until: now.Add(48939935699)}, 48939935699},
		{"nothing said about when", 429, `{"error":{"code":429,"message":"Resource exhausted.","status":"RESOURCE_EXHAUSTED"}}`,
			llmhub.RateLimited, llmhub.Verdict{State: llmhub.KeyCooling}, 0},
		{"a wait of a year is cut to 8 days", 429, `{"error":{"code":429,"message":"Please retry in 8760h."}}`,
			llmhub.RateLimited, llmhub.Verdict{State: llmhub.KeyCooling, Until: now.Add(192 * time.Hour)}, 192 * time.Hour},
		{"a day's limit, whatever RetryInfo says", 429, `{"error":{"code":429,"message":"m","details":[{"violations":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel"}]},{"retryDelay":"37s"}]}}`,
			llmhub.QuotaExceeded, llmhub.Verdict{State: llmhub.KeyExhausted, Until: time.Date(2026, 6, 2, 7, 0, 0, 0, time.UTC)}, 19 * time.Hour},
		{"a free tier of nothing", 429, `{"error":{"code":429,"message":"m","details":[{"violations":[{"quotaId":"GenerateRequestsPerDay-FreeTier","quotaValue":"0"}]}]}}`,
			llmhub.Unfunded, llmhub.Verdict{State: llmhub.KeyUnfunded, Model: true}, 0},
		{"a free tier of nothing, by the message", 429, `{"error":{"code":429,"message":"* Quota exceeded for metric: x, limit: 0, model: gemini-2.5-pro"}}`,
			llmhub.Unfunded, llmhub.Verdict{State: llmhub.KeyUnfunded, Model: true}, 0},
		{"no money", 429, `{"error":{"code":429,"message":"Your prepayment credits are depleted."}}`,
			llmhub.Unfunded, llmhub.Verdict{State: llmhub.KeyUnfunded}, 0},
		{"no capacity for anybody", 429, `{"error":{"code":429,"message":"This model is currently experiencing high demand."}}`, llmhub.Overloaded, llmhub.Verdict{}, 0},
		{"an expired key", 400, `{"error":{"code":400,"message":"API key expired. Please renew the API key.","status":"INVALID_ARGUMENT"}}`,
			llmhub.BadCredential, llmhub.Verdict{State: llmhub.KeyInvalid, Sure: true}, 0},
		{"no key", 403, `{"error":{"code":403,"message":"Method doesn't allow unregistered callers.","status":"PERMISSION_DENIED"}}`,
			llmhub.BadCredential, llmhub.Verdict{State: llmhub.KeyInvalid, Sure: true}, 0},
		{"a leaked key", 403, `{"error":{"code":403,"message":"Your API key was reported as leaked. Please use another API key.","status":"PERMISSION_DENIED"}}`,
			llmhub.BadCredential, llmhub.Verdict{State: llmhub.KeyInvalid, Sure: true}, 0},
		{"a 401 that does not say why", 401, `{"error":{"code":401,"status":"UNAUTHENTICATED"}}`, llmhub.BadCredential, llmhub.Verdict{State: llmhub.KeyInvalid}, 0},
		{"a model that the key may not use", 403, `{"error":{"code":403,"status":"PERMISSION_DENIED"}}`,
			llmhub.PermissionDenied, llmhub.Verdict{State: llmhub.KeyCooling, Model: true, Until: now.Add(time.Hour)}, 0},
		{"a wall in front of the provider", 403, `<html>Forbidden</html>`, llmhub.Blocked, llmhub.Verdict{}, 0},
		{"a model that is not there", 404, `{"error":{"code":404,"status":"NOT_FOUND"}}`,
			llmhub.ModelNotFound, llmhub.Verdict{State: llmhub.KeyCooling, Model: true, Until: now.Add(10 * time.Minute)}, 0},
		{"a prompt that is too long", 400, `{"error":{"code":400,"message":"The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}`, llmhub.ContextLength, llmhub.Verdict{}, 0},
		{"billing that is missing", 400, `{"error":{"code":400,"message":"Gemini API free tier is not available in your country. Please enable billing on your project.","status":"FAILED_PRECONDITION"}}`,
			llmhub.Unfunded, llmhub.Verdict{State: llmhub.KeyUnfunded}, 0},
		{"a page that is no error of this dialect", 404, `<html>`, llmhub.Malformed, llmhub.Verdict{}, 0},
		{"a gateway's page", 502, `<html>`, llmhub.UpstreamFailed, llmhub.Verdict{}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client := &gemini.Client{Now: func() time.Time { return now }}
			e := client.Error(&llmhub.Call{}, tt.status, nil, []byte(tt.body))
			if e.Kind != tt.kind || e.Verdict != tt.verdict || e.RetryAfter != tt.retry || e.Status != tt.status {
				t.Errorf("Error(%d, %s) = %s %+v after %v, want %s %+v after %v", tt.status, tt.body, e.Kind, e.Verdict, e.RetryAfter, tt.kind, tt.verdict, tt.retry)
			}
		})
	}
}

// The day of a key ends at midnight in Los Angeles, winter and summer.
func TestDayEnds(t *testing.T) {
	const daily = `{"error":{"code":429,"details":[{"violations":[{"quotaId":"PerDay"}]}]}}`
	for now, want := range map[string]string{
		"2026-01-15T07:59:59Z": "2026-01-15T08:00:00Z",
		"2026-01-15T08:00:00Z": "2026-01-16T08:00:00Z",
		"2026-07-15T06:59:59Z": "2026-07-15T07:00:00Z",
		"2026-07-15T07:00:00Z": "2026-07-16T07:00:00Z",
		"2026-03-08T09:00:00Z": "2026-03-09T07:00:00Z", // a day of 23 hours
		"2026-11-01T08:30:00Z": "2026-11-02T08:00:00Z", // a day of 25 hours
		"2026-12-31T20:00:00Z": "2027-01-01T08:00:00Z",
	} {
		at, _ := time.Parse(time.RFC3339, now)
		client := &gemini.Client{Now: func() time.Time { return at }}
		e := client.Error(&llmhub.Call{}, 429, nil, []byte(daily))
		if got := e.Verdict.Until.Format(time.RFC3339); got != want {
			t.Errorf("a day's limit met at %s ends at %s, want %s", now, got, want)
		}
	}
}
