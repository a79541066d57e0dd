package auth

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/julienschmidt/httprouter"

	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/reply"
	"github.com/llmhubd/llmhub/store"
)

// Principal is who makes a request of the control plane.
type Principal struct {
	User    store.User // without its password's hash
	Session string     // id of the login
}

type principalKey struct{}

// PrincipalOf returns who makes a request that [Service.Guard] has let in; the
// zero Principal on a public route.
func PrincipalOf(ctx context.Context) Principal {
	p, _ := ctx.Value(principalKey{}).(Principal)
	return p
}

// maxControlBody is the size of a request to the control plane, in bytes.
const maxControlBody = 64 << 10

var (
	errNobody     = reply.Unauthorized("Log in first: send the access token as Authorization: Bearer, or the session cookie.")
	errExpired    = reply.Unauthorized("The session has ended; log in again.")
	errVirtualKey = reply.Forbidden("Virtual keys work for model requests only; log in to manage the server.")
	errCross      = reply.Forbidden("The request comes from another site; send it from the dashboard itself or without a browser.")
)

// Guard makes a route's handler: it answers itself when the request comes from
// another site, from nobody known, or from somebody whom the policy does not
// let in.
func (s *Service) Guard(rt Route) httprouter.Handle {
	return func(w http.ResponseWriter, r *http.Request, params httprouter.Params) {
		w.Header().Set("Cache-Control", "no-store")
		if err := s.csrf.Check(r); err != nil {
			reply.Fail(w, errCross)
			return
		}
		if !rt.Policy.public {
			p, err := s.identify(r)
			if err != nil {
				s.fail(w, r, err)
				return
			}
			if !rt.Policy.Allows(p.User.Role) {
				reply.Fail(w, reply.Forbidden("An account of role "+string(p.User.Role)+" may not do this; it takes one of: "+rt.Policy.String()+"."))
				return
			}
			r = r.WithContext(context.WithValue(r.Context(), principalKey{}, p))
		}
		if r.Body != nil {
			r.Body = http.MaxBytesReader(w, r.Body, maxControlBody)
		}
		if unsafe(r.Method) && r.ContentLength != 0 && !reply.IsJSON(r) {
			reply.Fail(w, &reply.Error{Status: http.StatusUnsupportedMediaType, Code: "invalid_request", Message: "The body must be JSON; send Content-Type: application/json."})
			return
		}
		rt.Handle(w, r, params)
	}
}

func unsafe(method string) bool {
	return method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions
}

// identify says who makes a request, by access token or session cookie. The
// account is looked up each time: what it may do changes at once.
func (s *Service) identify(r *http.Request) (Principal, error) {
	c, err := Credential(r.Header)
	switch {
	case err != nil:
		return Principal{}, reply.Unauthorized("Send one credential, once.")
	case strings.HasPrefix(c, keyPrefix):
		return Principal{}, errVirtualKey
	case c != "":
		return s.byToken(r.Context(), c)
	}
	cookie, err := r.Cookie(cookieName(s.peers.HTTPS(r)))
	if err != nil {
		return Principal{}, errNobody
	}
	session, err := s.use(r.Context(), cookie.Value)
	if errors.Is(err, errSession) {
		return Principal{}, errExpired
	}
	if err != nil {
		return Principal{}, err
	}
	return s.principal(r.Context(), session)
}

func (s *Service) byToken(ctx context.Context, token string) (Principal, error) {
	c, err := s.keys.verify(token)
	if err != nil {
		return Principal{}, reply.Unauthorized("The access token is not valid or has expired; log in again.")
	}
	session, err := s.store.Session(ctx, c.Session)
	if errors.Is(err, store.ErrNotFound) || err == nil && (session.UserID != c.Subject || !s.now().Before(session.ExpiresAt)) {
		return Principal{}, errExpired
	}
	if err != nil {
		return Principal{}, err
	}
	p, err := s.principal(ctx, session)
	if err == nil && p.User.Epoch != c.Epoch {
		return Principal{}, errExpired
	}
	return p, err
}

func (s *Service) principal(ctx context.Context, session store.Session) (Principal, error) {
	u, err := s.store.User(ctx, session.UserID)
	if errors.Is(err, store.ErrNotFound) || err == nil && u.Disabled {
		return Principal{}, errExpired
	}
	if err != nil {
		return Principal{}, err
	}
	u.PasswordHash = ""
	return Principal{User: u, Session: session.ID}, nil
}

// fail answers with err, and notes in the log what the caller is not told.
func (s *Service) fail(w http.ResponseWriter, r *http.Request, err error) {
	var known *reply.Error
	if !errors.As(err, &known) && r.Context().Err() == nil {
		s.log.Error("control plane", "method", r.Method, "path", r.URL.Path, "err", err, "request_id", w.Header().Get(reply.RequestID))
	}
	reply.Fail(w, err)
}
