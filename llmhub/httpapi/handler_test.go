package httpapi_test

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
	"strings"
	"testing"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/httpapi"
	"github.com/llmhubd/llmhub/llmhub/hubtest"
	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/llmhub/wire/anthropic"
	"github.com/llmhubd/llmhub/llmhub/wire/openaichat"
)

// hub answers by a function.
type hub func(ctx context.Context, req *llmhub.Request) llmhub.Stream

func (h hub) Stream(ctx context.Context, req *llmhub.Request) llmhub.Stream { return h(ctx, req) }

func answer(r *llmhub.Response) hub {
	return func(context.Context, *llmhub.Request) llmhub.Stream { return r.Events() }
}

func post(t *testing.T, h http.Handler, body string, header ...string) *http.Response {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	req, err := http.NewRequest("POST", srv.URL+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func read(t *testing.T, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const (
	hi       = `{"model":"smart","messages":[{"role":"user","content":"hi"}]}`
	hiStream = `{"model":"smart","stream":true,"messages":[{"role":"user","content":"hi"}]}`
)

func TestUnaryAnswer(t *testing.T) {
	resp := post(t, httpapi.New(httpapi.Config{Hub: answer(hubtest.Say("hello")), Server: openaichat.Server{}}), hi)
	body := read(t, resp)
	var got struct {
		ID, Object, Model string
		Choices           []struct{ Message struct{ Content string } }
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if got.Choices[0].Message.Content != "hello" || got.Model != "smart" || got.Object != "chat.completion" {
		t.Errorf("answered %s", body)
	}
	for _, name := range []string{"X-Request-Id", "Request-Id"} {
		if id := resp.Header.Get(name); id == "" || !strings.Contains(got.ID, id) {
			t.Errorf("%s is %q, the answer's id %q", name, id, got.ID)
		}
	}
	if resp.ContentLength != int64(len(body)) {
		t.Errorf("Content-Length %d of %d bytes", resp.ContentLength, len(body))
	}
}

func TestStreamIsFlushedAsItComes(t *testing.T) {
	next := make(chan struct{})
	h := hub(func(context.Context, *llmhub.Request) llmhub.Stream {
		return func(yield func(llmhub.Event, error) bool) {
			for ev := range hubtest.Say("hello").Events() {
				ev.More = false
				if !yield(ev, nil) {
					return
				}
				if ev.Kind == llmhub.EventDelta {
					<-next
				}
			}
		}
	})
	resp := post(t, httpapi.New(httpapi.Config{Hub: h, Server: openaichat.Server{}}), hiStream)
	if ct := resp.Header.Get("Content-Type"); ct != "text/event-stream" {
		t.Errorf("Content-Type %q", ct)
	}
	buf := make([]byte, 4096)
	var got string
	for !strings.Contains(got, "hello") {
		n, err := resp.Body.Read(buf)
		if err != nil {
			t.Fatalf("after %q: %v", got, err)
		}
		got += string(buf[:n])
	}
	close(next)
	if rest := read(t, resp); !strings.HasSuffix(rest, "data: [DONE]\n\n") {
		t.Errorf("ended with %q", rest)
	}
}

func TestErrorsBeforeTheAnswer(t *testing.T) {
	for _, tt := range []struct {
		err    llmhub.Error
		status int
		code   string
		retry  string
	}{
		{llmhub.Error{Kind: llmhub.RateLimited, RetryAfter: 1500 * time.Millisecond}, 429, "rate_limited", "2"},
		{llmhub.Error{Kind: llmhub.NoProvider}, 503, "no_provider", "1"},
		{llmhub.Error{Kind: llmhub.AllFailed, Provider: "secretprovider", Message: "secretprovider said no"}, 503, "all_attempts_failed", "1"},
		{llmhub.Error{Kind: llmhub.UpstreamFailed, Provider: "secretprovider"}, 502, "all_attempts_failed", ""},
		{llmhub.Error{Kind: llmhub.Timeout}, 504, "upstream_timeout", ""},
		{llmhub.Error{Kind: llmhub.ContextLength, Provider: "secretprovider", Message: "secretprovider max 5", Dialect: "openaichat", Raw: []byte(`{"error":{"message":"secretprovider max 5"}}`), Status: 400}, 400, "context_length_exceeded", ""},
		{llmhub.Error{Kind: llmhub.PermissionDenied}, 403, "permission_denied", ""},
		{llmhub.Error{Kind: llmhub.QuotaExceeded, Param: "secretprovider:minute", RetryAfter: time.Minute}, 429, "quota_exceeded", "60"},
	} {
		t.Run(tt.code, func(t *testing.T) {
			h := hub(func(context.Context, *llmhub.Request) llmhub.Stream { e := tt.err; return llmhub.Fail(&e) })
			resp := post(t, httpapi.New(httpapi.Config{Hub: h, Server: openaichat.Server{}}), hi)
			body := read(t, resp)
			if resp.StatusCode != tt.status || !strings.Contains(body, `"code":"`+tt.code+`"`) {
				t.Errorf("%v answered %d %s", tt.err.Kind, resp.StatusCode, body)
			}
			if got := resp.Header.Get("Retry-After"); got != tt.retry {
				t.Errorf("%v: Retry-After %q, want %q", tt.err.Kind, got, tt.retry)
			}
			if strings.Contains(body, "secretprovider") {
				t.Errorf("a blind caller is told %s", body)
			}
		})
	}
}

func TestErrorAfterContentIsAnEventAndNoEnd(t *testing.T) {
	h := hub(func(context.Context, *llmhub.Request) llmhub.Stream {
		return hubtest.CutAfter(hubtest.Say("hello").Events(), 3, &llmhub.Error{Kind: llmhub.Broken})
	})
	for _, server := range []wire.Server{openaichat.Server{}, anthropic.Server{}} {
		body := strings.Replace(hiStream, `"stream"`, `"max_tokens":5,"stream"`, 1)
		got := read(t, post(t, httpapi.New(httpapi.Config{Hub: h, Server: server}), body))
		if !strings.Contains(got, "hello") || !strings.Contains(got, `"error"`) || strings.Contains(got, "[DONE]") || strings.Contains(got, "message_stop") {
			t.Errorf("%s: %s", server.Name(), got)
		}
	}
}

func TestAPanicInMidStreamCutsTheConnection(t *testing.T) {
	h := httpapi.New(httpapi.Config{Server: openaichat.Server{}, Log: slog.New(slog.DiscardHandler), Hub: hub(func(context.Context, *llmhub.Request) llmhub.Stream {
		return func(yield func(llmhub.Event, error) bool) {
			hubtest.CutAfter(hubtest.Say("hello").Events(), 3, nil)(func(ev llmhub.Event, _ error) bool {
				if ev.Kind == 0 {
					panic("lost")
				}
				ev.More = false
				return yield(ev, nil)
			})
		}
	})})
	careful := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // as many a mux is
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				io.WriteString(w, `{"error":"panic"}`)
			}
		}()
		h.ServeHTTP(w, r)
	})
	got, err := io.ReadAll(post(t, careful, hiStream).Body)
	if err == nil || !strings.Contains(string(got), "hello") || strings.Contains(string(got), `"panic"`) {
		t.Errorf("read %q, error %v; want the start of the answer and a broken connection", got, err)
	}
}

// unflushed is a ResponseWriter of a wrapper that cannot flush.
type unflushed struct{ w http.ResponseWriter }

func (u unflushed) Header() http.Header         { return u.w.Header() }
func (u unflushed) Write(b []byte) (int, error) { return u.w.Write(b) }
func (u unflushed) WriteHeader(status int)      { u.w.WriteHeader(status) }

func TestAStreamIsWholeBehindAWrapperThatCannotFlush(t *testing.T) {
	h := httpapi.New(httpapi.Config{Hub: answer(hubtest.Say("hello")), Server: openaichat.Server{}})
	got := read(t, post(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(unflushed{w}, r) }), hiStream))
	if !strings.Contains(got, "hello") || !strings.Contains(got, "[DONE]") {
		t.Errorf("read %q, want the whole answer", got)
	}
}

func TestCallerIsAskedBeforeTheBody(t *testing.T) {
	h := httpapi.New(httpapi.Config{Hub: answer(hubtest.Say("x")), Server: openaichat.Server{}, Caller: func(r *http.Request) (llmhub.Caller, error) {
		return llmhub.Caller{}, &llmhub.Error{Kind: llmhub.BadCredential}
	}})
	r := httptest.NewRequest("POST", "/", failingReader{t})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "invalid_api_key") {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
}

type failingReader struct{ t *testing.T }

func (f failingReader) Read([]byte) (int, error) {
	f.t.Error("the body was read")
	return 0, io.EOF
}

func TestBodyIsBounded(t *testing.T) {
	var refused *llmhub.Error
	c := httpapi.Config{Hub: answer(hubtest.Say("x")), Server: openaichat.Server{}, MaxBody: 100,
		Refused: func(_ *llmhub.Request, err *llmhub.Error) { refused = err }}
	long := `{"model":"smart","messages":[{"role":"user","content":"` + strings.Repeat("x", 100) + `"}]}`
	if resp := post(t, httpapi.New(c), long); resp.StatusCode != http.StatusRequestEntityTooLarge || !errors.Is(refused, llmhub.RequestTooLarge) {
		t.Errorf("answered %d, refused %v", resp.StatusCode, refused)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader(long))) // its length is not known
	httpapi.New(c).ServeHTTP(w, r)
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("of unknown length: answered %d", w.Code)
	}
	c.MaxBody, c.InFlight = 0, httpapi.NewInFlight(10<<10)
	big := strings.Replace(long, "xxx", strings.Repeat("x", 64<<10), 1)
	if resp := post(t, httpapi.New(c), big); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("above the bytes in flight: answered %d", resp.StatusCode)
	}
	if n := c.InFlight.Held(); n != 0 {
		t.Errorf("%d bytes are still counted", n)
	}
}

func TestLogicalOnly(t *testing.T) {
	c := httpapi.Config{Hub: answer(hubtest.Say("x")), Server: openaichat.Server{}, LogicalOnly: true, Logical: func(m string) bool { return m == "smart" }}
	resp := post(t, httpapi.New(c), strings.Replace(hi, "smart", "openai/gpt-5.5", 1))
	if body := read(t, resp); resp.StatusCode != 400 || !strings.Contains(body, "model_not_logical") {
		t.Errorf("answered %d %s", resp.StatusCode, body)
	}
}

func TestRawGoesOnlyToThoseWhoMayKnow(t *testing.T) {
	accept := func(model string, caller llmhub.Caller) (got string) {
		h := hub(func(_ context.Context, req *llmhub.Request) llmhub.Stream {
			got = req.Accept
			return hubtest.Say("x").Events()
		})
		post(t, httpapi.New(httpapi.Config{Hub: h, Server: openaichat.Server{}, Logical: func(m string) bool { return m == "smart" },
			Caller: func(*http.Request) (llmhub.Caller, error) { return caller, nil }}), strings.Replace(hi, "smart", model, 1))
		return got
	}
	if got := accept("smart", llmhub.Caller{}); got != "" {
		t.Errorf("a blind caller takes %q", got)
	}
	if got := accept("openai/gpt", llmhub.Caller{}); got != "openaichat" {
		t.Errorf("of a concrete model: takes %q", got)
	}
	if got := accept("smart", llmhub.Caller{Disclose: true}); got != "openaichat" {
		t.Errorf("with disclosure: takes %q", got)
	}
}

func TestACallerWhoMayKnowIsToldWhoAnswered(t *testing.T) {
	for _, blind := range []bool{true, false} {
		h := hub(func(_ context.Context, req *llmhub.Request) llmhub.Stream {
			return func(yield func(llmhub.Event, error) bool) {
				first := true
				for ev := range hubtest.Say("hello").Events() {
					if first {
						ev.From, first = &llmhub.Call{Target: llmhub.Target{Provider: "other", Model: "model-2"}}, false
					}
					if !yield(ev, nil) {
						return
					}
				}
			}
		})
		body := read(t, post(t, httpapi.New(httpapi.Config{Hub: h, Server: openaichat.Server{}, Logical: func(string) bool { return blind }}), hi))
		if told := strings.Contains(body, `"model":"other/model-2"`); told == blind {
			t.Errorf("blind %v: answered %s", blind, body)
		}
	}
}

// TestSignaturesComeBack plays a turn with signed reasoning and a tool call and
// sends it back: the provider's own signature arrives, and no caller saw it.
func TestSignaturesComeBack(t *testing.T) {
	turn := &llmhub.Response{ID: "p-1", Model: "m", Parts: []llmhub.Part{
		{Kind: llmhub.PartReasoning, Text: "thinking", Signature: "sig-of-provider", SignedBy: "prov"},
		{Kind: llmhub.PartToolCall, ID: "provider_call_id", Name: "look", Args: `{"x":1}`},
	}, End: llmhub.End{Stop: llmhub.StopTools}}
	for _, server := range []wire.Server{openaichat.Server{}, anthropic.Server{}} {
		t.Run(server.Name(), func(t *testing.T) {
			var asked *llmhub.Prompt
			h := httpapi.New(httpapi.Config{Server: server, Hub: hub(func(_ context.Context, req *llmhub.Request) llmhub.Stream {
				p, err := req.Body.Decode()
				if err != nil {
					t.Fatal(err)
				}
				asked = p.Clone()
				return turn.Events()
			})})
			ask := `{"model":"smart","max_tokens":100,"messages":[{"role":"user","content":"hi"}%s],"tools":[%s]}`
			tool := `{"type":"function","function":{"name":"look","parameters":{"type":"object"}}}`
			if server.Name() == "anthropic" {
				tool = `{"name":"look","input_schema":{"type":"object"}}`
			}
			first := read(t, post(t, h, fmt.Sprintf(ask, "", tool)))
			if strings.Contains(first, "sig-of-provider") || strings.Contains(first, "provider_call_id") || strings.Contains(first, "prov\"") {
				t.Errorf("the caller saw %s", first)
			}
			var a struct {
				Content json.RawMessage
				Choices []struct{ Message json.RawMessage }
			}
			json.Unmarshal([]byte(first), &a)
			back := `,{"role":"assistant","content":` + string(a.Content) + `}`
			if len(a.Choices) > 0 {
				back = "," + string(a.Choices[0].Message)
			}
			read(t, post(t, h, fmt.Sprintf(ask, back, tool)))
			var reasoning, call *llmhub.Part
			for i := range asked.Messages {
				for j, p := range asked.Messages[i].Parts {
					switch p.Kind {
					case llmhub.PartReasoning:
						reasoning = &asked.Messages[i].Parts[j]
					case llmhub.PartToolCall:
						call = &asked.Messages[i].Parts[j]
					}
				}
			}
			if reasoning == nil || reasoning.Signature != "sig-of-provider" || reasoning.SignedBy != "prov" || reasoning.Text != "thinking" {
				t.Errorf("sent back %+v, from %s", reasoning, first)
			}
			if call == nil || call.ID == "" || len(call.ID) > 40 || call.Args != `{"x":1}` {
				t.Errorf("sent back the call %+v", call)
			}
		})
	}
}

func TestAForgedSignatureIsDropped(t *testing.T) {
	var got llmhub.Part
	h := httpapi.New(httpapi.Config{Server: anthropic.Server{}, Hub: hub(func(_ context.Context, req *llmhub.Request) llmhub.Stream {
		p, _ := req.Body.Decode()
		got = p.Messages[1].Parts[0]
		return hubtest.Say("x").Events()
	})})
	post(t, h, `{"model":"smart","max_tokens":9,"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"ZLHS1zzzZm9yZ2Vk"}]},{"role":"user","content":"go"}]}`)
	if got.Kind != llmhub.PartReasoning || got.Signature != "" || got.SignedBy != "" {
		t.Errorf("forged signature became %+v", got)
	}
}

func TestCallerThatHangsUpEndsTheRequest(t *testing.T) {
	gone := make(chan error, 1)
	h := hub(func(ctx context.Context, _ *llmhub.Request) llmhub.Stream {
		return func(yield func(llmhub.Event, error) bool) {
			for ev := range hubtest.Say("hello").Events() {
				ev.More = false
				if !yield(ev, nil) || ev.Kind == llmhub.EventDelta {
					break
				}
			}
			<-ctx.Done()
			gone <- ctx.Err()
		}
	})
	resp := post(t, httpapi.New(httpapi.Config{Hub: h, Server: openaichat.Server{}}), hiStream)
	resp.Body.Read(make([]byte, 10))
	resp.Body.Close()
	select {
	case <-gone:
	case <-time.After(5 * time.Second):
		t.Error("the request goes on without its caller")
	}
}

func TestModels(t *testing.T) {
	m := &httpapi.Models{Server: openaichat.Server{}, List: func(llmhub.Caller) []httpapi.Model {
		return []httpapi.Model{{ID: "smart", Owner: "llmhub"}, {ID: "groq/openai/gpt-oss-120b", Owner: "groq"}, {ID: "secret"}}
	}, Caller: func(*http.Request) (llmhub.Caller, error) {
		return llmhub.Caller{Models: []string{"smart", "groq/openai/gpt-oss-120b"}}, nil
	}}
	for path, want := range map[string]string{
		"/v1/models":                          `"first_id":"smart","last_id":"groq/openai/gpt-oss-120b"`,
		"/v1/models/groq/openai/gpt-oss-120b": `"owned_by":"groq"`,
		"/v1/models/secret":                   `model_not_found`,
	} {
		w := httptest.NewRecorder()
		m.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if got := w.Body.String(); !strings.Contains(got, want) || strings.Contains(got, `"id":"secret"`) {
			t.Errorf("GET %s = %s, want %s in it", path, got, want)
		}
	}
}

func TestModelsWhileDraining(t *testing.T) {
	m := &httpapi.Models{Server: openaichat.Server{}, Caller: func(*http.Request) (llmhub.Caller, error) {
		return llmhub.Caller{}, &llmhub.Error{Kind: llmhub.Draining, RetryAfter: 2 * time.Second}
	}}
	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequest("GET", "/v1/models", nil))
	if h := w.Header(); w.Code != 503 || h.Get("Retry-After") != "2" || h.Get("Cache-Control") != "no-store" || h.Get("X-Should-Retry") != "" {
		t.Errorf("GET /v1/models while draining = %d %v, want 503 with the headers of other errors", w.Code, h)
	}
}

func BenchmarkHandler(b *testing.B) {
	for _, size := range []int{1 << 10, 100 << 10} {
		b.Run(fmt.Sprint(size>>10, "KB"), func(b *testing.B) {
			h := httpapi.New(httpapi.Config{Hub: answer(hubtest.Say("hello")), Server: openaichat.Server{}})
			body := []byte(strings.Replace(hi, "hi", strings.Repeat("word ", size/5), 1))
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest("POST", "/v1/chat/completions", bytes.NewReader(body))
				h.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}
