package openaichat

import (
	"strconv"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/llmhub/wire/scan"
)

// collector renders a whole answer at its end.
type collector struct {
	*encoder
	texts []piecewise
}

// piecewise is what was said of a part, piece by piece.
type piecewise struct {
	id, name string
	text     []string
	logprobs [][]byte
}

// Append renders nothing until the end, and then everything.
func (c *collector) Append(dst []byte, ev llmhub.Event) []byte {
	if len(ev.Raw) > 0 && ev.Kind == llmhub.EventEnd {
		return append(dst, ev.Raw...)
	}
	switch ev.Kind {
	case llmhub.EventOpen:
		if c.opened(&ev) == nil {
			break
		}
		for len(c.texts) < len(c.parts) {
			c.texts = append(c.texts, piecewise{})
		}
		c.texts[ev.Index] = piecewise{id: ev.Part.ID, name: ev.Part.Name}
	case llmhub.EventDelta:
		c.delta(&ev)
	case llmhub.EventClose:
		if ev.Part != nil && ev.Index >= 0 && ev.Index < len(c.parts) {
			c.parts[ev.Index].signature, c.parts[ev.Index].by = ev.Part.Signature, ev.Part.SignedBy
		}
	case llmhub.EventEnd:
		return c.render(dst, &ev)
	}
	return dst
}

func (c *collector) delta(ev *llmhub.Event) {
	if ev.Index < 0 || ev.Index >= len(c.texts) {
		return
	}
	t := &c.texts[ev.Index]
	if ev.Delta != "" {
		t.text = append(t.text, ev.Delta)
	}
	if ev.Part != nil && !isNull(ev.Part.Logprobs) {
		t.logprobs = append(t.logprobs, ev.Part.Logprobs)
	}
}

func (c *collector) render(dst []byte, ev *llmhub.Event) []byte {
	end := llmhub.End{Stop: llmhub.StopOther}
	if ev.End != nil {
		end = *ev.End
	}
	dst = append(dst, c.head...)
	for i := 0; i < max(1, len(c.choices), 1+len(end.Stops)); i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(append(dst, `{"index":`...), int64(i), 10)
		dst = c.message(append(dst, `,"message":`...), i)
		dst = c.logprobs(append(dst, `,"logprobs":`...), i)
		refused := i < len(c.choices) && c.choices[i].refused
		dst = wire.AppendString(append(dst, `,"finish_reason":`...), finishReason(stopOf(&end, i), refused, c.legacy))
		dst = append(dst, '}')
	}
	return append(appendUsage(append(dst, `],"usage":`...), ev.Usage), '}')
}

func (c *collector) message(dst []byte, choice int) []byte {
	dst = append(dst, `{"role":"assistant","content":`...)
	dst = c.joined(dst, choice, llmhub.PartText, c.calls(choice) == 0 && !c.has(choice, llmhub.PartRefusal))
	dst = c.joined(append(dst, `,"refusal":`...), choice, llmhub.PartRefusal, false)
	if c.has(choice, llmhub.PartReasoning) {
		dst = c.joined(append(dst, `,"reasoning_content":`...), choice, llmhub.PartReasoning, true)
		dst = c.thoughts(dst, choice)
	}
	dst = c.toolCalls(dst, choice)
	for i := range c.parts {
		if p := &c.parts[i]; p.choice == choice && p.kind == llmhub.PartText && p.signature != "" {
			dst = appendExtra(append(dst, ','), p.signature, p.by)
			break
		}
	}
	return append(dst, '}')
}

func (c *collector) calls(choice int) int {
	if choice < len(c.choices) {
		return c.choices[choice].calls
	}
	return 0
}

func (c *collector) has(choice int, kind llmhub.PartKind) bool {
	for i := range c.parts {
		if c.parts[i].choice == choice && c.parts[i].kind == kind {
			return true
		}
	}
	return false
}

// joined renders all text of a kind as one string; where there is none, as null
// or, if it must be a string, as "".
func (c *collector) joined(dst []byte, choice int, kind llmhub.PartKind, always bool) []byte {
	if !always && !c.has(choice, kind) {
		return append(dst, "null"...)
	}
	dst = append(dst, '"')
	for i := range c.parts {
		if c.parts[i].choice != choice || c.parts[i].kind != kind {
			continue
		}
		for _, s := range c.texts[i].text {
			dst = wire.AppendEscaped(dst, s)
		}
	}
	return append(dst, '"')
}

func (c *collector) thoughts(dst []byte, choice int) []byte {
	some := false
	for i := range c.parts {
		p := &c.parts[i]
		if p.choice != choice || p.kind != llmhub.PartReasoning || p.signature == "" {
			continue
		}
		if some {
			dst = append(dst, ',')
		} else {
			dst = append(dst, `,"thinking_blocks":[`...)
		}
		some = true
		dst = appendThought(dst, p, c.texts[i].all())
	}
	if some {
		dst = append(dst, ']')
	}
	return dst
}

func (p *piecewise) all() string {
	if len(p.text) == 1 {
		return p.text[0]
	}
	var b []byte
	for _, s := range p.text {
		b = append(b, s...)
	}
	return string(b)
}

func (c *collector) toolCalls(dst []byte, choice int) []byte {
	some := false
	for i := range c.parts {
		p := &c.parts[i]
		if p.choice != choice || p.kind != llmhub.PartToolCall {
			continue
		}
		t := &c.texts[i]
		args := t.all()
		if args == "" {
			args = "{}"
		}
		if c.legacy {
			dst = wire.AppendString(append(dst, `,"function_call":{"name":`...), t.name)
			return append(wire.AppendString(append(dst, `,"arguments":`...), args), '}')
		}
		if some {
			dst = append(dst, ',')
		} else {
			dst = append(dst, `,"tool_calls":[`...)
		}
		some = true
		dst = wire.AppendString(append(dst, `{"id":`...), t.id)
		dst = wire.AppendString(append(dst, `,"type":"function","function":{"name":`...), t.name)
		dst = append(wire.AppendString(append(dst, `,"arguments":`...), args), '}')
		if p.signature != "" {
			dst = appendExtra(append(dst, ','), p.signature, p.by)
		}
		dst = append(dst, '}')
	}
	if some {
		dst = append(dst, ']')
	}
	return dst
}

// logprobs renders those of a choice's pieces as one object.
func (c *collector) logprobs(dst []byte, choice int) []byte {
	var content, refusal []byte
	some := false
	for i := range c.parts {
		if c.parts[i].choice != choice {
			continue
		}
		for _, l := range c.texts[i].logprobs {
			some = true
			cur := scan.New(l)
			for cur.Enter('{'); cur.Member(); {
				switch string(cur.Key) {
				case "content":
					content = extend(content, cur.Raw())
				case "refusal":
					refusal = extend(refusal, cur.Raw())
				default:
					cur.Skip()
				}
			}
		}
	}
	if !some {
		return append(dst, "null"...)
	}
	dst = appendList(append(dst, `{"content":`...), content)
	return append(appendList(append(dst, `,"refusal":`...), refusal), '}')
}

// extend adds the elements of an array to those of others.
func extend(list, array []byte) []byte {
	if len(array) == 0 || array[0] != '[' || isEmptyArray(array) {
		return list
	}
	if len(list) > 0 {
		list = append(list, ',')
	}
	return append(list, array[1:len(array)-1]...)
}

func appendList(dst, list []byte) []byte {
	if list == nil {
		return append(dst, "null"...)
	}
	return append(append(append(dst, '['), list...), ']')
}

// AppendError renders an error as a body.
func (c *collector) AppendError(dst []byte, err *llmhub.Error) []byte {
	return appendError(dst, err, "")
}
