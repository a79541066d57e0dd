package auth

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/julienschmidt/httprouter"

	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/reply"
	"github.com/llmhubd/llmhub/store"
)

// Routes are the addresses under /v1/auth.
func (s *Service) Routes() []Route {
	return []Route{
		{http.MethodPost, "/v1/auth/register", Public(), s.register},
		{http.MethodPost, "/v1/auth/login", Public(), s.login},
		{http.MethodPost, "/v1/auth/refresh", Public(), s.refreshLogin},
		{http.MethodPost, "/v1/auth/password", SignedIn(), s.password},
		{http.MethodPost, "/v1/auth/logout", Public(), s.logout},
		{http.MethodGet, "/v1/auth/me", SignedIn(), s.me},
	}
}

type userView struct {
	ID    string     `json:"id"`
	Email string     `json:"email"`
	Role  store.Role `json:"role"`
}

func viewUser(u store.User) userView { return userView{u.ID, u.Email, u.Role} }

type loginView struct {
	AccessToken string   `json:"access_token"`
	TokenType   string   `json:"token_type"`
	ExpiresIn   int      `json:"expires_in"` // seconds
	User        userView `json:"user"`
}

func (s *Service) register(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	var body struct {
		Email      string `json:"email"`
		Password   string `json:"password"`
		SetupToken string `json:"setup_token"`
	}
	err := reply.Read(r, &body)
	if err == nil {
		err = s.admit(r)
	}
	var u store.User
	if err == nil {
		u, err = s.createAccount(r.Context(), body.Email, body.Password, body.SetupToken)
	}
	if err == nil {
		err = s.Refresh(r.Context())
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.log.Info("account made", "user", u.ID, "role", u.Role)
	reply.JSON(w, http.StatusCreated, map[string]any{"user": viewUser(u)})
}

// admit counts a request that costs a hash against its network.
func (s *Service) admit(r *http.Request) error {
	return tooMany(s.networks.take(network(s.peers.Addr(r))))
}

func tooMany(wait time.Duration) error {
	if wait == 0 {
		return nil
	}
	return &reply.Error{Status: http.StatusTooManyRequests, Code: "rate_limited", Message: "Too many tries; wait as Retry-After says.", RetryAfter: wait}
}

// createAccount makes the first admin by setup token or, where registration is
// open, a user.
func (s *Service) createAccount(ctx context.Context, email, password, setupToken string) (store.User, error) {
	has, err := s.store.HasAdmin(ctx)
	if err != nil {
		return store.User{}, err
	}
	switch {
	case setupToken != "" && has:
		return store.User{}, reply.Forbidden("The setup link has been used: an admin exists. Ask that admin for an account.")
	case setupToken == "" && !has:
		return store.User{}, reply.Forbidden("The first account needs the setup token that the server printed when it started.")
	case setupToken == "" && !s.open:
		return store.User{}, reply.Forbidden("Registration is closed: ask an admin for an account.")
	}
	role := store.RoleUser
	if setupToken != "" {
		role = store.RoleAdmin
	}
	u, err := s.NewUser(ctx, email, password, role)
	if err != nil {
		return store.User{}, err
	}
	if setupToken == "" {
		err = s.store.CreateUser(ctx, u)
		if errors.Is(err, store.ErrExists) {
			err = reply.Conflict("There is an account of this e-mail address; log in.")
		}
		return u, err
	}
	switch err = s.store.CreateFirstAdmin(ctx, u, setupHash(setupToken)); {
	case errors.Is(err, store.ErrExists):
		err = reply.Forbidden("The setup link has been used: an admin exists. Ask that admin for an account.")
	case errors.Is(err, store.ErrNotFound):
		err = reply.Forbidden("The setup token is not valid or is older than 30 minutes; restart the server to get another.")
	}
	return u, err
}

func (s *Service) login(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	var body struct {
		Email    string `json:"email"`
		Password string `json:"password"`
	}
	err := reply.Read(r, &body)
	if err == nil && (body.Email == "" || body.Password == "") {
		err = reply.Invalid("", "Send email and password.")
	}
	var u store.User
	if err == nil {
		u, err = s.checkLogin(r, body.Email, body.Password)
	}
	var session store.Session
	if err == nil {
		session, u, err = s.openSession(r, u)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.setCookie(w, r, s.keys.refreshToken(session.ID, session.Generation), session.ExpiresAt)
	s.answerLogin(w, r, u, session.ID)
}

func (s *Service) answerLogin(w http.ResponseWriter, r *http.Request, u store.User, session string) {
	token, err := s.keys.sign(u.ID, session, u.Epoch)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	reply.JSON(w, http.StatusOK, loginView{token, "Bearer", int(accessLife.Seconds()), viewUser(u)})
}

// errLogin is the same for an account that is not there, is switched off, or
// has another password.
var errLogin = &reply.Error{Status: http.StatusUnauthorized, Code: "invalid_credentials", Message: "E-mail address or password is wrong."}

// checkLogin returns the account of an address and a password. Whatever is
// wrong takes the same work and gives the same answer.
func (s *Service) checkLogin(r *http.Request, email, password string) (store.User, error) {
	ctx := r.Context()
	if normal, err := checkEmail(email); err == nil {
		email = normal
	} else {
		email = "" // nobody's
	}
	done, err := s.throttle(r, email)
	if err != nil {
		return store.User{}, err
	}
	u, err := s.store.UserByEmail(ctx, email)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.User{}, err
	}
	ok, stale, err := s.hasher.verify(ctx, u.PasswordHash, password)
	if err != nil {
		return store.User{}, busy(err)
	}
	if !ok || u.Disabled {
		s.log.Info("login refused", "user", u.ID, "network", network(s.peers.Addr(r)))
		return store.User{}, errLogin
	}
	done()
	if stale {
		s.rehash(ctx, &u, password)
	}
	return u, nil
}

// slow is how long a login takes longer while an account is under attack.
const slow = 2 * time.Second

// throttle counts a try before it is made, so that many at once do not pass.
// done takes it back: it was the right password.
func (s *Service) throttle(r *http.Request, email string) (done func(), err error) {
	net := network(s.peers.Addr(r))
	pair := email + " " + net
	if err := tooMany(s.networks.take(net)); err != nil {
		return nil, err
	}
	if err := tooMany(s.pairs.take(pair)); err != nil {
		return nil, err
	}
	if s.accounts.take(email) > 0 {
		// Many networks try one account. Its owner must get in, so all wait alike.
		if err := s.wait(r.Context(), slow); err != nil {
			return nil, err
		}
	}
	return func() {
		s.networks.giveBack(net)
		s.pairs.forget(pair)
		s.accounts.giveBack(email)
	}, nil
}

// rehash keeps a password at today's cost. When it does not work out, the next
// login tries again.
func (s *Service) rehash(ctx context.Context, u *store.User, password string) {
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return
	}
	before := u.PasswordHash
	fresh, err := s.store.UpdateUser(ctx, u.ID, func(now *store.User) error {
		if now.PasswordHash == before {
			now.PasswordHash = hash
		}
		return nil
	})
	if err != nil {
		s.log.Warn("password not rehashed", "user", u.ID, "err", err)
		return
	}
	*u = fresh
}

// openSession makes a login of an account whose password was right, unless the
// account has changed since.
func (s *Service) openSession(r *http.Request, u store.User) (store.Session, store.User, error) {
	ctx := r.Context()
	now := s.now()
	checked := u
	u, err := s.store.UpdateUser(ctx, u.ID, func(u *store.User) error {
		if u.Disabled || u.PasswordHash != checked.PasswordHash {
			return errLogin
		}
		u.LastLogin = now
		return nil
	})
	if err != nil {
		return store.Session{}, u, err
	}
	session := newSession(u, r.UserAgent(), s.peers.Addr(r).String(), now)
	if err := s.store.CreateSession(ctx, session); err != nil {
		return store.Session{}, u, err
	}
	// Between the two somebody may have ended all sessions, all but this one.
	after, err := s.store.User(ctx, u.ID)
	if err != nil || after.Epoch != u.Epoch || after.Disabled {
		return store.Session{}, u, errors.Join(errLogin, s.store.DeleteSession(ctx, session.ID))
	}
	return session, u, nil
}

func (s *Service) refreshLogin(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	cookie, err := r.Cookie(cookieName(s.peers.HTTPS(r)))
	if err != nil {
		reply.Fail(w, errNobody)
		return
	}
	session, token, err := s.rotate(r.Context(), cookie.Value)
	var p Principal
	if err == nil {
		p, err = s.principal(r.Context(), session)
	}
	if errors.Is(err, errSession) {
		err = errExpired
	}
	if errors.Is(err, errExpired) {
		s.clearCookie(w, r)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.setCookie(w, r, token, session.ExpiresAt)
	s.answerLogin(w, r, p.User, session.ID)
}

func (s *Service) password(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	var body struct {
		Current string `json:"current_password"`
		New     string `json:"new_password"`
	}
	p := PrincipalOf(r.Context())
	err := reply.Read(r, &body)
	if err == nil {
		_, err = s.checkLogin(r, p.User.Email, body.Current)
	}
	if errors.Is(err, errLogin) {
		err = &reply.Error{Status: http.StatusForbidden, Code: "invalid_credentials", Message: "The current password is wrong.", Param: "current_password"}
	}
	var u store.User
	if err == nil {
		u, err = s.SetPassword(r.Context(), p.User.ID, body.New, p.Session)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.log.Info("password changed", "user", u.ID)
	s.answerLogin(w, r, u, p.Session)
}

// logout ends the login, or with {"everywhere": true} every one of the account.
// It clears the cookie whatever the rest comes to.
func (s *Service) logout(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	s.clearCookie(w, r)
	var body struct {
		Everywhere bool `json:"everywhere"`
	}
	if r.ContentLength != 0 {
		if err := reply.Read(r, &body); err != nil {
			s.fail(w, r, err)
			return
		}
	}
	p, err := s.identify(r)
	var known *reply.Error
	if errors.As(err, &known) {
		reply.NoContent(w) // there is nothing to end
		return
	}
	if err == nil {
		err = s.leave(r.Context(), p, body.Everywhere)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	reply.NoContent(w)
}

func (s *Service) leave(ctx context.Context, p Principal, everywhere bool) error {
	if everywhere {
		if _, err := s.store.UpdateUser(ctx, p.User.ID, func(u *store.User) error { u.Epoch++; return nil }); err != nil {
			return err
		}
		return s.EndSessions(ctx, p.User.ID, "")
	}
	s.end(p.Session)
	err := s.store.DeleteSession(ctx, p.Session)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

func (s *Service) me(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	u := PrincipalOf(r.Context()).User
	reply.JSON(w, http.StatusOK, map[string]any{"user": viewUser(u), "id": u.ID, "email": u.Email, "role": u.Role})
}
