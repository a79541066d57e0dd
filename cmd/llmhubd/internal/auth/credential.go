package auth

import (
	"net/http"
	"strings"

	"github.com/llmhubd/llmhub/llmhub"
)

// Credential finds the one credential of ours in the headers that clients use.
// A header that is there twice is refused, and so are two different ones of
// ours. One that is not ours, such as a provider's key that a client sends
// along, is passed over when there is one of ours.
func Credential(h http.Header) (string, error) {
	var found, other string
	for _, name := range [...]string{"Authorization", "X-Api-Key", "X-Goog-Api-Key", "Api-Key"} {
		values := h[name]
		if len(values) == 0 {
			continue
		}
		if len(values) > 1 {
			return "", badCredential("The header " + name + " is there more than once; send one credential.")
		}
		v := strings.TrimSpace(values[0])
		if name == "Authorization" {
			scheme, token, _ := strings.Cut(v, " ")
			if !strings.EqualFold(scheme, "Bearer") {
				token = ""
			}
			v = strings.TrimSpace(token)
		}
		switch {
		case v == "":
			continue
		case !ours(v):
			other = v
		case found != "" && found != v:
			return "", badCredential("Two different credentials are there; send one.")
		default:
			found = v
		}
	}
	if found == "" {
		found = other
	}
	return found, nil
}

// ours reports whether a credential looks like one that we give out.
func ours(v string) bool {
	return strings.HasPrefix(v, keyPrefix) || strings.HasPrefix(v, "eyJ") && strings.Count(v, ".") == 2
}

// Caller says who makes a request of the data plane: by virtual key or access
// token. Cookies do not count there. It fails with [llmhub.BadCredential].
func (s *Service) Caller(r *http.Request) (llmhub.Caller, error) {
	c, err := Credential(r.Header)
	if err != nil {
		return llmhub.Caller{}, err
	}
	if strings.HasPrefix(c, keyPrefix) {
		return s.callerByKey(c)
	}
	if c == "" {
		return llmhub.Caller{}, badCredential("")
	}
	return s.callerByToken(c)
}
