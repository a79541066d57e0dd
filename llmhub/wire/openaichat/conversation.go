package openaichat

import (
	"strings"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
)

// conversation writes system instructions and messages, those that did not
// change as they came.
func (r *rendering) conversation(d *draft, p *llmhub.Prompt) {
	if d.at[kMessages].Ok() && llmhub.Same(p.System, r.before.System) && llmhub.Same(p.Messages, r.before.Messages) && !r.conflictsSomewhere(d.get(kMessages)) {
		return
	}
	room := max(int64(len(d.get(kMessages)))+1024, 5*p.Tokens())
	w := list{dst: append(make([]byte, 0, room), '[')}
	r.system(&w, p)
	known := r.known()
	for i := range p.Messages {
		m := &p.Messages[i]
		r.message(&w, m, known[first(m.Origin.JSON)])
	}
	d.set(kMessages, append(w.dst, ']'))
}

func (r *rendering) conflicts(raw []byte) bool {
	t, _, _, err := survey(raw)
	return err != nil || r.q.conflict(t)
}

// conflictsSomewhere is conflicts of all messages: true where only one by one
// they can be judged.
func (r *rendering) conflictsSomewhere(raw []byte) bool {
	t, _, _, err := survey(raw)
	return err != nil || t&r.q.conflicts() != 0
}

// known finds messages of before by where their bytes begin.
func (r *rendering) known() map[*byte]*llmhub.Message {
	m := make(map[*byte]*llmhub.Message, len(r.before.Messages))
	for i := range r.before.Messages {
		m[first(r.before.Messages[i].Origin.JSON)] = &r.before.Messages[i]
	}
	return m
}

// first is where bytes begin; nil of none.
func first(b []byte) *byte {
	if len(b) == 0 {
		return nil
	}
	return &b[0]
}

func mine(o llmhub.Origin) bool { return o.Dialect == Name }

// list is a JSON array being written.
type list struct {
	dst  []byte
	some bool
}

func (l *list) next() {
	if l.some {
		l.dst = append(l.dst, ',')
	}
	l.some = true
}

func (l *list) raw(v []byte) {
	l.next()
	l.dst = append(l.dst, v...)
}

func (l *list) object(o object) {
	l.next()
	l.dst = o.append(l.dst)
}

// lead is a leading system message as it came, and where its parts begin.
type lead struct {
	raw   []byte
	parts []llmhub.Part
}

// leads are the leading system messages of the bytes at hand.
func (r *rendering) leads() []lead {
	var all []lead
	d := decoding{p: &llmhub.Prompt{}}
	o := d.object("", r.raw)
	leading := true
	if v := o.get("messages"); !isNull(v) {
		d.each(kMessages, v, func(v []byte) {
			if !leading {
				return
			}
			m, role := d.message("", v)
			if leading = role == "system" || role == "developer"; leading {
				all = append(all, lead{v, m.Parts})
			}
		})
	}
	return all
}

// system writes the instructions: parts that came in one message go in one
// message, those of a Go caller or another dialect in one of their own.
func (r *rendering) system(w *list, p *llmhub.Prompt) {
	leads := r.leads()
	home := map[*byte]*lead{}
	for i := range leads {
		for _, part := range leads[i].parts {
			home[first(part.Origin.JSON)] = &leads[i]
		}
	}
	if llmhub.Same(p.System, r.before.System) { // an empty one has no parts, and stays
		for i := range leads {
			r.lead(w, &leads[i], leads[i].parts)
		}
		return
	}
	for i := 0; i < len(p.System); {
		at := home[first(p.System[i].Origin.JSON)]
		n := i + 1
		for n < len(p.System) && home[first(p.System[n].Origin.JSON)] == at {
			n++
		}
		r.lead(w, at, p.System[i:n])
		i = n
	}
}

func (r *rendering) lead(w *list, at *lead, parts []llmhub.Part) {
	var o object
	if at != nil {
		if llmhub.Same(at.parts, parts) && !r.conflicts(at.raw) {
			w.raw(at.raw)
			return
		}
		o = r.reopen(at.raw)
	} else {
		o = o.withText("role", "system")
	}
	w.object(o.with("content", r.plainContent(parts, "\n\n")))
}

// reopen opens a message's object to be changed, without what the provider does
// not take whatever the message says.
func (r *rendering) reopen(raw []byte) object {
	d := decoding{}
	o := d.object("messages", raw)
	if d.err != nil && r.err == nil {
		r.err = d.err
	}
	if !r.q.CacheControl && o.get("cache_control") != nil {
		r.warn("cache_control")
		o = o.with("cache_control", nil)
	}
	if r.q.NoDeveloper && o.text("role") == "developer" {
		o = o.withText("role", "system")
	}
	return o
}

// message writes a message as one or, where it holds results of tools, several.
// before is the same message as it came, nil where that is not known.
func (r *rendering) message(w *list, m, before *llmhub.Message) {
	ours := mine(m.Origin)
	if ours && before == nil {
		d := decoding{}
		b, _ := d.message("messages", m.Origin.JSON)
		before = &b
	}
	if ours && llmhub.Same(*m, *before) && !r.conflicts(m.Origin.JSON) {
		w.raw(m.Origin.JSON)
		return
	}
	var o object
	if ours {
		o = r.reopen(m.Origin.JSON)
	} else {
		before = &llmhub.Message{}
	}
	if o.text("role") == "tool" || o.text("role") == "function" || m.Role != before.Role {
		o = nil // its members are those of the result, or of another role
	}
	switch m.Role {
	case llmhub.RoleAssistant:
		r.assistant(w, m, before, o)
	case llmhub.RoleSystem:
		if o == nil {
			o = o.withText("role", "system")
		}
		w.object(o.with("content", r.plainContent(m.Parts, "\n\n")))
	default:
		r.user(w, m, o)
	}
}

// user writes results first, each a message, then what else the user says.
func (r *rendering) user(w *list, m *llmhub.Message, o object) {
	var rest []llmhub.Part
	for i := range m.Parts {
		if p := &m.Parts[i]; p.Kind == llmhub.PartToolResult {
			rest = append(rest, r.result(w, p)...)
		}
	}
	results := len(m.Parts) > 0
	for _, p := range m.Parts {
		if p.Kind != llmhub.PartToolResult {
			rest = append(rest, p)
			results = false
		}
	}
	if results && len(rest) == 0 {
		return
	}
	if o == nil {
		o = o.withText("role", "user")
	}
	w.object(o.with("content", r.content(rest)))
}

// result writes a tool's result as a message of text, and gives back what a
// user's message must carry: images and documents.
func (r *rendering) result(w *list, p *llmhub.Part) []llmhub.Part {
	var o object
	if mine(p.Origin) {
		d := decoding{}
		m, _ := d.message("messages", p.Origin.JSON)
		if len(m.Parts) == 1 {
			b := m.Parts[0]
			if b.ID == "" {
				b.ID = p.ID
			}
			if b.Name == "" {
				b.Name = p.Name
			}
			if llmhub.Same(*p, b) && !r.conflicts(p.Origin.JSON) {
				w.raw(p.Origin.JSON)
				return nil
			}
		}
		o = r.reopen(p.Origin.JSON)
	}
	if o == nil {
		o = o.withText("role", "tool")
	}
	if o.text("role") == "tool" {
		o = o.withText("tool_call_id", p.ID)
	}
	var said, shown []llmhub.Part
	for _, part := range p.Result {
		switch part.Kind {
		case llmhub.PartImage, llmhub.PartDocument, llmhub.PartAudio:
			if part.Media == nil || part.Media.Text == "" {
				shown = append(shown, part)
				continue
			}
		}
		said = append(said, part)
	}
	if len(shown) > 0 {
		r.warn("images in tool results")
		shown = append([]llmhub.Part{{Kind: llmhub.PartText, Text: "Shown by the tool call " + p.ID + ":"}}, shown...)
	}
	if p.Failed {
		r.warn("is_error")
	}
	w.object(o.with("content", r.plainContent(said, "\n\n")))
	return shown
}

// assistant writes what the model said: text, refusal, reasoning where the
// provider takes it back, calls.
func (r *rendering) assistant(w *list, m, before *llmhub.Message, o object) {
	if o == nil {
		o = o.withText("role", "assistant")
	}
	o = r.thoughts(o, m, before)
	text, was := said(m.Parts), said(before.Parts)
	if !llmhub.Same(text, was) || !mine(m.Origin) || r.conflicts(o.get("content")) {
		o = r.saying(o, text)
	}
	calls := pick(m.Parts, isCall)
	if !llmhub.Same(calls, pick(before.Parts, isCall)) || r.conflicts(o.get("tool_calls")) {
		o = o.with("tool_calls", r.calls(calls)).with("function_call", nil)
	}
	if r.q.Signatures == "" || !llmhub.Same(text, was) || r.conflicts(o.get("extra_content")) {
		o = o.with("extra_content", nil)
	}
	if r.q.Signatures != "" && o.get("extra_content") == nil && len(text) > 0 && r.own(&text[0]) {
		o = o.with("extra_content", r.signature(&text[0]))
	}
	w.object(o)
}

// saying sets content and refusal; one of another dialect is said as content.
func (r *rendering) saying(o object, text []llmhub.Part) object {
	var content []llmhub.Part
	refusal := ""
	for _, p := range text {
		if p.Kind == llmhub.PartRefusal && o.get("refusal") != nil {
			refusal += p.Text
			continue
		}
		content = append(content, p)
	}
	if o.get("refusal") != nil {
		if v := []byte("null"); refusal == "" {
			o = o.with("refusal", v)
		} else {
			o = o.withText("refusal", refusal)
		}
	}
	if len(content) == 0 {
		return o.with("content", []byte("null"))
	}
	return o.with("content", r.plainContent(content, ""))
}

// said are the parts of an assistant's content.
func said(parts []llmhub.Part) []llmhub.Part {
	return pick(parts, func(p *llmhub.Part) bool { return !isCall(p) && !isThought(p) })
}

// isCall reports whether a part is a call: of a function or, in this dialect
// only, of another sort.
func isCall(p *llmhub.Part) bool {
	return p.Kind == llmhub.PartToolCall || p.Kind == llmhub.PartOther && p.ID != ""
}

func isThought(p *llmhub.Part) bool { return p.Kind == llmhub.PartReasoning }

func pick(parts []llmhub.Part, is func(*llmhub.Part) bool) []llmhub.Part {
	var list []llmhub.Part
	for i := range parts {
		if is(&parts[i]) {
			list = append(list, parts[i])
		}
	}
	return list
}

// own reports whether a signed part was signed by the provider.
func (r *rendering) own(p *llmhub.Part) bool {
	return p.Signature != "" && p.SignedBy == r.provider && r.provider != ""
}

// thoughts leaves reasoning in the one member that the provider takes it in:
// what is its own, and what this dialect's caller sent without saying whose.
func (r *rendering) thoughts(o object, m, before *llmhub.Message) object {
	all := pick(m.Parts, isThought)
	changed := !llmhub.Same(all, pick(before.Parts, isThought))
	text := ""
	for _, p := range all {
		if p.SignedBy != "" && p.SignedBy == r.provider || p.SignedBy == "" && mine(p.Origin) {
			text += p.Text
		} else {
			changed = true
		}
	}
	o = o.with("thinking_blocks", nil)
	twice := r.q.Reasoning == "reasoning_content" && o.get("reasoning_content") != nil && !changed
	for _, name := range [...]string{"reasoning_content", "reasoning"} {
		switch {
		case name == r.q.Reasoning && (changed || o.get(name) == nil):
			o = o.withText(name, text)
		case name != r.q.Reasoning && !twice:
			o = o.with(name, nil)
		}
	}
	return o
}

// calls writes tool calls; nil of none.
func (r *rendering) calls(calls []llmhub.Part) []byte {
	if len(calls) == 0 {
		return nil
	}
	w := list{dst: []byte{'['}}
	for i := range calls {
		r.toolCall(&w, &calls[i])
	}
	return append(w.dst, ']')
}

func (r *rendering) toolCall(w *list, p *llmhub.Part) {
	if p.Kind == llmhub.PartOther {
		if !mine(p.Origin) {
			r.refuse(keys[kMessages])
			return
		}
		w.raw(p.Origin.JSON)
		return
	}
	var o, f object
	if mine(p.Origin) {
		d := decoding{}
		b := d.toolCall("tool_calls", p.Origin.JSON)
		if b.ID == "" {
			b.ID = p.ID
		}
		if llmhub.Same(*p, b) && !r.conflicts(p.Origin.JSON) {
			w.raw(p.Origin.JSON)
			return
		}
		o = d.object("tool_calls", p.Origin.JSON).with("extra_content", nil)
		f = d.object("tool_calls.function", o.get("function"))
	}
	args := p.Args
	if strings.TrimSpace(args) == "" {
		args = "{}"
	}
	f = f.withText("name", p.Name).withText("arguments", args)
	o = o.withText("id", p.ID).withText("type", "function").with("function", f.append(nil))
	if r.q.Signatures != "" && r.own(p) {
		o = o.with("extra_content", r.signature(p))
	}
	w.object(o)
}

func (r *rendering) signature(p *llmhub.Part) []byte {
	inner := object(nil).withText("thought_signature", p.Signature).append(nil)
	return object(nil).with(r.q.Signatures, inner).append(nil)
}

func (r *rendering) cache(d time.Duration) []byte {
	switch {
	case d == 0 || !r.q.CacheControl:
		return nil
	case d >= time.Hour:
		return []byte(`{"type":"ephemeral","ttl":"1h"}`)
	}
	return []byte(`{"type":"ephemeral"}`)
}
