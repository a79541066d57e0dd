package openaichat

import (
	"strconv"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/llmhub/wire/scan"
)

// Body renders a call. A caller's own bytes of this dialect are sent as they
// are but for what the head says otherwise, what an edit changed and what the
// provider does not take.
func (c *Client) Body(call *llmhub.Call) ([][]byte, error) {
	q := c.quirks(call.Target.Model)
	d := draft{}
	var h head
	switch b := call.Body.(type) {
	case *body:
		d.raw, d.at, h = b.raw, &b.at, b.head
		if b.traits&q.conflicts() != 0 || q.NoAllowedTools && b.allowsTools() {
			p, err := b.Decode()
			if err != nil {
				return nil, err
			}
			if err := c.render(call, &q, &d, p, p); err != nil {
				return nil, err
			}
		}
	default:
		p, err := call.Body.Decode()
		if err != nil {
			return nil, err
		}
		before := &llmhub.Prompt{}
		if from := bodyOf(p); from != nil {
			d.raw, d.at, h = from.raw, &from.at, from.head
			if before, err = from.Decode(); err != nil {
				return nil, err
			}
		} else {
			d.raw, d.at = []byte("{}"), new(spans)
		}
		if err := c.render(call, &q, &d, p, before); err != nil {
			return nil, err
		}
	}
	if err := d.head(call, &q, &h); err != nil {
		return nil, err
	}
	return d.parts(), nil
}

// allowsTools reports whether tool_choice is an object that may list tools.
func (b *body) allowsTools() bool {
	v := b.of(kToolChoice)
	return len(v) > 0 && v[0] == '{' && scanHas(v, "allowed_tools")
}

func scanHas(v []byte, name string) bool {
	c := scan.New(v)
	found := false
	for c.Enter('{'); c.Member(); c.Skip() {
		found = found || string(c.Key) == name
	}
	return found
}

// head makes the bytes say what the head says. h is what they say now.
func (d *draft) head(call *llmhub.Call, q *Quirks, h *head) error {
	if h.model != call.Target.Model {
		d.set(kModel, wire.AppendString(make([]byte, 0, len(call.Target.Model)+2), call.Target.Model))
	}
	d.remove(kFallbacks)
	d.remove(kStreamRecovery)
	d.cap(call.MaxTokens, q.Cap, h)
	if n := call.Choices; n != h.n {
		d.set(kN, strconv.AppendInt(nil, int64(max(n, 1)), 10))
	}
	d.stream(call.Stream, q, h)
	d.effort(call, q)
	if q.NoSchema && scanIs(d.get(kResponseFormat), "type", "json_schema") {
		return unsupported("response_format")
	}
	return d.check(call, q)
}

// cap leaves one cap, in the spelling that is honoured.
func (d *draft) cap(n int, spelling string, h *head) {
	key, other := kMaxTokens, kMaxCompletionTokens
	if spelling == keys[other] || spelling == "" && !isNull(d.get(other)) {
		key, other = other, key
	}
	switch {
	case n == 0 && h.cap == 0:
		return
	case n == 0:
		d.remove(key)
	case n != h.cap || !isCount(d.get(key), n):
		d.set(key, strconv.AppendInt(nil, int64(n), 10))
	}
	d.remove(other)
}

func isCount(v []byte, n int) bool {
	m, err := strconv.Atoi(string(v))
	return err == nil && m == n
}

// stream asks for the answer as it comes, and for its usage.
func (d *draft) stream(on bool, q *Quirks, h *head) {
	if on != h.stream {
		d.set(kStream, strconv.AppendBool(nil, on))
	}
	switch {
	case !on && h.stream, on && q.NoUsage:
		d.remove(kStreamOptions)
	case on && !h.usage:
		d.set(kStreamOptions, withUsage(d.get(kStreamOptions)))
	}
}

// usageOptions are stream options that ask for usage and nothing else.
var usageOptions = []byte(`{"include_usage":true}`)

// withUsage sets include_usage in stream options, whatever else they say.
func withUsage(v []byte) []byte {
	if isNull(v) {
		return usageOptions
	}
	var at [1]wire.Span
	if wire.ScanHead(v, optionKeys[:], at[:]) != nil {
		return usageOptions
	}
	p := wire.Patch{Body: v}
	p.Set(at[0], optionKeys[0], []byte("true"))
	var out []byte
	for _, part := range p.Parts() {
		out = append(out, part...)
	}
	return out
}

// effort spells the effort as the model knows it.
func (d *draft) effort(call *llmhub.Call, q *Quirks) {
	v := d.get(kReasoningEffort)
	if isNull(v) || q.Effort == nil && !q.Thinking {
		return
	}
	asked, _ := scan.Unquote(v)
	if q.Thinking && asked == "none" {
		d.remove(kReasoningEffort)
		if isNull(d.get(kThinking)) {
			d.set(kThinking, []byte(`{"type":"disabled"}`))
		}
		return
	}
	if q.Effort == nil {
		return
	}
	switch as := q.Effort(asked); as {
	case asked:
	case "":
		d.remove(kReasoningEffort)
		call.Warn(keys[kReasoningEffort])
	default:
		d.set(kReasoningEffort, wire.AppendString(nil, as))
	}
}

// scanIs reports whether the member called name of the object v is the string want.
func scanIs(v []byte, name, want string) bool {
	if isNull(v) {
		return false
	}
	c := scan.New(v)
	is := false
	for c.Enter('{'); c.Member(); {
		if string(c.Key) == name {
			is = c.Text() == want
			continue
		}
		c.Skip()
	}
	return is
}
