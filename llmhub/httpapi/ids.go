package httpapi

import "net/http"

// identify names the request in the header that OpenAI's clients read and in
// the one that Anthropic's do.
func identify(h http.Header, id string) {
	named := []string{id}
	h["X-Request-Id"], h["Request-Id"] = named, named
}

// plainID reports whether a caller's id of a request may be written down.
func plainID(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}
