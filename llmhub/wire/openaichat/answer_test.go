package openaichat_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/llmhub/wire/openaichat"
	"github.com/llmhubd/llmhub/llmhub/wire/wiretest"
)

// answer is what matters of one, by choice.
type answer struct {
	ID, Model string
	Text      map[int]string
	Reasoning map[int]string
	Refusal   map[int]string
	Calls     map[int][]string // "id name arguments"
	Stops     []llmhub.StopReason
	Usage     llmhub.Usage
}

func newAnswer() *answer {
	return &answer{Text: map[int]string{}, Reasoning: map[int]string{}, Refusal: map[int]string{}, Calls: map[int][]string{}}
}

// extract reads a recorded answer with nothing but encoding/json.
func extract(body []byte) *answer {
	a := newAnswer()
	stops := map[int]string{}
	calls := map[int]map[int][]string{}
	for _, line := range strings.Split(string(body), "\n") {
		data, ok := strings.CutPrefix(strings.TrimSpace(line), "data:")
		if strings.HasPrefix(strings.TrimSpace(string(body)), "{") {
			data, ok = string(body), true
		}
		var chunk map[string]any
		if !ok || json.Unmarshal([]byte(data), &chunk) != nil {
			continue
		}
		if id, _ := chunk["id"].(string); a.ID == "" {
			a.ID = id
			a.Model, _ = chunk["model"].(string)
		}
		choices, _ := chunk["choices"].([]any)
		for _, v := range choices {
			c := v.(map[string]any)
			i := int(c["index"].(float64))
			if s, ok := c["finish_reason"].(string); ok {
				stops[i] = s
			}
			m, _ := c["delta"].(map[string]any)
			if m == nil {
				m, _ = c["message"].(map[string]any)
			}
			add(a.Text, i, m["content"])
			add(a.Refusal, i, m["refusal"])
			add(a.Reasoning, i, m["reasoning_content"])
			add(a.Reasoning, i, m["reasoning"])
			list, _ := m["tool_calls"].([]any)
			if f, ok := m["function_call"].(map[string]any); ok {
				list = []any{map[string]any{"function": f, "id": "?"}}
			}
			for n, v := range list {
				t := v.(map[string]any)
				if x, ok := t["index"].(float64); ok {
					n = int(x)
				}
				if calls[i] == nil {
					calls[i] = map[int][]string{}
				}
				if calls[i][n] == nil {
					calls[i][n] = []string{"", "", ""}
				}
				f := t["function"].(map[string]any)
				for k, v := range []any{t["id"], f["name"], f["arguments"]} {
					if s, ok := v.(string); ok {
						calls[i][n][k] += s
					}
				}
			}
		}
		if u := usageIn(chunk); u != nil {
			a.Usage = *u
		}
		if ok && data == string(body) {
			break
		}
	}
	for i := range len(stops) {
		stop := map[string]llmhub.StopReason{"stop": llmhub.StopEnd, "length": llmhub.StopLength, "tool_calls": llmhub.StopTools, "function_call": llmhub.StopTools, "content_filter": llmhub.StopFilter}[stops[i]]
		if stop == llmhub.StopEnd && a.Refusal[i] != "" {
			stop = llmhub.StopRefusal
		}
		for n := range len(calls[i]) {
			c := calls[i][n]
			if c[2] == "null" {
				c[2] = ""
			}
			a.Calls[i] = append(a.Calls[i], strings.Join(c, " "))
			if stop == llmhub.StopEnd {
				stop = llmhub.StopTools
			}
		}
		a.Stops = append(a.Stops, stop)
	}
	return a
}

func add(m map[int]string, i int, v any) {
	if s, _ := v.(string); s != "" {
		m[i] += s
	}
}

func usageIn(chunk map[string]any) *llmhub.Usage {
	u, _ := chunk["usage"].(map[string]any)
	if u == nil {
		x, _ := chunk["x_groq"].(map[string]any)
		u, _ = x["usage"].(map[string]any)
	}
	if u == nil {
		return nil
	}
	num := func(m map[string]any, k string) int64 { f, _ := m[k].(float64); return int64(f) }
	in, _ := u["prompt_tokens_details"].(map[string]any)
	out, _ := u["completion_tokens_details"].(map[string]any)
	cached := max(num(in, "cached_tokens"), num(u, "prompt_cache_hit_tokens"))
	n := &llmhub.Usage{CacheRead: cached, CacheWrite5m: num(in, "cache_write_tokens"), AudioInput: num(in, "audio_tokens"),
		Reasoning: num(out, "reasoning_tokens"), AudioOutput: num(out, "audio_tokens")}
	n.Input = num(u, "prompt_tokens") - n.CacheRead - n.CacheWrite5m - n.AudioInput
	n.Output = num(u, "completion_tokens") - n.Reasoning - n.AudioOutput
	n.Reasoning += num(u, "total_tokens") - n.Prompt() - n.Completion() // Gemini counts thoughts in the total only
	return n
}

// collected is what a decoded answer says.
func collected(r *llmhub.Response) *answer {
	a := newAnswer()
	a.ID, a.Model, a.Usage = r.ID, r.Model, r.Usage
	for _, p := range r.Parts {
		switch p.Kind {
		case llmhub.PartText:
			a.Text[p.Choice] += p.Text
		case llmhub.PartReasoning:
			a.Reasoning[p.Choice] += p.Text
		case llmhub.PartRefusal:
			a.Refusal[p.Choice] += p.Text
		case llmhub.PartToolCall:
			a.Calls[p.Choice] = append(a.Calls[p.Choice], p.ID+" "+p.Name+" "+p.Args)
		}
	}
	a.Stops = append(append(a.Stops, r.Stop), r.Stops...)
	return a
}

func answers(t testing.TB) []*wiretest.Exchange {
	return wiretest.Corpus(t, func(x *wiretest.Exchange) bool { return isChat(x) && x.Status == 200 })
}

func TestRecordedAnswersAreRead(t *testing.T) {
	seen := tally{}
	for _, x := range answers(t) {
		want := extract(x.Response)
		ok := true
		for seed := range uint64(8) {
			s := clients[x.Provider].Events(&llmhub.Call{}, wiretest.Cut(x.Response, seed), -1)
			r, err := s.Collect()
			if err != nil {
				t.Errorf("%s/%s cut with seed %d failed: %v", x.Provider, x.ID, seed, err)
				ok = false
				break
			}
			got := collected(r)
			minted(got, want)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s/%s cut with seed %d is\n%+v, want\n%+v", x.Provider, x.ID, seed, got, want)
				ok = false
				break
			}
		}
		seen.add(x.Provider, ok)
	}
	seen.log(t, "answers read")
}

// minted sees that calls recorded without an id have got one, and makes the two
// alike.
func minted(got, want *answer) {
	for i, calls := range want.Calls {
		for n, c := range calls {
			id, rest, _ := strings.Cut(c, " ")
			if id != "" && id != "?" || len(got.Calls[i]) <= n {
				continue
			}
			if has, _, _ := strings.Cut(got.Calls[i][n], " "); strings.HasPrefix(has, "call_") {
				want.Calls[i][n] = has + " " + rest
			}
		}
	}
}

// TestEventsAreInOrder holds that an answer is one start, parts that open, grow
// and close, and one end; and that More never promises in vain.
func TestEventsAreInOrder(t *testing.T) {
	for _, x := range answers(t) {
		for _, accept := range []string{"", openaichat.Name} {
			call := &llmhub.Call{Request: llmhub.Request{Accept: accept, Stream: x.Stream}}
			if err := inOrder(clients[x.Provider].Events(call, wiretest.Cut(x.Response, 3), -1), accept != "" && !x.Stream); err != nil {
				t.Errorf("%s/%s accepting %q: %v", x.Provider, x.ID, accept, err)
			}
		}
	}
}

func inOrder(s llmhub.Stream, whole bool) error {
	var started, ended, more bool
	open := map[int]bool{}
	next := 0
	for ev, err := range s {
		if err != nil {
			if more {
				return fmt.Errorf("an error after an event that promised more")
			}
			return nil
		}
		more = ev.More
		if ended {
			return fmt.Errorf("event kind %d behind the end", ev.Kind)
		}
		if !started && ev.Kind != llmhub.EventStart && !whole {
			return fmt.Errorf("event kind %d before the start", ev.Kind)
		}
		switch ev.Kind {
		case llmhub.EventStart:
			if started {
				return fmt.Errorf("a second start")
			}
			started = true
		case llmhub.EventOpen:
			if ev.Index != next {
				return fmt.Errorf("part %d opens, want %d", ev.Index, next)
			}
			next++
			open[ev.Index] = true
		case llmhub.EventDelta:
			if !open[ev.Index] {
				return fmt.Errorf("a delta of part %d, which is not open", ev.Index)
			}
		case llmhub.EventClose:
			if !open[ev.Index] {
				return fmt.Errorf("part %d closes, which is not open", ev.Index)
			}
			delete(open, ev.Index)
		case llmhub.EventEnd:
			ended = true
			if len(open) > 0 {
				return fmt.Errorf("the end with parts open")
			}
		}
	}
	if !ended || more {
		return fmt.Errorf("no end")
	}
	return nil
}

// as is who answers in tests.
var as = wire.Identity{ID: "1", Model: "smart", Created: 1700000000}

// rendered is an answer as a caller gets it.
func rendered(t testing.TB, req *llmhub.Request, s llmhub.Stream) []byte {
	t.Helper()
	e := openaichat.Server{}.Encoder(req, as)
	var out []byte
	for ev, err := range s {
		if err != nil {
			return e.AppendError(out, llmhub.AsError(err))
		}
		out = e.Append(out, ev)
	}
	return out
}

func request(t testing.TB, stream, usage bool) *llmhub.Request {
	t.Helper()
	body := fmt.Sprintf(`{"model":"smart","messages":[],"stream":%v,"stream_options":{"include_usage":%v}}`, stream, usage)
	return &callOf(t, []byte(body)).Request
}

func TestRenderedAnswersReadTheSame(t *testing.T) {
	seen := tally{}
	for _, x := range answers(t) {
		c := clients[x.Provider]
		ok := true
		for _, stream := range []bool{true, false} {
			r, err := c.Events(&llmhub.Call{}, bytes.NewReader(x.Response), -1).Collect()
			if err != nil {
				t.Fatalf("%s/%s: %v", x.Provider, x.ID, err)
			}
			out := rendered(t, request(t, stream, true), c.Events(&llmhub.Call{}, bytes.NewReader(x.Response), -1))
			again, err := c.Events(&llmhub.Call{}, wiretest.Cut(out, 5), -1).Collect()
			if err != nil {
				t.Fatalf("%s/%s rendered is %s: %v", x.Provider, x.ID, out, err)
			}
			want, got := collected(r), collected(again)
			want.ID, want.Model = "chatcmpl-1", "smart"
			for _, calls := range want.Calls { // no arguments are {} once they are whole
				for i := range calls {
					if strings.HasSuffix(calls[i], " ") && !stream {
						calls[i] += "{}"
					}
				}
			}
			if !reflect.DeepEqual(got, want) {
				ok = false
				t.Errorf("%s/%s rendered (stream %v) reads\n%+v, want\n%+v\n%s", x.Provider, x.ID, stream, got, want, out)
			}
			if bytes.Contains(out, []byte(x.Model)) && x.Model != "" && !strings.Contains(r.Text(), x.Model) {
				t.Errorf("%s/%s rendered names the model %s", x.Provider, x.ID, x.Model)
			}
		}
		seen.add(x.Provider, ok)
	}
	seen.log(t, "rendered and read again")
}

func TestRawAnswersPassAsTheyCame(t *testing.T) {
	seen := tally{}
	for _, x := range answers(t) {
		for _, usage := range []bool{true, false} {
			req := request(t, x.Stream, usage)
			call := &llmhub.Call{Request: *req}
			call.Accept = openaichat.Name
			got := rendered(t, req, clients[x.Provider].Events(call, wiretest.Cut(x.Response, 9), -1))
			want := x.Response
			if x.Stream && !usage {
				want = withoutUsageChunk(want)
			}
			ok := bytes.Equal(bytes.TrimSpace(got), bytes.TrimSpace(want))
			if seen.add(x.Provider, ok); !ok {
				t.Errorf("%s/%s (usage %v) goes out as\n%s\nwant\n%s", x.Provider, x.ID, usage, got, want)
			}
		}
	}
	seen.log(t, "raw")
}

// withoutUsageChunk takes out chunks of usage that have no choices.
func withoutUsageChunk(stream []byte) []byte {
	var out []byte
	for frame := range bytes.SplitAfterSeq(stream, []byte("\n\n")) {
		var chunk map[string]any
		json.Unmarshal(bytes.TrimPrefix(frame, []byte("data:")), &chunk)
		if list, ok := chunk["choices"].([]any); ok && len(list) == 0 && chunk["usage"] != nil {
			continue
		}
		out = append(out, frame...)
	}
	return out
}
