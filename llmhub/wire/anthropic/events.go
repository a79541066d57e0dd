package anthropic

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/llmhub/wire/scan"
)

// maxMalformed is how many events of a stream may make no sense.
const maxMalformed = 3

// Events reads an answer: a stream of events or one message, told apart by its
// first byte. Blocks that the neck has no word for become one PartOther when
// they are whole.
func (c Client) Events(call *llmhub.Call, from io.Reader, size int64) llmhub.Stream {
	return func(yield func(llmhub.Event, error) bool) {
		frames := wire.NewFrames(from)
		defer frames.Close()
		d := &reader{client: c, call: call, frames: frames, out: wire.NewBatch(yield)}
		first, err := frames.Peek()
		switch {
		case err == io.EOF:
			d.fail(&llmhub.Error{Kind: llmhub.Broken, Message: "an answer of nothing"})
		case err != nil:
			d.fail(err)
		case first == '{':
			d.message()
		case first == '<' || first == '[' || first == '"':
			d.fail(&llmhub.Error{Kind: llmhub.Malformed, Message: "neither a message nor a stream of events"})
		default:
			d.raw = call.Accept == Name && call.Stream
			d.stream()
		}
	}
}

// reader turns one answer into events.
type reader struct {
	client Client
	call   *llmhub.Call
	frames *wire.Frames
	out    wire.Batch

	raw       bool   // events carry the bytes they came in
	bytes     []byte // of the frame at hand, until an event has taken them
	started   bool
	ended     bool
	malformed int
	blocks    []openBlock // by the provider's index
	usage     usage
	end       llmhub.End
	stopped   bool // a stop reason has come
}

// openBlock is what is known of a block while it comes.
type openBlock struct {
	kind      llmhub.PartKind // "" when it is not open
	some      bool            // of a tool call: arguments have come
	start     []byte          // of one that the neck has no word for: as it began
	input     []byte          // the JSON it was given since
	signature []byte
}

// fail ends the stream with err, which is ours, the reader's or the transport's.
func (d *reader) fail(err error) { d.out.Fail(d.client.fault(d.call, err)) }

// fault is err as an Error of the provider whose answer was being read.
func (c Client) fault(call *llmhub.Call, err error) error {
	e := &llmhub.Error{Kind: llmhub.Broken, Err: err}
	switch known := (*llmhub.Error)(nil); {
	case errors.As(err, &known):
		copied := *known
		e = &copied
	case errors.Is(err, context.Canceled):
		e.Kind = llmhub.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		e.Kind = llmhub.Timeout
	}
	e.Provider, e.Sent = cmp.Or(e.Provider, c.name(call)), true
	return e
}

// stream reads events until the last.
func (d *reader) stream() {
	for !d.ended {
		if !d.frames.Buffered() && !d.out.Flush() {
			return
		}
		f, err := d.frames.Next()
		if err == io.EOF {
			d.eof()
			return
		}
		if err != nil {
			d.fail(err)
			return
		}
		d.bytes = f.Raw // nothing is read over it before what is kept back has been flushed
		if !d.frame(f) {
			return
		}
	}
	d.out.Flush()
}

// eof ends a stream that said no message_stop. Where it has said why it stopped,
// nothing is missing.
func (d *reader) eof() {
	if d.stopped && d.started {
		d.bytes = nil
		if d.stop() {
			d.out.Flush()
		}
		return
	}
	d.fail(&llmhub.Error{Kind: llmhub.Broken, Message: "the stream ended before the message did"})
}

// add hands an event on, with the frame's bytes if no event has had them.
func (d *reader) add(ev llmhub.Event) bool {
	if d.raw {
		if ev.Raw = d.bytes; ev.Raw == nil {
			ev.Raw = []byte{}
		}
		d.bytes = nil
	}
	return d.out.Add(ev)
}

// note hands on a frame that means nothing, to those who take bytes.
func (d *reader) note() bool {
	if !d.raw || !d.started {
		return true
	}
	return d.add(llmhub.Event{Kind: llmhub.EventNote})
}

// frame turns one server-sent event into events, and reports whether to go on.
func (d *reader) frame(f wire.Frame) bool {
	if len(f.Data) == 0 {
		return d.note()
	}
	if i, text, ok := textDelta(f.Data); ok && d.open(i) == llmhub.PartText {
		return d.delta(i, text)
	}
	var e envelope
	if !e.read(f.Data) {
		return d.senseless()
	}
	switch string(e.kind) {
	case `"content_block_delta"`:
		return d.blockDelta(e.index, e.delta)
	case `"content_block_start"`:
		return d.blockStart(e.index, e.block)
	case `"content_block_stop"`:
		return d.blockStop(e.index)
	case `"message_start"`:
		return d.messageStart(e.message)
	case `"message_delta"`:
		return d.messageDelta(e.delta, e.usage)
	case `"message_stop"`:
		if !d.started {
			return d.senseless()
		}
		return d.stop()
	case `"error"`:
		d.out.Fail(d.client.streamError(d.call, f.Data, d.started))
		return false
	}
	return d.note() // a ping, or a kind that is not known yet
}

// textDelta reads a text delta of the one shape that Anthropic sends.
func textDelta(b []byte) (index int, text []byte, ok bool) {
	const head, middle = `{"type":"content_block_delta","index":`, `,"delta":{"type":"text_delta","text":"`
	if len(b) < len(head)+len(middle)+4 || string(b[:len(head)]) != head {
		return 0, nil, false
	}
	i := len(head)
	for ; b[i] >= '0' && b[i] <= '9'; i++ { // the next constant ends it
		if i-len(head) > 6 {
			return 0, nil, false
		}
		index = index*10 + int(b[i]-'0')
	}
	if i == len(head) || len(b) < i+len(middle)+3 || string(b[i:i+len(middle)]) != middle {
		return 0, nil, false
	}
	from := i + len(middle) - 1 // of the text's first quote
	n := stringEnd(b[from:])
	if n < 0 {
		return 0, nil, false
	}
	text = b[from : from+n]
	brackets := 0
	for _, c := range b[from+n:] {
		switch c {
		case '}':
			brackets++
		case ' ':
		default:
			return 0, nil, false
		}
	}
	return index, text, brackets == 2
}

// stringEnd is the length of the JSON string that b begins with, -1 if it has no
// end.
func stringEnd(b []byte) int {
	for i := 1; ; {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return -1
		}
		end := i + n
		slashes := 0
		for j := end - 1; j >= i && b[j] == '\\'; j-- {
			slashes++
		}
		if i = end + 1; slashes%2 == 0 {
			return i
		}
	}
}

// envelope is one event, its parts still JSON.
type envelope struct {
	kind, delta, block, message, usage []byte
	index                              int
}

func (e *envelope) read(b []byte) bool {
	c := scan.New(b)
	if c.Peek() != '{' {
		return false
	}
	e.index = -1
	for c.Enter('{'); c.Member(); {
		switch string(c.Key) {
		case "type":
			e.kind = c.Raw()
		case "index":
			if i := c.Int(); i >= 0 && i < 1<<16 {
				e.index = int(i)
			}
		case "delta":
			e.delta = c.Raw()
		case "content_block":
			e.block = c.Raw()
		case "message":
			e.message = c.Raw()
		case "usage":
			e.usage = c.Raw()
		default:
			c.Skip()
		}
	}
	return c.End()
}

// senseless passes over an event that makes no sense, a few times.
func (d *reader) senseless() bool {
	if d.malformed++; d.malformed <= maxMalformed {
		return true
	}
	d.fail(&llmhub.Error{Kind: llmhub.Malformed, Message: "events that make no sense"})
	return false
}

// open is the kind of the block with this index, "" if it is not open.
func (d *reader) open(i int) llmhub.PartKind {
	if i < 0 || i >= len(d.blocks) {
		return ""
	}
	return d.blocks[i].kind
}

func (d *reader) messageStart(message []byte) bool {
	if d.started || memberOf(message, "type") == nil {
		return d.senseless()
	}
	d.started = true
	m := readMessage(message)
	d.usage.take(m.usage)
	u := d.usage.neutral()
	return d.add(llmhub.Event{Kind: llmhub.EventStart, Start: &llmhub.Start{ID: m.id, Model: m.model}, Usage: &u})
}

func (d *reader) blockStart(i int, v []byte) bool {
	if !d.started || i < 0 || d.open(i) != "" || i > len(d.blocks)+maxMalformed {
		return d.senseless()
	}
	c := scan.New(v)
	b := readBlock(v, &c)
	if c.Err != nil || b.kind == "" {
		return d.senseless()
	}
	for len(d.blocks) <= i {
		d.blocks = append(d.blocks, openBlock{})
	}
	o := openBlock{kind: llmhub.PartOther}
	part := llmhub.Part{}
	first := []byte(nil)
	switch b.kind {
	case "text":
		o.kind, first = llmhub.PartText, b.text
	case "thinking":
		o.kind, first = llmhub.PartReasoning, b.thinking
		o.signature = []byte(text(b.signature))
	case "redacted_thinking":
		o.kind = llmhub.PartReasoning
		part.Redacted, part.Signature, part.SignedBy = true, text(b.data), d.client.provider()
	case "tool_use":
		o.kind, part.ID, part.Name = llmhub.PartToolCall, text(b.id), text(b.name)
		if !emptyObject(b.input) {
			o.input = bytes.Clone(b.input)
		}
	default:
		o.start = bytes.Clone(v)
		d.blocks[i] = o
		return d.note() // until it is whole
	}
	part.Kind = o.kind
	d.blocks[i] = o
	if !d.add(llmhub.Event{Kind: llmhub.EventOpen, Index: i, Part: &part}) {
		return false
	}
	if s := text(first); s != "" {
		return d.add(llmhub.Event{Kind: llmhub.EventDelta, Index: i, Delta: s})
	}
	return true
}

func emptyObject(v []byte) bool {
	if absent(v) {
		return true
	}
	c := scan.New(v)
	return c.Peek() == '{' && c.Enter('{') && !c.Member()
}

// delta hands on a piece of text, given as a JSON string.
func (d *reader) delta(i int, v []byte) bool {
	s, ok := scan.Unquote(v)
	switch {
	case !ok:
		return d.senseless()
	case s == "":
		return d.note()
	}
	return d.add(llmhub.Event{Kind: llmhub.EventDelta, Index: i, Delta: s})
}

func (d *reader) blockDelta(i int, v []byte) bool {
	kind := d.open(i)
	if kind == "" {
		return d.senseless()
	}
	b := &d.blocks[i]
	word := string(memberOf(v, "type"))
	switch {
	case word == `"text_delta"` && kind == llmhub.PartText:
		return d.delta(i, memberOf(v, "text"))
	case word == `"thinking_delta"` && kind == llmhub.PartReasoning:
		return d.delta(i, memberOf(v, "thinking"))
	case word == `"signature_delta"` && kind == llmhub.PartReasoning:
		b.signature = append(b.signature, text(memberOf(v, "signature"))...)
	case word == `"input_json_delta"` && kind == llmhub.PartToolCall:
		piece := memberOf(v, "partial_json")
		b.some = b.some || len(piece) > 2
		return d.delta(i, piece)
	case kind == llmhub.PartOther:
		b.gather(word, v)
	}
	return d.note()
}

// gather adds to a block that the neck has no word for.
func (b *openBlock) gather(word string, v []byte) {
	switch word {
	case `"input_json_delta"`:
		b.input = append(b.input, text(memberOf(v, "partial_json"))...)
	case `"compaction_delta"`:
		var now []member
		for _, key := range []string{"content", "encrypted_content"} {
			if m := memberOf(v, key); m != nil {
				now = append(now, member{key, bytes.Clone(m)})
			}
		}
		b.start = changed(b.start, nil, now)
	}
}

func (d *reader) blockStop(i int) bool {
	kind := d.open(i)
	if kind == "" {
		return d.senseless()
	}
	b := d.blocks[i]
	d.blocks[i] = openBlock{}
	ev := llmhub.Event{Kind: llmhub.EventClose, Index: i}
	switch {
	case kind == llmhub.PartReasoning && len(b.signature) > 0:
		ev.Part = &llmhub.Part{Signature: string(b.signature), SignedBy: d.client.provider()}
	case kind == llmhub.PartToolCall && !b.some:
		if b.input == nil {
			b.input = []byte("{}")
		}
		if !d.add(llmhub.Event{Kind: llmhub.EventDelta, Index: i, Delta: string(b.input)}) {
			return false
		}
	case kind == llmhub.PartOther:
		if len(b.input) > 0 && json.Valid(b.input) {
			b.start = changed(b.start, nil, []member{{"input", b.input}})
		}
		if !d.add(llmhub.Event{Kind: llmhub.EventOpen, Index: i, Part: &llmhub.Part{Kind: kind, Origin: origin(b.start)}}) {
			return false
		}
	}
	return d.add(ev)
}

func (d *reader) messageDelta(delta, usage []byte) bool {
	if !d.started || delta == nil {
		return d.senseless()
	}
	if word := memberOf(delta, "stop_reason"); word != nil {
		d.stopped = true
		d.end = llmhub.End{Stop: stopReason(text(word)), Sequence: text(memberOf(delta, "stop_sequence"))}
	}
	if absent(usage) {
		return d.note()
	}
	d.usage.take(usage)
	u := d.usage.neutral()
	return d.add(llmhub.Event{Kind: llmhub.EventNote, Usage: &u})
}

// stop ends the answer, and every block that was left open.
func (d *reader) stop() bool {
	for i := range d.blocks {
		if d.blocks[i].kind != "" && !d.blockStop(i) {
			return false
		}
	}
	d.ended = true
	if d.end.Stop == "" {
		d.end.Stop = llmhub.StopOther
	}
	u, end := d.usage.neutral(), d.end
	return d.add(llmhub.Event{Kind: llmhub.EventEnd, End: &end, Usage: &u})
}
