package wire

import (
	"bytes"
	"cmp"
	"slices"
)

// Patch changes members of a top-level JSON object in its bytes, without copying
// what stays. The spans come from [ScanHead]. The zero Patch of a body changes
// nothing.
type Patch struct {
	Body   []byte
	edits  []edit
	insert []byte // members that were not there, each with a comma behind it
}

type edit struct {
	at     Span
	text   []byte // the new value
	remove bool
}

// Set makes the member at s, whose name is key, say value, which is JSON. When s
// is not there the member is added in front of the others.
func (p *Patch) Set(s Span, key string, value []byte) {
	if s.Ok() {
		p.edits = append(p.edits, edit{at: s, text: value})
		return
	}
	p.insert = AppendString(p.insert, key)
	p.insert = append(append(append(p.insert, ':'), value...), ',')
}

// Remove takes the member at s out. It does nothing when s is not there.
func (p *Patch) Remove(s Span) {
	if s.Ok() {
		p.edits = append(p.edits, edit{at: s, remove: true})
	}
}

// Parts is the changed body, in pieces that lie in Body but for new values.
func (p *Patch) Parts() [][]byte {
	if len(p.edits) == 0 && len(p.insert) == 0 {
		return [][]byte{p.Body}
	}
	slices.SortFunc(p.edits, func(a, b edit) int { return cmp.Compare(a.at.Key, b.at.Key) })
	open, end := bytes.IndexByte(p.Body, '{')+1, bytes.LastIndexByte(p.Body, '}')
	parts := append(make([][]byte, 0, 2*len(p.edits)+4), p.Body[:open])
	if len(p.insert) > 0 {
		parts = append(parts, p.insert)
	}
	from := open
	for _, e := range p.edits {
		if !e.remove {
			parts = append(parts, p.Body[from:e.at.From], e.text)
			from = e.at.To
			continue
		}
		parts = append(parts, p.Body[from:e.at.Key])
		from = behindComma(p.Body, e.at.To)
	}
	parts = dropComma(append(parts, p.Body[from:end]))
	return append(parts, p.Body[end:])
}

// behindComma returns the position behind the comma that follows at, or at when
// none does.
func behindComma(body []byte, at int) int {
	rest := bytes.TrimLeft(body[at:], space)
	if len(rest) > 0 && rest[0] == ',' {
		return len(body) - len(rest) + 1
	}
	return at
}

// dropComma takes a comma off the end, where the last member was removed.
func dropComma(parts [][]byte) [][]byte {
	for len(parts) > 0 {
		last := bytes.TrimRight(parts[len(parts)-1], space)
		if len(last) > 0 {
			parts[len(parts)-1] = bytes.TrimSuffix(last, []byte(","))
			break
		}
		parts = parts[:len(parts)-1]
	}
	return parts
}

const space = " \t\r\n"
