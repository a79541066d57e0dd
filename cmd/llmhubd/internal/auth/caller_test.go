package auth_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/auth"
	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/store"
	"github.com/llmhubd/llmhub/store/seal"
)

func TestVirtualKeyMakesACaller(t *testing.T) {
	h := newHouse(t, auth.Config{})
	h.admin()
	users, _ := h.store.ListUsers(t.Context())
	var id string
	key := h.virtualKey(func(v *store.VirtualKey) {
		id = v.ID
		v.OwnerID, v.Models, v.RPM, v.TPM, v.MaxParallelRequests = users[0].ID, []string{"smart"}, 60, 9000, 4
		v.Disclose, v.AllowDirectModels = true, true
	})
	if !strings.HasPrefix(key, "lh_"+id+"_") || len(key) != 3+16+1+52 {
		t.Errorf("key = %d bytes, want lh_<id>_<256 bits>", len(key))
	}
	want := llmhub.Caller{
		User: users[0].ID, Key: id, Models: []string{"smart"}, Direct: true, Disclose: true,
		Limits: []llmhub.Limit{
			{Name: "vk:" + id + ":minute", Per: time.Minute, Max: llmhub.Amount{Requests: 60, Tokens: 9000}},
			{Name: "vk:" + id + ":parallel", Max: llmhub.Amount{Requests: 4}},
		},
	}
	for _, header := range []string{"Authorization", "X-Api-Key", "X-Goog-Api-Key", "Api-Key"} {
		got, err := h.Caller(request(func(r *http.Request) {
			v := key
			if header == "Authorization" {
				v = "Bearer " + v
			}
			r.Header.Set(header, v)
		}))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Caller by %s = %+v, %v, want %+v", header, got, err, want)
		}
	}
	plain, err := h.Caller(request(bearer(h.virtualKey(nil))))
	if err != nil || plain.Models != nil || plain.Direct || plain.Disclose || plain.Limits != nil || plain.User != "" {
		t.Errorf("Caller of a plain key = %+v, %v", plain, err)
	}
	h.open(auth.Config{AllowDirectModels: true, Disclose: true})
	if plain, err = h.Caller(request(bearer(h.virtualKey(nil)))); err != nil || !plain.Direct || !plain.Disclose {
		t.Errorf("Caller where all may = %+v, %v", plain, err)
	}
}

func TestCallersWhoAreRefused(t *testing.T) {
	h := newHouse(t, auth.Config{})
	h.admin()
	key := h.virtualKey(nil)
	other := h.virtualKey(nil)
	off := h.virtualKey(func(v *store.VirtualKey) { v.Disabled = true })
	old := h.virtualKey(func(v *store.VirtualKey) { v.ExpiresAt = h.clock.Now() })
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Add(name, value) }
	}
	id, _, _ := strings.Cut(key[3:], "_")
	for _, tt := range []struct {
		name  string
		edits []func(*http.Request)
		ok    bool
	}{
		{"a key", []func(*http.Request){bearer(key)}, true},
		{"a key in lower-case bearer", []func(*http.Request){set("Authorization", "bearer "+key)}, true},
		{"the same key in two headers", []func(*http.Request){bearer(key), set("x-api-key", key)}, true},
		{"a provider's key beside it", []func(*http.Request){bearer(key), set("x-api-key", "sk-ant-whatever")}, true},
		{"nothing", nil, false},
		{"another scheme", []func(*http.Request){set("Authorization", "Basic "+key)}, false},
		{"a header twice", []func(*http.Request){set("x-api-key", key), set("x-api-key", key)}, false},
		{"two keys", []func(*http.Request){bearer(key), set("x-api-key", other)}, false},
		{"a cookie", []func(*http.Request){func(r *http.Request) { r.AddCookie(h.login().cookie()) }}, false},
		{"a provider's key alone", []func(*http.Request){bearer("sk-proj-whatever")}, false},
		{"another secret", []func(*http.Request){bearer(key[:len(key)-1] + "_")}, false},
		{"another's secret", []func(*http.Request){bearer("lh_" + id + other[strings.LastIndexByte(other, '_'):])}, false},
		{"an id alone", []func(*http.Request){bearer("lh_" + id)}, false},
		{"an id and nothing", []func(*http.Request){bearer("lh_" + id + "_")}, false},
		{"a long key", []func(*http.Request){bearer(key + strings.Repeat("a", 4096))}, false},
		{"a key that is off", []func(*http.Request){bearer(off)}, false},
		{"a key that has expired", []func(*http.Request){bearer(old)}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := h.Caller(request(tt.edits...))
			if (err == nil) != tt.ok || err != nil && !errors.Is(err, llmhub.BadCredential) {
				t.Errorf("Caller = %v, want ok %v", err, tt.ok)
			}
			if err != nil && strings.Contains(err.Error(), key) {
				t.Errorf("Caller = %v, which tells the key", err)
			}
		})
	}
}

func TestOwnerDisabledMeansKeyRefused(t *testing.T) {
	h := newHouse(t, auth.Config{})
	h.admin()
	u, err := h.NewUser(t.Context(), "b@example.org", password, store.RoleUser)
	if err == nil {
		err = h.store.CreateUser(t.Context(), u)
	}
	if err != nil {
		t.Fatal(err)
	}
	key := h.virtualKey(func(v *store.VirtualKey) { v.OwnerID = u.ID })
	if _, err := h.Caller(request(bearer(key))); err != nil {
		t.Fatal(err)
	}
	token := h.do("POST", "/v1/auth/login", credentials{"email": "b@example.org", "password": password}, nil).token()
	if c, err := h.Caller(request(bearer(token))); err != nil || c.User != u.ID || c.Key != "" || c.Disclose {
		t.Errorf("Caller by access token = %+v, %v", c, err)
	}
	h.store.UpdateUser(t.Context(), u.ID, func(u *store.User) error { u.Disabled = true; return nil })
	if err := h.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]string{"key": key, "token": token} {
		if _, err := h.Caller(request(bearer(c))); !errors.Is(err, llmhub.BadCredential) {
			t.Errorf("Caller by %s of a disabled account = %v, want BadCredential", what, err)
		}
	}
}

func TestUseOfAKeyIsWrittenDown(t *testing.T) {
	h := newHouse(t, auth.Config{})
	key := h.virtualKey(nil)
	h.clock.add(time.Minute)
	if _, err := h.Caller(request(bearer(key))); err != nil {
		t.Fatal(err)
	}
	used := h.clock.Now()
	h.clock.add(time.Minute)
	if err := errors.Join(h.Refresh(t.Context()), h.Maintain(t.Context())); err != nil {
		t.Fatal(err)
	}
	all, err := h.store.ListVirtualKeys(t.Context())
	if err != nil || !all[0].LastUsed.Equal(used) {
		t.Errorf("LastUsed = %v, %v, want %v", all[0].LastUsed, err, used)
	}
}

func TestForgedTokens(t *testing.T) {
	h := newHouse(t, auth.Config{})
	h.admin()
	good := h.login().token()
	parts := strings.Split(good, ".")
	decode := func(s string) (m map[string]any) {
		b, _ := base64.RawURLEncoding.DecodeString(s)
		json.Unmarshal(b, &m)
		return m
	}
	encode := func(m map[string]any) string { b, _ := json.Marshal(m); return base64.RawURLEncoding.EncodeToString(b) }
	edit := func(s string, change func(map[string]any)) string { m := decode(s); change(m); return encode(m) }
	header := func(change func(map[string]any)) string {
		return edit(parts[0], change) + "." + parts[1] + "." + parts[2]
	}
	payload := func(change func(map[string]any)) string {
		return parts[0] + "." + edit(parts[1], change) + "." + parts[2]
	}
	signed, _ := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims(decode(parts[1]))).SignedString([]byte("another key of thirty-two bytes!"))
	for name, token := range map[string]string{
		"no signature":         parts[0] + "." + parts[1] + ".",
		"alg none":             header(func(m map[string]any) { m["alg"] = "none" }),
		"alg none, unsigned":   edit(parts[0], func(m map[string]any) { m["alg"] = "none" }) + "." + parts[1] + ".",
		"alg HS512":            header(func(m map[string]any) { m["alg"] = "HS512" }),
		"alg RS256":            header(func(m map[string]any) { m["alg"] = "RS256" }),
		"another kid":          header(func(m map[string]any) { m["kid"] = "abcdefgh12345678" }),
		"kid with a path":      header(func(m map[string]any) { m["kid"] = "../../dev/null" }),
		"kid with SQL":         header(func(m map[string]any) { m["kid"] = "' OR 1=1 --" }),
		"kid of a number":      header(func(m map[string]any) { m["kid"] = 1 }),
		"no kid":               header(func(m map[string]any) { delete(m, "kid") }),
		"another subject":      payload(func(m map[string]any) { m["sub"] = "usr_other" }),
		"another key":          signed,
		"a signature too long": good + "A",
		"a token of 5 KiB":     good + strings.Repeat("A", 5<<10),
		"two parts":            parts[0] + "." + parts[1],
	} {
		t.Run(name, func(t *testing.T) {
			if token == good {
				t.Fatal("the token was not changed")
			}
			want(t, "me", h.do("GET", "/v1/auth/me", nil, bearer(token)), 401)
			if _, err := h.Caller(request(bearer(token))); !errors.Is(err, llmhub.BadCredential) {
				t.Errorf("Caller = %v, want BadCredential", err)
			}
		})
	}
}

// Tokens that our own key signs, but that we would never make.
func TestOddTokensOfOurOwnKey(t *testing.T) {
	h := newHouse(t, auth.Config{})
	h.admin()
	good := strings.Split(h.login().token(), ".")
	var claims, header map[string]any
	for i, into := range []*map[string]any{&header, &claims} {
		b, _ := base64.RawURLEncoding.DecodeString(good[i])
		json.Unmarshal(b, into)
	}
	sealed, err := h.store.Setting(t.Context(), "auth.keys")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := h.ring.Open(sealed, seal.Bind{Purpose: "llmhub/auth-keys/v1", ID: "auth.keys"})
	if err != nil {
		t.Fatal(err)
	}
	var ring struct {
		Sign []struct{ Key []byte }
	}
	json.Unmarshal(plain, &ring)
	now := h.clock.Now().Unix()
	for _, tt := range []struct {
		name   string
		method jwt.SigningMethod
		edit   func(c map[string]any)
		ok     bool
	}{
		{"as we make it", jwt.SigningMethodHS256, func(c map[string]any) {}, true},
		{"by HS512", jwt.SigningMethodHS512, func(c map[string]any) {}, false},
		{"by HS384", jwt.SigningMethodHS384, func(c map[string]any) {}, false},
		{"of another issuer", jwt.SigningMethodHS256, func(c map[string]any) { c["iss"] = "other" }, false},
		{"of no issuer", jwt.SigningMethodHS256, func(c map[string]any) { delete(c, "iss") }, false},
		{"for another audience", jwt.SigningMethodHS256, func(c map[string]any) { c["aud"] = "other" }, false},
		{"for no audience", jwt.SigningMethodHS256, func(c map[string]any) { delete(c, "aud") }, false},
		{"that never ends", jwt.SigningMethodHS256, func(c map[string]any) { delete(c, "exp") }, false},
		{"that lasts an hour", jwt.SigningMethodHS256, func(c map[string]any) { c["exp"] = now + 3600 }, false},
		{"that has ended", jwt.SigningMethodHS256, func(c map[string]any) { c["exp"] = now - 31 }, false},
		{"that has not begun", jwt.SigningMethodHS256, func(c map[string]any) { c["nbf"] = now + 31 }, false},
		{"that does not say when it begins", jwt.SigningMethodHS256, func(c map[string]any) { delete(c, "nbf") }, false},
		{"made in the future", jwt.SigningMethodHS256, func(c map[string]any) { c["iat"] = now + 31 }, false},
		{"that does not say when it was made", jwt.SigningMethodHS256, func(c map[string]any) { delete(c, "iat") }, false},
		{"of an older epoch", jwt.SigningMethodHS256, func(c map[string]any) { c["epoch"] = -1 }, false},
		{"of no session", jwt.SigningMethodHS256, func(c map[string]any) { delete(c, "sid") }, false},
		{"of no user", jwt.SigningMethodHS256, func(c map[string]any) { delete(c, "sub") }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := jwt.MapClaims(maps.Clone(claims))
			tt.edit(c)
			token := jwt.NewWithClaims(tt.method, c)
			token.Header["kid"] = header["kid"]
			text, err := token.SignedString(ring.Sign[0].Key)
			if err != nil {
				t.Fatal(err)
			}
			status := 401
			if tt.ok {
				status = 200
			}
			want(t, "me", h.do("GET", "/v1/auth/me", nil, bearer(text)), status)
			if _, err := h.Caller(request(bearer(text))); (err == nil) != tt.ok {
				t.Errorf("Caller = %v, want ok %v", err, tt.ok)
			}
		})
	}
}

func TestPeersBelieveTrustedProxiesOnly(t *testing.T) {
	trusted := auth.Peers{Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	for _, tt := range []struct {
		name   string
		peers  auth.Peers
		remote string
		header http.Header
		addr   string
		https  bool
	}{
		{"nobody is trusted", auth.Peers{}, "10.0.0.1:1", http.Header{"X-Forwarded-For": {"1.2.3.4"}, "X-Forwarded-Proto": {"https"}}, "10.0.0.1", false},
		{"a stranger is not", trusted, "192.0.2.1:1", http.Header{"X-Forwarded-For": {"1.2.3.4"}, "X-Forwarded-Proto": {"https"}}, "192.0.2.1", false},
		{"a proxy is", trusted, "10.0.0.1:1", http.Header{"X-Forwarded-For": {"1.2.3.4"}, "X-Forwarded-Proto": {"https"}}, "1.2.3.4", true},
		{"what the client says before it is not", trusted, "10.0.0.1:1", http.Header{"X-Forwarded-For": {"9.9.9.9, 1.2.3.4, 10.0.0.2"}}, "1.2.3.4", false},
		{"several headers are one", trusted, "10.0.0.1:1", http.Header{"X-Forwarded-For": {"9.9.9.9", "1.2.3.4"}}, "1.2.3.4", false},
		{"no header leaves the proxy", trusted, "10.0.0.1:1", nil, "10.0.0.1", false},
		{"nonsense leaves the proxy", trusted, "10.0.0.1:1", http.Header{"X-Forwarded-For": {"unknown"}}, "10.0.0.1", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := request(func(r *http.Request) { r.RemoteAddr, r.Header = tt.remote, tt.header })
			if got := tt.peers.Addr(r).String(); got != tt.addr {
				t.Errorf("Addr = %s, want %s", got, tt.addr)
			}
			if got := tt.peers.HTTPS(r); got != tt.https {
				t.Errorf("HTTPS = %v, want %v", got, tt.https)
			}
		})
	}
}

// A caller's check must not show beside a request of 35 µs.
func TestCallerByKeyAllocatesNothing(t *testing.T) {
	h := newHouse(t, auth.Config{})
	r := request(bearer(h.virtualKey(func(v *store.VirtualKey) { v.RPM = 60 })))
	n := testing.AllocsPerRun(100, func() {
		if _, err := h.Caller(r); err != nil {
			t.Fatal(err)
		}
	})
	if n > 1 {
		t.Errorf("Caller allocates %v times, want at most 1", n)
	}
}

func BenchmarkCaller(b *testing.B) {
	h := newHouse(b, auth.Config{})
	h.admin()
	for name, credential := range map[string]string{"virtual key": h.virtualKey(nil), "access token": h.login().token()} {
		b.Run(name, func(b *testing.B) {
			r := request(bearer(credential))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := h.Caller(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
