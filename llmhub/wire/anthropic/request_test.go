package anthropic_test

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/llmhub/wire/anthropic"
	"github.com/llmhubd/llmhub/llmhub/wire/wiretest"
)

func TestRequestRefuses(t *testing.T) {
	for _, tt := range []struct{ name, body, param string }{
		{"no object", `[]`, ""},
		{"no model", `{"max_tokens":1,"messages":[]}`, "model"},
		{"an empty model", `{"model":"","max_tokens":1,"messages":[]}`, "model"},
		{"a model that is no string", `{"model":["a"],"max_tokens":1,"messages":[]}`, "model"},
		{"two models", `{"model":"a","model":"b","max_tokens":1,"messages":[]}`, "model"},
		{"a key in another case", `{"model":"a","Max_Tokens":1,"messages":[]}`, "Max_Tokens"},
		{"a stream that is no boolean", `{"model":"a","stream":"true","messages":[]}`, "stream"},
		{"a cap with an exponent", `{"model":"a","max_tokens":1e3,"messages":[]}`, "max_tokens"},
		{"a cap with a fraction", `{"model":"a","max_tokens":1.0,"messages":[]}`, "max_tokens"},
		{"a cap below nothing", `{"model":"a","max_tokens":-1,"messages":[]}`, "max_tokens"},
		{"a cap that begins with zeros", `{"model":"a","max_tokens":007,"messages":[]}`, "max_tokens"},
		{"a cap that is a string", `{"model":"a","max_tokens":"5","messages":[]}`, "max_tokens"},
		{"no messages", `{"model":"a","max_tokens":1}`, "messages"},
		{"fallbacks that are no list", `{"model":"a","messages":[],"fallbacks":"b"}`, "fallbacks"},
		{"fallbacks that are no names", `{"model":"a","messages":[],"fallbacks":[1]}`, "fallbacks"},
		{"a recovery that there is not", `{"model":"a","messages":[],"stream_recovery":"continue"}`, "stream_recovery"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := anthropic.Server{}.Request(wire.Incoming{Body: []byte(tt.body)})
			if e := llmhub.AsError(err); e == nil || e.Kind != llmhub.InvalidRequest || e.Param != tt.param {
				t.Errorf("Request(%s) = %v, want invalid %q", tt.body, err, tt.param)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, tt := range []struct{ name, members, param string }{
		{"a role that there is not", `"messages":[{"role":"tool","content":"x"}]`, "messages[0]"},
		{"a message without content", `"messages":[{"role":"user","content":"x"},{"role":"user"}]`, "messages[1]"},
		{"a block that is a string", `"messages":[{"role":"user","content":["x"]}]`, "messages[0]"},
		{"a text without text", `"messages":[{"role":"user","content":[{"type":"text"}]}]`, "messages[0]"},
		{"a tool call without id", `"messages":[{"role":"assistant","content":[{"type":"tool_use","name":"f","input":{}}]}]`, "messages[0]"},
		{"a system that is a number", `"messages":[],"system":1`, "system"},
		{"tools that are no list", `"messages":[],"tools":{}`, "tools"},
		{"a tool without name", `"messages":[],"tools":[{"input_schema":{}}]`, "tools[0]"},
		{"a temperature that is a word", `"messages":[],"temperature":"hot"`, "temperature"},
		{"a stop that is a number", `"messages":[],"stop_sequences":[1]`, "stop_sequences"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parse(t, []byte(`{"model":"a","max_tokens":1,`+tt.members+`}`)).Body.Decode()
			if e := llmhub.AsError(err); e == nil || e.Kind != llmhub.InvalidRequest || e.Param != tt.param {
				t.Errorf("Decode(%s) = %v, want invalid %q", tt.members, err, tt.param)
			}
		})
	}
}

func TestRestricted(t *testing.T) {
	for _, tt := range []struct{ name, members, want string }{
		{"nothing", `"service_tier":"auto","speed":"standard","container":null,"mcp_servers":[],"inference_geo":"global"`, ""},
		{"the plain tier", `"service_tier":"standard_only"`, ""},
		{"another tier", `"service_tier":"priority"`, "service_tier"},
		{"speed", `"speed":"fast"`, "speed"},
		{"a container", `"container":"c1"`, "container"},
		{"servers", `"mcp_servers":[{}]`, "mcp_servers"},
		{"a place", `"inference_geo":"us"`, "inference_geo"},
		{"tools of the caller", `"tools":[{"name":"a"},{"type":"custom","name":"b"},{"type":"bash_20250124"},{"type":"text_editor_20250728"},{"type":"computer_20251124"},{"type":"memory_20250818"}]`, ""},
		{"a tool at the provider", `"tools":[{"name":"a"},{"name":"w","type":"web_search_20250305"}]`, "server_tools"},
		{"a tool of another server", `"tools":[{"type":"mcp_toolset"}]`, "server_tools"},
		{"a tool whose type is spelled with escapes", `"tools":[{"ty\u0070e":"we\u0062_search_20250305"}]`, "server_tools"},
		{"a property that is called type", `"tools":[{"name":"a","input_schema":{"type":"web_search_20250305"}}]`, ""},
		{"words about files", `"messages":[{"role":"user","content":"\"file\" and {\"file_id\":1}"}]`, ""},
		{"a call's arguments about files", `"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"1","name":"f","input":{"file_id":"x","source":{"type":"file"}}}]}]`, ""},
		{"an image in a file", `"messages":[{"role":"user","content":[{"type":"image","source":{"type":"file","file_id":"f"}}]}]`, "file_id"},
		{"a file spelled with escapes", `"messages":[{"role":"user","content":[{"type":"image","sou\u0072ce":{"type":"\u0066ile"}}]}]`, "file_id"},
		{"a file in a tool's result", `"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":[{"type":"document","source":{"type":"file","file_id":"f"}}]}]}]`, "file_id"},
		{"a file in a document's content", `"messages":[{"role":"user","content":[{"type":"document","source":{"type":"content","content":[{"type":"image","source":{"file_id":"f","type":"file"}}]}}]}]`, "file_id"},
		{"a file for a container", `"messages":[{"role":"user","content":[{"type":"container_upload","file_id":"f"}]}]`, "file_id"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := `{"model":"a","max_tokens":1,` + tt.members
			if !strings.Contains(tt.members, `"messages":`) {
				body += `,"messages":[]`
			}
			req := parse(t, []byte(body+`}`))
			if got := strings.Join(req.Restricted, ","); got != tt.want {
				t.Errorf("Request(%s).Restricted = %q, want %q", tt.members, got, tt.want)
			}
		})
	}
}

func TestBetasOutliveAnEdit(t *testing.T) {
	h := http.Header{}
	h.Add("anthropic-beta", "a-1, b-2")
	h.Add("anthropic-beta", "c-3")
	req, err := anthropic.Server{}.Request(wire.Incoming{Header: h, Body: []byte(`{"model":"a","max_tokens":1,"messages":[{"role":"user","content":"x"}]}`)})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a-1", "b-2", "c-3"}
	if got := anthropic.Betas(req.Body); !slices.Equal(got, want) {
		t.Errorf("Betas = %q, want %q", got, want)
	}
	if _, err := req.Edit(); err != nil {
		t.Fatal(err)
	}
	if got := anthropic.Betas(req.Body); !slices.Equal(got, want) {
		t.Errorf("Betas after an edit = %q, want %q", got, want)
	}
	if got := anthropic.Betas(llmhub.Text("hi")); got != nil {
		t.Errorf("Betas of another prompt = %q, want none", got)
	}
}

func TestTokensCountMediaFlat(t *testing.T) {
	image := func(n int) string {
		return fmt.Sprintf(`{"model":"a","max_tokens":1,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"%s"}}]}]}`, strings.Repeat("A", n))
	}
	small, large := parse(t, []byte(image(4))).Body.Tokens(), parse(t, []byte(image(4<<20))).Body.Tokens()
	if small != large || small < 1000 || small > 1100 {
		t.Errorf("an image counts %d tokens, a large one %d, want about 1,000", small, large)
	}
	text := parse(t, []byte(`{"model":"a","max_tokens":1,"messages":[{"role":"user","content":"`+strings.Repeat("word ", 800)+`"}]}`)).Body.Tokens()
	if text < 1000 || text > 1100 {
		t.Errorf("4,000 bytes of text count %d tokens, want about 1,000", text)
	}
}

// TestHeadWins holds that the bytes say what the head says, and that our own keys
// do not go out.
func TestHeadWins(t *testing.T) {
	hi := `"messages":[{"role":"user","content":"x"}]`
	for _, tt := range []struct {
		name, in string
		change   func(*llmhub.Request)
		want     string
	}{
		{"the model", `{"model":"a","max_tokens":5,` + hi + `}`, func(*llmhub.Request) {}, `{"model":"m","max_tokens":5,` + hi + `}`},
		{"our own keys", `{"fallbacks":["b"],"model":"a","max_tokens":5,` + hi + `,"stream_recovery":"error"}`, func(*llmhub.Request) {}, `{"model":"m","max_tokens":5,` + hi + `}`},
		{"a stream asked for", `{"model":"a","max_tokens":5,` + hi + `}`, func(r *llmhub.Request) { r.Stream = true }, `{"stream":true,"model":"m","max_tokens":5,` + hi + `}`},
		{"a stream no longer asked for", `{"model":"a","max_tokens":5,"stream":true,` + hi + `}`, func(r *llmhub.Request) { r.Stream = false }, `{"model":"m","max_tokens":5,"stream":false,` + hi + `}`},
		{"a lower cap", `{"model":"a","max_tokens":5,` + hi + `}`, func(r *llmhub.Request) { r.MaxTokens = 3 }, `{"model":"m","max_tokens":3,` + hi + `}`},
		{"a cap that was missing", `{"model":"a",` + hi + `}`, func(*llmhub.Request) {}, `{"max_tokens":4096,"model":"m",` + hi + `}`},
		{"a cap that was null", `{"model":"a","max_tokens":null,` + hi + `}`, func(*llmhub.Request) {}, `{"model":"m","max_tokens":4096,` + hi + `}`},
		{"a cap of none, which warms the cache", `{"model":"a","max_tokens":0,` + hi + `}`, func(*llmhub.Request) {}, `{"model":"m","max_tokens":0,` + hi + `}`},
		{"a cap not above the budget", `{"model":"a","max_tokens":5000,"thinking":{"type":"enabled","budget_tokens":4000,"of_tomorrow":1},` + hi + `}`, func(r *llmhub.Request) { r.MaxTokens = 2000 },
			`{"model":"m","max_tokens":2000,"thinking":{"type":"enabled","budget_tokens":1999},` + hi + `}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, edit := range []bool{false, true} {
				req := parse(t, []byte(tt.in))
				tt.change(req)
				if edit {
					if _, err := req.Edit(); err != nil {
						t.Fatal(err)
					}
				}
				c := anthropic.Client{Traits: func(string) anthropic.Traits { return anthropic.Traits{Budget: true, Sampling: true} }}
				parts, err := c.Body(&llmhub.Call{Request: *req, Target: llmhub.Target{Provider: "anthropic", Model: "m"}})
				if err != nil {
					t.Fatal(err)
				}
				if d := wiretest.DiffJSON(bytes.Join(parts, nil), []byte(tt.want)); d != "" {
					t.Errorf("edited %t: %s", edit, d)
				}
			}
		})
	}
}

// TestLogicalModelsFit holds that what the caller of a logical model could not
// know of the target is put in the words that it takes, and nothing else changes.
func TestLogicalModelsFit(t *testing.T) {
	hi := `"max_tokens":9000,"messages":[{"role":"user","content":"x","of_tomorrow":1}],"of_tomorrow":2`
	for _, tt := range []struct{ name, target, in, want string }{
		{"adaptive thinking as a budget", "claude-haiku-4-5", `"thinking":{"type":"adaptive"},"output_config":{"effort":"low","of_tomorrow":3}`, `"thinking":{"type":"enabled","budget_tokens":4096},"output_config":{"of_tomorrow":3}`},
		{"a budget as adaptive thinking", "claude-opus-4-8", `"thinking":{"type":"enabled","budget_tokens":2000}`, `"thinking":{"type":"adaptive"},"output_config":{"effort":"low"}`},
		{"no temperature", "claude-opus-4-8", `"temperature":0.2,"top_k":4`, `"of_tomorrow":2`},
		{"what fits stays", "claude-opus-4-8", `"thinking":{"type":"adaptive","of_tomorrow":4},"output_config":{"effort":"xhigh"}`, `"thinking":{"type":"adaptive","of_tomorrow":4},"output_config":{"effort":"xhigh"}`},
		{"no thinking where there is none", "claude-3-5-haiku-latest", `"thinking":{"type":"adaptive"}`, `"of_tomorrow":2`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req := parse(t, []byte(`{"model":"smart",`+hi+`,`+tt.in+`}`))
			c := &llmhub.Call{Request: *req, Target: llmhub.Target{Provider: "anthropic", Model: tt.target}}
			parts, err := anthropic.Client{}.Body(c)
			if err != nil {
				t.Fatal(err)
			}
			want := `{"model":"` + tt.target + `",` + hi
			if tt.want != `"of_tomorrow":2` {
				want += "," + tt.want
			}
			if d := wiretest.DiffJSON(bytes.Join(parts, nil), []byte(want+`}`)); d != "" {
				t.Errorf("%s (warnings %q)", d, c.Warnings())
			}
			c.Model, c.Target.Model = "m", "m" // who names the model is taken at his word
			if parts, err = (anthropic.Client{}).Body(c); err != nil {
				t.Fatal(err)
			}
			if d := wiretest.DiffJSON(bytes.Join(parts, nil), []byte(`{"model":"m",`+hi+`,`+tt.in+`}`)); d != "" {
				t.Errorf("for a caller who named the model: %s", d)
			}
		})
	}
}

// TestForeignReasoningStaysHome holds that reasoning goes back to who signed it,
// with the signature that he gave, and to nobody else.
func TestForeignReasoningStaysHome(t *testing.T) {
	body := `{"model":"a","max_tokens":5,"messages":[{"role":"user","content":"x"},{"role":"assistant","content":[` +
		`{"type":"thinking","thinking":"a","signature":"bare","of_tomorrow":1},{"type":"thinking","thinking":"b","signature":""},` +
		`{"type":"thinking","thinking":"c","signature":"llmhub:other:s:1"},{"type":"redacted_thinking","data":"llmhub:other:s2"},{"type":"text","text":"t"}]},` +
		`{"role":"assistant","content":[{"type":"thinking","thinking":"d","signature":""}]},{"role":"user","content":"y"}]}`
	for _, tt := range []struct{ provider, want string }{
		{"", `{"type":"thinking","thinking":"a","signature":"bare","of_tomorrow":1}`},
		{"other", `{"type":"thinking","thinking":"c","signature":"s:1"},{"type":"redacted_thinking","data":"s2"}`},
	} {
		want := `{"model":"a","max_tokens":5,"messages":[{"role":"user","content":"x"},{"role":"assistant","content":[` + tt.want +
			`,{"type":"text","text":"t"}]},{"role":"user","content":"y"}]}`
		req := parse(t, []byte(body))
		parts, err := anthropic.Client{Provider: tt.provider}.Body(&llmhub.Call{Request: *req, Target: llmhub.Target{Model: "a"}})
		if err != nil {
			t.Fatal(err)
		}
		if d := wiretest.DiffJSON(bytes.Join(parts, nil), []byte(want)); d != "" {
			t.Errorf("to %q: %s", tt.provider, d)
		}
	}
}
