package adapters_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/llmhubd/llmhub/llmhub"
)

// said is what an answer says, in words that a recording and a neutral answer
// share. It is read out of recordings here, by encoding/json and nothing else.
type said struct {
	text, reasoning, stop    string
	calls                    []toolCall
	in, cached, out, thought int64
}

type toolCall struct{ id, name, args string }

// call says a tool call, its arguments without regard to how they are written.
func call(id, name, args string) toolCall {
	var v any
	d := json.NewDecoder(strings.NewReader(args))
	d.UseNumber()
	if d.Decode(&v) == nil {
		b, _ := json.Marshal(v)
		args = string(b)
	}
	if args == "" || args == "null" {
		args = "{}"
	}
	return toolCall{id, name, args}
}

func (s said) String() string {
	return fmt.Sprintf("text %q\nreasoning %q\ncalls %v\nstop %s\nusage %d in, %d cached, %d out, %d thought",
		s.text, s.reasoning, s.calls, s.stop, s.in, s.cached, s.out, s.thought)
}

// as is s for comparison with what was recorded: a tool call has an id now, if it
// had none then.
func (s said) as(recorded said) string {
	s.calls = slices.Clone(s.calls)
	for i := range min(len(s.calls), len(recorded.calls)) {
		if recorded.calls[i].id == "" && s.calls[i].id != "" {
			s.calls[i].id = ""
		}
	}
	return s.String()
}

// told is what the adapter made of it.
func told(r *llmhub.Response) said {
	s := said{in: r.Usage.Prompt(), cached: r.Usage.CacheRead, out: r.Usage.Completion(), thought: r.Usage.Reasoning}
	stops := append([]llmhub.StopReason{r.Stop}, r.Stops...)
	for choice, stop := range stops {
		s.stop += string(stop) + ";"
		for _, p := range r.Parts {
			if p.Choice != choice {
				continue
			}
			switch p.Kind {
			case llmhub.PartText, llmhub.PartRefusal:
				s.text += p.Text
			case llmhub.PartReasoning:
				s.reasoning += p.Text
			case llmhub.PartToolCall:
				s.calls = append(s.calls, call(p.ID, p.Name, p.Args))
			}
		}
	}
	return s
}

// datas are the JSON values of a recorded answer: the data of a stream's events,
// the elements of an array, or the one body.
func datas(body []byte) (all []json.RawMessage) {
	if b := bytes.TrimSpace(body); len(b) > 0 && b[0] == '[' {
		json.Unmarshal(b, &all)
		return all
	} else if len(b) > 0 && b[0] == '{' {
		return []json.RawMessage{b}
	}
	for line := range strings.Lines(string(body)) {
		if data, ok := strings.CutPrefix(line, "data:"); ok && strings.TrimSpace(data) != "[DONE]" {
			all = append(all, json.RawMessage(data))
		}
	}
	return all
}

type chatMessage struct {
	Content          any
	Refusal          string
	Reasoning        string
	ReasoningContent string `json:"reasoning_content"`
	Audio            struct{ Transcript string }
	ToolCalls        []struct {
		Index    int
		ID       string
		Function struct{ Name, Arguments string }
	} `json:"tool_calls"`
	FunctionCall struct{ Name, Arguments string } `json:"function_call"`
}

type chatUsage struct {
	Prompt     int64 `json:"prompt_tokens"`
	Completion int64 `json:"completion_tokens"`
	Total      int64 `json:"total_tokens"`
	Hit        int64 `json:"prompt_cache_hit_tokens"` // DeepSeek's
	PromptIn   struct {
		Cached int64 `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
	CompletionIn struct {
		Reasoning int64 `json:"reasoning_tokens"`
	} `json:"completion_tokens_details"`
}

func chatSaid(body []byte) said {
	type one struct {
		said
		ids, names, args map[int]string
		legacy           chatMessage
		refused          bool
	}
	choices := map[int]*one{}
	var s said
	for _, data := range datas(body) {
		var chunk struct {
			Choices []struct {
				Index          int
				Message, Delta chatMessage
				FinishReason   string `json:"finish_reason"`
			}
			Usage *chatUsage
			Groq  struct{ Usage *chatUsage } `json:"x_groq"`
		}
		json.Unmarshal(data, &chunk)
		for _, c := range chunk.Choices {
			o := choices[c.Index]
			if o == nil {
				o = &one{ids: map[int]string{}, names: map[int]string{}, args: map[int]string{}}
				choices[c.Index] = o
			}
			for _, m := range []chatMessage{c.Message, c.Delta} {
				if t, ok := m.Content.(string); ok {
					o.text += t
				}
				o.text += m.Refusal + m.Audio.Transcript
				o.refused = o.refused || m.Refusal != ""
				o.reasoning += m.Reasoning + m.ReasoningContent
				for i, tc := range m.ToolCalls {
					if n := len(m.ToolCalls); n > 1 && tc.Index == 0 {
						tc.Index = i // a whole message counts none
					}
					o.ids[tc.Index] += tc.ID
					o.names[tc.Index] += tc.Function.Name
					o.args[tc.Index] += tc.Function.Arguments
				}
				o.legacy.FunctionCall.Name += m.FunctionCall.Name
				o.legacy.FunctionCall.Arguments += m.FunctionCall.Arguments
			}
			if c.FinishReason != "" {
				o.stop = c.FinishReason
			}
		}
		u := chunk.Usage
		if u == nil {
			u = chunk.Groq.Usage
		}
		if u != nil {
			s.in, s.cached, s.out, s.thought = u.Prompt, max(u.PromptIn.Cached, u.Hit), u.Completion, u.CompletionIn.Reasoning
			if beside := u.Total - u.Prompt - u.Completion; beside > 0 { // Gemini counts its thoughts in the total only
				s.out, s.thought = s.out+beside, max(s.thought, beside)
			}
		}
	}
	for _, i := range slices.Sorted(maps.Keys(choices)) {
		o := choices[i]
		s.text += o.text
		s.reasoning += o.reasoning
		for _, n := range slices.Sorted(maps.Keys(o.names)) {
			o.calls = append(o.calls, call(o.ids[n], o.names[n], o.args[n]))
		}
		if f := o.legacy.FunctionCall; f.Name != "" {
			o.calls = append(o.calls, call("", f.Name, f.Arguments))
		}
		stop := map[string]string{"stop": "end", "length": "length", "tool_calls": "tools", "function_call": "tools", "content_filter": "filter"}[o.stop]
		switch {
		case stop == "end" && len(o.calls) > 0: // some say stop when a tool was named
			stop = "tools"
		case stop == "end" && o.refused:
			stop = "refusal"
		}
		s.calls = append(s.calls, o.calls...)
		s.stop += stop + ";"
	}
	return s
}

func messageSaid(body []byte) said {
	type block struct {
		Type, Text, Thinking, ID, Name string
		Input                          json.RawMessage
		PartialJSON                    string `json:"partial_json"`
	}
	type usage struct {
		In    *int64 `json:"input_tokens"`
		Read  *int64 `json:"cache_read_input_tokens"`
		Made  *int64 `json:"cache_creation_input_tokens"`
		Out   *int64 `json:"output_tokens"`
		OutIn *struct {
			Thinking int64 `json:"thinking_tokens"`
		} `json:"output_tokens_details"`
	}
	var s said
	var in, read, made int64
	count := func(u usage) {
		for _, f := range []struct{ to, from *int64 }{{&in, u.In}, {&read, u.Read}, {&made, u.Made}, {&s.out, u.Out}} {
			if f.from != nil {
				*f.to = *f.from
			}
		}
		if u.OutIn != nil {
			s.thought = u.OutIn.Thinking
		}
	}
	var open block // of a stream
	whole := func(b block) {
		s.text += b.Text
		s.reasoning += b.Thinking
		if b.Type == "tool_use" {
			s.calls = append(s.calls, call(b.ID, b.Name, string(b.Input)))
		}
	}
	for _, data := range datas(body) {
		var e struct {
			Type         string
			Content      []block
			ContentBlock block `json:"content_block"`
			Message      struct{ Usage usage }
			Usage        usage
			StopReason   string `json:"stop_reason"`
			Delta        struct {
				block
				StopReason string `json:"stop_reason"`
			}
		}
		json.Unmarshal(data, &e)
		switch e.Type {
		case "message":
			for _, b := range e.Content {
				whole(b)
			}
			s.stop = e.StopReason
			count(e.Usage)
		case "message_start":
			count(e.Message.Usage)
		case "content_block_start":
			open = e.ContentBlock
		case "content_block_delta":
			open.Text += e.Delta.Text
			open.Thinking += e.Delta.Thinking
			open.PartialJSON += e.Delta.PartialJSON
		case "content_block_stop":
			if open.PartialJSON != "" {
				open.Input = json.RawMessage(open.PartialJSON)
			}
			whole(open)
		case "message_delta":
			s.stop = e.Delta.StopReason
			count(e.Usage)
		}
	}
	s.in, s.cached = in+read+made, read
	s.stop = map[string]string{"end_turn": "end", "max_tokens": "length", "stop_sequence": "sequence", "tool_use": "tools", "pause_turn": "pause",
		"refusal": "refusal", "model_context_window_exceeded": "context"}[s.stop] + ";"
	return s
}

func generateSaid(body []byte) said {
	var s said
	finish, called, blocked := "", false, false
	for _, data := range datas(body) {
		var chunk struct {
			Candidates []struct {
				FinishReason string
				Content      struct {
					Parts []struct {
						Text         string
						Thought      bool
						FunctionCall *struct {
							ID, Name string
							Args     json.RawMessage
						}
					}
				}
			}
			PromptFeedback struct{ BlockReason string }
			UsageMetadata  struct {
				Prompt     int64 `json:"promptTokenCount"`
				Tools      int64 `json:"toolUsePromptTokenCount"`
				Cached     int64 `json:"cachedContentTokenCount"`
				Candidates int64 `json:"candidatesTokenCount"`
				Thoughts   int64 `json:"thoughtsTokenCount"`
			}
		}
		json.Unmarshal(data, &chunk)
		blocked = blocked || chunk.PromptFeedback.BlockReason != ""
		for _, c := range chunk.Candidates {
			if c.FinishReason != "" {
				finish = c.FinishReason
			}
			for _, p := range c.Content.Parts {
				if p.Thought {
					s.reasoning += p.Text
				} else {
					s.text += p.Text
				}
				if f := p.FunctionCall; f != nil {
					called = true
					s.calls = append(s.calls, call(f.ID, f.Name, string(f.Args)))
				}
			}
		}
		if u := chunk.UsageMetadata; u.Prompt+u.Candidates > 0 {
			s.in, s.cached, s.out, s.thought = u.Prompt+u.Tools, u.Cached, u.Candidates+u.Thoughts, u.Thoughts
		}
	}
	switch {
	case finish == "STOP" && called:
		s.stop = "tools;"
	case finish == "STOP":
		s.stop = "end;"
	case finish == "MAX_TOKENS":
		s.stop = "length;"
	case finish == "SAFETY", finish == "" && blocked:
		s.stop = "filter;"
	default:
		s.stop = "other;"
	}
	return s
}
