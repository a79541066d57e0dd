package openaichat_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire/openaichat"
	"github.com/llmhubd/llmhub/llmhub/wire/wiretest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with a file of a case's folder.
func golden(t *testing.T, dir, file string, got []byte) {
	t.Helper()
	name := filepath.Join(dir, file)
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is\n%s\nwant\n%s", name, got, want)
	}
}

// cases are the folders below testdata/what that hold one of files; the first
// found is read.
func cases(t testing.TB, what string, files ...string) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	for _, file := range files {
		names, err := filepath.Glob(filepath.Join("testdata", what, "*", file))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			found[filepath.Dir(name)] = b
		}
	}
	if len(found) == 0 {
		t.Fatalf("no case below testdata/%s", what)
	}
	return found
}

// goldenClient speaks to a provider that signs.
var goldenClient = &openaichat.Client{Provider: "gemini", Now: func() time.Time { return time.Unix(1700000000, 0).UTC() }}

// told is an event as the golden files hold it.
type told struct {
	Kind  string
	Index int           `json:",omitempty"`
	Delta string        `json:",omitempty"`
	Part  *llmhub.Part  `json:",omitempty"`
	Start *llmhub.Start `json:",omitempty"`
	End   *llmhub.End   `json:",omitempty"`
	Usage *llmhub.Usage `json:",omitempty"`
	Error *llmhub.Error `json:",omitempty"`
}

var kindNames = map[llmhub.EventKind]string{llmhub.EventStart: "start", llmhub.EventOpen: "open", llmhub.EventDelta: "delta",
	llmhub.EventClose: "close", llmhub.EventNote: "note", llmhub.EventEnd: "end"}

func TestGoldenAnswers(t *testing.T) {
	for dir, upstream := range cases(t, "answers", "upstream.sse", "upstream.json") {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			var lines bytes.Buffer
			enc := json.NewEncoder(&lines)
			enc.SetEscapeHTML(false)
			for ev, err := range goldenClient.Events(&llmhub.Call{}, wiretest.Cut(upstream, 1), -1) {
				line := told{Kind: kindNames[ev.Kind], Index: ev.Index, Delta: ev.Delta, Part: ev.Part, Start: ev.Start, End: ev.End, Usage: ev.Usage}
				if err != nil {
					line = told{Kind: "error", Error: llmhub.AsError(err)}
				}
				if err := enc.Encode(line); err != nil {
					t.Fatal(err)
				}
			}
			golden(t, dir, "events.jsonl", lines.Bytes())
			golden(t, dir, "rendered.sse", rendered(t, request(t, true, true), goldenClient.Events(&llmhub.Call{}, wiretest.Cut(upstream, 1), -1)))
			golden(t, dir, "rendered.json", rendered(t, request(t, false, false), goldenClient.Events(&llmhub.Call{}, wiretest.Cut(upstream, 1), -1)))
		})
	}
}

func TestGoldenRequests(t *testing.T) {
	for dir, body := range cases(t, "requests", "request.json") {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			call := callOf(t, body)
			p, err := call.Body.Decode()
			if err != nil {
				t.Fatal(err)
			}
			golden(t, dir, "prompt.json", indented(t, forget(p)))
			golden(t, dir, "head.json", indented(t, map[string]any{"Model": call.Model, "Stream": call.Stream, "MaxTokens": call.MaxTokens,
				"Choices": call.Choices, "Fallbacks": call.Fallbacks, "Restricted": call.Restricted, "Tokens": call.Body.Tokens()}))

			// As a caller of another dialect would have said it.
			p = forget(p)
			p.Unsaid = nil
			call.Body = p
			var out bytes.Buffer
			if err := json.Indent(&out, sent(t, goldenClient, call), "", " "); err != nil {
				t.Fatal(err)
			}
			golden(t, dir, "sent.json", out.Bytes())
			golden(t, dir, "warnings.json", indented(t, call.Warnings()))
		})
	}
}

// forget is p without its Origins, and without what only they can say.
func forget(p *llmhub.Prompt) *llmhub.Prompt {
	p = p.Clone()
	p.Origin = llmhub.Origin{}
	clear := func(parts []llmhub.Part) {
		for i := range parts {
			parts[i].Origin = llmhub.Origin{}
			for j := range parts[i].Result {
				parts[i].Result[j].Origin = llmhub.Origin{}
			}
		}
	}
	clear(p.System)
	for i := range p.Messages {
		p.Messages[i].Origin = llmhub.Origin{}
		clear(p.Messages[i].Parts)
	}
	tools := p.Tools[:0]
	for _, t := range p.Tools {
		if t.Origin = (llmhub.Origin{}); t.Name != "" {
			tools = append(tools, t)
		}
	}
	p.Tools = tools
	return p
}

func indented(t *testing.T, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
