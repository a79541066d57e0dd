package replay_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/llmhubd/llmhub/adapters/adaptertest/replay"
	"github.com/llmhubd/llmhub/llmhub/wire/wiretest"
)

func recorded(id, path, request, response string) *wiretest.Exchange {
	h := http.Header{"Content-Type": {"application/json"}, "Set-Cookie": {"a=b"}, "X-Ratelimit-Limit-Tokens": {"9"}}
	return &wiretest.Exchange{ID: id, Method: "POST", Path: path, Request: []byte(request), Status: 200, ResponseHeader: h, Response: []byte(response)}
}

func ask(t *testing.T, h http.Handler, path, body string) (int, string, http.Header) {
	t.Helper()
	s := httptest.NewServer(h)
	defer s.Close()
	r, err := http.Post(s.URL+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b), r.Header
}

func TestBestFit(t *testing.T) {
	const path = "/v1/chat/completions"
	all := []*wiretest.Exchange{
		recorded("a", path, `{"model":"m","messages":[1]}`, "a"),
		recorded("b", path, `{"model":"n","messages":[1],"max_tokens":5}`, "b"),
		recorded("c", path, `{"model":"n","messages":[1],"stream":true,"stream_options":{"include_usage":true}}`, "c"),
		recorded("d", path, `{"model":"n","messages":[2]}`, "d"),
		recorded("e", "/v1/messages", `{"model":"n","messages":[3]}`, "e"),
		recorded("f", "/v1beta/models/g-1:generateContent", `{"contents":[4]}`, "f"),
		recorded("g", "/v1beta/models/g-2:generateContent", `{"contents":[4]}`, "g"),
		recorded("h", "/v1beta/models/g-2:streamGenerateContent", `{"contents":[4]}`, "h"),
	}
	other := recorded("z", path, `{}`, "z")
	h := replay.New(replay.Config{Fallback: func(a replay.Asked) *wiretest.Exchange {
		if a.Model == "any" && a.Stream {
			return other
		}
		return nil
	}}, all)
	for _, tt := range []struct {
		name, path, body string
		status           int
		want             string
	}{
		{"the equal one", path, `{"messages":[1],"model":"m"}`, 200, "a"},
		{"the cap in another spelling", path, `{"model":"n","messages":[1],"max_completion_tokens":5}`, 200, "b"},
		{"usage not asked for", path, `{"model":"n","messages":[1],"stream":true}`, 200, "c"},
		{"another base URL", "/x/chat/completions", `{"model":"m","messages":[1],"temperature":0}`, 200, "a"},
		{"the same conversation with another model", path, `{"model":"q","messages":[2]}`, 200, "d"},
		{"another conversation", path, `{"model":"m","messages":[9]}`, 404, ""},
		{"another method of the provider", "/v1/messages", `{"model":"n","messages":[1]}`, 404, ""},
		{"Gemini's model stands in the path", "/v1beta/models/g-2:generateContent", `{"contents":[4]}`, 200, "g"},
		{"Gemini's method too", "/v1beta/models/g-2:streamGenerateContent", `{"contents":[4]}`, 200, "h"},
		{"the fallback", path, `{"model":"any","stream":true,"messages":[9]}`, 200, "z"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, body, header := ask(t, h, tt.path, tt.body)
			if status != tt.status || tt.want != "" && body != tt.want {
				t.Errorf("%s to %s was answered %d %s, want %d %s", tt.body, tt.path, status, body, tt.status, tt.want)
			}
			if status == 200 && (header.Get("Set-Cookie") != "" || header.Get("X-Ratelimit-Limit-Tokens") != "9") {
				t.Errorf("headers %v, want the limits and no cookie", header)
			}
		})
	}
}

func TestEqualOnesTakeTurns(t *testing.T) {
	h := replay.New(replay.Config{}, []*wiretest.Exchange{recorded("a", "/messages", `{"messages":[]}`, "a"), recorded("b", "/messages", `{"messages":[]}`, "b")})
	var got string
	for range 4 {
		_, body, _ := ask(t, h, "/messages", `{"messages":[]}`)
		got += body
	}
	if got != "abab" {
		t.Errorf("four requests were answered %q, want abab", got)
	}
}

func TestStreamsAreWhole(t *testing.T) {
	x := recorded("a", "/messages", `{"messages":[],"stream":true}`, strings.Repeat("data: x\n\n", 1000))
	x.Stream = true
	for seed := range uint64(3) {
		_, body, _ := ask(t, replay.New(replay.Config{Seed: seed}, []*wiretest.Exchange{x}), "/messages", `{"messages":[],"stream":true}`)
		if body != string(x.Response) {
			t.Errorf("seed %d: %d bytes came, want %d", seed, len(body), len(x.Response))
		}
	}
}
