package daemon

import (
	"net/http"
	"slices"
)

// cors lets pages of the origins that the operator names call the data plane.
// No other origin is let in, none is ever reflected, and no cookie counts there.
type cors struct{ origins []string }

// Headers that clients in browsers send, and that they may read.
const (
	corsSends = "Authorization, Content-Type, Anthropic-Version, Anthropic-Beta, Anthropic-Dangerous-Direct-Browser-Access, Api-Key, " +
		"OpenAI-Organization, OpenAI-Project, Traceparent, X-Api-Key, X-Goog-Api-Key, X-Llmhub-Timeout-Ms, X-Request-Id, X-Stainless-Arch, " +
		"X-Stainless-Helper-Method, X-Stainless-Lang, X-Stainless-OS, X-Stainless-Package-Version, X-Stainless-Retry-Count, X-Stainless-Runtime, " +
		"X-Stainless-Runtime-Version, X-Stainless-Timeout"
	corsReads = "Request-Id, X-Request-Id, Retry-After, X-Should-Retry, X-Llmhub-Demo, X-Ratelimit-Limit-Requests, X-Ratelimit-Remaining-Requests, " +
		"X-Ratelimit-Reset-Requests, X-Ratelimit-Limit-Tokens, X-Ratelimit-Remaining-Tokens, X-Ratelimit-Reset-Tokens"
)

// wrap answers preflights for h, and marks its answers.
func (c cors) wrap(h http.Handler) http.Handler {
	if len(c.origins) == 0 {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.allow(w, r) {
			w.Header().Set("Access-Control-Expose-Headers", corsReads)
		}
		h.ServeHTTP(w, r)
	})
}

// preflight answers what a browser asks before it sends the request itself.
func (c cors) preflight(method string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if c.allow(w, r) {
			h := w.Header()
			h.Set("Access-Control-Allow-Methods", method)
			h.Set("Access-Control-Allow-Headers", corsSends)
			h.Set("Access-Control-Max-Age", "600")
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

func (c cors) allow(w http.ResponseWriter, r *http.Request) bool {
	w.Header().Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" || !slices.Contains(c.origins, origin) {
		return false
	}
	w.Header().Set("Access-Control-Allow-Origin", origin)
	return true
}
