package anthropic_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/llmhub/wire/anthropic"
	"github.com/llmhubd/llmhub/llmhub/wire/wiretest"
)

// plain is an answer as this test reads it, by encoding/json alone.
type plain struct {
	ID, Model, Stop, Sequence  string
	Parts                      []plainPart
	In, Read, W5m, W1h, Out, R int64
}

type plainPart struct {
	Kind, Text, ID, Name string
	Args                 any // of a tool call, decoded
	Signature            string
}

// extract reads a recorded answer, streamed or whole.
func extract(t testing.TB, x *wiretest.Exchange) plain {
	t.Helper()
	if !x.Stream {
		return extractMessage(t, decodeMap(t, x.Response))
	}
	var msg map[string]any
	var blocks []map[string]any
	inputs := map[int]string{}
	for line := range strings.SplitSeq(strings.ReplaceAll(string(x.Response), "\r\n", "\n"), "\n") {
		data, ok := strings.CutPrefix(line, "data:")
		if !ok {
			continue
		}
		ev := decodeMap(t, []byte(data))
		i := 0
		if n, ok := ev["index"].(json.Number); ok {
			n, _ := n.Int64()
			i = int(n)
		}
		switch ev["type"] {
		case "message_start":
			msg = ev["message"].(map[string]any)
		case "content_block_start":
			blocks = append(blocks, ev["content_block"].(map[string]any))
		case "content_block_delta":
			d := ev["delta"].(map[string]any)
			for _, k := range []string{"text", "thinking", "signature"} {
				if s, ok := d[k].(string); ok {
					old, _ := blocks[i][k].(string)
					blocks[i][k] = old + s
				}
			}
			if s, ok := d["partial_json"].(string); ok {
				inputs[i] += s
			}
		case "message_delta":
			for k, v := range ev["delta"].(map[string]any) {
				msg[k] = v
			}
			usage := msg["usage"].(map[string]any)
			for k, v := range ev["usage"].(map[string]any) {
				if v != nil {
					usage[k] = v
				}
			}
		}
	}
	content := []any{}
	for i, b := range blocks {
		if s := inputs[i]; s != "" {
			var v any
			d := json.NewDecoder(strings.NewReader(s))
			d.UseNumber()
			if err := d.Decode(&v); err != nil {
				v = s // cut by max_tokens
			}
			b["input"] = v
		}
		content = append(content, b)
	}
	msg["content"] = content
	return extractMessage(t, msg)
}

func extractMessage(t testing.TB, m map[string]any) plain {
	t.Helper()
	str := func(v any) string { s, _ := v.(string); return s }
	num := func(v any) int64 {
		if n, ok := v.(json.Number); ok {
			i, err := n.Int64()
			if err != nil {
				t.Fatalf("number %s: %v", n, err)
			}
			return i
		}
		return 0
	}
	a := plain{ID: str(m["id"]), Model: str(m["model"]), Sequence: str(m["stop_sequence"]), Parts: []plainPart{}}
	a.Stop = map[string]string{"end_turn": "end", "max_tokens": "length", "stop_sequence": "sequence", "tool_use": "tools", "refusal": "refusal", "pause_turn": "pause"}[str(m["stop_reason"])]
	for _, c := range m["content"].([]any) {
		b := c.(map[string]any)
		p := plainPart{Kind: "other"}
		switch b["type"] {
		case "text":
			p = plainPart{Kind: "text", Text: str(b["text"])}
		case "thinking":
			p = plainPart{Kind: "reasoning", Text: str(b["thinking"]), Signature: str(b["signature"])}
		case "redacted_thinking":
			p = plainPart{Kind: "reasoning", Signature: str(b["data"])}
		case "tool_use":
			p = plainPart{Kind: "tool_call", ID: str(b["id"]), Name: str(b["name"]), Args: b["input"]}
		}
		a.Parts = append(a.Parts, p)
	}
	u, _ := m["usage"].(map[string]any)
	a.In, a.Read, a.Out = num(u["input_tokens"]), num(u["cache_read_input_tokens"]), num(u["output_tokens"])
	a.W5m = num(u["cache_creation_input_tokens"])
	if split, ok := u["cache_creation"].(map[string]any); ok {
		a.W1h = num(split["ephemeral_1h_input_tokens"])
		a.W5m -= a.W1h
	}
	if details, ok := u["output_tokens_details"].(map[string]any); ok {
		a.R = num(details["thinking_tokens"])
		a.Out -= a.R
	}
	return a
}

func decodeMap(t testing.TB, b []byte) map[string]any {
	t.Helper()
	var m map[string]any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&m); err != nil {
		t.Fatalf("%.200s: %v", b, err)
	}
	return m
}

// flatten is a Response in the same shape.
func flatten(r *llmhub.Response) plain {
	a := plain{ID: r.ID, Model: r.Model, Stop: string(r.Stop), Sequence: r.Sequence, Parts: []plainPart{},
		In: r.Usage.Input, Read: r.Usage.CacheRead, W5m: r.Usage.CacheWrite5m, W1h: r.Usage.CacheWrite1h, Out: r.Usage.Output, R: r.Usage.Reasoning}
	for _, p := range r.Parts {
		f := plainPart{Kind: string(p.Kind), Text: p.Text, ID: p.ID, Name: p.Name, Signature: p.Signature}
		if p.Kind == llmhub.PartToolCall {
			d := json.NewDecoder(strings.NewReader(p.Args))
			d.UseNumber()
			if d.Decode(&f.Args) != nil {
				f.Args = p.Args
			}
		}
		a.Parts = append(a.Parts, f)
	}
	return a
}

func call(stream bool, accept string) *llmhub.Call {
	return &llmhub.Call{Request: llmhub.Request{Model: "m", Stream: stream, Accept: accept}, Attempt: 1, Target: llmhub.Target{Provider: "anthropic", Model: "m"}}
}

// answers are the recorded successes.
func answers(t testing.TB) []*wiretest.Exchange {
	var all []*wiretest.Exchange
	for _, x := range recorded(t) {
		if x.Status == 200 {
			all = append(all, x)
		}
	}
	return all
}

// TestRecordedAnswers holds that an answer, cut anywhere, reads as an independent
// extraction does.
func TestRecordedAnswers(t *testing.T) {
	passed, total := 0, 0
	for _, x := range answers(t) {
		total++
		ok := t.Run(x.ID, func(t *testing.T) {
			want := extract(t, x)
			for seed := range uint64(20) {
				got, err := anthropic.Client{}.Events(call(x.Stream, ""), wiretest.Cut(x.Response, seed), -1).Collect()
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				if g := flatten(got); !reflect.DeepEqual(g, want) {
					t.Fatalf("seed %d: got %+v\nwant %+v", seed, g, want)
				}
			}
		})
		if ok {
			passed++
		}
	}
	t.Logf("anthropic answers: %d of %d passed", passed, total)
}

// TestRawAnswers holds that a caller of this dialect who may know the provider
// gets the provider's own bytes, and that events say the same beside them.
func TestRawAnswers(t *testing.T) {
	passed, total := 0, 0
	for _, x := range answers(t) {
		total++
		ok := t.Run(x.ID, func(t *testing.T) {
			for seed := range uint64(5) {
				c := call(x.Stream, anthropic.Name)
				enc := anthropic.Server{}.Encoder(&c.Request, wire.Identity{ID: "1", Model: "m"})
				var out []byte
				var got llmhub.Response
				for ev, err := range (anthropic.Client{}).Events(c, wiretest.Cut(x.Response, seed), -1) {
					if err != nil {
						t.Fatalf("seed %d: %v", seed, err)
					}
					if ev.Raw == nil {
						t.Fatalf("seed %d: event of kind %d has no Raw", seed, ev.Kind)
					}
					got.Add(ev)
					out = enc.Append(out, ev)
				}
				if !bytes.Equal(bytes.TrimSpace(out), bytes.TrimSpace(x.Response)) {
					t.Fatalf("seed %d: sent on %q\nwant %q", seed, out, x.Response)
				}
				want := extract(t, x)
				if !x.Stream { // the parts are in the bytes alone
					want.Parts, want.ID, want.Model = []plainPart{}, "", ""
				}
				if g := flatten(&got); !reflect.DeepEqual(g, want) {
					t.Fatalf("seed %d: got %+v\nwant %+v", seed, g, want)
				}
			}
		})
		if ok {
			passed++
		}
	}
	t.Logf("anthropic answers passed on: %d of %d byte for byte", passed, total)
}

// TestRoundTrip holds that an answer we render, streamed or whole, reads as the
// answer it was rendered from.
func TestRoundTrip(t *testing.T) {
	passed, total := 0, 0
	for _, x := range answers(t) {
		total++
		ok := t.Run(x.ID, func(t *testing.T) {
			first, err := anthropic.Client{}.Events(call(x.Stream, ""), bytes.NewReader(x.Response), -1).Collect()
			if err != nil {
				t.Fatal(err)
			}
			want := flatten(first)
			want.ID, want.Model = "msg_1", "smart"
			for _, stream := range []bool{true, false} {
				c := call(stream, "")
				enc := anthropic.Server{}.Encoder(&c.Request, wire.Identity{ID: "1", Model: "smart"})
				var out []byte
				for ev, err := range (anthropic.Client{}).Events(call(x.Stream, ""), bytes.NewReader(x.Response), -1) {
					if err != nil {
						t.Fatal(err)
					}
					out = enc.Append(out, ev)
				}
				again, err := anthropic.Client{}.Events(call(stream, ""), wiretest.Cut(out, 1), -1).Collect()
				if err != nil {
					t.Fatalf("stream %t: %v in %s", stream, err, out)
				}
				if got := flatten(again); !reflect.DeepEqual(got, want) && !cutArgs(want) {
					t.Errorf("stream %t: got %+v\nwant %+v", stream, got, want)
				}
			}
		})
		if ok {
			passed++
		}
	}
	t.Logf("anthropic answers rendered by us: %d of %d read the same", passed, total)
}

// cutArgs reports whether max_tokens cut a tool call's arguments: a whole answer
// has no way to say these.
func cutArgs(a plain) bool {
	for _, p := range a.Parts {
		if _, cut := p.Args.(string); cut {
			return true
		}
	}
	return false
}

// TestAnswersGoBack holds that a recorded answer, put behind its request as the
// assistant's turn, reaches the provider with its signatures as they were.
func TestAnswersGoBack(t *testing.T) {
	n := 0
	for _, x := range answers(t) {
		want := extract(t, x)
		signed := false
		for _, p := range want.Parts {
			signed = signed || p.Signature != ""
		}
		if !signed {
			continue
		}
		n++
		c := call(false, "")
		enc := anthropic.Server{}.Encoder(&c.Request, wire.Identity{ID: "1", Model: "smart"})
		var out []byte
		for ev := range (anthropic.Client{}).Events(call(x.Stream, ""), bytes.NewReader(x.Response), -1) {
			out = enc.Append(out, ev)
		}
		content, err := json.Marshal(decodeMap(t, out)["content"])
		if err != nil {
			t.Fatal(err)
		}
		body := fmt.Appendf(nil, `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":%s}]}`, content)
		req := parse(t, body)
		if d := wiretest.DiffJSON(send(t, req, "m"), body); d != "" {
			t.Errorf("%s sent back: %s", x.ID, d)
		}
		p, err := req.Edit()
		if err != nil {
			t.Fatal(err)
		}
		for i, part := range p.Messages[1].Parts {
			if part.Signature != want.Parts[i].Signature || part.Signature != "" && part.SignedBy != "anthropic" {
				t.Errorf("%s: part %d is signed %q by %q, want %q", x.ID, i, part.Signature, part.SignedBy, want.Parts[i].Signature)
			}
		}
	}
	t.Logf("signed answers sent back: %d", n)
}

// kindOfRecorded are the kinds of the recorded failures.
var kindOfRecorded = map[string]llmhub.Kind{
	"invalid_request_error": llmhub.InvalidRequest, "not_found_error": llmhub.ModelNotFound,
	"authentication_error": llmhub.BadCredential, "overloaded_error": llmhub.Overloaded, "rate_limit_error": llmhub.RateLimited,
}

// TestRecordedErrors holds that every recorded failure gets the right kind, and
// is relayed as it was.
func TestRecordedErrors(t *testing.T) {
	passed, total := 0, 0
	for _, x := range recorded(t) {
		if x.Status == 200 {
			continue
		}
		total++
		ok := t.Run(x.ID, func(t *testing.T) {
			said := decodeMap(t, x.Response)["error"].(map[string]any)
			want := kindOfRecorded[said["type"].(string)]
			if strings.HasPrefix(said["message"].(string), "prompt is too long") {
				want = llmhub.ContextLength
			}
			e := anthropic.Client{}.Error(call(false, ""), x.Status, x.ResponseHeader, x.Response)
			if e.Kind != want || e.Status != x.Status || e.Sent || e.Provider != "anthropic" {
				t.Errorf("Error(%d, %s) = %+v, want kind %s", x.Status, x.Response, e, want)
			}
			status, body := anthropic.Server{}.Error(e, wire.Identity{ID: "1"})
			if want != llmhub.BadCredential && (status != x.Status || wiretest.DiffJSON(body, x.Response) != "") {
				t.Errorf("relayed as %d %s, want %d %s", status, body, x.Status, x.Response)
			}
			if want == llmhub.BadCredential && status != 503 {
				t.Errorf("a provider's bad key is told as %d, want 503", status)
			}
		})
		if ok {
			passed++
		}
	}
	for _, a := range attested(t) {
		total++
		ok := t.Run(a.ID, func(t *testing.T) {
			var e *llmhub.Error
			if a.SSE != "" {
				_, err := anthropic.Client{}.Events(call(true, ""), strings.NewReader(a.SSE), -1).Collect()
				e = llmhub.AsError(err)
			} else {
				e = anthropic.Client{}.Error(call(true, ""), a.Status, nil, a.Body)
			}
			want := map[string]llmhub.Kind{"anthropic-529": llmhub.Overloaded, "anthropic-429-itpm": llmhub.RateLimited,
				"anthropic-429-tokens-old": llmhub.RateLimited, "anthropic-overloaded-in-stream": llmhub.Overloaded}[a.ID]
			if want == "" || e == nil || e.Kind != want || e.Sent != (a.Status >= 500) {
				t.Errorf("%s gave %+v, want kind %q, sent %t", a.ID, e, want, a.Status >= 500)
			}
		})
		if ok {
			passed++
		}
	}
	t.Logf("anthropic errors: %d of %d passed", passed, total)
}

type failure struct {
	ID, Provider, SSE string
	Status            int
	Body              json.RawMessage
}

// attested are failures that users quote.
func attested(t testing.TB) []failure {
	b, err := os.ReadFile(filepath.Join(os.Getenv("LLMHUB_CORPUS"), "attested", "errors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all, ours []failure
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if f.Provider == "anthropic" {
			ours = append(ours, f)
		}
	}
	return ours
}
