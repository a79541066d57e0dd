package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/llmhubd/llmhub/adapters/anthropic"
	"github.com/llmhubd/llmhub/adapters/deepseek"
	"github.com/llmhubd/llmhub/adapters/gemini"
	"github.com/llmhubd/llmhub/adapters/groq"
	"github.com/llmhubd/llmhub/adapters/openai"
	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/httpapi"
	"github.com/llmhubd/llmhub/llmhub/hubtest"
	"github.com/llmhubd/llmhub/llmhub/wire"
	wireanthropic "github.com/llmhubd/llmhub/llmhub/wire/anthropic"
	"github.com/llmhubd/llmhub/llmhub/wire/openaichat"
	"github.com/llmhubd/llmhub/llmhub/wire/wiretest"
)

// recorded is a gateway whose one provider gives a recorded answer, whatever it
// is asked.
func recorded(t *testing.T, x *wiretest.Exchange, server wire.Server, blind bool) http.Handler {
	t.Helper()
	rt := hubtest.Transport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", x.ResponseHeader.Get("Content-Type"))
		w.WriteHeader(x.Status)
		io.Copy(w, wiretest.Cut(x.Response, uint64(len(x.ID))))
	}))
	key := llmhub.NewSecret("sk-of-nobody")
	adapter := map[string]llmhub.Adapter{
		"openai": openai.New(openai.Config{Key: key, Transport: rt}), "anthropic": anthropic.New(anthropic.Config{Key: key, Transport: rt}),
		"gemini": gemini.New(gemini.Config{Key: key, Transport: rt}), "deepseek": deepseek.New(deepseek.Config{Key: key, Transport: rt}),
		"groq": groq.New(groq.Config{Key: key, Transport: rt}),
	}[x.Provider]
	h, err := llmhub.New(llmhub.Config{
		Adapters: map[string]llmhub.Adapter{x.Provider: adapter}, Jitter: func() float64 { return -1.0 / 7 },
		Router: llmhub.RouterFunc(func(context.Context, *llmhub.Request) ([]llmhub.Target, error) {
			return []llmhub.Target{{Provider: x.Provider, Model: "recorded"}}, nil
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return httpapi.New(httpapi.Config{Hub: h, Server: server, Logical: func(string) bool { return blind }})
}

func answers(x *wiretest.Exchange) bool {
	switch x.Endpoint {
	case "chat", "messages", "generate", "stream":
		return x.Status == 200
	}
	return false
}

// TestFrontsAgree asks for every recorded answer through both dialects, unary
// and streamed, and holds that the caller reads the same from all four.
func TestFrontsAgree(t *testing.T) {
	passed, total := map[string]int{}, map[string]int{}
	for _, x := range wiretest.Corpus(t, answers) {
		total[x.Provider]++
		var first, how string
		same := true
		for _, stream := range []bool{false, true} {
			for _, server := range []wire.Server{openaichat.Server{}, wireanthropic.Server{}} {
				body := fmt.Sprintf(`{"model":"smart","max_tokens":100,"stream":%v,"messages":[{"role":"user","content":"hi"}]}`, stream)
				if stream && server.Name() == "openaichat" {
					body = strings.Replace(body, `"stream"`, `"stream_options":{"include_usage":true},"stream"`, 1)
				}
				w := httptest.NewRecorder()
				recorded(t, x, server, true).ServeHTTP(w, httptest.NewRequest("POST", "/", strings.NewReader(body)))
				got := understood(t, x, server, w)
				name := fmt.Sprint(server.Name(), " stream=", stream)
				if first == "" {
					first, how = got, name
				} else if got != first {
					same = false
					t.Errorf("%s/%s:\n%s says %s\n%s says %s", x.Provider, x.ID, how, first, name, got)
				}
			}
		}
		if same {
			passed[x.Provider]++
		}
	}
	for p, n := range total {
		t.Logf("%s: %d of %d recorded answers read the same through both fronts", p, passed[p], n)
	}
}

// understood is what a client of the dialect reads, as far as every dialect can
// say it.
func understood(t *testing.T, x *wiretest.Exchange, server wire.Server, w *httptest.ResponseRecorder) string {
	t.Helper()
	if w.Code != 200 {
		return "no answer"
	}
	var client wire.Client = &openaichat.Client{}
	if server.Name() == "anthropic" {
		client = &wireanthropic.Client{}
	}
	r, err := client.Events(&llmhub.Call{}, bytes.NewReader(w.Body.Bytes()), -1).Collect()
	if err != nil {
		return "no answer"
	}
	var text, thought, refusal string
	var calls []string
	for _, p := range r.Parts {
		if p.Choice > 0 {
			continue
		}
		switch p.Kind {
		case llmhub.PartText:
			text += p.Text
		case llmhub.PartRefusal:
			refusal += p.Text
		case llmhub.PartReasoning:
			thought += p.Text
		case llmhub.PartToolCall:
			args := map[string]any{} // what is no whole object, one of the dialects cannot say
			json.Unmarshal([]byte(p.Args), &args)
			canonical, _ := json.Marshal(args)
			if string(canonical) == "null" {
				canonical = []byte("{}")
			}
			calls = append(calls, p.Name+string(canonical))
		}
	}
	stop := map[llmhub.StopReason]string{llmhub.StopSequence: "end", llmhub.StopPause: "end", llmhub.StopContext: "length", llmhub.StopRefusal: "filter"}[r.Stop]
	if stop == "" {
		stop = string(r.Stop)
	}
	if refusal != "" {
		stop = "filter" // one dialect says it by a part, the other by the reason
	}
	prompt := r.Usage.Prompt()
	if !counted(x) {
		prompt = 0 // estimated from the bytes of a request that each dialect says differently
	}
	return fmt.Sprintf("text %q thought %q calls %v stop %s in %d cached %d out %d", text+refusal, thought, calls, stop, prompt, r.Usage.CacheRead, r.Usage.Completion())
}

// counted reports whether a recorded answer tells what its prompt used.
func counted(x *wiretest.Exchange) bool {
	for _, word := range []string{"prompt_tokens", "input_tokens", "promptTokenCount"} {
		if bytes.Contains(x.Response, []byte(word)) {
			return true
		}
	}
	return false
}

// TestConcreteTargetIsFaithful holds that a caller who may know gets what the
// provider of its own dialect sent, byte by byte.
func TestConcreteTargetIsFaithful(t *testing.T) {
	passed, total := map[string]int{}, map[string]int{}
	for _, x := range wiretest.Corpus(t, func(x *wiretest.Exchange) bool {
		return x.Endpoint == "chat" || x.Endpoint == "messages"
	}) {
		if x.Status == 401 || x.Status == 429 {
			continue // what is wrong with the operator's key is no business of the caller's
		}
		var server wire.Server = openaichat.Server{}
		if x.Provider == "anthropic" {
			server = wireanthropic.Server{}
		}
		total[x.Provider]++
		body := fmt.Sprintf(`{"model":"p/m","max_tokens":100,"stream":%v,"messages":[{"role":"user","content":"hi"}]}`, x.Stream)
		if x.Stream && x.Provider != "anthropic" {
			body = strings.Replace(body, `"stream"`, `"stream_options":{"include_usage":true},"stream"`, 1)
		}
		w := httptest.NewRecorder()
		func() {
			defer func() { _ = recover() }() // a broken recording ends in an aborted answer
			recorded(t, x, server, false).ServeHTTP(w, httptest.NewRequest("POST", "/", strings.NewReader(body)))
		}()
		if got := w.Body.Bytes(); bytes.Equal(got, x.Response) {
			passed[x.Provider]++
		} else {
			t.Errorf("%s/%s (status %d): got %d bytes, recorded %d\n%s\n---\n%s", x.Provider, x.ID, x.Status, len(got), len(x.Response), tail(got), tail(x.Response))
		}
	}
	for p, n := range total {
		t.Logf("%s: %d of %d recorded answers are passed on byte by byte", p, passed[p], n)
	}
}

func tail(b []byte) []byte { return b[max(0, len(b)-300):] }
