package openaichat

import (
	"encoding/json"
	"hash/fnv"
	"slices"
	"strconv"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire/scan"
)

// chunk is the top level of a chunk, or of a whole answer, still as JSON.
type chunk struct {
	id, model []byte
	choices   []byte
	usage     []byte
	fault     []byte // an error in the answer's place
	empty     bool   // no choices
}

// read reports whether data is JSON of the dialect.
func (ch *chunk) read(data []byte) bool {
	ch.empty = true
	groq := []byte(nil)
	c := scan.New(data)
	if c.Peek() != '{' {
		return false
	}
	for c.Enter('{'); c.Member(); {
		switch string(c.Key) {
		case "id":
			ch.id = c.Raw()
		case "model":
			ch.model = c.Raw()
		case "choices":
			ch.choices = c.Raw()
			ch.empty = len(ch.choices) < 2 || ch.choices[0] != '[' || isEmptyArray(ch.choices)
		case "usage":
			ch.usage = c.Raw()
		case "x_groq":
			groq = c.Raw()
		case "error":
			if v := c.Raw(); !isNull(v) {
				ch.fault = v
			}
		default:
			c.Skip()
		}
	}
	if isNull(ch.usage) {
		ch.usage = nil
	}
	if groq != nil {
		ch.readGroq(groq)
	}
	return c.Err == nil && c.End()
}

// readGroq takes what Groq says beside: usage, and failures.
func (ch *chunk) readGroq(v []byte) {
	c := scan.New(v)
	for c.Enter('{'); c.Member(); {
		switch v := c.Raw(); {
		case isNull(v):
		case string(c.Key) == "usage" && ch.usage == nil:
			ch.usage = v
		case string(c.Key) == "error":
			ch.fault = v
		}
	}
}

func (*chunk) text(v []byte) string {
	s, _ := scan.Unquote(v)
	return s
}

func isEmptyArray(v []byte) bool {
	c := scan.New(v)
	c.Enter('[')
	return c.Peek() == ']'
}

// delta is what a choice says, in a chunk or as a whole message, still as JSON.
type delta struct {
	content, reasoning, refusal []byte
	channel                     []byte
	calls, function             []byte
	audio, extra, blocks        []byte
	logprobs                    []byte
	finish                      []byte
	index                       int64
}

func (m *delta) read(c *scan.Cursor) {
	for c.Enter('{'); c.Member(); {
		switch string(c.Key) {
		case "index":
			m.index = c.Int()
		case "delta", "message":
			m.readMessage(c)
		case "finish_reason":
			m.finish = c.Raw()
		case "logprobs":
			m.logprobs = c.Raw()
		default:
			c.Skip()
		}
	}
}

func (m *delta) readMessage(c *scan.Cursor) {
	for c.Enter('{'); c.Member(); {
		switch string(c.Key) {
		case "content":
			m.content = c.Raw()
		case "reasoning_content":
			m.reasoning = c.Raw()
		case "reasoning":
			if v := c.Raw(); isNull(m.reasoning) {
				m.reasoning = v
			}
		case "refusal":
			m.refusal = c.Raw()
		case "channel":
			m.channel = c.Raw()
		case "tool_calls":
			m.calls = c.Raw()
		case "function_call":
			m.function = c.Raw()
		case "audio":
			m.audio = c.Raw()
		case "extra_content":
			m.extra = c.Raw()
		case "thinking_blocks":
			m.blocks = c.Raw()
		default:
			c.Skip()
		}
	}
}

// choice decodes one element of choices and reports whether to go on.
func (d *decoder) choice(c *scan.Cursor) bool {
	var m delta
	m.read(c)
	if c.Err != nil {
		return d.malformed()
	}
	ch := d.choiceAt(int(m.index))
	if ch == nil {
		return false
	}
	if string(m.channel) == `"analysis"` && isNull(m.reasoning) {
		m.reasoning, m.content = m.content, nil
	}
	refused := []byte(nil)
	if isNull(m.content) && !isNull(m.refusal) {
		m.logprobs, refused = nil, m.logprobs
	}
	on := d.say(ch, llmhub.PartReasoning, m.reasoning, nil) &&
		d.blocks(ch, m.blocks) &&
		d.content(ch, m.content, m.logprobs) &&
		d.say(ch, llmhub.PartText, transcript(m.audio), nil) &&
		d.say(ch, llmhub.PartRefusal, m.refusal, refused) &&
		d.signed(ch, m.extra) &&
		d.calls(ch, m.calls) &&
		d.function(ch, m.function) &&
		d.finish(ch, m.finish)
	d.said++
	if text, kind := m.lone(); on && text != nil && ch.open && ch.kind == kind {
		d.lone, d.lonePart = text, ch.part
	}
	return on
}

func (d *decoder) choiceAt(index int) *choice {
	for i := range d.choices {
		if d.choices[i].index == index {
			return &d.choices[i]
		}
	}
	if index < 0 || index >= maxChoices {
		d.err = d.wrong("the index of a choice is out of range")
		return nil
	}
	at, _ := slices.BinarySearchFunc(d.choices, index, func(ch choice, i int) int { return ch.index - i })
	d.choices = slices.Insert(d.choices, at, choice{index: index})
	return &d.choices[at]
}

// content is a string or, of some, an array of pieces.
func (d *decoder) content(ch *choice, v, logprobs []byte) bool {
	if len(v) > 0 && v[0] == '[' {
		c := scan.New(v)
		for c.Enter('['); c.Elem(); {
			if !d.piece(ch, c.Raw()) {
				return false
			}
		}
		return true
	}
	return d.say(ch, llmhub.PartText, v, logprobs)
}

func (d *decoder) piece(ch *choice, v []byte) bool {
	var kind, text, thinking []byte
	c := scan.New(v)
	for c.Enter('{'); c.Member(); {
		switch string(c.Key) {
		case "type":
			kind = c.Raw()
		case "text":
			text = c.Raw()
		case "thinking":
			thinking = c.Raw()
		default:
			c.Skip()
		}
	}
	if string(kind) != `"thinking"` {
		return d.say(ch, llmhub.PartText, text, nil)
	}
	if len(thinking) == 0 || thinking[0] != '[' {
		return d.say(ch, llmhub.PartReasoning, thinking, nil)
	}
	c = scan.New(thinking)
	for c.Enter('['); c.Elem(); {
		e := c.Raw()
		t := scan.New(e)
		for t.Enter('{'); t.Member(); {
			if name := t.Key; string(name) == "text" {
				if !d.say(ch, llmhub.PartReasoning, t.Raw(), nil) {
					return false
				}
				continue
			}
			t.Skip()
		}
	}
	return true
}

// say adds text of a kind: to the open part, or to a new one.
func (d *decoder) say(ch *choice, kind llmhub.PartKind, v, logprobs []byte) bool {
	if len(v) <= 2 && isNull(logprobs) || len(v) > 0 && v[0] != '"' && isNull(logprobs) {
		return true
	}
	var s string
	if len(v) > 0 && v[0] == '"' {
		var ok bool
		if s, ok = scan.Unquote(v); !ok {
			return d.malformed()
		}
	}
	var with *llmhub.Part
	if !isNull(logprobs) {
		if !json.Valid(logprobs) {
			return d.malformed()
		}
		with = &llmhub.Part{Logprobs: slices.Clone(json.RawMessage(logprobs))}
	} else if s == "" {
		return true
	}
	if with != nil && s == "" && !(ch.open && ch.kind != llmhub.PartToolCall) {
		return true // of no text at all
	}
	if s != "" && !d.turn(ch, kind) {
		return false
	}
	return d.add(llmhub.Event{Kind: llmhub.EventDelta, Index: ch.part, Delta: s, Part: with})
}

// turn makes a part of kind the open one.
func (d *decoder) turn(ch *choice, kind llmhub.PartKind) bool {
	if ch.open && ch.kind == kind {
		return true
	}
	if !d.close(ch) {
		return false
	}
	ch.refused = ch.refused || kind == llmhub.PartRefusal
	return d.open(ch, llmhub.Part{Kind: kind})
}

func (d *decoder) open(ch *choice, p llmhub.Part) bool {
	p.Choice = ch.index
	ch.open, ch.kind, ch.part = true, p.Kind, d.parts
	d.parts++
	return d.add(llmhub.Event{Kind: llmhub.EventOpen, Index: ch.part, Part: &p})
}

// close ends the open part, if there is one. What the provider takes back as
// its own is known by its name.
func (d *decoder) close(ch *choice) bool {
	if !ch.open {
		return true
	}
	var signed *llmhub.Part
	switch ch.kind {
	case llmhub.PartToolCall:
		c := &ch.calls[len(ch.calls)-1]
		if !c.named && !d.named(ch, c, "") {
			return false
		}
		c.closed = true
	case llmhub.PartReasoning:
		if d.client.Provider != "" && d.client.quirks(d.call.Target.Model).Reasoning != "" {
			signed = &llmhub.Part{SignedBy: d.client.Provider}
		}
	}
	if ch.signature != "" && ch.kind != llmhub.PartReasoning {
		signed = &llmhub.Part{Signature: ch.signature, SignedBy: d.client.Provider}
		ch.signature = ""
	}
	ch.open = false
	return d.add(llmhub.Event{Kind: llmhub.EventClose, Index: ch.part, Part: signed})
}

// blocks are reasoning with signatures, as our own answers say it.
func (d *decoder) blocks(ch *choice, v []byte) bool {
	if isNull(v) {
		return true
	}
	dec := decoding{}
	for _, p := range dec.thoughts("", object{{[]byte("thinking_blocks"), v}}) {
		if p.Redacted {
			if !d.close(ch) || !d.open(ch, llmhub.Part{Kind: llmhub.PartReasoning, Redacted: true}) {
				return false
			}
		} else if !(ch.open && ch.kind == llmhub.PartReasoning) { // its text was not streamed before
			if !d.turn(ch, llmhub.PartReasoning) || !d.add(llmhub.Event{Kind: llmhub.EventDelta, Index: ch.part, Delta: p.Text}) {
				return false
			}
		}
		ch.open = false
		if !d.add(llmhub.Event{Kind: llmhub.EventClose, Index: ch.part, Part: &llmhub.Part{Signature: p.Signature, SignedBy: p.SignedBy}}) {
			return false
		}
	}
	return true
}

// signed keeps a message's signature for its part of text or first call.
func (d *decoder) signed(ch *choice, extra []byte) bool {
	if s := d.signature(extra); s != "" {
		ch.signature = s
	}
	return true
}

// signature reads a thought signature out of extra_content.
func (d *decoder) signature(extra []byte) string {
	if isNull(extra) {
		return ""
	}
	dec := decoding{}
	s, _ := dec.signature("", object{{[]byte("extra_content"), extra}})
	return s
}

// transcript is the text of a spoken answer.
func transcript(audio []byte) []byte {
	if isNull(audio) {
		return nil
	}
	var text []byte
	c := scan.New(audio)
	for c.Enter('{'); c.Member(); {
		if string(c.Key) == "transcript" {
			text = c.Raw()
			continue
		}
		c.Skip()
	}
	return text
}

// finish ends a choice. That a provider ran out of room is its failure.
func (d *decoder) finish(ch *choice, v []byte) bool {
	if isNull(v) {
		return true
	}
	ch.stop, _ = scan.Unquote(v)
	if ch.stop == "" {
		ch.stop = "unknown"
	}
	if ch.stop == "insufficient_system_resource" {
		d.err = &llmhub.Error{Kind: llmhub.Overloaded, Provider: d.client.Provider, Status: 200, Code: ch.stop,
			Message: "the provider ran out of resources", Sent: true}
		return false
	}
	return d.close(ch)
}

// wrong is an answer that is not the dialect's.
func (d *decoder) wrong(message string) *llmhub.Error {
	return &llmhub.Error{Kind: llmhub.Malformed, Provider: d.client.Provider, Status: 200, Message: message, Sent: true}
}

// mint makes an id for a tool call that has none, the same for the same answer.
func (d *decoder) mint(part int) string {
	h := fnv.New64a()
	h.Write([]byte(d.id))
	if d.id == "" {
		h.Write(d.call.ID[:])
	}
	return "call_" + strconv.FormatUint(h.Sum64(), 36) + "_" + strconv.Itoa(part)
}
