package openaichat

import (
	"slices"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire/scan"
)

// fragment is a piece of a tool call.
type fragment struct {
	index     int64
	indexed   bool
	id, name  string
	args      string
	signature string
}

func (d *decoder) calls(ch *choice, v []byte) bool {
	if len(v) < 3 || v[0] != '[' {
		return true
	}
	c := scan.New(v)
	for c.Enter('['); c.Elem(); {
		if !d.fragment(ch, d.readFragment(c.Raw())) {
			return false
		}
	}
	return true
}

func (d *decoder) readFragment(v []byte) fragment {
	var f fragment
	c := scan.New(v)
	for c.Enter('{'); c.Member(); {
		switch string(c.Key) {
		case "index":
			if b := c.Peek(); b >= '0' && b <= '9' {
				f.index, f.indexed = c.Int(), true
				continue
			}
			c.Skip()
		case "id":
			f.id = c.Text()
		case "function", "custom":
			f.readFunction(&c)
		case "extra_content":
			f.signature = d.signature(c.Raw())
		default:
			c.Skip()
		}
	}
	return f
}

func (f *fragment) readFunction(c *scan.Cursor) {
	for c.Enter('{'); c.Member(); {
		switch string(c.Key) {
		case "name":
			f.name = c.Text()
		case "arguments", "input":
			f.args = fragmentArgs(c.Raw())
		default:
			c.Skip()
		}
	}
}

// fragmentArgs is a piece of arguments: of a string, or an object that came
// whole.
func fragmentArgs(v []byte) string {
	if isNull(v) {
		return ""
	}
	if v[0] != '"' {
		return string(v)
	}
	s, _ := scan.Unquote(v)
	return s
}

// function decodes the call as old models say it.
func (d *decoder) function(ch *choice, v []byte) bool {
	if isNull(v) {
		return true
	}
	f := fragment{index: -1, indexed: true}
	c := scan.New(v)
	f.readFunction(&c)
	return d.fragment(ch, f)
}

// fragment adds to the call that a fragment belongs to: a new one when its index
// is, or when it brings an id or, without an index, a name of its own.
func (d *decoder) fragment(ch *choice, f fragment) bool {
	var cur *wireCall
	if ch.open && ch.kind == llmhub.PartToolCall {
		cur = &ch.calls[len(ch.calls)-1]
	}
	if cur == nil || f.begins(cur) {
		if slices.ContainsFunc(ch.calls, f.late) {
			d.err = d.wrong("pieces of several tool calls are mixed")
			return false
		}
		if !d.close(ch) {
			return false
		}
		ch.called, ch.open, ch.kind = true, true, llmhub.PartToolCall
		ch.calls = append(ch.calls, wireCall{index: f.index, id: f.id})
		cur = &ch.calls[len(ch.calls)-1]
	}
	if f.signature != "" {
		ch.signature = f.signature
	}
	if cur.id == "" {
		cur.id = f.id
	}
	if !cur.named {
		if f.args == "null" && cur.pending == "" { // no arguments at all
			f.args = ""
		}
		cur.pending += f.args
		return f.name == "" || d.named(ch, cur, f.name)
	}
	return f.args == "" || d.add(llmhub.Event{Kind: llmhub.EventDelta, Index: cur.part, Delta: f.args})
}

// late reports whether the fragment belongs to a call that was closed.
func (f *fragment) late(c wireCall) bool {
	if !c.closed || f.indexed && f.index != c.index {
		return false
	}
	return f.id != "" && f.id == c.id || f.id == "" && f.name == ""
}

func (f *fragment) begins(cur *wireCall) bool {
	if f.id != "" && cur.id != "" && f.id != cur.id {
		return true
	}
	if f.indexed && f.index != cur.index {
		return true
	}
	return f.id == "" && cur.id == "" && f.name != "" && cur.named
}

// named opens a call now that its name is known.
func (d *decoder) named(ch *choice, c *wireCall, name string) bool {
	id := c.id
	if id == "" {
		id = d.mint(d.parts)
	}
	args := c.pending
	c.named, c.part, c.pending = true, d.parts, ""
	if !d.open(ch, llmhub.Part{Kind: llmhub.PartToolCall, ID: id, Name: name}) {
		return false
	}
	return args == "" || d.add(llmhub.Event{Kind: llmhub.EventDelta, Index: c.part, Delta: args})
}
