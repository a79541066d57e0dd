package openaichat

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
)

// render writes into d what p says otherwise than before, and what the provider
// cannot take as it stands. The same p and before change nothing else.
func (c *Client) render(call *llmhub.Call, q *Quirks, d *draft, p, before *llmhub.Prompt) error {
	r := &rendering{call: call, q: q, provider: c.Provider, before: before, raw: d.raw}
	r.tools(d, p)
	r.sampling(d, p)
	r.reasoning(d, p)
	r.format(d, p)
	r.unsaid(d, p)
	r.conversation(d, p)
	return r.err
}

// rendering is one prompt being written.
type rendering struct {
	call     *llmhub.Call
	q        *Quirks
	provider string
	before   *llmhub.Prompt // as the bytes at hand say it
	raw      []byte
	warned   []string
	err      error
}

func (r *rendering) refuse(param string) {
	if r.err == nil {
		r.err = unsupported(param)
	}
}

// warn warns of each thing once.
func (r *rendering) warn(what string) {
	if !slices.Contains(r.warned, what) {
		r.warned = append(r.warned, what)
		r.call.Warn(what)
	}
}

func (r *rendering) sampling(d *draft, p *llmhub.Prompt) {
	b := r.before
	put(d, kTemperature, p.Temperature, b.Temperature, appendFloat)
	put(d, kTopP, p.TopP, b.TopP, appendFloat)
	put(d, kFrequencyPenalty, p.FrequencyPenalty, b.FrequencyPenalty, appendFloat)
	put(d, kPresencePenalty, p.PresencePenalty, b.PresencePenalty, appendFloat)
	put(d, kSeed, p.Seed, b.Seed, func(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) })
	if p.TopK != nil && b.TopK == nil && !r.q.TopK {
		r.warn(keys[kTopK])
	} else {
		put(d, kTopK, p.TopK, b.TopK, func(dst []byte, n int) []byte { return strconv.AppendInt(dst, int64(n), 10) })
	}
	if !slices.Equal(p.Stop, b.Stop) {
		if len(p.Stop) == 0 {
			d.remove(kStop)
		} else {
			d.set(kStop, appendStrings(nil, p.Stop))
		}
	}
	if p.User != b.User {
		d.set(kUser, wire.AppendString(nil, p.User))
		if p.User == "" {
			d.remove(kUser)
		}
	}
	if p.Cache != b.Cache && p.Cache != 0 {
		r.warn("cache_control")
	}
}

// put says a value that changed.
func put[T comparable](d *draft, k key, v, before *T, as func([]byte, T) []byte) {
	switch {
	case v == nil && before == nil, v != nil && before != nil && *v == *before:
	case v == nil:
		d.remove(k)
	default:
		d.set(k, as(nil, *v))
	}
}

func appendFloat(dst []byte, f float64) []byte { return strconv.AppendFloat(dst, f, 'g', -1, 64) }

func appendStrings(dst []byte, list []string) []byte {
	dst = append(dst, '[')
	for i, s := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = wire.AppendString(dst, s)
	}
	return append(dst, ']')
}

func (r *rendering) reasoning(d *draft, p *llmhub.Prompt) {
	if llmhub.Same(p.Reasoning, r.before.Reasoning) {
		return
	}
	for _, k := range [...]key{kReasoningEffort, kReasoning, kThinking, kReasoningFormat, kIncludeReasoning} {
		d.remove(k)
	}
	if p.Reasoning == nil {
		return
	}
	effort := p.Reasoning.Effort
	if effort == "" {
		effort = effortOf(p.Reasoning.Budget)
	}
	if effort == "" {
		return
	}
	if r.q.Thinking {
		if effort == "none" {
			d.set(kThinking, []byte(`{"type":"disabled"}`))
			return
		}
		d.set(kThinking, []byte(`{"type":"enabled"}`))
	}
	d.set(kReasoningEffort, wire.AppendString(nil, effort))
}

// effortOf is the effort that a budget of tokens stands for; "" of none.
func effortOf(budget int) string {
	switch {
	case budget <= 0:
		return ""
	case budget <= 2048:
		return "low"
	case budget <= 8192:
		return "medium"
	}
	return "high"
}

func (r *rendering) format(d *draft, p *llmhub.Prompt) {
	if llmhub.Same(p.Format, r.before.Format) {
		return
	}
	switch f := p.Format; {
	case f == nil:
		d.remove(kResponseFormat)
	case f.Schema == nil:
		d.set(kResponseFormat, []byte(`{"type":"json_object"}`))
	default:
		name := f.Name
		if name == "" {
			name = "answer"
		}
		v := wire.AppendString([]byte(`{"type":"json_schema","json_schema":{"name":`), name)
		if f.Description != "" {
			v = wire.AppendString(append(v, `,"description":`...), f.Description)
		}
		v = append(append(v, `,"schema":`...), f.Schema...)
		if f.Strict != nil {
			v = strconv.AppendBool(append(v, `,"strict":`...), *f.Strict)
		}
		d.set(kResponseFormat, append(v, '}', '}'))
	}
}

// unsaid takes out what an edit took out, and warns of or refuses what another
// dialect says.
func (r *rendering) unsaid(d *draft, p *llmhub.Prompt) {
	for _, b := range r.before.Unsaid {
		if k := keyOf([]byte(b.Name)); k != keyCount && !slices.Contains(p.Unsaid, b) {
			d.remove(k)
		}
	}
	for _, u := range p.Unsaid {
		switch {
		case slices.Contains(r.before.Unsaid, u):
		case u.Tunes:
			r.warn(u.Name)
		default:
			r.refuse(u.Name)
		}
	}
}

func (r *rendering) tools(d *draft, p *llmhub.Prompt) {
	b := r.before
	legacy := d.get(kFunctions) != nil && d.get(kTools) == nil
	listed, calling := kTools, kToolChoice
	if legacy {
		listed, calling = kFunctions, kFunctionCall
	}
	tools, only := p.Tools, p.Choice != nil && p.Choice.Only != nil
	narrowed := only && (r.q.NoAllowedTools || !llmhub.Same(p.Choice, b.Choice))
	if narrowed {
		tools = slices.DeleteFunc(slices.Clone(tools), func(t llmhub.Tool) bool {
			return t.Name != "" && !slices.Contains(p.Choice.Only, t.Name)
		})
	}
	if !llmhub.Same(tools, b.Tools) || !r.q.CacheControl && slices.ContainsFunc(tools, func(t llmhub.Tool) bool { return t.Cache != 0 }) {
		d.remove(listed)
		if len(tools) > 0 {
			d.set(listed, r.toolList(tools, legacy))
		}
	}
	if narrowed || !llmhub.Same(p.Choice, b.Choice) {
		d.remove(calling)
		if p.Choice != nil && len(tools) > 0 {
			d.set(calling, appendChoice(nil, p.Choice, legacy))
		}
	}
	if len(tools) > 0 || b.Parallel != nil {
		put(d, kParallel, p.Parallel, b.Parallel, strconv.AppendBool)
	}
}

func (r *rendering) toolList(tools []llmhub.Tool, legacy bool) []byte {
	v := []byte{'['}
	for i := range tools {
		if i > 0 {
			v = append(v, ',')
		}
		v = r.tool(v, &tools[i], legacy)
	}
	return append(v, ']')
}

func (r *rendering) tool(dst []byte, t *llmhub.Tool, legacy bool) []byte {
	var o, f object
	if t.Origin.Dialect == Name {
		d := decoding{p: &llmhub.Prompt{}}
		o = d.object("tools", t.Origin.JSON)
		var before llmhub.Tool
		if legacy {
			before = d.function(t.Origin.JSON, t.Origin)
		} else {
			before = d.tool(t.Origin.JSON)
			f = d.object("tools.function", o.get("function"))
		}
		if llmhub.Same(*t, before) && (t.Cache == 0 || r.q.CacheControl) {
			return append(dst, t.Origin.JSON...)
		}
		if legacy {
			o, f = nil, o
		}
	} else if t.Name == "" {
		r.refuse(keys[kTools])
		return dst
	}
	if t.Cache != 0 && !r.q.CacheControl {
		r.warn("cache_control")
	}
	f = f.with("name", wire.AppendString(nil, t.Name)).with("cache_control", nil)
	f = f.withText("description", t.Description).with("parameters", t.Schema)
	strict := []byte(nil)
	if t.Strict != nil {
		strict = strconv.AppendBool(nil, *t.Strict)
	}
	f = f.with("strict", strict)
	if legacy {
		return f.append(dst)
	}
	o = o.withText("type", "function").with("function", f.append(nil))
	return o.with("cache_control", r.cache(t.Cache)).append(dst)
}

func appendChoice(dst []byte, c *llmhub.ToolChoice, legacy bool) []byte {
	if c.Mode != llmhub.ToolNamed {
		return wire.AppendString(dst, string(c.Mode))
	}
	if legacy {
		return append(wire.AppendString(append(dst, `{"name":`...), c.Name), '}')
	}
	return append(wire.AppendString(append(dst, `{"type":"function","function":{"name":`...), c.Name), '}', '}')
}

// with is o with a member set, at the end if it was not there; a nil value takes
// it out. o itself stays as it is.
func (o object) with(name string, value json.RawMessage) object {
	o = slices.Clone(o)
	for i := range o {
		if string(o[i].key) == name {
			if value == nil {
				return slices.Delete(o, i, i+1)
			}
			o[i].value = value
			return o
		}
	}
	if value == nil {
		return o
	}
	return append(o, struct{ key, value []byte }{[]byte(name), value})
}

// withText is with for a string, which is left out when it is empty.
func (o object) withText(name, s string) object {
	if s == "" {
		return o.with(name, nil)
	}
	return o.with(name, quoted(s))
}

func (o object) append(dst []byte) []byte {
	room := 2
	for _, m := range o {
		room += len(m.key) + len(m.value) + len(`"":,`)
	}
	dst = slices.Grow(dst, room)
	dst = append(dst, '{')
	for i, m := range o {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), m.key...), '"', ':')
		dst = append(dst, m.value...)
	}
	return append(dst, '}')
}
