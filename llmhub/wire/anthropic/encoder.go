package anthropic

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
)

// Encoder renders an answer: a stream where the request asked for one, else a
// whole message.
func (Server) Encoder(req *llmhub.Request, as wire.Identity) wire.Encoder {
	if req.Stream {
		return &streamer{as: as}
	}
	return &gatherer{as: as}
}

// messageID is the name of an answer.
func messageID(as wire.Identity) string { return "msg_" + strings.ReplaceAll(as.ID, "-", "") }

// streamer renders events as they come. Blocks of this dialect follow one
// another and never overlap: an event for a block that is not at hand waits
// until the one that is has ended.
type streamer struct {
	as      wire.Identity
	started bool
	ended   bool
	next    int             // the index of the next block
	at      int             // the part at hand
	kind    llmhub.PartKind // of the part at hand; "": none is
	prefix  []byte          // of a delta of the block at hand, up to its text
	seen    []bool          // parts that have been opened, by their index
	calls   bool            // a tool was called
	refused bool
	waiting []llmhub.Event
}

// Append renders one event.
func (s *streamer) Append(dst []byte, ev llmhub.Event) []byte {
	if ev.Raw != nil {
		s.follow(ev)
		return append(dst, ev.Raw...)
	}
	switch ev.Kind {
	case llmhub.EventStart:
		return s.start(dst, ev.Usage)
	case llmhub.EventOpen, llmhub.EventDelta, llmhub.EventClose:
		return s.part(dst, ev)
	case llmhub.EventEnd:
		return s.end(dst, ev)
	}
	return dst
}

// follow keeps track of what went out as it came.
func (s *streamer) follow(ev llmhub.Event) {
	switch ev.Kind {
	case llmhub.EventStart:
		s.started = true
	case llmhub.EventOpen:
		s.at, s.kind, s.next = ev.Index, llmhub.PartOther, ev.Index+1
		if ev.Part != nil {
			s.kind = ev.Part.Kind
		}
		s.know(ev.Index)
		s.aim(ev.Index)
	case llmhub.EventClose:
		s.kind = ""
	case llmhub.EventEnd:
		s.ended = true
	}
}

func (s *streamer) start(dst []byte, u *llmhub.Usage) []byte {
	if s.started {
		return dst
	}
	s.started = true
	dst = append(dst, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":"...)
	dst = wire.AppendString(dst, s.as.Model)
	dst = wire.AppendString(append(dst, `,"id":`...), messageID(s.as))
	dst = append(dst, `,"type":"message","role":"assistant","content":[],"stop_reason":null,"stop_sequence":null,"usage":`...)
	if u == nil {
		u = &llmhub.Usage{}
	}
	return append(appendUsage(dst, u), "}}\n\n"...)
}

// part renders an event of a part, or has it wait.
func (s *streamer) part(dst []byte, ev llmhub.Event) []byte {
	if s.ended || ev.Index < 0 {
		return dst
	}
	if s.kind != "" && ev.Index != s.at {
		if ev.Kind != llmhub.EventOpen || !resumes(s.kind) || len(s.waiting) > 0 {
			s.waiting = append(s.waiting, kept(ev))
			return dst
		}
		dst = s.close(dst) // should more of it come it opens anew
	}
	switch ev.Kind {
	case llmhub.EventOpen:
		return s.open(s.start(dst, nil), ev)
	case llmhub.EventDelta:
		return s.delta(dst, ev)
	}
	return s.closed(dst, ev)
}

// resumes reports whether a part of this kind may be told in several blocks.
func resumes(kind llmhub.PartKind) bool {
	return kind == llmhub.PartText || kind == llmhub.PartRefusal
}

// kept is an event that may be kept.
func kept(ev llmhub.Event) llmhub.Event {
	ev.Raw = nil
	return ev
}

func (s *streamer) know(i int) {
	for len(s.seen) <= i {
		s.seen = append(s.seen, false)
	}
	s.seen[i] = true
}

func (s *streamer) open(dst []byte, ev llmhub.Event) []byte {
	p := ev.Part
	if p == nil || p.Choice > 0 || p.Kind == llmhub.PartAudio || p.Kind == llmhub.PartImage || p.Kind == llmhub.PartOther && p.Origin.Dialect != Name {
		return dst // it cannot be told
	}
	s.know(ev.Index)
	s.at, s.kind = ev.Index, p.Kind
	dst = append(dst, "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":"...)
	dst = strconv.AppendInt(dst, int64(s.next), 10)
	dst = append(dst, `,"content_block":`...)
	switch {
	case p.Kind == llmhub.PartOther:
		dst = appendLine(dst, p.Origin.JSON)
	case p.Kind == llmhub.PartToolCall:
		s.calls = true
		dst = wire.AppendString(append(dst, `{"type":"tool_use","id":`...), p.ID)
		dst = wire.AppendString(append(dst, `,"name":`...), p.Name)
		dst = append(dst, `,"input":{}}`...)
	case p.Redacted:
		dst = wire.AppendString(append(dst, `{"type":"redacted_thinking","data":`...), spellSignature(p.SignedBy, p.Signature))
		dst = append(dst, '}')
	case p.Kind == llmhub.PartReasoning:
		dst = append(dst, `{"type":"thinking","thinking":"","signature":""}`...)
	default:
		s.refused = s.refused || p.Kind == llmhub.PartRefusal
		dst = append(dst, `{"type":"text","text":""}`...)
	}
	s.aim(s.next)
	s.next++
	return append(dst, "}\n\n"...)
}

// aim prepares the deltas of the block at hand.
func (s *streamer) aim(index int) {
	word := "text_delta\",\"text"
	switch s.kind {
	case llmhub.PartToolCall:
		word = "input_json_delta\",\"partial_json"
	case llmhub.PartReasoning:
		word = "thinking_delta\",\"thinking"
	}
	s.prefix = append(s.prefix[:0], "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":"...)
	s.prefix = strconv.AppendInt(s.prefix, int64(index), 10)
	s.prefix = append(append(append(s.prefix, `,"delta":{"type":"`...), word...), `":"`...)
}

func (s *streamer) delta(dst []byte, ev llmhub.Event) []byte {
	if s.kind == "" { // it was closed to make room, or never told
		if ev.Index >= len(s.seen) || !s.seen[ev.Index] {
			return dst
		}
		dst = s.open(dst, llmhub.Event{Kind: llmhub.EventOpen, Index: ev.Index, Part: &llmhub.Part{Kind: llmhub.PartText}})
	}
	dst = append(dst, s.prefix...)
	dst = wire.AppendEscaped(dst, ev.Delta)
	return append(dst, "\"}}\n\n"...)
}

// closed renders the end of a part, and then what has waited for it.
func (s *streamer) closed(dst []byte, ev llmhub.Event) []byte {
	if s.kind == "" {
		return dst
	}
	if s.kind == llmhub.PartReasoning && ev.Part != nil && ev.Part.Signature != "" {
		dst = append(dst, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":"...)
		dst = strconv.AppendInt(dst, int64(s.next-1), 10)
		dst = append(dst, `,"delta":{"type":"signature_delta","signature":`...)
		dst = wire.AppendString(dst, spellSignature(ev.Part.SignedBy, ev.Part.Signature))
		dst = append(dst, "}}\n\n"...)
	}
	return s.release(s.close(dst))
}

func (s *streamer) close(dst []byte) []byte {
	s.kind = ""
	dst = append(dst, "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":"...)
	dst = strconv.AppendInt(dst, int64(s.next-1), 10)
	return append(dst, "}\n\n"...)
}

// release renders what has waited, as far as it can be.
func (s *streamer) release(dst []byte) []byte {
	waiting := s.waiting
	s.waiting = nil
	for _, ev := range waiting {
		dst = s.part(dst, ev)
	}
	return dst
}

func (s *streamer) end(dst []byte, ev llmhub.Event) []byte {
	if s.ended {
		return dst
	}
	dst = s.start(dst, nil)
	for s.kind != "" {
		dst = s.release(s.close(dst))
	}
	s.ended = true
	dst = append(dst, "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{"...)
	dst = appendStop(dst, ev.End, s.calls, s.refused)
	dst = append(dst, `},"usage":`...)
	u := ev.Usage
	if u == nil {
		u = &llmhub.Usage{}
	}
	dst = appendUsage(dst, u)
	return append(dst, "}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"...)
}

// appendStop renders why an answer ended.
func appendStop(dst []byte, end *llmhub.End, calls, refused bool) []byte {
	if end == nil {
		end = &llmhub.End{Stop: llmhub.StopEnd}
	}
	word := stopWord(end.Stop)
	if word == "end_turn" && refused {
		word = "refusal"
	}
	dst = wire.AppendString(append(dst, `"stop_reason":`...), word)
	dst = append(dst, `,"stop_sequence":`...)
	if end.Sequence != "" {
		return wire.AppendString(dst, end.Sequence)
	}
	return append(dst, "null"...)
}

// appendUsage renders the count of tokens.
func appendUsage(dst []byte, u *llmhub.Usage) []byte {
	for _, n := range []struct {
		word  string
		count int64
	}{
		{`{"input_tokens":`, u.Input + u.AudioInput},
		{`,"cache_creation_input_tokens":`, u.CacheWrite5m + u.CacheWrite1h},
		{`,"cache_read_input_tokens":`, u.CacheRead},
		{`,"cache_creation":{"ephemeral_5m_input_tokens":`, u.CacheWrite5m},
		{`,"ephemeral_1h_input_tokens":`, u.CacheWrite1h},
		{`},"output_tokens":`, u.Completion()},
	} {
		dst = strconv.AppendInt(append(dst, n.word...), n.count, 10)
	}
	if u.Reasoning > 0 {
		dst = strconv.AppendInt(append(dst, `,"output_tokens_details":{"thinking_tokens":`...), u.Reasoning, 10)
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

// AppendError renders an error as the stream's last event.
func (s *streamer) AppendError(dst []byte, err *llmhub.Error) []byte {
	s.ended = true
	dst = append(dst, "event: error\ndata: "...)
	if relayed(err) {
		dst = appendLine(dst, err.Raw)
	} else {
		dst = appendError(dst, err, classFor(err), s.as.ID)
	}
	return append(dst, "\n\n"...)
}

// appendLine appends JSON without its line breaks, which no JSON string holds.
func appendLine(dst, json []byte) []byte {
	for len(json) > 0 {
		n := bytes.IndexAny(json, "\r\n")
		if n < 0 {
			return append(dst, json...)
		}
		dst, json = append(dst, json[:n]...), json[n+1:]
	}
	return dst
}

// gatherer renders a whole answer at its end.
type gatherer struct {
	as  wire.Identity
	got llmhub.Response
}

// Append takes one event, and renders the answer when it is the last.
func (g *gatherer) Append(dst []byte, ev llmhub.Event) []byte {
	if ev.Raw != nil {
		return append(dst, ev.Raw...)
	}
	if ev.Index >= 0 && ev.Index < 1<<16 {
		g.got.Add(ev)
	}
	if ev.Kind != llmhub.EventEnd {
		return dst
	}
	dst = wire.AppendString(append(dst, `{"model":`...), g.as.Model)
	dst = wire.AppendString(append(dst, `,"id":`...), messageID(g.as))
	dst = append(dst, `,"type":"message","role":"assistant","content":[`...)
	calls, refused := false, false
	first := true
	for i := range g.got.Parts {
		p := &g.got.Parts[i]
		n := len(dst)
		if !first {
			dst = append(dst, ',')
		}
		before := len(dst)
		if dst = appendBlock(dst, p); len(dst) == before {
			dst = dst[:n]
			continue
		}
		first = false
		calls, refused = calls || p.Kind == llmhub.PartToolCall, refused || p.Kind == llmhub.PartRefusal
	}
	dst = append(dst, "],"...)
	dst = appendStop(dst, &g.got.End, calls, refused)
	dst = appendUsage(append(dst, `,"usage":`...), &g.got.Usage)
	return append(dst, '}')
}

// appendBlock renders one part of an answer; nothing if it cannot be told.
func appendBlock(dst []byte, p *llmhub.Part) []byte {
	if p.Choice > 0 {
		return dst
	}
	switch p.Kind {
	case llmhub.PartText, llmhub.PartRefusal:
		dst = wire.AppendString(append(dst, `{"type":"text","text":`...), p.Text)
	case llmhub.PartReasoning:
		if p.Redacted {
			dst = wire.AppendString(append(dst, `{"type":"redacted_thinking","data":`...), spellSignature(p.SignedBy, p.Signature))
			break
		}
		dst = wire.AppendString(append(dst, `{"type":"thinking","thinking":`...), p.Text)
		dst = wire.AppendString(append(dst, `,"signature":`...), spellSignature(p.SignedBy, p.Signature))
	case llmhub.PartToolCall:
		dst = wire.AppendString(append(dst, `{"type":"tool_use","id":`...), p.ID)
		dst = wire.AppendString(append(dst, `,"name":`...), p.Name)
		dst = append(append(dst, `,"input":`...), argsObject(p.Args)...)
	case llmhub.PartOther:
		if p.Origin.Dialect == Name {
			return append(dst, p.Origin.JSON...)
		}
		return dst
	default:
		return dst
	}
	return append(dst, '}')
}

// AppendError renders an error where a message was expected.
func (g *gatherer) AppendError(dst []byte, err *llmhub.Error) []byte {
	if relayed(err) {
		return append(dst, err.Raw...)
	}
	return appendError(dst, err, classFor(err), g.as.ID)
}
