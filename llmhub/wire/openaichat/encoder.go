package openaichat

import (
	"strconv"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
)

// Encoder renders an answer as chunks or, for a request that did not ask for a
// stream, as one chat completion.
func (Server) Encoder(req *llmhub.Request, as wire.Identity) wire.Encoder {
	e := &encoder{stream: req.Stream}
	if b := bodyOf(req.Body); b != nil {
		e.usage = b.usage
		e.legacy = !isNull(b.of(kFunctions)) && isNull(b.of(kTools))
	}
	object := "chat.completion"
	if req.Stream {
		object += ".chunk"
	}
	e.head = wire.AppendEscaped(append(e.head, `{"id":"chatcmpl-`...), as.ID)
	e.head = append(append(append(e.head, `","object":"`...), object...), `","created":`...)
	e.head = strconv.AppendInt(e.head, as.Created, 10)
	e.head = append(wire.AppendString(append(e.head, `,"model":`...), as.Model), `,"choices":[`...)
	if !req.Stream {
		return &collector{encoder: e}
	}
	e.tail = "]}\n\n"
	if e.usage {
		e.tail = "],\"usage\":null}\n\n"
	}
	return e
}

// encoder renders a stream.
type encoder struct {
	stream  bool
	usage   bool   // the caller asked for it
	legacy  bool   // the caller knows function_call only
	head    []byte // of every chunk, up to its choices
	tail    string
	parts   []written
	choices []spoken
	passed  bool // the event before went out as the provider sent it
}

// written is a part that was opened.
type written struct {
	kind      llmhub.PartKind
	choice    int
	call      int // which of the choice's tool calls
	redacted  bool
	signature string // of redacted reasoning, told when it was opened
	by        string
	thought   []byte // reasoning so far, to stand beside its signature
}

// spoken is what was said of a choice.
type spoken struct {
	begun   bool
	calls   int
	refused bool
}

const chunkStart = "data: "

// Append renders one event.
func (e *encoder) Append(dst []byte, ev llmhub.Event) []byte {
	passed := e.passed
	if e.passed = ev.Raw != nil; e.passed {
		return e.pass(dst, &ev)
	}
	switch ev.Kind {
	case llmhub.EventOpen:
		return e.open(dst, &ev)
	case llmhub.EventDelta:
		return e.delta(dst, &ev)
	case llmhub.EventClose:
		return e.close(dst, &ev)
	case llmhub.EventEnd:
		return e.end(dst, &ev, passed)
	}
	return dst
}

// pass lets the provider's bytes through, but for usage that nobody asked for.
func (e *encoder) pass(dst []byte, ev *llmhub.Event) []byte {
	switch ev.Kind {
	case llmhub.EventOpen:
		if p := e.opened(ev); p != nil {
			e.choices[p.choice].begun = true
		}
	case llmhub.EventDelta:
		e.remember(ev)
	case llmhub.EventNote, llmhub.EventStart:
		if !e.usage && ev.Usage != nil && onlyUsage(ev.Raw) {
			return dst
		}
	}
	return append(dst, ev.Raw...)
}

// onlyUsage reports whether a frame is a chunk of usage without choices.
func onlyUsage(raw []byte) bool {
	var ch chunk
	i := indexData(raw)
	return i >= 0 && ch.read(raw[i+len("data:"):]) && ch.empty && ch.usage != nil
}

// indexData is where a frame's data line begins, -1 when it has none.
func indexData(raw []byte) int {
	for i := 0; i+len("data:") <= len(raw); i++ {
		if (i == 0 || raw[i-1] == '\n') && string(raw[i:i+len("data:")]) == "data:" {
			return i
		}
	}
	return -1
}

// opened remembers a part; it returns nil when the index is none of ours.
func (e *encoder) opened(ev *llmhub.Event) *written {
	if ev.Part == nil || ev.Index < 0 || ev.Index > len(e.parts)+1024 {
		return nil
	}
	for len(e.parts) <= ev.Index {
		e.parts = append(e.parts, written{})
	}
	p := &e.parts[ev.Index]
	*p = written{kind: ev.Part.Kind, choice: max(0, ev.Part.Choice), redacted: ev.Part.Redacted, signature: ev.Part.Signature, by: ev.Part.SignedBy}
	for len(e.choices) <= p.choice && p.choice < maxChoices {
		e.choices = append(e.choices, spoken{})
	}
	p.choice = min(p.choice, maxChoices-1)
	c := &e.choices[p.choice]
	switch p.kind {
	case llmhub.PartToolCall:
		p.call = c.calls
		c.calls++
	case llmhub.PartRefusal:
		c.refused = true
	}
	return p
}

// remember keeps reasoning until its signature comes.
func (e *encoder) remember(ev *llmhub.Event) *written {
	if ev.Index < 0 || ev.Index >= len(e.parts) {
		return nil
	}
	p := &e.parts[ev.Index]
	if p.kind == llmhub.PartReasoning {
		p.thought = append(p.thought, ev.Delta...)
	}
	return p
}

// begin starts a chunk of a choice, up to the members of its delta.
func (e *encoder) begin(dst []byte, choice int) []byte {
	dst = append(append(dst, chunkStart...), e.head...)
	dst = strconv.AppendInt(append(dst, `{"index":`...), int64(choice), 10)
	return append(dst, `,"delta":{`...)
}

func (e *encoder) finish(dst []byte) []byte {
	dst = append(dst, `},"logprobs":null,"finish_reason":null}`...)
	return append(dst, e.tail...)
}

func (e *encoder) open(dst []byte, ev *llmhub.Event) []byte {
	p := e.opened(ev)
	if p == nil {
		return dst
	}
	if p.kind != llmhub.PartToolCall {
		return e.role(dst, p.choice)
	}
	if e.legacy && p.call > 0 {
		return dst
	}
	dst = e.begin(dst, p.choice)
	if c := &e.choices[p.choice]; !c.begun {
		c.begun = true
		dst = append(dst, `"role":"assistant","content":null,`...)
	}
	if e.legacy {
		dst = wire.AppendString(append(dst, `"function_call":{"name":`...), ev.Part.Name)
		return e.finish(append(dst, `,"arguments":""}`...))
	}
	dst = number(dst, `"tool_calls":[{"index":`, int64(p.call))
	dst = wire.AppendString(append(dst, `,"id":`...), ev.Part.ID)
	dst = wire.AppendString(append(dst, `,"type":"function","function":{"name":`...), ev.Part.Name)
	return e.finish(append(dst, `,"arguments":""}}]`...))
}

// role says once of each choice who speaks.
func (e *encoder) role(dst []byte, choice int) []byte {
	for len(e.choices) <= choice {
		e.choices = append(e.choices, spoken{})
	}
	if e.choices[choice].begun {
		return dst
	}
	e.choices[choice].begun = true
	return e.finish(append(e.begin(dst, choice), `"role":"assistant","content":"","refusal":null`...))
}

func (e *encoder) delta(dst []byte, ev *llmhub.Event) []byte {
	p := e.remember(ev)
	if p == nil {
		return dst
	}
	logprobs := ev.Part != nil && !isNull(ev.Part.Logprobs)
	if ev.Delta == "" && !logprobs {
		return dst
	}
	dst, ok := e.said(dst, p, ev.Delta)
	if !ok || !logprobs {
		return dst
	}
	dst = dst[:len(dst)-len(`null,"finish_reason":null}`)-len(e.tail)]
	for _, b := range ev.Part.Logprobs { // on one line, as an event must be
		if b != '\n' && b != '\r' {
			dst = append(dst, b)
		}
	}
	return append(append(dst, `,"finish_reason":null}`...), e.tail...)
}

// said renders one piece of a part's text.
func (e *encoder) said(dst []byte, p *written, s string) ([]byte, bool) {
	switch p.kind {
	case llmhub.PartText:
		dst = append(e.begin(dst, p.choice), `"content":"`...)
	case llmhub.PartReasoning:
		dst = append(e.begin(dst, p.choice), `"reasoning_content":"`...)
	case llmhub.PartRefusal:
		dst = append(e.begin(dst, p.choice), `"refusal":"`...)
	case llmhub.PartToolCall:
		if e.legacy {
			if p.call > 0 {
				return dst, false
			}
			dst = append(e.begin(dst, p.choice), `"function_call":{"arguments":"`...)
			return e.finish(append(wire.AppendEscaped(dst, s), `"}`...)), true
		}
		dst = number(e.begin(dst, p.choice), `"tool_calls":[{"index":`, int64(p.call))
		dst = append(dst, `,"function":{"arguments":"`...)
		return e.finish(append(wire.AppendEscaped(dst, s), `"}}]`...)), true
	default:
		return dst, false
	}
	return e.finish(append(wire.AppendEscaped(dst, s), '"')), true
}

// close tells a part's signature, if it has one.
func (e *encoder) close(dst []byte, ev *llmhub.Event) []byte {
	if ev.Index < 0 || ev.Index >= len(e.parts) {
		return dst
	}
	p := &e.parts[ev.Index]
	if ev.Part != nil {
		p.signature, p.by = ev.Part.Signature, ev.Part.SignedBy
	}
	thought := p.thought
	p.thought = nil
	if p.signature == "" {
		return dst
	}
	switch p.kind {
	case llmhub.PartReasoning:
		dst = append(e.begin(dst, p.choice), `"thinking_blocks":[`...)
		dst = append(appendThought(dst, p, string(thought)), ']')
	case llmhub.PartToolCall:
		if e.legacy {
			return dst
		}
		dst = number(e.begin(dst, p.choice), `"tool_calls":[{"index":`, int64(p.call))
		dst = append(appendExtra(append(dst, ','), p.signature, p.by), '}', ']')
	default:
		dst = appendExtra(e.begin(dst, p.choice), p.signature, p.by)
	}
	return e.finish(dst)
}

// appendThought renders a block of signed reasoning.
func appendThought(dst []byte, p *written, text string) []byte {
	if p.redacted {
		dst = wire.AppendString(append(dst, `{"type":"redacted_thinking","data":`...), p.signature)
	} else {
		dst = wire.AppendString(append(dst, `{"type":"thinking","thinking":`...), text)
		dst = wire.AppendString(append(dst, `,"signature":`...), p.signature)
	}
	return append(appendSigner(dst, p.by), '}')
}

// appendExtra renders a signature outside of reasoning.
func appendExtra(dst []byte, signature, by string) []byte {
	dst = wire.AppendString(append(dst, `"extra_content":{"llmhub":{"thought_signature":`...), signature)
	return append(appendSigner(dst, by), '}', '}')
}

func appendSigner(dst []byte, by string) []byte {
	if by == "" {
		return dst
	}
	return wire.AppendString(append(dst, `,"signed_by":`...), by)
}

// end says why each choice stopped and what was used. When what came before
// went out as the provider sent it, it has said so.
func (e *encoder) end(dst []byte, ev *llmhub.Event, passed bool) []byte {
	if passed {
		return append(dst, done...)
	}
	end := llmhub.End{Stop: llmhub.StopOther}
	if ev.End != nil {
		end = *ev.End
	}
	for i := 0; i < max(1, len(e.choices), 1+len(end.Stops)); i++ {
		dst = e.role(dst, i)
		dst = e.begin(dst, i)
		dst = append(dst, `},"logprobs":null,"finish_reason":`...)
		dst = wire.AppendString(dst, finishReason(stopOf(&end, i), e.choices[i].refused, e.legacy))
		dst = append(append(dst, '}'), e.tail...)
	}
	if e.usage {
		dst = append(append(dst, chunkStart...), e.head...)
		dst = appendUsage(append(dst, `],"usage":`...), ev.Usage)
		dst = append(dst, "}\n\n"...)
	}
	return append(dst, done...)
}

const done = "data: [DONE]\n\n"

// stopOf is why choice i stopped.
func stopOf(end *llmhub.End, i int) llmhub.StopReason {
	if i > 0 && i <= len(end.Stops) {
		return end.Stops[i-1]
	}
	return end.Stop
}

func finishReason(s llmhub.StopReason, refused, legacy bool) string {
	switch s {
	case llmhub.StopLength, llmhub.StopContext:
		return "length"
	case llmhub.StopTools:
		if legacy {
			return "function_call"
		}
		return "tool_calls"
	case llmhub.StopFilter:
		return "content_filter"
	case llmhub.StopRefusal:
		if !refused {
			return "content_filter"
		}
	}
	return "stop"
}

// AppendError renders an error as an event; [DONE] does not follow it.
func (e *encoder) AppendError(dst []byte, err *llmhub.Error) []byte {
	dst = append(dst, chunkStart...)
	return append(appendError(dst, err, ""), "\n\n"...)
}
