package auth_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/julienschmidt/httprouter"
	"golang.org/x/crypto/argon2"

	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/auth"
	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/store"
	"github.com/llmhubd/llmhub/store/seal"
	"github.com/llmhubd/llmhub/store/sqlstore"
)

const (
	email    = "ada@example.org"
	password = "an engine of difference"
)

// clock is moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// house is a service on a database of its own.
type house struct {
	*auth.Service
	t      testing.TB
	store  *sqlstore.Store
	ring   *seal.Ring
	clock  *clock
	router *httprouter.Router
	log    *bytes.Buffer
}

func newHouse(t testing.TB, c auth.Config) *house {
	t.Helper()
	h := &house{t: t, clock: &clock{now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}, log: &bytes.Buffer{}}
	db, err := sqlstore.Open(t.Context(), sqlstore.Config{URL: "sqlite://" + filepath.Join(t.TempDir(), "hub.db"), Now: h.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	h.store = db
	if h.ring, err = seal.Open(t.Context(), db, make([]byte, 32)); err != nil {
		t.Fatal(err)
	}
	h.open(c)
	return h
}

// open starts the service, as after a restart.
func (h *house) open(c auth.Config) {
	h.t.Helper()
	c.Store, c.Vault, c.Sealer, c.Now = h.store, h.store, h.ring, h.clock.Now
	c.Log = slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if h.Service, err = auth.New(h.t.Context(), c); err != nil {
		h.t.Fatal(err)
	}
	h.router = httprouter.New()
	for _, rt := range h.Routes() {
		h.router.Handle(rt.Method, rt.Path, h.Guard(rt))
	}
}

func (h *house) admin() {
	h.t.Helper()
	if _, err := h.EnsureAdmin(h.t.Context(), email, llmhub.NewSecret(password)); err != nil {
		h.t.Fatal(err)
	}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   map[string]any
	text   string
}

func (a answer) token() string { s, _ := a.body["access_token"].(string); return s }

func (a answer) cookie() *http.Cookie {
	r := http.Response{Header: a.header}
	for _, c := range r.Cookies() {
		return c
	}
	return nil
}

// do sends a request; edit may be nil.
func (h *house) do(method, path string, body any, edit func(*http.Request)) answer {
	h.t.Helper()
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			h.t.Fatal(err)
		}
		r = bytes.NewReader(b)
	}
	req := httptest.NewRequest(method, path, r)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if edit != nil {
		edit(req)
	}
	w := httptest.NewRecorder()
	h.router.ServeHTTP(w, req)
	a := answer{status: w.Code, header: w.Header(), text: w.Body.String()}
	json.Unmarshal(w.Body.Bytes(), &a.body)
	return a
}

type credentials map[string]string

func (h *house) login() answer {
	h.t.Helper()
	a := h.do("POST", "/v1/auth/login", credentials{"email": email, "password": password}, nil)
	if a.status != 200 {
		h.t.Fatalf("login = %d %s", a.status, a.text)
	}
	return a
}

func bearer(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

func withCookie(c *http.Cookie) func(*http.Request) {
	return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value}) }
}

func want(t *testing.T, what string, a answer, status int) {
	t.Helper()
	if a.status != status {
		t.Errorf("%s = %d %s, want %d", what, a.status, strings.TrimSpace(a.text), status)
	}
}

func TestFirstAdminBySetupToken(t *testing.T) {
	h := newHouse(t, auth.Config{})
	register := func(token string) answer {
		return h.do("POST", "/v1/auth/register", credentials{"email": email, "password": password, "setup_token": token}, nil)
	}
	want(t, "register without a token", h.do("POST", "/v1/auth/register", credentials{"email": email, "password": password}, nil), 403)
	first, err := h.SetupToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want(t, "register with another token", register("x"+first.Expose()), 403)
	second, _ := h.SetupToken(t.Context())
	want(t, "register with the token of the start before", register(first.Expose()), 403)
	h.clock.add(31 * time.Minute)
	want(t, "register with a token of 31 minutes", register(second.Expose()), 403)
	third, _ := h.SetupToken(t.Context())
	a := register(third.Expose())
	want(t, "register", a, 201)
	if u, _ := a.body["user"].(map[string]any); u["role"] != "admin" || u["email"] != email {
		t.Errorf("user = %v, want the admin", u)
	}
	h.clock.add(time.Minute)
	want(t, "register with the token again", register(third.Expose()), 403)
	if got, _ := h.SetupToken(t.Context()); !got.IsZero() {
		t.Error("SetupToken() gave another although there is an admin")
	}
}

func TestOneOfManyBecomesFirstAdmin(t *testing.T) {
	h := newHouse(t, auth.Config{OpenRegistration: true})
	token, _ := h.SetupToken(t.Context())
	var made sync.Map
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			body := credentials{"email": string(rune('a'+i)) + "@example.org", "password": password, "setup_token": token.Expose()}
			if a := h.do("POST", "/v1/auth/register", body, func(r *http.Request) { r.RemoteAddr = "192.0.2." + string(rune('1'+i)) + ":1" }); a.status == 201 {
				made.Store(i, true)
			}
		})
	}
	wg.Wait()
	n := 0
	made.Range(func(any, any) bool { n++; return true })
	users, err := h.store.ListUsers(t.Context())
	if n != 1 || err != nil || len(users) != 1 {
		t.Errorf("8 at once made %d admins and %d accounts, want 1 and 1", n, len(users))
	}
}

func TestRegistration(t *testing.T) {
	h := newHouse(t, auth.Config{})
	h.admin()
	want(t, "register while closed", h.do("POST", "/v1/auth/register", credentials{"email": "b@example.org", "password": password}, nil), 403)
	h.open(auth.Config{OpenRegistration: true})
	a := h.do("POST", "/v1/auth/register", credentials{"email": "B@Example.org", "password": password}, nil)
	want(t, "register while open", a, 201)
	if u, _ := a.body["user"].(map[string]any); u["role"] != "user" || u["email"] != "b@example.org" {
		t.Errorf("user = %v, want role user", u)
	}
	want(t, "register twice", h.do("POST", "/v1/auth/register", credentials{"email": "b@example.org", "password": password}, nil), 409)
	want(t, "register without an address", h.do("POST", "/v1/auth/register", credentials{"email": "b", "password": password}, nil), 400)
	want(t, "register with a role", h.do("POST", "/v1/auth/register", credentials{"email": "c@example.org", "password": password, "role": "admin"}, nil), 400)
}

func TestPasswordRules(t *testing.T) {
	h := newHouse(t, auth.Config{})
	for _, tt := range []struct{ name, password, want string }{
		{"short", "fourteen bytes", "too short"},
		{"long", strings.Repeat("long words ", 100), "too long"},
		{"one letter", strings.Repeat("a", 20), "repeats itself"},
		{"one word", "abcdeabcdeabcdeabcde", "repeats itself"},
		{"a row", "abcdefghijklmnopqrs", "neighbours"},
		{"the address", "ada.lovelace@example.org", "e-mail address"},
		{"a common one", "correct horse battery staple", "many people use"},
		{"a common one with a year", "thisismypassword2026", "many people use"},
		{"no text", "\xff\xfe is no text at all", "no text"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := h.NewUser(t.Context(), "ada.lovelace@example.org", tt.password, store.RoleUser)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), tt.password) {
				t.Errorf("NewUser(%q) = %v, want it to say %q", tt.password, err, tt.want)
			}
		})
	}
	if _, err := h.NewUser(t.Context(), email, "fifteen bytes!!", store.RoleUser); err != nil {
		t.Errorf("NewUser(15 bytes) = %v, want nil", err)
	}
}

func TestLogin(t *testing.T) {
	h := newHouse(t, auth.Config{})
	h.admin()
	a := h.login()
	if a.body["token_type"] != "Bearer" || a.body["expires_in"] != 600.0 || a.token() == "" {
		t.Errorf("login = %s", a.text)
	}
	c := a.cookie()
	if c == nil || c.Name != "llmhub_session" || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Secure || c.Path != "/" {
		t.Errorf("cookie = %v", c)
	}
	if got := a.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control = %q", got)
	}
	want(t, "me by token", h.do("GET", "/v1/auth/me", nil, bearer(a.token())), 200)
	want(t, "me by cookie", h.do("GET", "/v1/auth/me", nil, withCookie(c)), 200)
	want(t, "me by nobody", h.do("GET", "/v1/auth/me", nil, nil), 401)

	wrong := h.do("POST", "/v1/auth/login", credentials{"email": email, "password": password + "!"}, nil)
	nobody := h.do("POST", "/v1/auth/login", credentials{"email": "x" + email, "password": password}, nil)
	want(t, "login with another password", wrong, 401)
	strip := func(a answer) string {
		e := a.body["error"].(map[string]any)
		delete(e, "request_id")
		b, _ := json.Marshal(e)
		return string(b)
	}
	if nobody.status != wrong.status || strip(nobody) != strip(wrong) {
		t.Errorf("nobody's login = %d %s, want as another password: %d %s", nobody.status, nobody.text, wrong.status, wrong.text)
	}
	if strings.Contains(h.log.String(), password) || strings.Contains(h.log.String(), a.token()) || strings.Contains(h.log.String(), c.Value) {
		t.Errorf("log holds a secret: %s", h.log)
	}
}

func TestLoginOverHTTPS(t *testing.T) {
	h := newHouse(t, auth.Config{})
	h.admin()
	req := httptest.NewRequest("POST", "https://hub.example/v1/auth/login", strings.NewReader(`{"email":"`+email+`","password":"`+password+`"}`))
	req.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.router.ServeHTTP(w, req)
	c := answer{header: w.Header()}.cookie()
	if c == nil || c.Name != "__Host-llmhub" || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" {
		t.Errorf("cookie = %v, want __Host-llmhub", c)
	}
}

func TestLoginIsThrottledByAccountAndAddress(t *testing.T) {
	h := newHouse(t, auth.Config{})
	h.admin()
	try := func(password, addr string) answer {
		return h.do("POST", "/v1/auth/login", credentials{"email": email, "password": password}, func(r *http.Request) { r.RemoteAddr = addr })
	}
	for range 5 {
		want(t, "a wrong password", try("nothing like the password", "192.0.2.1:1"), 401)
	}
	a := try(password, "192.0.2.1:1")
	want(t, "the sixth try", a, 429)
	if got := a.header.Get("Retry-After"); got != "30" {
		t.Errorf("Retry-After = %q, want 30", got)
	}
	want(t, "its owner from elsewhere", try(password, "192.0.2.2:1"), 200)
	h.clock.add(30 * time.Second)
	want(t, "a try after 30 s", try(password, "192.0.2.1:1"), 200)
	for range 10 {
		want(t, "the right password again and again", try(password, "192.0.2.1:1"), 200)
	}
	for i := range 5 {
		want(t, "IPv6", try("nothing like the password", "[2a00:1:2:3::"+string(rune('1'+i))+"]:1"), 401)
	}
	want(t, "another address of the same /64", try(password, "[2a00:1:2:3::ffff]:1"), 429)
}

func TestAnAccountUnderAttackIsSlowNotShut(t *testing.T) {
	waited := 0
	h := newHouse(t, auth.Config{Wait: func(_ context.Context, d time.Duration) error { waited++; return nil }})
	h.admin()
	for i := range 25 {
		h.do("POST", "/v1/auth/login", credentials{"email": email, "password": "nothing like the password"}, func(r *http.Request) { r.RemoteAddr = fmt.Sprintf("192.0.2.%d:1", i) })
	}
	if waited != 5 {
		t.Errorf("25 networks waited %d times, want 5 after the first 20", waited)
	}
	want(t, "its owner", h.do("POST", "/v1/auth/login", credentials{"email": email, "password": password}, func(r *http.Request) { r.RemoteAddr = "198.51.100.1:1" }), 200)
	if waited != 6 {
		t.Errorf("its owner waited %d times, want once", waited-5)
	}
}

func TestDisabledAccountIsOutAtOnce(t *testing.T) {
	h := newHouse(t, auth.Config{})
	h.admin()
	second, err := h.NewUser(t.Context(), "b@example.org", password, store.RoleAdmin)
	if err == nil {
		err = h.store.CreateUser(t.Context(), second)
	}
	if err != nil {
		t.Fatal(err)
	}
	a := h.login()
	me, _ := h.store.UserByEmail(t.Context(), email)
	if _, err := h.store.UpdateUser(t.Context(), me.ID, func(u *store.User) error { u.Disabled = true; return nil }); err != nil {
		t.Fatal(err)
	}
	want(t, "me by token", h.do("GET", "/v1/auth/me", nil, bearer(a.token())), 401)
	want(t, "me by cookie", h.do("GET", "/v1/auth/me", nil, withCookie(a.cookie())), 401)
	want(t, "refresh", h.do("POST", "/v1/auth/refresh", nil, withCookie(a.cookie())), 401)
	want(t, "login", h.do("POST", "/v1/auth/login", credentials{"email": email, "password": password}, nil), 401)
}

func TestCheapHashIsMadeAnewOnLogin(t *testing.T) {
	h := newHouse(t, auth.Config{})
	h.admin()
	salt := []byte("sixteen bytes...")
	b64 := base64.RawStdEncoding.EncodeToString
	cheap := "$argon2id$v=19$m=8192,t=1,p=1$" + b64(salt) + "$" + b64(argon2.IDKey([]byte(password), salt, 1, 8192, 1, 32))
	me, _ := h.store.UserByEmail(t.Context(), email)
	if _, err := h.store.UpdateUser(t.Context(), me.ID, func(u *store.User) error { u.PasswordHash = cheap; return nil }); err != nil {
		t.Fatal(err)
	}
	h.login()
	after, _ := h.store.UserByEmail(t.Context(), email)
	if !strings.HasPrefix(after.PasswordHash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash after login = %.40s…, want one of today's cost", after.PasswordHash)
	}
	h.login()
	if again, _ := h.store.UserByEmail(t.Context(), email); again.PasswordHash != after.PasswordHash {
		t.Error("a hash of today's cost was made anew")
	}
}

func TestRefreshRotates(t *testing.T) {
	h := newHouse(t, auth.Config{})
	h.admin()
	refresh := func(c *http.Cookie) answer { return h.do("POST", "/v1/auth/refresh", nil, withCookie(c)) }
	me := func(c *http.Cookie) answer { return h.do("GET", "/v1/auth/me", nil, withCookie(c)) }

	first := h.login().cookie()
	a := refresh(first)
	want(t, "refresh", a, 200)
	second := a.cookie()
	if second.Value == first.Value || a.token() == "" {
		t.Error("refresh gave the same cookie or no access token")
	}
	h.clock.add(9 * time.Second)
	again := refresh(first)
	want(t, "the same refresh within 10 s", again, 200)
	if again.cookie().Value != second.Value {
		t.Error("a repeat gave another successor")
	}
	want(t, "the successor", me(second), 200)
	want(t, "the old cookie on its way", me(first), 200)
	want(t, "a refresh by the old one after the successor's use", refresh(first), 401)
	want(t, "the successor of a revoked login", me(second), 401)
	want(t, "its access token", h.do("GET", "/v1/auth/me", nil, bearer(a.token())), 401)

	first = h.login().cookie()
	second = refresh(first).cookie()
	h.clock.add(11 * time.Second)
	want(t, "a repeat after 11 s", refresh(first), 401)
	want(t, "the successor then", refresh(second), 401)

	first = h.login().cookie()
	third := refresh(refresh(first).cookie()).cookie()
	want(t, "a cookie of two generations ago", me(first), 401)
	want(t, "the newest then", me(third), 401)

	forged := h.login().cookie()
	forged.Value = strings.Replace(forged.Value, ".0.", ".1.", 1)
	want(t, "a forged generation", refresh(forged), 401)
}

func TestManyRefreshesAtOnceGiveOneSuccessor(t *testing.T) {
	h := newHouse(t, auth.Config{})
	h.admin()
	first := h.login().cookie()
	var mu sync.Mutex
	got := map[string]int{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			a := h.do("POST", "/v1/auth/refresh", nil, withCookie(first))
			mu.Lock()
			defer mu.Unlock()
			if a.status == 200 {
				got[a.cookie().Value]++
			}
		})
	}
	wg.Wait()
	if len(got) != 1 {
		t.Errorf("8 at once gave %d successors, want 1", len(got))
	}
	for _, n := range got {
		if n != 8 {
			t.Errorf("%d of 8 went well, want all", n)
		}
	}
}

func TestSessionsRunOut(t *testing.T) {
	h := newHouse(t, auth.Config{})
	h.admin()
	c := h.login().cookie()
	h.clock.add(13 * 24 * time.Hour)
	a := h.do("POST", "/v1/auth/refresh", nil, withCookie(c))
	want(t, "refresh after 13 idle days", a, 200)
	h.clock.add(13 * 24 * time.Hour)
	a = h.do("POST", "/v1/auth/refresh", nil, withCookie(a.cookie()))
	want(t, "refresh on day 26", a, 200)
	h.clock.add(5 * 24 * time.Hour)
	want(t, "refresh on day 31", h.do("POST", "/v1/auth/refresh", nil, withCookie(a.cookie())), 401)

	c = h.login().cookie()
	h.clock.add(14 * 24 * time.Hour)
	want(t, "refresh after 14 idle days", h.do("POST", "/v1/auth/refresh", nil, withCookie(c)), 401)

	a = h.login()
	h.clock.add(10*time.Minute + 29*time.Second)
	want(t, "an access token within the leeway", h.do("GET", "/v1/auth/me", nil, bearer(a.token())), 200)
	h.clock.add(2 * time.Second)
	want(t, "an access token after it", h.do("GET", "/v1/auth/me", nil, bearer(a.token())), 401)
}

func TestPasswordChangeEndsOtherSessions(t *testing.T) {
	h := newHouse(t, auth.Config{})
	h.admin()
	mine, other := h.login(), h.login()
	change := func(current, next, token string) answer {
		return h.do("POST", "/v1/auth/password", credentials{"current_password": current, "new_password": next}, bearer(token))
	}
	want(t, "with another current password", change("nothing like the password", "a mill and a store", mine.token()), 403)
	short := change(password, "short", mine.token())
	want(t, "to a short one", short, 400)
	if !strings.Contains(short.text, `"param":"new_password"`) {
		t.Errorf("to a short one = %s, want it about new_password", short.text)
	}
	a := change(password, "a mill and a store", mine.token())
	want(t, "change", a, 200)
	want(t, "the new token", h.do("GET", "/v1/auth/me", nil, bearer(a.token())), 200)
	want(t, "my cookie", h.do("GET", "/v1/auth/me", nil, withCookie(mine.cookie())), 200)
	want(t, "my old token", h.do("GET", "/v1/auth/me", nil, bearer(mine.token())), 401)
	want(t, "the other token", h.do("GET", "/v1/auth/me", nil, bearer(other.token())), 401)
	want(t, "the other cookie", h.do("POST", "/v1/auth/refresh", nil, withCookie(other.cookie())), 401)
	if _, err := h.Caller(request(bearer(other.token()))); err == nil {
		t.Error("the other token still makes model requests")
	}
	want(t, "login by the old password", h.do("POST", "/v1/auth/login", credentials{"email": email, "password": password}, nil), 401)
}

func TestLogout(t *testing.T) {
	h := newHouse(t, auth.Config{})
	h.admin()
	a, other := h.login(), h.login()
	out := h.do("POST", "/v1/auth/logout", nil, withCookie(a.cookie()))
	want(t, "logout", out, 204)
	if c := out.cookie(); c == nil || c.MaxAge >= 0 {
		t.Errorf("cookie = %v, want it cleared", c)
	}
	want(t, "me afterwards", h.do("GET", "/v1/auth/me", nil, bearer(a.token())), 401)
	if _, err := h.Caller(request(bearer(a.token()))); err == nil {
		t.Error("the token still makes model requests")
	}
	want(t, "another login", h.do("GET", "/v1/auth/me", nil, bearer(other.token())), 200)
	want(t, "logout of nobody", h.do("POST", "/v1/auth/logout", nil, nil), 204)
	third := h.login()
	want(t, "logout everywhere", h.do("POST", "/v1/auth/logout", map[string]bool{"everywhere": true}, bearer(third.token())), 204)
	want(t, "another login then", h.do("GET", "/v1/auth/me", nil, bearer(other.token())), 401)
}

func TestOtherSitesAreRefused(t *testing.T) {
	h := newHouse(t, auth.Config{})
	h.admin()
	c := h.login().cookie()
	for _, tt := range []struct {
		name   string
		edit   func(*http.Request)
		status int
	}{
		{"another site", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403},
		{"a sibling site", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") }, 403},
		{"another origin", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, 403},
		{"itself", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-origin") }, 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := h.do("POST", "/v1/auth/refresh", nil, func(r *http.Request) { withCookie(c)(r); tt.edit(r) })
			want(t, "refresh from "+tt.name, a, tt.status)
			if a.status == 200 {
				c = a.cookie()
			}
		})
	}
	a := h.do("POST", "/v1/auth/login", credentials{}, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") })
	want(t, "a form's content type", a, 415)
	a = h.do("POST", "/v1/auth/login", credentials{"email": strings.Repeat("x", 70<<10)}, nil)
	want(t, "a body of 70 KiB", a, 413)
}

func TestTokensSurviveARestart(t *testing.T) {
	h := newHouse(t, auth.Config{})
	h.admin()
	a := h.login()
	h.open(auth.Config{})
	want(t, "me", h.do("GET", "/v1/auth/me", nil, bearer(a.token())), 200)
	want(t, "refresh", h.do("POST", "/v1/auth/refresh", nil, withCookie(a.cookie())), 200)
}

func TestKeysOfTokensRotate(t *testing.T) {
	h := newHouse(t, auth.Config{})
	h.admin()
	kid := func(token string) string { k, _, _ := strings.Cut(token, "."); return k }
	before := h.login()
	h.clock.add(91 * 24 * time.Hour)
	late := h.login() // signed by the old key, as nobody has rotated it yet
	if kid(late.token()) != kid(before.token()) {
		t.Error("a login rotated the key")
	}
	if err := h.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(t, "a token of the old key", h.do("GET", "/v1/auth/me", nil, bearer(late.token())), 200)
	after := h.login()
	if kid(after.token()) == kid(late.token()) {
		t.Error("Maintain did not rotate a key of 91 days")
	}
	want(t, "a token of the new key", h.do("GET", "/v1/auth/me", nil, bearer(after.token())), 200)
}

func request(edits ...func(*http.Request)) *http.Request {
	r := httptest.NewRequest("POST", "/v1/chat", nil)
	for _, e := range edits {
		e(r)
	}
	return r
}

// virtualKey stores a virtual key.
func (h *house) virtualKey(edit func(*store.VirtualKey)) string {
	h.t.Helper()
	row, key := auth.NewVirtualKey()
	row.CreatedAt = h.clock.Now()
	if edit != nil {
		edit(&row)
	}
	if err := h.store.CreateVirtualKey(context.Background(), row); err != nil {
		h.t.Fatal(err)
	}
	if err := h.Refresh(context.Background()); err != nil {
		h.t.Fatal(err)
	}
	return key.Expose()
}
