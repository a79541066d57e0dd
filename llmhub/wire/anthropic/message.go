package anthropic

import (
	"bytes"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire/scan"
)

// message is a whole answer, its parts still JSON.
type message struct {
	kind, id, model                      string
	content, stopReason, sequence, usage []byte
	ok                                   bool
}

// readMessage reads the top level of an answer.
func readMessage(v []byte) (m message) {
	c := scan.New(v)
	if c.Peek() != '{' {
		return m
	}
	for c.Enter('{'); c.Member(); {
		switch string(c.Key) {
		case "type":
			m.kind = c.Text()
		case "id":
			m.id = c.Text()
		case "model":
			m.model = c.Text()
		case "content":
			m.content = c.Raw()
		case "stop_reason":
			m.stopReason = c.Raw()
		case "stop_sequence":
			m.sequence = c.Raw()
		case "usage":
			m.usage = c.Raw()
		default:
			c.Skip()
		}
	}
	m.ok = c.End()
	return m
}

// message reads an answer that came as one body.
func (d *reader) message() {
	b, err := d.frames.Rest()
	if err != nil {
		d.fail(err)
		return
	}
	b = bytes.TrimSpace(bytes.TrimPrefix(b, []byte("\ufeff")))
	m := readMessage(b)
	switch {
	case m.kind == "error":
		d.out.Fail(d.client.streamError(d.call, b, false))
		return
	case !m.ok || m.kind != "message" || len(m.content) == 0 || m.content[0] != '[':
		d.fail(&llmhub.Error{Kind: llmhub.Malformed, Message: "a body that is no message"})
		return
	}
	d.usage.take(m.usage)
	u := d.usage.neutral()
	end := llmhub.Event{Kind: llmhub.EventEnd, Usage: &u, End: &llmhub.End{Stop: stopReason(text(m.stopReason)), Sequence: text(m.sequence)}}
	if d.call.Accept == Name && !d.call.Stream {
		end.Raw = b
		if d.out.Add(end) {
			d.out.Flush()
		}
		return
	}
	if d.out.Add(llmhub.Event{Kind: llmhub.EventStart, Start: &llmhub.Start{ID: m.id, Model: m.model}, Usage: &u}) && d.parts(m.content) && d.out.Add(end) {
		d.out.Flush()
	}
}

// parts hands on the blocks of a whole answer, and reports whether to go on.
func (d *reader) parts(content []byte) bool {
	dec := &decoder{}
	c := scan.New(content)
	i := 0
	for c.Enter('['); c.Elem(); i++ {
		p, ok := dec.part(content, &c)
		if !ok {
			return d.badPart()
		}
		if !d.part(i, p) {
			return false
		}
	}
	return c.Err == nil || d.badPart()
}

func (d *reader) badPart() bool {
	d.fail(&llmhub.Error{Kind: llmhub.Malformed, Message: "a content block that makes no sense"})
	return false
}

// part hands on one block: open, what it says, close.
func (d *reader) part(i int, p llmhub.Part) bool {
	open := llmhub.Part{Kind: p.Kind, ID: p.ID, Name: p.Name}
	said := p.Text
	var signed *llmhub.Part
	switch p.Kind {
	case llmhub.PartText:
	case llmhub.PartToolCall:
		if said = p.Args; said == "" {
			said = "{}"
		}
	case llmhub.PartReasoning:
		if p.Redacted {
			open.Redacted, open.Signature, open.SignedBy = true, text(memberOf(p.Origin.JSON, "data")), d.client.provider()
		} else if s := text(memberOf(p.Origin.JSON, "signature")); s != "" {
			signed = &llmhub.Part{Signature: s, SignedBy: d.client.provider()}
		}
	default:
		open = llmhub.Part{Kind: llmhub.PartOther, Origin: origin(bytes.Clone(p.Origin.JSON))}
		said = ""
	}
	return d.out.Add(llmhub.Event{Kind: llmhub.EventOpen, Index: i, Part: &open}) &&
		(said == "" || d.out.Add(llmhub.Event{Kind: llmhub.EventDelta, Index: i, Delta: said})) &&
		d.out.Add(llmhub.Event{Kind: llmhub.EventClose, Index: i, Part: signed})
}
