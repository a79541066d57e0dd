// Package wiretest is the kit for testing dialects: recorded exchanges, readers
// that cut bytes anywhere, and comparison of JSON.
package wiretest

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// Exchange is one recorded request and its answer.
type Exchange struct {
	ID       string // unique within its provider
	Provider string // openai, anthropic, gemini, deepseek, groq
	Endpoint string // chat, messages, generate, stream, …
	Model    string
	Stream   bool   // the answer is a stream
	Fidelity string // raw, reserialised-json, body-only, authored-fixture
	Features []string

	Method  string
	Path    string
	Query   url.Values
	Header  http.Header // of the request
	Request []byte      // JSON; nil: none recorded

	Status         int
	ResponseHeader http.Header
	Response       []byte // a stream's bytes, or a JSON body
}

// Corpus reads the recorded exchanges from the folder that LLMHUB_CORPUS names,
// those that keep accepts. Without the variable it skips the test, or fails it
// if LLMHUB_TEST_REQUIRE is "all".
func Corpus(t testing.TB, keep func(*Exchange) bool) []*Exchange {
	t.Helper()
	dir := os.Getenv("LLMHUB_CORPUS")
	if dir == "" {
		if os.Getenv("LLMHUB_TEST_REQUIRE") == "all" {
			t.Fatal("LLMHUB_TEST_REQUIRE is all, but LLMHUB_CORPUS is not set")
		}
		t.Skip("LLMHUB_CORPUS names no folder of recorded exchanges")
	}
	all, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	var kept []*Exchange
	for _, x := range all {
		if keep(x) {
			kept = append(kept, x)
		}
	}
	if len(kept) == 0 {
		t.Fatalf("no recorded exchange in %s fits", dir)
	}
	return kept
}

// Load reads every recorded exchange below dir.
func Load(dir string) ([]*Exchange, error) {
	index, err := os.ReadFile(filepath.Join(dir, "index.jsonl"))
	if err != nil {
		return nil, err
	}
	var all []*Exchange
	for line := range bytes.Lines(index) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		x := &Exchange{}
		if err := json.Unmarshal(line, x); err != nil {
			return nil, err
		}
		if err := x.load(filepath.Join(dir, x.Provider, x.ID)); err != nil {
			return nil, err
		}
		all = append(all, x)
	}
	return all, nil
}

func (x *Exchange) load(dir string) error {
	var req struct {
		Method, Path   string
		Query, Headers map[string]string
		Body           json.RawMessage
	}
	if err := readJSON(filepath.Join(dir, "request.json"), &req); err != nil {
		return err
	}
	x.Method, x.Path, x.Query, x.Header = req.Method, req.Path, url.Values{}, header(req.Headers)
	for k, v := range req.Query {
		x.Query.Set(k, v)
	}
	if len(req.Body) > 0 && string(req.Body) != "null" {
		x.Request = req.Body
	}
	var resp struct {
		Status   int
		Headers  map[string]string
		Body     json.RawMessage
		BodyFile string `json:"body_file"`
	}
	if err := readJSON(filepath.Join(dir, "response.json"), &resp); err != nil {
		return err
	}
	x.Status, x.ResponseHeader, x.Response = resp.Status, header(resp.Headers), resp.Body
	if resp.BodyFile == "" {
		return nil
	}
	var err error
	x.Response, err = os.ReadFile(filepath.Join(dir, resp.BodyFile))
	return err
}

func readJSON(file string, v any) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

func header(m map[string]string) http.Header {
	h := http.Header{}
	for k, v := range m {
		h.Set(k, v)
	}
	return h
}

// Cut returns a reader of b that gives it in pieces of random length, from one
// byte up, the same for the same seed.
func Cut(b []byte, seed uint64) io.Reader {
	return &cutter{b, rand.New(rand.NewPCG(seed, 0))}
}

type cutter struct {
	rest []byte
	rand *rand.Rand
}

func (c *cutter) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	most := 1 << c.rand.IntN(11)
	n := copy(p, c.rest[:min(1+c.rand.IntN(most), len(c.rest))])
	c.rest = c.rest[n:]
	return n, nil
}

// DiffJSON says where two JSON texts differ in meaning, "" if nowhere. Numbers
// are compared as they are written.
func DiffJSON(got, want []byte) string {
	g, err := decode(got)
	if err != nil {
		return "got is not JSON: " + err.Error()
	}
	w, err := decode(want)
	if err != nil {
		return "want is not JSON: " + err.Error()
	}
	return diff("$", g, w)
}

func decode(b []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

func diff(path string, got, want any) string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			break
		}
		for k := range w {
			if _, ok := g[k]; !ok {
				return path + "." + k + " is missing"
			}
		}
		for k, v := range g {
			if _, ok := w[k]; !ok {
				return path + "." + k + " is too much: " + show(v)
			}
			if d := diff(path+"."+k, v, w[k]); d != "" {
				return d
			}
		}
		return ""
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			break
		}
		for i := range w {
			if d := diff(path+"[]", g[i], w[i]); d != "" {
				return d
			}
		}
		return ""
	}
	if reflect.DeepEqual(got, want) {
		return ""
	}
	return path + " is " + show(got) + ", want " + show(want)
}

func show(v any) string {
	b, _ := json.Marshal(v)
	if len(b) > 300 {
		return string(b[:300]) + "…"
	}
	return strings.TrimSpace(string(b))
}
