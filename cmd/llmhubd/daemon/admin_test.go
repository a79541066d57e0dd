package daemon

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/llmhubd/llmhub/llmhub/hubtest"
	"github.com/llmhubd/llmhub/llmhub/wire/openaichat"
)

const password = "a long enough passphrase"

// session is somebody who has logged in.
type session struct {
	w     *world
	token string
}

func (w *world) login(email string) *session {
	w.t.Helper()
	s := &session{w: w}
	var got struct {
		AccessToken string `json:"access_token"`
	}
	s.call("POST", "/v1/auth/login", map[string]any{"email": email, "password": password}, 200, &got)
	s.token = got.AccessToken
	return s
}

// call makes a request of the control plane and reads its answer into v.
func (s *session) call(method, path string, body any, status int, v any) {
	s.w.t.Helper()
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			s.w.t.Fatal(err)
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(s.w.t.Context(), method, s.w.srv.URL+path, r)
	if err != nil {
		s.w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	resp, err := s.w.srv.Client().Do(req)
	if err != nil {
		s.w.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	s.w.answers = append(s.w.answers, fmt.Sprint(resp.Header), string(b))
	if resp.StatusCode != status {
		s.w.t.Fatalf("%s %s answered %d %s, want %d", method, path, resp.StatusCode, b, status)
	}
	if v != nil {
		if err := json.Unmarshal(b, v); err != nil {
			s.w.t.Fatalf("%s %s answered %s: %v", method, path, b, err)
		}
	}
}

// empty is a world without provider keys: it begins in demo mode.
func empty(t *testing.T, env ...string) *world {
	w := &world{t: t, data: t.TempDir(), upstreams: map[string]*hubtest.Upstream{}, log: &syncBuffer{}}
	os.Chmod(w.data, 0o700)
	w.env = append([]string{"LLMHUB_DATA=" + w.data, "LLMHUB_LOG_LEVEL=debug", "LLMHUB_ADMIN_EMAIL=admin@example.org", "LLMHUB_ADMIN_PASSWORD=" + password}, env...)
	w.start()
	t.Cleanup(w.stop)
	return w
}

type keyView struct {
	ID, Provider, Masked, Source, State string
	CooldownUntil                       *time.Time `json:"cooldown_until"`
	Quota                               struct{ Requests, Tokens struct{ Used int64 } }
}

// TestFirstKey follows an operator from an empty server to the first request
// that a real key answers.
func TestFirstKey(t *testing.T) {
	up := &hubtest.Upstream{Server: openaichat.Server{}}
	provider := httptest.NewServer(up)
	defer provider.Close()
	w := empty(t, "OPENAI_BASE_URL="+provider.URL+"/v1")
	admin := w.login("admin@example.org")
	var vk struct{ ID, Key, Prefix string }
	admin.call("POST", "/v1/admin/virtual-keys", map[string]any{"name": "app"}, 201, &vk)
	w.key = vk.Key
	if a := w.ask("/v1/chat", chat("smart")); a.header.Get("X-Llmhub-Demo") != "true" {
		t.Fatalf("without a key the demo does not answer: %d %s", a.status, a.body)
	}
	var key keyView
	admin.call("POST", "/v1/admin/keys", map[string]any{"provider": "openai", "key": canary("openai"), "name": "main", "daily_quota": map[string]any{"requests": 2}}, 201, &key)
	if key.Masked != "sk-****8f46" || key.Source != "db" || key.State != "active" {
		t.Errorf("the key is shown as %+v", key)
	}
	for range 2 {
		a := w.ask("/v1/chat", chat("smart"))
		if a.status != 200 || a.header.Get("X-Llmhub-Demo") != "" || !strings.Contains(a.body, "hello") {
			t.Fatalf("with a key: %d %v %s", a.status, a.header, a.body)
		}
	}
	if got := up.Requests(); len(got) != 2 || got[0].Key != canary("openai") {
		t.Fatalf("the provider saw %d requests", len(got))
	}
	if a := w.ask("/v1/chat", chat("smart")); a.status != 429 {
		t.Errorf("above the day's quota: %d %s", a.status, a.body)
	}
	admin.call("GET", "/v1/admin/keys/"+key.ID, nil, 200, &key)
	if key.State != "exhausted" || key.Quota.Requests.Used != 2 {
		t.Errorf("the key is shown as %+v", key)
	}
	admin.call("PATCH", "/v1/admin/keys/"+key.ID, map[string]any{"daily_quota": map[string]any{"requests": 100}}, 200, &key)
	if a := w.ask("/v1/chat", chat("smart")); a.status != 200 {
		t.Errorf("after the quota was raised: %d %s", a.status, a.body)
	}
	admin.call("PATCH", "/v1/admin/keys/"+key.ID, map[string]any{"disabled": true}, 200, &key)
	if a := w.ask("/v1/chat", chat("smart")); a.status != 503 {
		t.Errorf("with the only key disabled: %d %s", a.status, a.body)
	}
	w.stop()
	w.start()
	admin = w.login("admin@example.org")
	admin.call("PATCH", "/v1/admin/keys/"+key.ID, map[string]any{"disabled": false}, 200, &key)
	if a := w.ask("/v1/chat", chat("smart")); a.status != 200 || key.Quota.Requests.Used != 3 {
		t.Errorf("after a restart: %d %s, key %+v", a.status, a.body, key)
	}
	var logs struct {
		Data []struct {
			ID, Model, Outcome, Provider string
			ServedModel                  string `json:"served_model"`
			Status, Attempts             int
			TotalTokens                  int `json:"total_tokens"`
		}
	}
	for end := time.Now().Add(5 * time.Second); len(logs.Data) < 7 && time.Now().Before(end); <-time.After(20 * time.Millisecond) {
		admin.call("GET", "/v1/admin/logs", nil, 200, &logs)
	}
	if len(logs.Data) != 7 || logs.Data[0].Model != "smart" || !strings.HasPrefix(logs.Data[0].ServedModel, "openai/") || logs.Data[0].TotalTokens == 0 {
		t.Errorf("the log is %+v", logs.Data)
	}
	var one struct {
		AttemptLog []struct{ N, Status int } `json:"attempt_log"`
	}
	admin.call("GET", "/v1/admin/logs/"+logs.Data[0].ID, nil, 200, &one)
	if len(one.AttemptLog) != 1 || one.AttemptLog[0].Status != 200 {
		t.Errorf("the attempts are %+v", one.AttemptLog)
	}
	admin.call("DELETE", "/v1/admin/keys/"+key.ID, nil, 204, nil)
	w.stop()
	for place, text := range map[string]string{"log": w.log.String(), "answers": strings.Join(w.answers, "\n")} {
		if strings.Contains(text, canary("openai")) {
			t.Errorf("the key is in the %s", place)
		}
	}
}

func TestACooldownCanBeCleared(t *testing.T) {
	w := newWorld(t, "LLMHUB_ADMIN_EMAIL=admin@example.org", "LLMHUB_ADMIN_PASSWORD="+password)
	admin := w.login("admin@example.org")
	w.script("openai", hubtest.Act{Status: 429, Body: limited, Header: map[string]string{"Retry-After": "500"}})
	w.ask("/v1/chat", chat("smart"))
	var keys struct{ Data []keyView }
	admin.call("GET", "/v1/admin/keys", nil, 200, &keys)
	for _, k := range keys.Data {
		if k.Provider != "openai" {
			continue
		}
		if k.State != "cooling" || k.CooldownUntil == nil || k.Source != "env" {
			t.Errorf("the key is shown as %+v", k)
		}
		admin.call("POST", "/v1/admin/keys/"+k.ID+"/clear-cooldown", nil, 200, nil)
	}
	w.script("openai", hubtest.Act{})
	before := w.asked("openai")
	if w.ask("/v1/chat", chat("smart")); w.asked("openai") != before+1 {
		t.Error("the key whose cooldown was cleared is not asked")
	}
}

func TestVirtualKeyLimits(t *testing.T) {
	w := newWorld(t, "LLMHUB_ADMIN_EMAIL=admin@example.org", "LLMHUB_ADMIN_PASSWORD="+password)
	admin := w.login("admin@example.org")
	var vk struct{ ID, Key string }
	admin.call("POST", "/v1/admin/virtual-keys", map[string]any{"name": "app", "rpm": 2, "models": []string{"smart"}}, 201, &vk)
	w.key = vk.Key
	if a := w.ask("/v1/chat", chat("fast")); a.status != 403 {
		t.Errorf("a model that is not allowed: %d %s", a.status, a.body)
	}
	var last answer
	for i := range 3 {
		last = w.ask("/v1/chat", chat("smart"))
		if i < 2 && (last.status != 200 || last.header.Get("X-Ratelimit-Remaining-Requests") != fmt.Sprint(1-i)) {
			t.Errorf("request %d: %d, headers %v", i+1, last.status, last.header)
		}
	}
	if last.status != 429 || !strings.Contains(last.body, "quota_exceeded") || last.header.Get("Retry-After") == "" {
		t.Errorf("above 2 a minute: %d %v %s", last.status, last.header, last.body)
	}
	admin.call("DELETE", "/v1/admin/virtual-keys/"+vk.ID, nil, 204, nil)
	if a := w.ask("/v1/chat", chat("smart")); a.status != 401 {
		t.Errorf("a deleted key: %d %s", a.status, a.body)
	}
}

func TestRestrictedBodyKeysAreAllowedByVirtualKey(t *testing.T) {
	w := newWorld(t, "LLMHUB_ADMIN_EMAIL=admin@example.org", "LLMHUB_ADMIN_PASSWORD="+password)
	admin := w.login("admin@example.org")
	body := strings.Replace(chat("smart"), "{", `{"store":true,`, 1)
	if a := w.ask("/v1/chat/completions", body); a.status != 400 || !strings.Contains(a.body, "store") {
		t.Errorf("without permission: %d %s", a.status, a.body)
	}
	var vk struct{ ID, Key string }
	admin.call("POST", "/v1/admin/virtual-keys", map[string]any{"name": "app", "allow_body_keys": []string{"store"}}, 201, &vk)
	w.key = vk.Key
	if a := w.ask("/v1/chat/completions", body); a.status != 200 {
		t.Errorf("with permission: %d %s", a.status, a.body)
	}
	if sent := w.upstreams["openai"].Requests(); !strings.Contains(string(sent[0].Body), `"store":true`) {
		t.Errorf("the provider got %s", sent[0].Body)
	}
}

// TestDrain asks a real process-like server to stop while a stream runs: the
// stream ends whole if it ends in time, and with an error that says why if not.
func TestDrain(t *testing.T) {
	for _, tt := range []struct {
		name string
		act  hubtest.Act
		ends string
	}{
		{"a stream that ends in time is whole", hubtest.Act{Gap: 100 * time.Millisecond}, "[DONE]"},
		{"one that does not ends with an error", hubtest.Act{StopAfter: 3}, `"draining"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.script("openai", tt.act)
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			signals := make(chan os.Signal, 2)
			srv := newServer(w.d.handler, time.Second, w.d.log)
			w.d.draining = srv.draining.Load
			stopped := make(chan error, 1)
			go func() { stopped <- srv.run(l, signals) }()
			url := "http://" + l.Addr().String()
			req, _ := http.NewRequest("POST", url+"/v1/chat", strings.NewReader(chatStream("smart")))
			req.Header.Set("Authorization", "Bearer "+w.key)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			signals <- syscall.SIGTERM
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || !strings.Contains(string(body), tt.ends) || strings.Contains(string(body), "[DONE]") != (tt.ends == "[DONE]") {
				t.Errorf("the stream was %s, %v", body, err)
			}
			if err := <-stopped; err != nil {
				t.Errorf("the server stopped with %v", err)
			}
			rows := w.rowsOf(resp.Header.Get("X-Request-Id"))
			if (rows[0].RequestOutcome == "ok") != (tt.ends == "[DONE]") {
				t.Errorf("the row is %+v", rows[0])
			}
			if state, _ := w.state("openai"); state != "active" {
				t.Errorf("the key is %s", state)
			}
		})
	}
}

func TestBrowsersOfNamedOriginsOnly(t *testing.T) {
	w := newWorld(t, "LLMHUB_CORS_ORIGINS=https://app.example.org")
	ask := func(method, path, origin string) http.Header {
		req, _ := http.NewRequest(method, w.srv.URL+path, nil)
		req.Header.Set("Origin", origin)
		req.Header.Set("Access-Control-Request-Method", "POST")
		resp, err := w.srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.Header
	}
	if h := ask("OPTIONS", "/v1/chat/completions", "https://app.example.org"); h.Get("Access-Control-Allow-Origin") != "https://app.example.org" || h.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("a named origin gets %v", h)
	}
	if h := ask("GET", "/v1/models", "https://app.example.org"); h.Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("an answer to a named origin has %v", h)
	}
	for _, x := range [][2]string{{"/v1/chat/completions", "https://evil.example.org"}, {"/v1/auth/login", "https://app.example.org"}, {"/v1/admin/keys", "https://app.example.org"}} {
		for _, method := range []string{"OPTIONS", "POST"} {
			if h := ask(method, x[0], x[1]); h.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s %s from %s gets %v", method, x[0], x[1], h)
			}
		}
	}
}

// TestPreStop asks a server behind a load balancer to stop: first it is not
// ready but serves, then it refuses connections.
func TestPreStop(t *testing.T) {
	w := newWorld(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	signals := make(chan os.Signal, 2)
	srv := newServer(w.d.handler, time.Second, w.d.log)
	srv.preStop = time.Hour
	w.d.draining, w.d.leaving = srv.draining.Load, srv.leaving.Load
	stopped := make(chan error, 1)
	go func() { stopped <- srv.run(l, signals) }()
	url := "http://" + l.Addr().String()
	signals <- syscall.SIGTERM
	for end := time.Now().Add(5 * time.Second); ; <-time.After(5 * time.Millisecond) {
		resp, err := http.Get(url + "/readyz")
		if err != nil {
			t.Fatalf("connections are refused at once: %v", err)
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusServiceUnavailable {
			break
		}
		if time.Now().After(end) {
			t.Fatal("it says that it is ready")
		}
	}
	req, _ := http.NewRequest("POST", url+"/v1/chat", strings.NewReader(chat("smart")))
	req.Header.Set("Authorization", "Bearer "+w.key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("a request in the meantime: %v, %v", resp, err)
	}
	resp.Body.Close()
	signals <- syscall.SIGTERM // no more waiting
	if err := <-stopped; err != nil {
		t.Errorf("the server stopped with %v", err)
	}
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("connections are taken after the end")
	}
}
