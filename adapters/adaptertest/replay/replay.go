// Package replay is a provider that answers from recorded exchanges.
package replay

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"

	"github.com/llmhubd/llmhub/llmhub/wire/wiretest"
)

// Config of a replay.
type Config struct {
	Seed uint64 // where streams are cut
	// Fallback chooses an answer for a request that no recording fits; nil, or
	// what it returns: 404.
	Fallback func(Asked) *wiretest.Exchange
}

// Asked is a request to a replay.
type Asked struct {
	Method string
	Path   string
	Model  string // of the body or, Gemini's, of the path
	Stream bool
	Body   []byte
}

// New makes a handler that answers with the recorded exchange whose request fits
// best: of the same method and path, whatever stands before "/chat/completions",
// "/messages" or "/models", and with the same conversation. Among those the one
// that is equal in all but stream_options and the spelling of the cap comes
// first, then one of the same model, streaming and tools. Several that fit
// equally well take turns. Status, bytes and a few headers are the recorded ones;
// a stream is cut at random bytes, the same for the same seed.
//
// It is safe for concurrent use.
func New(c Config, exchanges []*wiretest.Exchange) http.Handler {
	h := &handler{config: c}
	for _, x := range exchanges {
		h.recordings = append(h.recordings, recording{x, tail(x.Path), parse(x.Request)})
	}
	return h
}

type handler struct {
	config     Config
	recordings []recording
	turn       atomic.Uint64
}

type recording struct {
	*wiretest.Exchange
	tail string
	body map[string]any // nil: none was recorded
}

const maxBody = 64 << 20

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "read request", http.StatusBadRequest)
		return
	}
	x := h.find(r, body)
	if x == nil && h.config.Fallback != nil {
		x = h.config.Fallback(asked(r, body))
	}
	if x == nil {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `{"error":{"message":"no recorded exchange fits this request","type":"invalid_request_error","param":null,"code":"not_recorded"}}`)
		return
	}
	h.answer(w, x)
}

// find returns the recording that fits best, nil when none does.
func (h *handler) find(r *http.Request, body []byte) *wiretest.Exchange {
	in, at := parse(body), tail(r.URL.Path)
	var best []*wiretest.Exchange
	most := 0
	for i := range h.recordings {
		rec := &h.recordings[i]
		if rec.Method != r.Method || method(rec.tail) != method(at) {
			continue
		}
		switch n := fit(in, rec.body, at == rec.tail); {
		case n > most:
			most, best = n, append(best[:0], rec.Exchange)
		case n == most && n > 0:
			best = append(best, rec.Exchange)
		}
	}
	if len(best) == 0 {
		return nil
	}
	return best[(h.turn.Add(1)-1)%uint64(len(best))]
}

// fit says how well a request fits a recorded one; 0: not at all.
func fit(in, recorded map[string]any, samePath bool) int {
	n := 0
	if samePath {
		n++
	}
	if in == nil && recorded == nil {
		return n // no body is asked for
	}
	if in == nil || recorded == nil || !reflect.DeepEqual(conversation(in), conversation(recorded)) {
		return 0
	}
	n += 2
	for _, key := range []string{"model", "stream", "tools"} {
		if reflect.DeepEqual(in[key], recorded[key]) {
			n += 2
		}
	}
	if reflect.DeepEqual(in, recorded) {
		n += 10
	}
	return n
}

func conversation(body map[string]any) any {
	if c, ok := body["contents"]; ok {
		return c
	}
	return body["messages"]
}

// parse decodes a body and takes out what a hub may say in its own way.
func parse(body []byte) map[string]any {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var m map[string]any
	if d.Decode(&m) != nil {
		return nil
	}
	if o, ok := m["stream_options"].(map[string]any); ok {
		if delete(o, "include_usage"); len(o) == 0 {
			delete(m, "stream_options")
		}
	}
	if n, ok := m["max_completion_tokens"]; ok {
		delete(m, "max_completion_tokens")
		m["max_tokens"] = n
	}
	if m["stream"] == false {
		delete(m, "stream")
	}
	return m
}

// tail is a path without what a base URL may hold.
func tail(path string) string {
	for _, mark := range []string{"/chat/completions", "/messages", "/models", "/responses", "/completions", "/embeddings"} {
		if i := strings.Index(path, mark); i >= 0 {
			return path[i:]
		}
	}
	return path
}

// method is a path without Gemini's model: what is done.
func method(tail string) string {
	if i := strings.LastIndexByte(tail, ':'); i >= 0 && strings.HasPrefix(tail, "/models/") {
		return tail[i:]
	}
	return tail
}

func asked(r *http.Request, body []byte) Asked {
	a := Asked{Method: r.Method, Path: r.URL.Path, Body: body}
	var head struct {
		Model  string
		Stream bool
	}
	_ = json.Unmarshal(body, &head) // a body that is no JSON names no model
	a.Model, a.Stream = head.Model, head.Stream || strings.HasSuffix(a.Path, ":streamGenerateContent")
	if rest, ok := strings.CutPrefix(tail(a.Path), "/models/"); ok {
		a.Model, _, _ = strings.Cut(rest, ":")
	}
	return a
}

func (h *handler) answer(w http.ResponseWriter, x *wiretest.Exchange) {
	for k, v := range x.ResponseHeader {
		if allowed(k) {
			w.Header()[k] = v
		}
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
		if x.Stream {
			w.Header().Set("Content-Type", "text/event-stream")
		}
	}
	w.WriteHeader(x.Status)
	if !x.Stream {
		w.Write(x.Response)
		return
	}
	out := http.NewResponseController(w)
	piece := make([]byte, 4096)
	for from := wiretest.Cut(x.Response, h.config.Seed); ; {
		n, err := from.Read(piece)
		if _, werr := w.Write(piece[:n]); err != nil || werr != nil {
			return
		}
		if out.Flush() != nil {
			return
		}
	}
}

func allowed(header string) bool {
	switch header {
	case "Content-Type", "Retry-After", "Retry-After-Ms", "Request-Id", "X-Request-Id", "X-Should-Retry":
		return true
	}
	return strings.HasPrefix(header, "X-Ratelimit-") || strings.HasPrefix(header, "Anthropic-Ratelimit-")
}
