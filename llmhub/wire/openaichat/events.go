package openaichat

import (
	"bytes"
	"errors"
	"io"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/llmhub/wire/scan"
)

// Events reads an answer of status 200: a stream or one body, told apart by
// what it begins with.
func (c *Client) Events(call *llmhub.Call, body io.Reader, size int64) llmhub.Stream {
	return func(yield func(llmhub.Event, error) bool) {
		f := wire.NewFrames(body)
		defer f.Close()
		d := newDecoder(c, call, yield)
		switch b, err := f.Peek(); {
		case err == io.EOF:
			d.fail(llmhub.Broken, "the answer is empty", nil)
		case err != nil:
			d.broken(err)
		case b == '{' || b == '[':
			d.whole(f)
		case b == '<':
			d.fail(llmhub.Malformed, "the answer is markup", nil)
		default:
			d.raw = call.Accept == Name && call.Stream
			d.stream(f)
		}
	}
}

// most bad events are passed over, and most choices kept.
const (
	maxBad     = 3
	maxChoices = 128
)

// decoder turns one answer into events.
type decoder struct {
	client *Client
	call   *llmhub.Call
	batch  wire.Batch
	raw    bool // events carry the provider's frames

	frame   []byte // raw bytes that no event has carried yet
	carried bool   // an event of this frame was added
	lead    []byte // frames from before the start
	started bool
	id      string
	usage   *llmhub.Usage
	choices []choice
	one     [1]choice
	parts   int // opened so far
	bad     int
	err     *llmhub.Error // ends the answer

	shape    shape
	lone     []byte // the chunk's only content, where that is text
	lonePart int
	said     int // choices of the chunk
}

// newDecoder keeps the decoder off the stack, which is held as long as a stream
// lasts.
//
//go:noinline
func newDecoder(c *Client, call *llmhub.Call, yield func(llmhub.Event, error) bool) *decoder {
	return &decoder{client: c, call: call, batch: wire.NewBatch(yield)}
}

// choice is one of the answers being made.
type choice struct {
	index   int // as the provider counts
	kind    llmhub.PartKind
	part    int // of the open part
	open    bool
	calls   []wireCall
	refused bool
	called  bool
	stop    string // as the provider says it; "": not finished

	signature string // of the message, for its first part of text
}

// wireCall is a tool call as the provider counts them.
type wireCall struct {
	index   int64
	id      string
	part    int
	named   bool // opened: its name is known
	pending string
	closed  bool
}

func (d *decoder) stream(f *wire.Frames) {
	for {
		if !f.Buffered() && !d.batch.Flush() {
			return
		}
		fr, err := f.Next()
		switch {
		case err == io.EOF:
			d.end(nil)
			return
		case err != nil:
			if d.finished() {
				d.end(nil)
			} else {
				d.broken(err)
			}
			return
		}
		on := d.take(fr)
		if d.err != nil {
			d.batch.Fail(d.err)
			return
		}
		if !on {
			return
		}
	}
}

// take decodes one frame and reports whether to go on.
func (d *decoder) take(fr wire.Frame) bool {
	d.frame, d.carried = nil, false
	if d.raw {
		d.frame = fr.Raw
	}
	data := bytes.TrimRight(fr.Data, " \t\r")
	switch {
	case string(fr.Event) == "error":
		d.err = d.failure(data)
		return false
	case len(data) == 0:
		return !d.started || d.note()
	case string(data) == "[DONE]":
		d.end(d.frame)
		return false
	}
	if s, ok := d.shape.text(data); ok && s != "" {
		return d.add(llmhub.Event{Kind: llmhub.EventDelta, Index: d.shape.part, Delta: s})
	}
	var ch chunk
	if !ch.read(data) {
		return d.malformed()
	}
	if ch.fault != nil {
		d.err = d.failure(data)
		return false
	}
	return d.chunk(&ch, data)
}

func (d *decoder) malformed() bool {
	if d.bad++; d.bad > maxBad {
		d.fail(llmhub.Malformed, "too many events that are not JSON of the dialect", nil)
		return false
	}
	return true
}

// failure classifies an error inside of an answer. After content the attempt is
// charged.
func (d *decoder) failure(data []byte) *llmhub.Error {
	e := d.client.inStream(d.call, data)
	e.Sent = d.started
	return e
}

// add hands an event on, the first of its frame with the frame's bytes.
func (d *decoder) add(ev llmhub.Event) bool {
	if d.raw {
		ev.Raw = d.frame
		if d.carried || d.frame == nil && ev.Kind != llmhub.EventEnd {
			ev.Raw = covered
		}
	}
	d.carried = true
	return d.batch.Add(ev)
}

// covered is the raw form of an event that a neighbour's bytes hold.
var covered = []byte{}

// note hands on a frame that made no event of its own.
func (d *decoder) note() bool {
	return d.carried || d.add(llmhub.Event{Kind: llmhub.EventNote})
}

func (d *decoder) chunk(ch *chunk, data []byte) bool {
	if !d.started {
		if ch.empty && ch.usage == nil { // a filter's report comes before the answer
			if d.raw {
				d.lead = append(d.lead, d.frame...)
			}
			return true
		}
		if !d.start(ch) {
			return false
		}
	}
	on := true
	d.shape.ok, d.lone, d.said = false, nil, 0
	c := scan.New(ch.choices)
	for c.Enter('['); on && c.Elem(); {
		on = d.choice(&c)
	}
	if on && ch.usage != nil {
		if u := readUsage(ch.usage); u != nil {
			d.usage = u
			on = d.add(llmhub.Event{Kind: llmhub.EventNote, Usage: u})
		}
	}
	if !on || d.err != nil {
		return false
	}
	if len(d.lone) > 0 && data != nil && ch.usage == nil && d.said == 1 {
		d.shape.learn(d.lonePart, data, d.lone)
	}
	return d.note()
}

// start begins the answer with the first chunk that says something. What comes
// before goes out with it.
func (d *decoder) start(ch *chunk) bool {
	if len(d.lead) > 0 {
		d.frame = append(d.lead, d.frame...)
		d.lead = nil
	}
	d.started, d.id = true, ch.text(ch.id)
	d.choices = d.one[:0]
	return d.add(llmhub.Event{Kind: llmhub.EventStart, Start: &llmhub.Start{ID: d.id, Model: ch.text(ch.model)}})
}

// end closes a whole answer. raw are the bytes that end it.
func (d *decoder) end(raw []byte) {
	if !d.finished() {
		d.fail(llmhub.Broken, "the answer ended without a finish reason", nil)
		return
	}
	end := &llmhub.End{Stop: llmhub.StopOther}
	for i := range d.choices {
		ch := &d.choices[i]
		if ch.index == 0 {
			end.Stop = ch.reason()
			continue
		}
		for len(end.Stops) < ch.index-1 { // one that never came
			end.Stops = append(end.Stops, llmhub.StopOther)
		}
		end.Stops = append(end.Stops, ch.reason())
	}
	d.frame, d.carried = raw, false
	for i := range d.choices { // one that went on behind its finish reason
		if !d.close(&d.choices[i]) {
			return
		}
	}
	if d.add(llmhub.Event{Kind: llmhub.EventEnd, End: end, Usage: d.usage}) {
		d.batch.Flush()
	}
}

// finished reports whether every choice has said why it stopped.
func (d *decoder) finished() bool {
	for i := range d.choices {
		if d.choices[i].stop == "" {
			return false
		}
	}
	return len(d.choices) > 0
}

func (d *decoder) fail(kind llmhub.Kind, message string, cause error) {
	d.batch.Fail(&llmhub.Error{Kind: kind, Provider: d.client.Provider, Status: 200, Message: message, Sent: true, Err: cause})
}

// broken ends the answer where its bytes ended. An error that already says what
// happened is kept.
func (d *decoder) broken(err error) {
	var e *llmhub.Error
	if errors.As(err, &e) {
		own := *e
		if own.Provider == "" {
			own.Provider = d.client.Provider
		}
		own.Sent = true
		d.batch.Fail(&own)
		return
	}
	d.fail(llmhub.Broken, "the answer broke off", err)
}

// reason is why a choice stopped, in the neck's words.
func (ch *choice) reason() llmhub.StopReason {
	switch ch.stop {
	case "stop":
		switch {
		case ch.refused:
			return llmhub.StopRefusal
		case ch.called: // a call that was forced
			return llmhub.StopTools
		}
		return llmhub.StopEnd
	case "length", "max_tokens":
		return llmhub.StopLength
	case "tool_calls", "function_call":
		return llmhub.StopTools
	case "content_filter":
		return llmhub.StopFilter
	}
	return llmhub.StopOther
}
