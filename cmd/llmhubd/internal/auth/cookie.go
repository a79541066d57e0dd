package auth

import (
	"net/http"
	"time"
)

// cookieName is the session cookie's: over https one that no other host and no
// plain http can set.
func cookieName(https bool) string {
	if https {
		return "__Host-llmhub"
	}
	return "llmhub_session"
}

func (s *Service) setCookie(w http.ResponseWriter, r *http.Request, token string, expires time.Time) {
	https := s.peers.HTTPS(r)
	age := int(expires.Sub(s.now()).Seconds())
	if token == "" {
		age = -1
	}
	http.SetCookie(w, &http.Cookie{
		Name: cookieName(https), Value: token, Path: "/", MaxAge: age,
		Secure: https, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}

func (s *Service) clearCookie(w http.ResponseWriter, r *http.Request) {
	s.setCookie(w, r, "", time.Time{})
}
