package openaichat

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// longest is how long a wait may be said to be.
const longest = 8 * 24 * time.Hour

// retryAfter is how long an answer says to wait, in headers or in words; 0 when
// it does not.
func retryAfter(f *Failure, now time.Time) time.Duration {
	h := f.Header
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil {
		return seconds(ms / 1000)
	}
	if v := h.Get("Retry-After"); v != "" {
		if s, err := strconv.ParseFloat(v, 64); err == nil {
			return seconds(s)
		}
		if at, err := http.ParseTime(v); err == nil {
			return bounded(at.Sub(now))
		}
	}
	for _, mark := range [...]string{"try again in ", "retry in "} {
		if _, rest, ok := strings.Cut(strings.ToLower(f.Message), mark); ok {
			word, _, _ := strings.Cut(rest, " ")
			word = strings.TrimRight(word, ".,")
			if d, err := time.ParseDuration(word); err == nil {
				return bounded(d)
			}
			if s, err := strconv.ParseFloat(word, 64); err == nil {
				return seconds(s)
			}
		}
	}
	return reset(h)
}

// reset is the later of the resets of what is used up.
func reset(h http.Header) time.Duration {
	var wait time.Duration
	for _, what := range [...]string{"Requests", "Tokens", "Input-Images"} {
		if h.Get("X-Ratelimit-Remaining-"+what) != "0" {
			continue
		}
		if d, err := time.ParseDuration(h.Get("X-Ratelimit-Reset-" + what)); err == nil {
			wait = max(wait, bounded(d))
		}
	}
	return wait
}

func seconds(s float64) time.Duration {
	if !(s > 0) {
		return 0
	}
	return bounded(time.Duration(min(s, longest.Seconds()) * float64(time.Second)))
}

func bounded(d time.Duration) time.Duration { return max(0, min(d, longest)) }
