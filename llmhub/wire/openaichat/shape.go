package openaichat

import (
	"bytes"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire/scan"
)

// shape remembers the chunk that came before, when it was one piece of text for
// an open part and nothing else. A chunk whose bytes in front of and behind the
// text are the same says the same, so it need not be parsed. The padding that
// OpenAI adds, of another length each time, does not count.
type shape struct {
	part          int    // the text is for
	before, after []byte // the text, without its quotes
	padding       []byte // behind the padding's text, where there is padding
	padded        bool
	ok            bool
}

// text returns the text of a chunk of the same shape.
func (s *shape) text(data []byte) (string, bool) {
	if !s.ok || !bytes.HasPrefix(data, s.before) {
		return "", false
	}
	rest := data[len(s.before)-1:]
	_, end := stringAt(rest, 1)
	if end <= 2 || !bytes.HasPrefix(rest[end-1:], s.after) {
		return "", false
	}
	if tail := rest[end-1+len(s.after):]; s.padded {
		n := bytes.IndexByte(tail, '"')
		if n < 0 || bytes.IndexByte(tail[:n], '\\') >= 0 || !bytes.Equal(tail[n:], s.padding) {
			return "", false
		}
	} else if len(tail) > 0 {
		return "", false
	}
	return scan.Unquote(rest[:end])
}

// learn takes the shape of a chunk whose only content was text, a piece of data
// with its quotes.
func (s *shape) learn(part int, data, text []byte) {
	from := cap(data) - cap(text)
	to := from + len(text)
	s.part, s.ok, s.padded = part, true, false
	s.before = append(s.before[:0], data[:from+1]...)
	after := data[to-1:]
	if n := bytes.Index(after, padding); n >= 0 {
		at := n + len(padding)
		if end := bytes.IndexByte(after[at:], '"'); end >= 0 {
			s.padded = true
			s.padding = append(s.padding[:0], after[at+end:]...)
			after = after[:at]
		}
	}
	s.after = append(s.after[:0], after...)
}

var padding = []byte(`"obfuscation":"`)

// lone returns the text of a delta that says nothing but text, and of what kind.
func (m *delta) lone() ([]byte, llmhub.PartKind) {
	if !isNull(m.refusal) || !isNull(m.calls) || !isNull(m.function) || !isNull(m.audio) || !isNull(m.extra) ||
		!isNull(m.blocks) || !isNull(m.logprobs) || !isNull(m.finish) || !isNull(m.channel) {
		return nil, ""
	}
	text, kind := m.content, llmhub.PartText
	if isNull(text) || string(text) == `""` {
		text, kind = m.reasoning, llmhub.PartReasoning
	} else if !isNull(m.reasoning) && string(m.reasoning) != `""` {
		return nil, ""
	}
	if len(text) < 3 || text[0] != '"' {
		return nil, ""
	}
	return text, kind
}
