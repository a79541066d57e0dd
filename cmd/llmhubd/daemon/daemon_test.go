package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/auth"
	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/config"
	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/hubtest"
	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/llmhub/wire/anthropic"
	"github.com/llmhubd/llmhub/llmhub/wire/openaichat"
	"github.com/llmhubd/llmhub/store"
)

// providerNames are the five, in no order that matters.
var providerNames = []string{"openai", "anthropic", "gemini", "deepseek", "groq"}

// world is a real llmhubd in front of scripted providers.
type world struct {
	t         *testing.T
	data      string
	env       []string
	upstreams map[string]*hubtest.Upstream
	log       *syncBuffer
	d         *daemon
	srv       *httptest.Server
	key       string
	answers   []string // everything that was answered, for looking for secrets
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// canary is the key of a provider: nobody but that provider may ever see it.
func canary(provider string) string { return "sk-canary-" + provider + "-7f3a9c1e5b2d8f46" }

// newWorld starts a server whose five providers each have one key.
func newWorld(t *testing.T, env ...string) *world {
	w := &world{t: t, data: t.TempDir(), upstreams: map[string]*hubtest.Upstream{}, log: &syncBuffer{}}
	os.Chmod(w.data, 0o700)
	for _, p := range providerNames {
		up := &hubtest.Upstream{Server: openaichat.Server{}}
		path := "/v1"
		switch p {
		case "anthropic":
			up.Server, path = anthropic.Server{}, ""
		case "gemini":
			up.Server, path = nil, ""
		}
		srv := httptest.NewServer(up)
		t.Cleanup(srv.Close)
		w.upstreams[p] = up
		name := strings.ToUpper(p)
		w.env = append(w.env, name+"_API_KEY="+canary(p), name+"_BASE_URL="+srv.URL+path)
	}
	w.env = append(w.env, "LLMHUB_DATA="+w.data, "LLMHUB_LOG_LEVEL=debug")
	w.env = append(w.env, env...)
	w.start()
	t.Cleanup(w.stop)
	row, key := auth.NewVirtualKey()
	row.Name, row.CreatedAt = "test", time.Now()
	w.addKey(row)
	w.key = key.Expose()
	return w
}

func (w *world) addKey(row store.VirtualKey) {
	w.t.Helper()
	if err := w.d.store.CreateVirtualKey(w.t.Context(), row); err != nil {
		w.t.Fatal(err)
	}
	if err := w.d.auth.Refresh(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) start() {
	w.t.Helper()
	cfg, err := config.Load(config.Options{Environ: w.env})
	if err != nil {
		w.t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if w.d, err = open(context.Background(), cfg, Types(), log); err != nil {
		w.t.Fatal(err)
	}
	w.d.gateway.base.Jitter = func() float64 { return -1.0 / 7 } // no pause before the same target is asked again
	if err := w.d.gateway.Reload(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.srv = httptest.NewServer(w.d.handler)
}

func (w *world) stop() {
	if w.d == nil {
		return
	}
	w.srv.Close()
	if err := w.d.close(); err != nil {
		w.t.Error(err)
	}
	w.d = nil
}

// answer is what a caller got.
type answer struct {
	status int
	header http.Header
	body   string
}

func (w *world) ask(path, body string, header ...string) answer {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.srv.URL+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.key)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := w.srv.Client().Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	w.answers = append(w.answers, fmt.Sprint(resp.Header), string(b))
	return answer{resp.StatusCode, resp.Header, string(b)}
}

func chat(model string) string {
	return `{"model":"` + model + `","max_tokens":50,"messages":[{"role":"user","content":"hi"}]}`
}

func chatStream(model string) string {
	return `{"model":"` + model + `","max_tokens":50,"stream":true,"messages":[{"role":"user","content":"hi"}]}`
}

// rows waits until the log has a request's rows.
func (w *world) rows(a answer) []store.Attempt {
	w.t.Helper()
	return w.rowsOf(a.header.Get("X-Request-Id"))
}

func (w *world) rowsOf(id string) []store.Attempt {
	w.t.Helper()
	for end := time.Now().Add(5 * time.Second); ; {
		rows, err := w.d.store.RequestLog(w.t.Context(), id)
		if err == nil {
			return rows
		}
		if time.Now().After(end) {
			w.t.Fatalf("the log has no rows of request %s: %v", id, err)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// script makes a provider do act whenever it is asked.
func (w *world) script(provider string, act hubtest.Act) {
	w.upstreams[provider].Script = func(hubtest.Seen) hubtest.Act { return act }
}

func (w *world) asked(provider string) int { return len(w.upstreams[provider].Requests()) }

func (w *world) state(provider string) (string, time.Time) {
	for _, s := range w.d.gateway.quota.Statuses() {
		if s.Provider == provider {
			return string(s.State), s.Until
		}
	}
	return "", time.Time{}
}

const limited = `{"error":{"message":"Rate limit reached for requests","type":"requests","param":null,"code":"rate_limit_exceeded"}}`

func TestFallsBackAndLogsEveryAttempt(t *testing.T) {
	w := newWorld(t)
	w.script("openai", hubtest.Act{Status: 429, Body: limited, Header: map[string]string{"Retry-After": "90"}})
	a := w.ask("/v1/chat", chat("smart"))
	if a.status != 200 || !strings.Contains(a.body, "hello") {
		t.Fatalf("answered %d %s", a.status, a.body)
	}
	rows := w.rows(a)
	if len(rows) != 2 || rows[0].Provider != "openai" || rows[0].Status != 429 || rows[0].Charged != 0 || rows[0].Final ||
		rows[1].Provider != "anthropic" || rows[1].Outcome != "ok" || rows[1].Charged != 1 || !rows[1].Final || rows[1].Attempts != 2 {
		t.Errorf("rows %+v", rows)
	}
	state, until := w.state("openai")
	if left := time.Until(until); state != "cooling" || left < 80*time.Second || left > 91*time.Second {
		t.Errorf("the key is %s for %v, want cooling for 90s", state, left)
	}
	if w.ask("/v1/chat", chat("smart")); w.asked("openai") != 1 {
		t.Errorf("a cooling key was asked %d times", w.asked("openai"))
	}
}

func TestCooldownTimes(t *testing.T) {
	for _, tt := range []struct {
		name, provider, model string
		act                   hubtest.Act
		least, most           time.Duration
	}{
		{"from Retry-After", "openai", "smart", hubtest.Act{Status: 429, Body: limited, Header: map[string]string{"Retry-After": "40"}}, 38 * time.Second, 41 * time.Second},
		{"from Gemini's body", "gemini", "onlygemini", hubtest.Act{Status: 429, Body: `{"error":{"code":429,"message":"Quota exceeded. Please retry in 48.9s.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerMinutePerProjectPerModel"}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"48s"}]}}`}, 46 * time.Second, 50 * time.Second},
		{"300 s when nobody says", "openai", "smart", hubtest.Act{Status: 429, Body: limited}, 265 * time.Second, 331 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, "LLMHUB_CONFIG="+onlyGemini(t))
			w.script(tt.provider, tt.act)
			w.ask("/v1/chat/completions", chat(tt.model))
			state, until := w.state(tt.provider)
			if left := time.Until(until); state != "cooling" || left < tt.least || left > tt.most {
				t.Errorf("the key is %s for %v, want cooling for %v to %v", state, left, tt.least, tt.most)
			}
		})
	}
}

// onlyGemini is a config file with a model that only gemini serves.
func onlyGemini(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "llmhub.yaml")
	if err := os.WriteFile(path, []byte("models:\n  onlygemini: [gemini/gemini-3.5-flash]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAllCoolingIs429WithTheEarliestRecovery(t *testing.T) {
	w := newWorld(t)
	for i, p := range []string{"openai", "anthropic", "gemini"} {
		body := limited
		w.script(p, hubtest.Act{Status: 429, Body: body, Header: map[string]string{"Retry-After": fmt.Sprint(100 + 50*i)}})
	}
	for range 2 { // the second time nobody is asked
		a := w.ask("/v1/chat", chat("smart"))
		if a.status != 429 || !strings.Contains(a.body, "rate_limited") || a.header.Get("X-Should-Retry") != "false" {
			t.Errorf("answered %d %s", a.status, a.body)
		}
		if s := a.header.Get("Retry-After"); s < "95" && len(s) < 3 {
			t.Errorf("Retry-After %s, want about 100", s)
		}
	}
	if w.asked("openai")+w.asked("anthropic")+w.asked("gemini") != 3 {
		t.Error("a cooling key was asked again")
	}
}

func TestABadKeyIsNeverTheCallersFault(t *testing.T) {
	w := newWorld(t)
	bad := `{"error":{"message":"Incorrect API key provided: sk-canar****8f46.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`
	for _, p := range providerNames {
		w.script(p, hubtest.Act{Status: 401, Body: bad})
	}
	w.script("anthropic", hubtest.Act{Status: 401, Body: `{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}`})
	w.script("gemini", hubtest.Act{Status: 400, Body: `{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}}`})
	if a := w.ask("/v1/chat", chat("smart")); a.status != 503 || !strings.Contains(a.body, "no_provider") {
		t.Errorf("answered %d %s, want 503 no_provider", a.status, a.body)
	}
}

func TestCallersMistakesAndHangUpsChangeNoKey(t *testing.T) {
	w := newWorld(t)
	w.script("openai", hubtest.Act{Status: 400, Body: `{"error":{"message":"bad","type":"invalid_request_error","param":"messages","code":null}}`})
	if a := w.ask("/v1/chat", chat("smart")); a.status != 400 || w.asked("anthropic") != 0 {
		t.Errorf("answered %d %s", a.status, a.body)
	}
	w.script("openai", hubtest.Act{Hang: true})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "POST", w.srv.URL+"/v1/chat", strings.NewReader(chatStream("smart")))
	req.Header.Set("Authorization", "Bearer "+w.key)
	if _, err := w.srv.Client().Do(req); err == nil {
		t.Fatal("the provider that hangs has answered")
	}
	hung := w.upstreams["openai"].Requests()
	select {
	case <-hung[len(hung)-1].Gone:
	case <-time.After(time.Second):
		t.Error("the provider's connection is open a second after the caller has gone")
	}
	if state, _ := w.state("openai"); state != "active" || w.asked("anthropic") != 0 {
		t.Errorf("the key is %s", state)
	}
	for end := time.Now().Add(5 * time.Second); ; {
		rows, _, err := w.d.store.ListRequests(t.Context(), store.UsageFilter{Outcome: "cancelled"})
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) == 1 {
			if r := rows[0]; r.RequestStatus != wire.StatusClientClosed || r.Charged != 1 || !r.Estimated {
				t.Errorf("row %+v", r)
			}
			break
		}
		if time.Now().After(end) {
			t.Fatal("the log has no row of the caller who hung up")
		}
		<-time.After(10 * time.Millisecond)
	}
}

func TestHangUpInMidStreamClosesTheUpstream(t *testing.T) {
	w := newWorld(t)
	w.script("openai", hubtest.Act{StopAfter: 3})
	req, _ := http.NewRequestWithContext(t.Context(), "POST", w.srv.URL+"/v1/chat", strings.NewReader(chatStream("smart")))
	req.Header.Set("Authorization", "Bearer "+w.key)
	resp, err := w.srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Read(make([]byte, 1))
	resp.Body.Close()
	select {
	case <-w.upstreams["openai"].Requests()[0].Gone:
	case <-time.After(time.Second):
		t.Error("the provider's connection is open a second after the caller has gone")
	}
	row := w.rowsOf(resp.Header.Get("X-Request-Id"))[0]
	if row.Outcome != "cancelled" || row.Output == 0 || !row.Estimated {
		t.Errorf("row %+v", row)
	}
}

func TestABreakAfterContentIsAnErrorAndNoEnd(t *testing.T) {
	w := newWorld(t)
	w.script("openai", hubtest.Act{CutAfter: 3})
	a := w.ask("/v1/chat", chatStream("smart"))
	if a.status != 200 || !strings.Contains(a.body, "hello") || !strings.Contains(a.body, `"error"`) || strings.Contains(a.body, "[DONE]") {
		t.Errorf("answered %d %s", a.status, a.body)
	}
	if w.asked("anthropic") != 0 {
		t.Error("another provider was asked after content had gone out")
	}
	if rows := w.rows(a); len(rows) != 1 || rows[0].Outcome != "error" || rows[0].RequestOutcome != "error" || rows[0].Charged != 1 {
		t.Errorf("rows %+v", rows)
	}
}

func TestABreakBeforeContentFallsBack(t *testing.T) {
	w := newWorld(t)
	w.script("openai", hubtest.Act{CutAfter: 1})
	if a := w.ask("/v1/chat", chatStream("smart")); !strings.Contains(a.body, "[DONE]") || strings.Contains(a.body, `"error"`) {
		t.Errorf("answered %s", a.body)
	}
}

func TestDailyQuota(t *testing.T) {
	file := filepath.Join(t.TempDir(), "llmhub.yaml")
	os.WriteFile(file, []byte("providers:\n  openai: {keys: [{name: main, value: "+canary("openai")+", daily_quota: {requests: 3}}]}\n"), 0o600)
	w := newWorld(t, "LLMHUB_CONFIG="+file)
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			req, _ := http.NewRequest("POST", w.srv.URL+"/v1/chat", strings.NewReader(chat("smart")))
			req.Header.Set("Authorization", "Bearer "+w.key)
			resp, err := w.srv.Client().Do(req)
			if err != nil || resp.StatusCode != 200 {
				t.Errorf("answered %v, %v", resp, err)
				return
			}
			resp.Body.Close()
		})
	}
	wg.Wait()
	if n := w.asked("openai"); n != 3 {
		t.Errorf("the key with 3 requests a day was asked %d times", n)
	}
	if state, until := w.state("openai"); state != "exhausted" || time.Until(until) <= 0 {
		t.Errorf("the key is %s until %v", state, until)
	}
}

func TestKeyStatesSurviveARestart(t *testing.T) {
	w := newWorld(t)
	w.script("openai", hubtest.Act{Status: 429, Body: limited, Header: map[string]string{"Retry-After": "500"}})
	w.ask("/v1/chat", chat("smart"))
	w.ask("/v1/chat", chat("smart"))
	_, until := w.state("openai")
	before := w.d.gateway.quota.Statuses()
	w.stop()
	w.start()
	state, again := w.state("openai")
	if state != "cooling" || again.Sub(until).Abs() > time.Second {
		t.Errorf("after a restart the key is %s until %v, was until %v", state, again, until)
	}
	for i, s := range w.d.gateway.quota.Statuses() {
		if s.Requests.Used != before[i].Requests.Used || s.Tokens.Used != before[i].Tokens.Used {
			t.Errorf("after a restart %s has used %d requests and %d tokens, before %d and %d", s.Provider, s.Requests.Used, s.Tokens.Used, before[i].Requests.Used, before[i].Tokens.Used)
		}
	}
	w.ask("/v1/chat", chat("smart"))
	if w.asked("openai") != 1 {
		t.Error("a restart forgot the cooldown")
	}
}

// TestBlind asks for the same neutral answer of each provider and compares
// everything that the caller gets, ids and dates masked.
func TestBlind(t *testing.T) {
	var models []string
	file := filepath.Join(t.TempDir(), "llmhub.yaml")
	text := "models:\n"
	for i := range providerNames {
		models = append(models, fmt.Sprint("only-", i)) // of one length
	}
	for i, target := range []string{"openai/gpt-4o-mini", "anthropic/claude-haiku-4-5", "gemini/gemini-2.5-flash", "deepseek/deepseek-chat", "groq/llama-3.3-70b-versatile"} {
		text += "  " + models[i] + ": [" + target + "]\n"
	}
	os.WriteFile(file, []byte(text), 0o600)
	w := newWorld(t, "LLMHUB_CONFIG="+file)
	call := llmhub.Part{Kind: llmhub.PartToolCall, ID: "x1", Name: "look", Args: `{"a":1}`}
	scripts := map[string]hubtest.Act{
		"text":  {Answer: &llmhub.Response{ID: "i", Model: "m", Parts: []llmhub.Part{{Kind: llmhub.PartText, Text: "some words"}}, End: llmhub.End{Stop: llmhub.StopEnd}, Usage: llmhub.Usage{Input: 7, Output: 3}}},
		"tools": {Answer: &llmhub.Response{ID: "i", Model: "m", Parts: []llmhub.Part{{Kind: llmhub.PartText, Text: "wait"}, call}, End: llmhub.End{Stop: llmhub.StopTools}, Usage: llmhub.Usage{Input: 7, Output: 3}}},
		"500":   {Status: 500, Body: `{"error":{"message":"PROVIDERWORDS","code":500,"status":"INTERNAL"}}`},
		"429":   {Status: 429, Body: `{"error":{"message":"PROVIDERWORDS","code":429,"status":"RESOURCE_EXHAUSTED"}}`, Header: map[string]string{"Retry-After": "77"}},
		"400":   {Status: 400, Body: `{"error":{"message":"PROVIDERWORDS","code":400,"status":"INVALID_ARGUMENT","type":"invalid_request_error"}}`},
	}
	for name, act := range scripts {
		for _, path := range []string{"/v1/chat", "/v1/chat/completions", "/v1/messages"} {
			for _, stream := range []bool{false, true} {
				t.Run(fmt.Sprint(name, path, stream), func(t *testing.T) {
					var first, who string
					for i, p := range providerNames {
						w.script(p, act)
						w.d.gateway.quota.Clear(keyOf(w, p))
						body := chat(models[i])
						if stream {
							body = chatStream(models[i])
						}
						a := w.ask(path, body)
						if strings.Contains(a.body, "PROVIDERWORDS") {
							t.Errorf("%s: the caller is told the provider's words: %s", p, a.body)
						}
						got := masked(a, models[i])
						if first == "" {
							first, who = got, p
						} else if got != first {
							t.Errorf("%s answers\n%s\nbut %s answers\n%s", who, first, p, got)
						}
					}
				})
			}
		}
	}
}

func keyOf(w *world, provider string) llmhub.KeyID {
	for _, s := range w.d.gateway.quota.Statuses() {
		if s.Provider == provider {
			return s.ID
		}
	}
	return ""
}

// masked is an answer without its ids, dates and the name asked for, frames
// joined where only their number differs.
func masked(a answer, model string) string {
	var names []string
	for k, v := range a.header {
		switch k {
		case "Date", "X-Request-Id", "Request-Id":
			v = nil
		case "Retry-After":
			v = []string{"…"}
		}
		names = append(names, k+"="+strings.Join(v, ","))
	}
	slices.Sort(names)
	id := a.header.Get("X-Request-Id")
	body := strings.ReplaceAll(strings.ReplaceAll(a.body, id, "ID"), strings.ReplaceAll(id, "-", ""), "ID")
	body = strings.ReplaceAll(body, model, "MODEL")
	for _, mark := range []string{`"created":`, `"id":"call_`} {
		for rest, out := body, ""; ; {
			i := strings.Index(rest, mark)
			if i < 0 {
				body = out + rest
				break
			}
			out += rest[:i+len(mark)] + "…"
			rest = rest[i+len(mark):]
			rest = rest[strings.IndexAny(rest, `,"}`):]
		}
	}
	return fmt.Sprint(a.status, " ", names, " ", body)
}

func TestAModelThatIsNotThereStaysNotFound(t *testing.T) {
	w := newWorld(t, "LLMHUB_ALLOW_DIRECT_MODELS=true")
	w.script("openai", hubtest.Act{Status: 404, Body: `{"error":{"message":"The model does not exist","type":"invalid_request_error","param":null,"code":"model_not_found"}}`})
	for range 2 {
		if a := w.ask("/v1/chat/completions", chat("openai/nosuch")); a.status != 404 || !strings.Contains(a.body, "model_not_found") {
			t.Errorf("answered %d %s", a.status, a.body)
		}
	}
	if w.asked("openai") != 1 {
		t.Errorf("the provider was asked %d times for a model that it does not have", w.asked("openai"))
	}
}

func TestDisclosure(t *testing.T) {
	w := newWorld(t)
	row, key := auth.NewVirtualKey()
	row.Name, row.Disclose, row.AllowDirectModels, row.CreatedAt = "open", true, true, time.Now()
	w.addKey(row)
	blind := w.ask("/v1/chat", chat("smart"))
	for k := range blind.header {
		if strings.HasPrefix(k, "X-Llmhub") {
			t.Errorf("a blind caller gets %s", k)
		}
	}
	if a := w.ask("/v1/chat/completions", chat("openai/gpt-4o-mini")); a.status != 403 {
		t.Errorf("a concrete model without permission answered %d %s", a.status, a.body)
	}
	if a := w.ask("/v1/chat", chat("openai/gpt-4o-mini")); a.status != 400 || !strings.Contains(a.body, "model_not_logical") {
		t.Errorf("a concrete model on /v1/chat answered %d %s", a.status, a.body)
	}
	w.key = key.Expose()
	a := w.ask("/v1/chat/completions", chat("smart"))
	if a.header.Get("X-Llmhub-Provider") != "openai" || a.header.Get("X-Llmhub-Attempts") != "1" || a.header.Get("X-Llmhub-Key") == "" {
		t.Errorf("with disclosure the headers are %v", a.header)
	}
	if a := w.ask("/v1/chat/completions", chat("groq/some-model")); a.status != 200 || w.asked("groq") != 1 {
		t.Errorf("a concrete model with permission answered %d %s", a.status, a.body)
	}
}

func TestEveryAuthenticatedRequestHasARow(t *testing.T) {
	w := newWorld(t)
	for body, status := range map[string]int{
		`{"model":"smart"`: 400, `{"model":"smart","messages":[],"store":true}`: 400, chat("nosuch"): 404, chat("smart"): 200,
	} {
		a := w.ask("/v1/chat/completions", body)
		rows := w.rows(a)
		if a.status != status || len(rows) != 1 || !rows[0].Final || rows[0].RequestStatus != status || (rows[0].N == 0) == (status == 200) {
			t.Errorf("%s answered %d %s, rows %+v", body, a.status, a.body, rows)
		}
	}
	w.key = "lh_nobody_0000"
	if a := w.ask("/v1/chat", chat("smart")); a.status != 401 {
		t.Errorf("an unknown key answered %d", a.status)
	}
	all, _, err := w.d.store.ListRequests(t.Context(), store.UsageFilter{})
	if err != nil || len(all) != 4 {
		t.Errorf("the log has %d requests, %v; want 4, none of a caller who is not known", len(all), err)
	}
}

func TestLongNamesDoNotFillTheLog(t *testing.T) {
	w := newWorld(t, "LLMHUB_ALLOW_DIRECT_MODELS=true")
	long := strings.Repeat("x", 100_000)
	for _, path := range []string{"/v1/chat", "/v1/chat/completions"} {
		for _, model := range []string{long, "openai/" + long} {
			a := w.ask(path, chat(model))
			if a.status != 400 || len(a.body) > 1000 {
				t.Errorf("%s with a model's name of %d bytes answered %d, %d bytes; want 400 and few", path, len(model), a.status, len(a.body))
			}
			if rows := w.rows(a); len(rows) != 1 || len(rows[0].Model) > 300 || len(rows[0].Error) > 3000 {
				t.Errorf("it left %d rows, the first with a model of %d bytes and an error of %d", len(rows), len(rows[0].Model), len(rows[0].Error))
			}
		}
	}
}

func TestTheDemoKeyReachesNoRealProvider(t *testing.T) {
	w := newWorld(t)
	// As if the first real key had come between the headers of a request and its body.
	_, err := w.d.gateway.Stream(t.Context(), &llmhub.Request{Model: "smart", Body: llmhub.Text("hi"), Caller: llmhub.Caller{Key: demoCaller}}).Collect()
	if !errors.Is(err, llmhub.BadCredential) || w.asked("openai") != 0 {
		t.Errorf("got %v after %d requests to a real provider, want invalid_api_key after none", err, w.asked("openai"))
	}
}

// hosts is a transport that notes which key goes where, and answers nobody.
type hosts map[string]string

func (h hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	h[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")] = r.URL.Host
	return nil, errors.New("no network")
}

func TestAKeyGoesToItsOwnRowsOriginOnly(t *testing.T) {
	w := newWorld(t)
	seen := hosts{}
	w.d.gateway.transport = seen
	for i, base := range []string{"https://proxy.example.org/v1", ""} {
		row := store.ProviderKey{ID: fmt.Sprint("key_", i), Provider: "work", Type: "openai", BaseURL: base, Priority: i, Fingerprint: fmt.Sprint(i), CreatedAt: time.Now()}
		var err error
		if row.Sealed, _, err = w.d.gateway.SealKey(row, llmhub.NewSecret(fmt.Sprint("secret-", i))); err != nil {
			t.Fatal(err)
		}
		if err := w.d.store.CreateProviderKey(t.Context(), row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.d.gateway.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"proxy.example.org", "api.openai.com"} {
		w.d.gateway.Try(t.Context(), llmhub.KeyID(fmt.Sprint("key_", i)))
		if got := seen[fmt.Sprint("secret-", i)]; got != want {
			t.Errorf("key %d went to %q, want %q", i, got, want)
		}
	}
}

func TestSecretsStayIn(t *testing.T) {
	w := newWorld(t)
	echo := func(key string) hubtest.Act { // a hostile provider repeats the key wherever it can
		return hubtest.Act{Status: 400, Header: map[string]string{"X-Request-Id": key, "Set-Cookie": key}, Body: `{"error":{"message":"you sent ` + key + `","type":"` + key + `","code":"` + key + `","status":"` + key + `"}}`}
	}
	for _, p := range providerNames {
		w.upstreams[p].Script = func(s hubtest.Seen) hubtest.Act {
			if s.Key != canary(p) {
				t.Errorf("%s was sent another key than its own", p)
			}
			if s.N%2 == 0 {
				return hubtest.Act{}
			}
			return echo(s.Key)
		}
	}
	row, open := auth.NewVirtualKey()
	row.Name, row.Disclose, row.AllowDirectModels, row.CreatedAt = "open", true, true, time.Now()
	w.addKey(row)
	var ids []string
	for _, key := range []string{w.key, open.Expose()} {
		w.key = key
		for _, model := range []string{"smart", "fast", "cheap", "any", "openai/x", "anthropic/x", "gemini/x", "deepseek/x", "groq/x"} {
			for _, path := range []string{"/v1/chat/completions", "/v1/messages"} {
				ids = append(ids, w.ask(path, chat(model)).header.Get("X-Request-Id"), w.ask(path, chatStream(model)).header.Get("X-Request-Id"))
			}
		}
	}
	for _, id := range ids {
		b, _ := json.Marshal(w.rowsOf(id))
		w.answers = append(w.answers, string(b))
	}
	w.stop()
	places := map[string]string{"the log": w.log.String(), "the answers": strings.Join(w.answers, "\n")}
	files, _ := filepath.Glob(filepath.Join(w.data, "*"))
	for _, f := range files {
		b, _ := os.ReadFile(f)
		places[filepath.Base(f)] = string(b)
	}
	if len(places) < 4 {
		t.Fatalf("there is too little to search: %d places", len(places))
	}
	for _, p := range providerNames {
		if !strings.Contains(fmt.Sprint(w.upstreams[p].Requests()), canary(p)) {
			t.Fatalf("%s never got its key, so the search proves nothing", p)
		}
		for place, text := range places {
			if strings.Contains(text, canary(p)) || strings.Contains(text, strings.TrimPrefix(canary(p), "sk-canary-")) {
				t.Errorf("the key of %s is in %s", p, place)
			}
		}
	}
}

func TestErrorsOfTheListSpeakTheCallersDialect(t *testing.T) {
	w := newWorld(t)
	for version, want := range map[string]string{"": `{"error":{"message"`, "2023-06-01": `{"type":"error","error":{"type":"authentication_error"`} {
		r := httptest.NewRequest("GET", "/v1/models", nil)
		if version != "" {
			r.Header.Set("Anthropic-Version", version)
		}
		a := httptest.NewRecorder()
		w.srv.Config.Handler.ServeHTTP(a, r)
		if a.Code != 401 || !strings.HasPrefix(a.Body.String(), want) {
			t.Errorf("GET /v1/models without a key, Anthropic-Version %q = %d %s, want %s…", version, a.Code, a.Body, want)
		}
	}
}

func TestDemo(t *testing.T) {
	w := &world{t: t, data: t.TempDir(), log: &syncBuffer{}}
	os.Chmod(w.data, 0o700)
	w.env = []string{"LLMHUB_DATA=" + w.data}
	w.start()
	t.Cleanup(w.stop)
	w.key = w.d.demoKey.Expose()
	for _, model := range []string{"smart", "fast", "cheap", "any"} {
		for range 3 {
			a := w.ask("/v1/chat", chat(model))
			if a.status != 200 || a.header.Get("X-Llmhub-Demo") != "true" || !strings.Contains(a.body, "demo answer") {
				t.Fatalf("%s answered %d %v %s", model, a.status, a.header, a.body)
			}
			if rows := w.rows(a); !rows[len(rows)-1].Demo {
				t.Errorf("row %+v is not marked as demo", rows)
			}
		}
	}
	for name, value := range map[string]string{"Authorization": "bearer " + w.key, "X-Api-Key": w.key, "X-Goog-Api-Key": w.key, "Api-Key": w.key} {
		r := httptest.NewRequest("GET", "/v1/models", nil)
		r.Header.Set(name, value)
		if c, err := w.d.caller(r); err != nil || c.Key != demoCaller {
			t.Errorf("the demo key in %s is of %+v, %v, want the demo caller", name, c, err)
		}
	}
	var out bytes.Buffer
	if err := w.d.greet(t.Context(), "[::]:8000", &out); err != nil || strings.Contains(out.String(), "http://[::]") {
		t.Errorf("greets %v %s, want an address that a browser opens", err, out.String())
	}
	out.Reset()
	if err := w.d.greet(t.Context(), "127.0.0.1:8000", &out); err != nil || !strings.Contains(out.String(), "/#/setup?token=") || !strings.Contains(out.String(), "curl -s http://127.0.0.1:8000/v1/chat") {
		t.Errorf("greets %v %s", err, out.String())
	}
}
