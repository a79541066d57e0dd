package admin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/julienschmidt/httprouter"

	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/admin"
	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/auth"
	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/config"
	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/egress"
	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/quota/memquota"
	"github.com/llmhubd/llmhub/store"
	"github.com/llmhubd/llmhub/store/seal"
	"github.com/llmhubd/llmhub/store/sqlstore"
)

const (
	password  = "an engine of difference"
	canary    = "sk-canary-7hQ2mZ9xLw4RtY8vKb3N"
	envCanary = "sk-envcanary-5Gd8Jp2Wq6Xs1Zf0T"
)

// upstream is what uses the keys, as far as admin sees it.
type upstream struct {
	store store.ProviderKeys
	ring  *seal.Ring
	quota *memquota.Store
	err   error // of Try
}

func (u *upstream) Reload(ctx context.Context) error {
	rows, err := u.store.ListProviderKeys(ctx)
	if err != nil {
		return err
	}
	keys := []memquota.Key{}
	for _, k := range rows {
		keys = append(keys, memquota.Key{ID: llmhub.KeyID(k.ID), Provider: k.Provider, DailyRequests: k.DailyRequests, DailyTokens: k.DailyTokens, Disabled: k.Disabled})
	}
	u.quota.SetKeys(keys)
	return nil
}

func (u *upstream) SealKey(row store.ProviderKey, value llmhub.Secret) ([]byte, string, error) {
	return u.ring.SealSecret(value, seal.ProviderKey(row.Provider, row.ID, row.BaseURL)), u.ring.Fingerprint(value), nil
}

func (u *upstream) Try(context.Context, llmhub.KeyID) ([]string, error) {
	if u.err != nil {
		return nil, u.err
	}
	return []string{"gpt-5.5"}, nil
}

// hub is the control plane on a database of its own, with an account of each
// role logged in.
type hub struct {
	t        *testing.T
	store    *sqlstore.Store
	ring     *seal.Ring
	quota    *memquota.Store
	upstream *upstream
	auth     *auth.Service
	routes   []auth.Route
	router   *httprouter.Router
	now      time.Time
	tokens   map[string]string // by role, and of special principals
	ids      map[string]string // of accounts by role
	log      bytes.Buffer
	seen     bytes.Buffer // every answer
}

func newHub(t *testing.T) *hub {
	t.Helper()
	h := &hub{t: t, now: time.Now(), tokens: map[string]string{}, ids: map[string]string{}}
	clock := func() time.Time { return h.now }
	log := slog.New(slog.NewTextHandler(&h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	check := func(e error) {
		t.Helper()
		if e != nil {
			t.Fatal(e)
		}
	}
	h.store, err = sqlstore.Open(t.Context(), sqlstore.Config{URL: "sqlite://" + filepath.Join(t.TempDir(), "hub.db"), Now: clock})
	check(err)
	t.Cleanup(func() { h.store.Close() })
	h.ring, err = seal.Open(t.Context(), h.store, make([]byte, 32))
	check(err)
	h.quota = memquota.New(memquota.Config{Now: clock})
	h.upstream = &upstream{store: h.store, ring: h.ring, quota: h.quota}
	settings, err := config.Load(config.Options{
		Environ: []string{"OPENAI_API_KEY=" + envCanary},
		ReadFile: func(string) ([]byte, error) {
			return []byte("providers: {local: {type: openaicompat, base_url: http://127.0.0.1:9000/v1, keys: [{value: none}]}}"), nil
		},
	})
	check(err)
	guard, err := egress.New(egress.Config{Trusted: settings.TrustedURLs()})
	check(err)
	h.auth, err = auth.New(t.Context(), auth.Config{Store: h.store, Vault: h.store, Sealer: h.ring, Now: clock, Log: log})
	check(err)
	api := admin.New(admin.Config{Store: h.store, Quota: h.quota, Upstream: h.upstream, Accounts: h.auth, Settings: settings, Egress: guard, Now: clock, Log: log})
	h.routes = append(h.auth.Routes(), api.Routes()...)
	h.router = httprouter.New()
	for _, rt := range h.routes {
		h.router.Handle(rt.Method, rt.Path, h.auth.Guard(rt))
	}
	_, err = h.auth.EnsureAdmin(t.Context(), "admin@example.org", llmhub.NewSecret(password))
	check(err)
	for _, role := range []store.Role{store.RoleOperator, store.RoleViewer, store.RoleUser} {
		u, err := h.auth.NewUser(t.Context(), string(role)+"@example.org", password, role)
		check(err)
		check(h.store.CreateUser(t.Context(), u))
		h.ids[string(role)] = u.ID
	}
	for _, role := range []string{"admin", "operator", "viewer", "user"} {
		a := h.do("", "POST", "/v1/auth/login", map[string]string{"email": role + "@example.org", "password": password})
		h.tokens[role], _ = a.body["access_token"].(string)
		h.ids[role] = a.body["user"].(map[string]any)["id"].(string)
	}
	return h
}

type answer struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

func (a answer) list() []any { l, _ := a.body["data"].([]any); return l }
func (a answer) id() string  { s, _ := a.body["id"].(string); return s }

// do sends a request as somebody of h.tokens.
func (h *hub) do(who, method, path string, body any) answer {
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
	if who != "" {
		req.Header.Set("Authorization", "Bearer "+h.tokens[who])
	}
	w := httptest.NewRecorder()
	h.router.ServeHTTP(w, req)
	h.seen.WriteString(w.Body.String())
	a := answer{status: w.Code, header: w.Header(), text: w.Body.String()}
	json.Unmarshal(w.Body.Bytes(), &a.body)
	return a
}

func (h *hub) want(a answer, status int, what string) {
	h.t.Helper()
	if a.status != status {
		h.t.Errorf("%s = %d %s, want %d", what, a.status, strings.TrimSpace(a.text), status)
	}
}

type m = map[string]any

// allowed is the table that Routes must come to, written a second time.
func allowed(rt auth.Route, role string) bool {
	noun := strings.Split(strings.TrimPrefix(rt.Path, "/v1/"), "/")
	switch {
	case noun[0] == "auth":
		return true
	case role == "admin":
		return true
	case role == "user" || noun[1] == "users" || noun[1] == "audit":
		return false
	}
	return role == "operator" || rt.Method == "GET"
}

func TestWhoMayDoWhat(t *testing.T) {
	h := newHub(t)
	row, key := auth.NewVirtualKey()
	row.OwnerID = h.ids["admin"]
	if err := errors.Join(h.store.CreateVirtualKey(t.Context(), row), h.auth.Refresh(t.Context())); err != nil {
		t.Fatal(err)
	}
	h.tokens["virtual key"] = key.Expose()
	h.tokens["forged token"] = h.tokens["admin"] + "x"
	h.now = h.now.Add(-11 * time.Minute)
	old := h.do("", "POST", "/v1/auth/login", m{"email": "admin@example.org", "password": password})
	h.now = h.now.Add(11 * time.Minute)
	h.tokens["expired token"], _ = old.body["access_token"].(string)
	off, err := h.auth.NewUser(t.Context(), "off@example.org", password, store.RoleAdmin)
	if err := errors.Join(err, h.store.CreateUser(t.Context(), off)); err != nil {
		t.Fatal(err)
	}
	h.tokens["disabled admin"], _ = h.do("", "POST", "/v1/auth/login", m{"email": "off@example.org", "password": password}).body["access_token"].(string)
	h.want(h.do("admin", "PATCH", "/v1/admin/users/"+off.ID, m{"disabled": true}), 200, "disable")

	for _, rt := range h.routes {
		path := strings.ReplaceAll(rt.Path, ":id", "none")
		if rt.Policy.Public() {
			continue // its own tests
		}
		for _, who := range []string{"", "forged token", "expired token", "disabled admin", "virtual key", "admin", "operator", "viewer", "user"} {
			a := h.do(who, rt.Method, path, nil)
			in := a.status != 401 && a.status != 403 || rt.Path == "/v1/auth/password" && a.status == 400
			want := 0
			switch who {
			case "", "forged token", "expired token", "disabled admin":
				want = 401
			case "virtual key":
				want = 403
			default:
				if ok := allowed(rt, who); in != ok && rt.Path != "/v1/auth/password" {
					t.Errorf("%s %s as %s = %d, want in %v", rt.Method, rt.Path, who, a.status, ok)
				}
				continue
			}
			if a.status != want {
				t.Errorf("%s %s as %q = %d %s, want %d", rt.Method, rt.Path, who, a.status, a.text, want)
			}
			if a.header.Get("Cache-Control") != "no-store" || a.header.Get("X-Request-Id") == "" {
				t.Errorf("%s %s as %q: header %v, want no-store and a request id", rt.Method, rt.Path, who, a.header)
			}
		}
	}
}

func TestKeys(t *testing.T) {
	h := newHub(t)
	a := h.do("operator", "GET", "/v1/admin/keys", nil)
	h.want(a, 200, "list")
	if n := len(a.list()); n != 2 {
		t.Fatalf("list = %s, want the environment's and the file's key", a.text)
	}
	env := a.list()[0].(m)
	if env["source"] != "env" || env["source_location"] != "OPENAI_API_KEY" || env["masked"] != "sk-****"+envCanary[len(envCanary)-4:] || env["state"] != "active" {
		t.Errorf("environment's key = %v", env)
	}

	a = h.do("operator", "POST", "/v1/admin/keys", m{"provider": "openai", "key": " " + canary + "\n", "name": "main", "daily_quota": m{"requests": 10}, "rpm": 5, "models": []string{"gpt-5.5"}})
	h.want(a, 201, "create")
	id := a.id()
	quota := a.body["quota"].(m)["requests"].(m)
	if a.body["masked"] != "sk-****"+canary[len(canary)-4:] || a.body["source"] != "db" || a.body["state"] != "active" || quota["limit"] != 10.0 || quota["resets_at"] == nil ||
		a.body["quota"].(m)["tokens"].(m)["limit"] != nil || a.body["created_at"] == nil {
		t.Errorf("created = %s", a.text)
	}
	row, err := h.store.ProviderKey(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := h.ring.OpenSecret(row.Sealed, seal.ProviderKey("openai", id, "")); err != nil || got.Expose() != canary {
		t.Errorf("the sealed key does not open: %v", err)
	}
	if st, ok := h.quota.Status(llmhub.KeyID(id)); !ok || st.Requests.Limit != 10 {
		t.Errorf("status = %+v %v, want it in force", st, ok)
	}
	h.want(h.do("operator", "POST", "/v1/admin/keys", m{"provider": "openai", "key": canary}), 409, "the same key again")
	for _, v := range h.do("viewer", "GET", "/v1/admin/keys", nil).list() {
		if v := v.(m); v["source"] == "env" && (v["state"] != "disabled" || !strings.Contains(v["state_reason"].(string), "not in use")) {
			t.Errorf("the environment's key beside the database's = %v, want it on standby", v)
		}
	}

	a = h.do("operator", "PATCH", "/v1/admin/keys/"+id, m{"name": "second", "daily_quota": m{"tokens": 7}, "models": nil, "rpm": 0, "weight": 4})
	h.want(a, 200, "patch")
	if a.body["name"] != "second" || a.body["models"] != nil || a.body["rpm"] != nil || a.body["weight"] != 4.0 || a.body["quota"].(m)["requests"].(m)["limit"] != 10.0 || a.body["quota"].(m)["tokens"].(m)["limit"] != 7.0 {
		t.Errorf("patched = %s", a.text)
	}
	a = h.do("operator", "PATCH", "/v1/admin/keys/"+id, m{"disabled": true})
	if a.body["state"] != "disabled" || a.body["name"] != "second" {
		t.Errorf("disabled = %s", a.text)
	}
	a = h.do("operator", "PATCH", "/v1/admin/keys/"+id, m{"disabled": false, "key": "sk-another-0123456789-abcd"})
	if a.body["masked"] != "sk-****abcd" || a.body["state"] != "active" {
		t.Errorf("replaced = %s", a.text)
	}
	h.want(h.do("operator", "PATCH", "/v1/admin/keys/"+id, m{"base_url": "https://evil.example"}), 400, "patch of the origin")
	h.want(h.do("operator", "PATCH", "/v1/admin/keys/"+env["id"].(string), m{"disabled": true}), 409, "patch of the environment's")
	h.want(h.do("operator", "DELETE", "/v1/admin/keys/"+env["id"].(string), nil), 409, "delete of the environment's")
	h.want(h.do("operator", "GET", "/v1/admin/keys/"+env["id"].(string), nil), 200, "read of the environment's")
	if a := h.do("operator", "POST", "/v1/admin/keys/"+env["id"].(string)+"/test", nil); a.status != 409 || !strings.Contains(a.text, "not in use") {
		t.Errorf("test of a key on standby = %d %s, want 409 that says so", a.status, a.text)
	}
	h.want(h.do("operator", "DELETE", "/v1/admin/keys/"+id, nil), 204, "delete")
	h.want(h.do("operator", "GET", "/v1/admin/keys/"+id, nil), 404, "read afterwards")
	if _, ok := h.quota.Status(llmhub.KeyID(id)); ok {
		t.Error("the deleted key is still in force")
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	h := newHub(t)
	for _, tt := range []struct {
		name   string
		body   m
		status int
		param  string
	}{
		{"no provider", m{"key": canary}, 400, "provider"},
		{"an odd provider", m{"provider": "Open AI", "key": canary}, 400, "provider"},
		{"an unknown provider", m{"provider": "mine", "key": canary}, 400, "type"},
		{"an unknown type", m{"provider": "mine", "type": "mine", "key": canary}, 400, "type"},
		{"another type of a provider", m{"provider": "openai", "type": "groq", "key": canary}, 409, ""},
		{"no key", m{"provider": "openai"}, 400, "key"},
		{"a key with a line in it", m{"provider": "openai", "key": canary + "\r\nx: y"}, 400, "key"},
		{"openaicompat nowhere", m{"provider": "mine", "type": "openaicompat", "key": canary}, 400, "base_url"},
		{"plain http", m{"provider": "mine", "type": "openaicompat", "key": canary, "base_url": "http://llm.example.org"}, 400, "base_url"},
		{"a private address", m{"provider": "openai", "key": canary, "base_url": "https://10.0.0.1"}, 400, "base_url"},
		{"the metadata service", m{"provider": "openai", "key": canary, "base_url": "https://169.254.169.254"}, 400, "base_url"},
		{"a user in the URL", m{"provider": "openai", "key": canary, "base_url": "https://a:b@llm.example.org"}, 400, "base_url"},
		{"a negative limit", m{"provider": "openai", "key": canary, "rpm": -1}, 400, "rpm"},
		{"a negative priority", m{"provider": "openai", "key": canary, "priority": -1}, 400, "priority"},
		{"a limit in words", m{"provider": "openai", "key": canary, "rpm": "many"}, 400, "rpm"},
		{"an unknown field", m{"provider": "openai", "key": canary, "daily_usd": 5}, 400, "daily_usd"},
		{"an unknown quota", m{"provider": "openai", "key": canary, "daily_quota": m{"dollars": 5}}, 400, "dollars"},
		{"a name of control characters", m{"provider": "openai", "key": canary, "name": "a\nb"}, 400, "name"},
		{"a trusted origin", m{"provider": "local", "key": canary, "base_url": "http://127.0.0.1:9000/v1"}, 201, ""},
		{"a public one", m{"provider": "mine", "type": "openaicompat", "key": canary, "base_url": "https://LLM.example.org:443/v1/"}, 201, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := h.do("admin", "POST", "/v1/admin/keys", tt.body)
			e, _ := a.body["error"].(m)
			if a.status != tt.status || tt.param != "" && e["param"] != tt.param {
				t.Errorf("POST = %d %s, want %d about %q", a.status, a.text, tt.status, tt.param)
			}
		})
	}
	if u := h.do("admin", "GET", "/v1/admin/keys", nil); !strings.Contains(u.text, `"https://llm.example.org/v1"`) {
		t.Errorf("list = %s, want the canonical base URL", u.text)
	}
}

func TestTryingAndClearingAKey(t *testing.T) {
	h := newHub(t)
	id := h.do("admin", "POST", "/v1/admin/keys", m{"provider": "openai", "key": canary}).id()
	a := h.do("operator", "POST", "/v1/admin/keys/"+id+"/test", nil)
	if a.status != 200 || a.body["ok"] != true || len(a.body["models"].([]any)) != 1 {
		t.Errorf("test = %d %s", a.status, a.text)
	}
	h.upstream.err = &llmhub.Error{Kind: llmhub.BadCredential, Status: 401, Message: "Incorrect API key provided: " + canary}
	a = h.do("operator", "POST", "/v1/admin/keys/"+id+"/test", nil)
	if a.status != 200 || a.body["ok"] != false || a.body["error_code"] != "invalid_api_key" || a.body["status"] != 401.0 || strings.Contains(a.text, canary) {
		t.Errorf("test of a bad key = %d %s", a.status, a.text)
	}

	lease, err := h.quota.Reserve(t.Context(), llmhub.Reservation{Request: llmhub.NewID(h.now), Attempt: 1, Provider: "openai", Amount: llmhub.Amount{Requests: 1}, TTL: time.Minute})
	if err == nil {
		err = h.quota.Settle(t.Context(), lease, llmhub.Outcome{Verdict: llmhub.Verdict{State: llmhub.KeyCooling, Until: h.now.Add(time.Hour)}, Status: 429, Kind: llmhub.RateLimited})
	}
	if err != nil {
		t.Fatal(err)
	}
	a = h.do("viewer", "GET", "/v1/admin/keys/"+id, nil)
	if a.body["state"] != "cooling" || a.body["cooldown_until"] == nil {
		t.Errorf("after a 429 = %s, want cooling", a.text)
	}
	a = h.do("operator", "POST", "/v1/admin/keys/"+id+"/clear-cooldown", nil)
	if a.status != 200 || a.body["state"] != "active" || a.body["cooldown_until"] != nil {
		t.Errorf("cleared = %d %s, want active", a.status, a.text)
	}
}

func TestVirtualKeys(t *testing.T) {
	h := newHub(t)
	call := func(key string) (llmhub.Caller, error) {
		r := httptest.NewRequest("POST", "/v1/chat", nil)
		r.Header.Set("x-api-key", key)
		return h.auth.Caller(r)
	}
	a := h.do("operator", "POST", "/v1/admin/virtual-keys", m{"name": "bot", "owner": h.ids["user"], "models": []string{"smart"}, "rpm": 60, "max_parallel_requests": 2, "disclose": true, "expires_at": h.now.Add(time.Hour).Format(time.RFC3339)})
	h.want(a, 201, "create")
	key, _ := a.body["key"].(string)
	if !strings.HasPrefix(key, "lh_"+a.id()+"_") || !strings.HasPrefix(a.body["prefix"].(string), "lh_") || a.body["rpm"] != 60.0 || a.body["tpm"] != nil {
		t.Errorf("created = %s", a.text)
	}
	if c, err := call(key); err != nil || c.User != h.ids["user"] || !c.Disclose || len(c.Limits) != 2 {
		t.Errorf("Caller = %+v, %v", c, err)
	}
	if list := h.do("viewer", "GET", "/v1/admin/virtual-keys", nil); strings.Contains(list.text, key) || len(list.list()) != 1 {
		t.Errorf("list = %s, want one key without its secret", list.text)
	}
	path := "/v1/admin/virtual-keys/" + a.id()
	a = h.do("operator", "PATCH", path, m{"models": nil, "rpm": 0, "disabled": true, "expires_at": nil})
	if a.status != 200 || a.body["models"] != nil || a.body["rpm"] != nil || a.body["expires_at"] != nil || a.body["name"] != "bot" || a.body["key"] != nil {
		t.Errorf("patched = %d %s", a.status, a.text)
	}
	if _, err := call(key); !errors.Is(err, llmhub.BadCredential) {
		t.Errorf("Caller by a disabled key = %v, want BadCredential", err)
	}
	h.do("operator", "PATCH", path, m{"disabled": false})
	if _, err := call(key); err != nil {
		t.Errorf("Caller by an enabled key = %v", err)
	}
	h.want(h.do("operator", "DELETE", path, nil), 204, "delete")
	if _, err := call(key); !errors.Is(err, llmhub.BadCredential) {
		t.Errorf("Caller by a deleted key = %v, want BadCredential", err)
	}
	for name, body := range map[string]m{
		"no name": {}, "a budget": {"name": "x", "max_budget_usd": 5}, "a budget's span": {"name": "x", "budget_duration": "30d"}, "an unknown owner": {"name": "x", "owner": "usr_none"},
		"yesterday": {"name": "x", "expires_at": h.now.Add(-time.Hour).Format(time.RFC3339)}, "a negative limit": {"name": "x", "tpm": -1}, "an unknown field": {"name": "x", "role": "admin"},
	} {
		h.want(h.do("admin", "POST", "/v1/admin/virtual-keys", body), 400, "create with "+name)
	}
	for _, end := range []any{"soon", 5} {
		if b := h.do("admin", "POST", "/v1/admin/virtual-keys", m{"name": "x", "expires_at": end}); b.status != 400 || !strings.Contains(b.text, "2026-01-02T15:04:05Z") {
			t.Errorf("expires_at %v = %d %s, want it to say how a time is written", end, b.status, b.text)
		}
	}
	if b := h.do("admin", "POST", "/v1/admin/virtual-keys", m{"name": "x", "max_budget_usd": 5}); !strings.Contains(b.text, "not available in this version") {
		t.Errorf("a budget = %s, want it to say that there are none", b.text)
	}
}

func TestUsers(t *testing.T) {
	h := newHub(t)
	a := h.do("admin", "POST", "/v1/admin/users", m{"email": "New@example.org", "password": password, "role": "operator"})
	h.want(a, 201, "create")
	id := a.id()
	if a.body["email"] != "new@example.org" || a.body["role"] != "operator" || strings.Contains(a.text, "argon2") {
		t.Errorf("created = %s", a.text)
	}
	h.want(h.do("admin", "POST", "/v1/admin/users", m{"email": "new@example.org", "password": password, "role": "user"}), 409, "create twice")
	h.want(h.do("admin", "POST", "/v1/admin/users", m{"email": "b@example.org", "password": "short", "role": "user"}), 400, "create with a short password")
	h.want(h.do("admin", "POST", "/v1/admin/users", m{"email": "b@example.org", "password": password, "role": "root"}), 400, "create with another role")
	h.want(h.do("admin", "POST", "/v1/admin/users", m{"email": "b@example.org", "password": password}), 400, "create without a role")

	login := h.do("", "POST", "/v1/auth/login", m{"email": "new@example.org", "password": password})
	h.tokens["new"], _ = login.body["access_token"].(string)
	h.want(h.do("new", "GET", "/v1/admin/keys", nil), 200, "keys as operator")
	h.want(h.do("admin", "PATCH", "/v1/admin/users/"+id, m{"role": "user"}), 200, "make it a user")
	h.want(h.do("new", "GET", "/v1/admin/keys", nil), 401, "keys by the token of before")
	r := httptest.NewRequest("POST", "/v1/chat", nil)
	r.Header.Set("Authorization", "Bearer "+h.tokens["new"])
	if _, err := h.auth.Caller(r); !errors.Is(err, llmhub.BadCredential) {
		t.Errorf("Caller by the token of before = %v, want BadCredential", err)
	}
	h.want(h.do("", "POST", "/v1/auth/login", m{"email": "new@example.org", "password": password}), 200, "login as user")
	h.want(h.do("admin", "PATCH", "/v1/admin/users/"+id, m{"disabled": true}), 200, "disable")
	h.want(h.do("", "POST", "/v1/auth/login", m{"email": "new@example.org", "password": password}), 401, "login while disabled")
	h.want(h.do("admin", "DELETE", "/v1/admin/users/"+id, nil), 204, "delete")
	h.want(h.do("admin", "DELETE", "/v1/admin/users/"+id, nil), 404, "delete twice")

	me := "/v1/admin/users/" + h.ids["admin"]
	for what, a := range map[string]answer{
		"demote the last admin":  h.do("admin", "PATCH", me, m{"role": "viewer"}),
		"disable the last admin": h.do("admin", "PATCH", me, m{"disabled": true}),
		"delete the last admin":  h.do("admin", "DELETE", me, nil),
	} {
		h.want(a, 409, what)
	}
	h.want(h.do("admin", "GET", "/v1/admin/users", nil), 200, "the last admin still gets in")
}

func TestLogs(t *testing.T) {
	h := newHub(t)
	base := h.now.Add(-time.Hour)
	var rows []store.Attempt
	for i := range 450 {
		id := llmhub.NewID(base.Add(time.Duration(i) * time.Second)).String()
		row := store.Attempt{
			RequestID: id, N: 2, Final: true, Time: base.Add(time.Duration(i) * time.Second), Dialect: "openai", Model: "smart", RequestStatus: 200, RequestOutcome: "ok", Attempts: 2,
			Provider: "anthropic", ServedModel: "claude-opus-4-8", KeyID: "k2", StartedAt: base, Status: 200, Outcome: "ok", Input: 10, CacheRead: 5, Output: 3, Reasoning: 4,
			RequestTTFT: 250 * time.Millisecond, RequestDuration: 1500 * time.Microsecond, WhyChosen: "next", Skipped: []store.Skip{{Provider: "gemini", Model: "x", Reason: "no key"}},
		}
		if i%10 == 0 {
			row.RequestStatus, row.RequestOutcome, row.ClientRequestID, row.Model = 503, "error", "=cmd|'/c calc'!A1", "@evil"
		}
		first := store.Attempt{RequestID: id, N: 1, Time: row.Time, Provider: "openai", ServedModel: "gpt-5.5", KeyID: "k1", StartedAt: base, Status: 429, Outcome: "error", ErrorCode: "rate_limited", WhyLeft: "cooling"}
		rows = append(rows, first, row)
	}
	if err := h.store.AppendUsage(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	a := h.do("viewer", "GET", "/v1/admin/logs?limit=200", nil)
	h.want(a, 200, "list")
	n, pages := len(a.list()), 1
	top := a.list()[0].(m)
	if top["prompt_tokens"] != 15.0 || top["completion_tokens"] != 7.0 || top["total_tokens"] != 22.0 || top["cached_tokens"] != 5.0 || top["reasoning_tokens"] != 4.0 ||
		top["served_model"] != "anthropic/claude-opus-4-8" || top["ttft_ms"] != 250.0 || top["duration_ms"] != 1.5 || top["attempts"] != 2.0 || top["status"] != 200.0 {
		t.Errorf("newest = %v", top)
	}
	for a.body["next_cursor"] != nil {
		a = h.do("viewer", "GET", "/v1/admin/logs?limit=200&cursor="+a.body["next_cursor"].(string), nil)
		n += len(a.list())
		pages++
	}
	if n != 450 || pages != 3 {
		t.Errorf("%d requests in %d pages, want 450 in 3", n, pages)
	}
	if a := h.do("viewer", "GET", "/v1/admin/logs?status=503&limit=100", nil); len(a.list()) != 45 {
		t.Errorf("status=503 gives %d, want 45", len(a.list()))
	}
	if a := h.do("viewer", "GET", "/v1/admin/logs?since="+base.Add(440*time.Second).UTC().Format(time.RFC3339Nano), nil); len(a.list()) != 10 {
		t.Errorf("since gives %d, want 10", len(a.list()))
	}
	for _, q := range []string{"limit=0", "limit=201", "limit=x", "status=7", "since=yesterday", "cursor=%21", "stauts=200", "status=200&status=503", "outcome=fine"} {
		h.want(h.do("viewer", "GET", "/v1/admin/logs?"+q, nil), 400, "list by "+q)
	}

	a = h.do("viewer", "GET", "/v1/admin/logs/"+top["id"].(string), nil)
	h.want(a, 200, "read")
	attempts, _ := a.body["attempt_log"].([]any)
	skipped, _ := a.body["skipped"].([]any)
	if len(attempts) != 2 || len(skipped) != 1 || attempts[0].(m)["why_left"] != "cooling" || attempts[1].(m)["why_chosen"] != "next" || a.body["id"] != top["id"] {
		t.Errorf("read = %s", a.text)
	}
	h.want(h.do("viewer", "GET", "/v1/admin/logs/none", nil), 404, "read of none")

	nd := h.do("viewer", "GET", "/v1/admin/log-export?format=ndjson", nil)
	if got := strings.Count(nd.text, "\n"); nd.status != 200 || got != 450 {
		t.Errorf("ndjson = %d, %d lines, want 450", nd.status, got)
	}
	csv := h.do("viewer", "GET", "/v1/admin/log-export?format=csv&status=503", nil)
	lines := strings.Split(strings.TrimSpace(csv.text), "\n")
	if len(lines) != 46 || !strings.HasPrefix(lines[0], "id,time,") {
		t.Fatalf("csv = %d lines, want 46", len(lines))
	}
	if !strings.Contains(lines[1], `,'=cmd|'/c calc'!A1,`) || !strings.Contains(lines[1], ",'@evil,") {
		t.Errorf("csv = %s, want formulas made harmless", lines[1])
	}
	h.want(h.do("viewer", "GET", "/v1/admin/log-export?format=xlsx", nil), 400, "export as xlsx")
}

func TestChangesAreOnRecord(t *testing.T) {
	h := newHub(t)
	id := h.do("operator", "POST", "/v1/admin/keys", m{"provider": "openai", "key": canary}).id()
	h.do("operator", "PATCH", "/v1/admin/keys/"+id, m{"name": "x", "key": "sk-another-0123456789-abcd"})
	h.do("operator", "POST", "/v1/admin/keys/"+id+"/clear-cooldown", nil)
	h.do("operator", "DELETE", "/v1/admin/keys/"+id, nil)
	vk := h.do("operator", "POST", "/v1/admin/virtual-keys", m{"name": "x"})
	h.do("operator", "PATCH", "/v1/admin/virtual-keys/"+vk.id(), m{"rpm": 3})
	h.do("operator", "DELETE", "/v1/admin/virtual-keys/"+vk.id(), nil)
	u := h.do("admin", "POST", "/v1/admin/users", m{"email": "n@example.org", "password": password, "role": "user"})
	h.do("admin", "PATCH", "/v1/admin/users/"+u.id(), m{"role": "viewer"})
	h.do("admin", "DELETE", "/v1/admin/users/"+u.id(), nil)
	h.do("admin", "DELETE", "/v1/admin/users/"+h.ids["admin"], nil)

	a := h.do("admin", "GET", "/v1/admin/audit?limit=200", nil)
	var actions []string
	for _, v := range a.list() {
		v := v.(m)
		actions = append(actions, v["action"].(string))
		who := "admin"
		if !strings.HasPrefix(v["action"].(string), "user.") {
			who = "operator"
		}
		if v["actor_id"] != h.ids[who] || v["target"] == "" || v["detail"] == nil || v["ip"] != "192.0.2.1" {
			t.Errorf("record = %v, want one by the %s", v, who)
		}
	}
	want := "user.delete.failed user.delete user.delete user.update user.create virtual_key.delete virtual_key.update virtual_key.create key.delete key.clear_cooldown key.update key.create"
	if got := strings.Join(actions, " "); got != want {
		t.Errorf("actions = %s\nwant %s", got, want)
	}
	first := h.do("admin", "GET", "/v1/admin/audit?limit=5", nil)
	second := h.do("admin", "GET", "/v1/admin/audit?limit=200&cursor="+first.body["next_cursor"].(string), nil)
	if len(first.list())+len(second.list()) != len(actions) {
		t.Errorf("pages of %d and %d records, want %d together", len(first.list()), len(second.list()), len(actions))
	}
	for _, secret := range []string{canary, envCanary, password, vk.body["key"].(string)} {
		if strings.Contains(a.text, secret) {
			t.Error("the record holds a secret")
		}
	}
}

// noRecord is a store that cannot write the audit.
type noRecord struct{ admin.Store }

func (noRecord) AppendAudit(context.Context, store.Audit) error { return errors.New("disk full") }

func TestNoRecordNoChange(t *testing.T) {
	h := newHub(t)
	settings, err := config.Load(config.Options{Environ: []string{}, ReadFile: func(string) ([]byte, error) { return nil, nil }})
	if err != nil {
		t.Fatal(err)
	}
	guard, _ := egress.New(egress.Config{})
	api := admin.New(admin.Config{Store: noRecord{h.store}, Quota: h.quota, Upstream: h.upstream, Accounts: h.auth, Settings: settings, Egress: guard, Log: slog.New(slog.DiscardHandler)})
	h.router = httprouter.New()
	for _, rt := range api.Routes() {
		h.router.Handle(rt.Method, rt.Path, h.auth.Guard(rt))
	}
	a := h.do("admin", "POST", "/v1/admin/keys", m{"provider": "openai", "key": canary})
	h.want(a, 500, "create")
	if strings.Contains(a.text, "disk full") {
		t.Errorf("create = %s, which tells the cause", a.text)
	}
	if rows, _ := h.store.ListProviderKeys(t.Context()); len(rows) != 0 {
		t.Errorf("%d keys were made without a record, want 0", len(rows))
	}
}

func TestCanariesShowNowhere(t *testing.T) {
	h := newHub(t)
	id := h.do("admin", "POST", "/v1/admin/keys", m{"provider": "openai", "key": canary}).id()
	h.do("admin", "POST", "/v1/admin/keys", m{"provider": "openai", "key": canary})
	h.do("admin", "POST", "/v1/admin/keys", m{"provider": "openai", "key": canary, "bad": 1})
	h.do("admin", "POST", "/v1/admin/keys", m{"provider": "openai", "key": m{"x": canary}})
	h.do("admin", "POST", "/v1/admin/users", m{"email": canary, "password": canary, "role": "user"})
	h.upstream.err = errors.New("provider says " + canary)
	h.do("admin", "POST", "/v1/admin/keys/"+id+"/test", nil)
	for _, path := range []string{"/v1/admin/keys", "/v1/admin/keys/" + id, "/v1/admin/virtual-keys", "/v1/admin/users", "/v1/admin/audit", "/v1/admin/logs", "/v1/admin/log-export", "/v1/auth/me"} {
		h.want(h.do("admin", "GET", path, nil), 200, path)
	}
	for where, text := range map[string]string{"an answer": h.seen.String(), "the log": h.log.String()} {
		for _, secret := range []string{canary, envCanary, password, "argon2id"} {
			if strings.Contains(text, secret) || strings.Contains(text, secret[:len(secret)-4]) {
				t.Errorf("%s holds %.12s…", where, secret)
			}
		}
	}
}
