package gemini_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire/gemini"
	"github.com/llmhubd/llmhub/llmhub/wire/wiretest"
)

// excluded are the recordings that are no answer of this dialect as this client
// asks for it, and why.
var excluded = map[string]string{
	"stream-stream-parallel-tool-calls-3188b7": "arguments in pieces, which Vertex AI sends to those who ask for them",
}

func generate(x *wiretest.Exchange) bool {
	return x.Provider == "gemini" && (x.Endpoint == "generate" || x.Endpoint == "stream")
}

// recorded is a GenerateContentResponse as far as an answer is made of it.
type recorded struct {
	Candidates []struct {
		Index        int
		FinishReason string
		Content      struct{ Parts []map[string]json.RawMessage }
	}
	PromptFeedback struct{ BlockReason string }
	UsageMetadata  *struct {
		PromptTokenCount, CandidatesTokenCount, ThoughtsTokenCount, ToolUsePromptTokenCount, CachedContentTokenCount *int64
	}
	ModelVersion, ResponseId string
}

// chunksOf cuts a recorded body into its JSON values.
func chunksOf(t *testing.T, body []byte) (all []recorded) {
	if b := bytes.TrimSpace(body); b[0] == '[' {
		if err := json.Unmarshal(b, &all); err != nil {
			t.Fatal(err)
		}
		return all
	} else if b[0] == '{' {
		all = make([]recorded, 1)
		if err := json.Unmarshal(b, &all[0]); err != nil {
			t.Fatal(err)
		}
		return all
	}
	for line := range strings.Lines(string(body)) {
		if data, ok := strings.CutPrefix(strings.TrimSpace(line), "data:"); ok {
			var r recorded
			if err := json.Unmarshal([]byte(data), &r); err != nil {
				t.Fatal(err)
			}
			all = append(all, r)
		}
	}
	return all
}

// extract says what is in a recorded answer, in words.
func extract(t *testing.T, body []byte) string {
	var text, thought, calls, media, signatures strings.Builder
	var finish, id, model string
	var blocked, called bool
	usage := "unknown"
	for _, r := range chunksOf(t, body) {
		if r.ResponseId != "" {
			id = r.ResponseId
		}
		if r.ModelVersion != "" {
			model = r.ModelVersion
		}
		blocked = blocked || r.PromptFeedback.BlockReason != ""
		for _, c := range r.Candidates {
			if c.FinishReason != "" {
				finish = c.FinishReason
			}
			for _, p := range c.Content.Parts {
				var s string
				json.Unmarshal(p["text"], &s)
				if string(p["thought"]) == "true" {
					thought.WriteString(s)
				} else {
					text.WriteString(s)
				}
				if f := p["functionCall"]; f != nil {
					called = true
					var fc struct {
						ID, Name string
						Args     json.RawMessage
					}
					json.Unmarshal(f, &fc)
					if fc.Args == nil {
						fc.Args = json.RawMessage("{}")
					}
					fmt.Fprintf(&calls, "%s %s(%s); ", fc.ID, fc.Name, canonical(fc.Args))
				}
				if p["inlineData"] != nil {
					media.WriteString(canonical(p["inlineData"]))
				}
				s = ""
				json.Unmarshal(p["thoughtSignature"], &s)
				signatures.WriteString(s)
			}
		}
		if u := r.UsageMetadata; u != nil && (u.PromptTokenCount != nil || u.CandidatesTokenCount != nil) {
			n := func(p *int64) int64 {
				if p == nil {
					return 0
				}
				return *p
			}
			usage = fmt.Sprint(n(u.PromptTokenCount)+n(u.ToolUsePromptTokenCount), " in, ", n(u.CachedContentTokenCount), " cached, ",
				n(u.CandidatesTokenCount)+n(u.ThoughtsTokenCount), " out, ", n(u.ThoughtsTokenCount), " thought")
		}
	}
	switch {
	case finish == "" && blocked:
		finish = "filter"
	case finish == "STOP" && called:
		finish = "tools"
	default:
		word, known := map[string]string{"STOP": "end", "MAX_TOKENS": "length", "SAFETY": "filter", "RECITATION": "filter"}[finish]
		if !known {
			word = "other"
		}
		finish = word
	}
	return describe(id, model, text.String(), thought.String(), calls.String(), media.String(), signatures.String(), finish, usage)
}

func describe(id, model, text, thought, calls, media, signatures, stop, usage string) string {
	return fmt.Sprintf("id %s\nmodel %s\ntext %q\nthought %q\ncalls %s\nmedia %s\nsignatures %s\nstop %s\nusage %s",
		id, model, text, thought, calls, media, signatures, stop, usage)
}

func canonical(raw []byte) string {
	var v any
	json.Unmarshal(raw, &v)
	b, _ := json.Marshal(v)
	return string(b)
}

// told says the same of what the client made of it.
func told(r *llmhub.Response, metered bool) string {
	var thought, calls, media, signatures strings.Builder
	for _, p := range r.Parts {
		switch {
		case p.Kind == llmhub.PartReasoning:
			thought.WriteString(p.Text)
		case p.Kind == llmhub.PartToolCall:
			id := p.ID
			if minted(id) {
				id = ""
			}
			fmt.Fprintf(&calls, "%s %s(%s); ", id, p.Name, canonical([]byte(p.Args)))
		case p.Media != nil:
			b, _ := json.Marshal(map[string]string{"mimeType": p.Media.MIME, "data": p.Media.Data})
			media.WriteString(canonical(b))
		}
		if p.Signature != "" && p.SignedBy == "gemini" {
			signatures.WriteString(p.Signature)
		}
	}
	usage := "unknown"
	if u := r.Usage; metered {
		usage = fmt.Sprint(u.Prompt(), " in, ", u.CacheRead, " cached, ", u.Completion(), " out, ", u.Reasoning, " thought")
	}
	return describe(r.ID, r.Model, r.Text(), thought.String(), calls.String(), media.String(), signatures.String(), string(r.Stop), usage)
}

// minted reports whether the client made an id up, because the provider had not.
func minted(id string) bool { return len(id) == len("call_")+24 && strings.HasPrefix(id, "call_") }

func TestCorpusAnswers(t *testing.T) {
	passed, total, skipped := 0, 0, 0
	for _, x := range wiretest.Corpus(t, generate) {
		if x.Status != 200 {
			continue
		}
		if excluded[x.ID] != "" {
			skipped++
			continue
		}
		total++
		ok := t.Run(x.ID, func(t *testing.T) {
			want := extract(t, x.Response)
			for seed := range uint64(5) {
				client := &gemini.Client{}
				resp, metered := &llmhub.Response{}, false
				for ev, err := range client.Events(&llmhub.Call{}, wiretest.Cut(x.Response, seed), -1) {
					if err != nil {
						t.Fatalf("seed %d: the recorded answer gave error %v", seed, err)
					}
					metered = metered || ev.Usage != nil
					resp.Add(ev)
				}
				if got := told(resp, metered); got != want {
					t.Fatalf("seed %d: answer read as\n%s\nwant\n%s", seed, got, want)
				}
			}
		})
		if ok {
			passed++
		}
	}
	t.Logf("gemini answers: %d of %d passed, %d excluded", passed, total, skipped)
}

func TestCorpusErrors(t *testing.T) {
	kinds := map[string]llmhub.Kind{
		"generate-unary-status-400-191f24": llmhub.BadCredential,
		"generate-unary-status-400-50a4f5": llmhub.Blocked,
		"generate-unary-status-400-e68dcb": llmhub.InvalidRequest,
		"generate-unary-status-403-3a0a66": llmhub.PermissionDenied,
		"generate-unary-status-403-6411e9": llmhub.PermissionDenied,
		"generate-unary-status-403-8ec51e": llmhub.PermissionDenied,
		"generate-unary-status-404-4f0480": llmhub.ModelNotFound,
		"generate-unary-status-404-c7eefc": llmhub.ModelNotFound,
		"generate-unary-status-404-d69b71": llmhub.ModelNotFound,
		"generate-unary-status-429-068010": llmhub.RateLimited,
		"generate-unary-status-429-46365e": llmhub.RateLimited,
		"generate-unary-status-429-776294": llmhub.RateLimited,
		"stream-unary-status-400-2d49e3":   llmhub.BadCredential,
		"stream-unary-status-400-8f880b":   llmhub.InvalidRequest,
		"stream-unary-status-400-fdb4b5":   llmhub.BadCredential,
		"stream-unary-status-404-2f518c":   llmhub.ModelNotFound,
		"stream-unary-status-404-ad01a2":   llmhub.ModelNotFound,
	}
	passed, total := 0, 0
	for _, x := range wiretest.Corpus(t, generate) {
		if x.Status == 200 {
			continue
		}
		total++
		client := &gemini.Client{}
		e := client.Error(&llmhub.Call{}, x.Status, x.ResponseHeader, x.Response)
		if e.Kind != kinds[x.ID] {
			t.Errorf("%s: status %d %s is %q, want %q", x.ID, x.Status, x.Response, e.Kind, kinds[x.ID])
			continue
		}
		passed++
	}
	t.Logf("gemini errors: %d of %d passed", passed, total)
}
