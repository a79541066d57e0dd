package gemini

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire/scan"
)

// Body renders the call. Model and stream are not in it: they are in the URL.
func (c *Client) Body(call *llmhub.Call) ([][]byte, error) {
	p, err := call.Body.Decode()
	if err != nil {
		return nil, err
	}
	for _, u := range p.Unsaid {
		if !u.Tunes {
			return nil, &llmhub.Error{Kind: llmhub.Unsupported, Param: u.Name, Message: "this provider has no word for " + u.Name}
		}
		call.Warn(u.Name)
	}
	w := &writer{b: make([]byte, 0, size(p))}
	w.open('{')
	cw := contentsWriter{writer: w, call: call, signs: signs(call.Target.Model)}
	if err := cw.prompt(p); err != nil {
		return nil, err
	}
	if err := tools(w, call, p); err != nil {
		return nil, err
	}
	if err := generationConfig(w, call, p); err != nil {
		return nil, err
	}
	if p.User != "" {
		warn(call, "user")
	}
	if p.Cache > 0 || cw.marked {
		call.Warn("cache_control") // this provider caches by itself
	}
	w.close('}')
	return [][]byte{w.b}, nil
}

// size guesses how long the rendered prompt will be.
func size(p *llmhub.Prompt) int {
	n := 512 + partsSize(p.System)
	for _, m := range p.Messages {
		n += 40 + partsSize(m.Parts)
	}
	for _, t := range p.Tools {
		n += 80 + len(t.Name) + len(t.Description) + len(t.Schema)
	}
	return n + n/16
}

func partsSize(parts []llmhub.Part) int {
	n := 0
	for i := range parts {
		p := &parts[i]
		n += 80 + len(p.Text) + len(p.Args) + len(p.Signature) + len(p.Origin.JSON) + partsSize(p.Result)
		if p.Media != nil {
			n += len(p.Media.Data) + len(p.Media.Text)
		}
	}
	return n
}

// tools renders the functions and which of them may be called.
func tools(w *writer, call *llmhub.Call, p *llmhub.Prompt) error {
	if len(p.Tools) == 0 {
		return nil
	}
	if p.Parallel != nil && !*p.Parallel && (p.Choice == nil || p.Choice.Mode != llmhub.ToolNone) {
		return unsupported(call, "parallel_tool_calls", "this provider cannot be held to one tool call a turn")
	}
	w.key("tools")
	w.open('[')
	functions := false
	for i := range p.Tools {
		t := &p.Tools[i]
		if t.Name == "" {
			if t.Origin.Dialect != Name {
				return unsupported(call, fmt.Sprintf("tools[%d]", i), "a tool that only another dialect knows")
			}
			w.raw(t.Origin.JSON)
			continue
		}
		functions = true
	}
	if functions {
		w.open('{')
		w.key("functionDeclarations")
		w.open('[')
		for i := range p.Tools {
			if err := function(w, call, p, i); err != nil {
				return err
			}
		}
		w.close(']')
		w.close('}')
	}
	w.close(']')
	if functions && p.Choice != nil {
		toolConfig(w, p.Choice)
	}
	return nil
}

// function declares tool i, unless the caller's choice leaves it out.
func function(w *writer, call *llmhub.Call, p *llmhub.Prompt, i int) error {
	t := &p.Tools[i]
	if t.Name == "" || hidden(p.Choice, t.Name) {
		return nil
	}
	if !goodName(t.Name) {
		return unsupported(call, fmt.Sprintf("tools[%d].name", i), "this provider takes up to 64 letters, digits and _.:- beginning with a letter or _")
	}
	if t.Strict != nil && *t.Strict {
		warn(call, "tools[].strict")
	}
	w.open('{')
	w.text("name", t.Name)
	if t.Description != "" {
		w.text("description", t.Description)
	}
	if len(t.Schema) > 0 && string(t.Schema) != "null" {
		w.key("parametersJsonSchema")
		w.raw(t.Schema)
	}
	w.close('}')
	return nil
}

// hidden reports whether a tool is not to be chosen: allowedFunctionNames goes
// with mode ANY only, so with AUTO the others are not declared.
func hidden(c *llmhub.ToolChoice, name string) bool {
	return c != nil && c.Mode == llmhub.ToolAuto && c.Only != nil && !slices.Contains(c.Only, name)
}

func goodName(name string) bool {
	for i, c := range []byte(name) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_'
		if !letter && (i == 0 || !(c >= '0' && c <= '9') && c != '.' && c != ':' && c != '-') {
			return false
		}
	}
	return len(name) > 0 && len(name) <= 64
}

func toolConfig(w *writer, c *llmhub.ToolChoice) {
	mode, names := "AUTO", []string(nil)
	switch c.Mode {
	case llmhub.ToolNone:
		mode = "NONE"
	case llmhub.ToolRequired:
		mode, names = "ANY", c.Only
	case llmhub.ToolNamed:
		mode, names = "ANY", []string{c.Name}
	}
	w.key("toolConfig")
	w.open('{')
	w.key("functionCallingConfig")
	w.open('{')
	w.text("mode", mode)
	w.list("allowedFunctionNames", names)
	w.close('}')
	w.close('}')
}

// generationConfig renders the parameters.
func generationConfig(w *writer, call *llmhub.Call, p *llmhub.Prompt) error {
	if len(p.Stop) > 5 {
		return unsupported(call, "stop", "this provider takes at most 5 stop sequences")
	}
	from := len(w.b)
	w.key("generationConfig")
	w.open('{')
	begun := len(w.b)
	w.float("temperature", p.Temperature)
	w.float("topP", p.TopP)
	if p.TopK != nil {
		w.int("topK", int64(*p.TopK))
	}
	if call.MaxTokens > 0 {
		w.int("maxOutputTokens", int64(call.MaxTokens))
	}
	w.list("stopSequences", p.Stop)
	if call.Choices > 1 {
		w.int("candidateCount", int64(call.Choices))
	}
	if p.Seed != nil {
		if *p.Seed >= math.MinInt32 && *p.Seed <= math.MaxInt32 {
			w.int("seed", *p.Seed)
		} else {
			warn(call, "seed") // it is a number of 32 bits here
		}
	}
	w.float("frequencyPenalty", p.FrequencyPenalty)
	w.float("presencePenalty", p.PresencePenalty)
	if err := format(w, call, p); err != nil {
		return err
	}
	thinking(w, call, p.Reasoning)
	if len(w.b) == begun {
		w.b = w.b[:from]
		return nil
	}
	w.close('}')
	return nil
}

func format(w *writer, call *llmhub.Call, p *llmhub.Prompt) error {
	if p.Format == nil {
		return nil
	}
	if len(p.Tools) > 0 && !signs(call.Target.Model) && (p.Choice == nil || p.Choice.Mode != llmhub.ToolNone) {
		return unsupported(call, "response_format", "this model does not take tools and JSON output together")
	}
	w.text("responseMimeType", "application/json")
	if s := p.Format.Schema; len(s) > 0 {
		w.key("responseJsonSchema")
		w.raw(s)
	}
	return nil
}

// object reports whether raw is one JSON object.
func object(raw string) bool {
	b := []byte(raw)
	c := scan.New(b)
	return c.Peek() == '{' && json.Valid(b)
}
