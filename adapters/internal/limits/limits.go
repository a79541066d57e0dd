// Package limits reads out of a refusal when the limit lets go again.
package limits

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
)

// Bounds on a provider's word on how long to wait.
const (
	Least = time.Second
	Most  = 8 * 24 * time.Hour
)

// Clamp brings a wait within the bounds. Nothing said, 0 or less, stays 0.
func Clamp(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return min(max(d, Least), Most)
}

// Apply says how long to wait after a refusal: what the dialect has read, else
// what the headers say. Only statuses that ask to come later are listened to: a
// provider may send these headers with any answer.
func Apply(e *llmhub.Error, status int, h http.Header, now time.Time) {
	switch {
	case status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable && status != 529:
		e.RetryAfter = 0
	case e.RetryAfter <= 0 && e.Verdict.State != llmhub.KeyExhausted && waits(e.Kind):
		e.RetryAfter = FromHeader(h, now)
	}
	Bound(e, now)
}

// waits reports whether a failure passes with time.
func waits(k llmhub.Kind) bool {
	return k == llmhub.RateLimited || k == llmhub.Overloaded || k == llmhub.UpstreamFailed
}

// Bound clamps a wait and makes the verdict agree with it. A key whose day's
// quota is used up has exceeded a quota, and is not merely to be slower.
func Bound(e *llmhub.Error, now time.Time) {
	e.RetryAfter = Clamp(e.RetryAfter)
	if e.Kind != llmhub.RateLimited {
		return
	}
	if e.Verdict.State == llmhub.KeyExhausted {
		e.Kind = llmhub.QuotaExceeded
	} else {
		e.Verdict = llmhub.Verdict{State: llmhub.KeyCooling}
	}
	if e.RetryAfter > 0 {
		e.Verdict.Until = now.Add(e.RetryAfter)
	}
}

// FromHeader is how long to wait by a refusal's headers: Retry-After in any of
// its spellings, else when the limits reset that have nothing left. 0: not said.
func FromHeader(h http.Header, now time.Time) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms > 0 {
		return seconds(ms / 1000)
	}
	if d := when(h.Get("Retry-After"), now); d > 0 {
		return d
	}
	var longest time.Duration
	for _, dimension := range [...]string{"Requests", "Tokens", "Input-Images", "Input-Tokens", "Output-Tokens"} {
		longest = max(longest,
			reset(h.Get("X-Ratelimit-Remaining-"+dimension), h.Get("X-Ratelimit-Reset-"+dimension), now),
			reset(h.Get("Anthropic-Ratelimit-"+dimension+"-Remaining"), h.Get("Anthropic-Ratelimit-"+dimension+"-Reset"), now))
	}
	return longest
}

// reset is when a limit resets that has nothing left.
func reset(remaining, at string, now time.Time) time.Duration {
	n, err := strconv.ParseFloat(remaining, 64)
	if err != nil || n > 0 {
		return 0
	}
	return when(at, now)
}

// when reads a point in time or a span: "11.75" seconds, "6m0s", an HTTP date,
// RFC 3339. 0: it is none of these, or past.
func when(s string, now time.Time) time.Duration {
	if s == "" {
		return 0
	}
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		return seconds(n)
	}
	if d, err := time.ParseDuration(s); err == nil {
		return max(d, 0)
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		if t, err = http.ParseTime(s); err != nil {
			return 0
		}
	}
	return max(t.Sub(now), 0)
}

func seconds(n float64) time.Duration {
	if math.IsNaN(n) || n <= 0 {
		return 0
	}
	return time.Duration(min(n, Most.Seconds()) * float64(time.Second))
}
