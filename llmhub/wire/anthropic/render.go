package anthropic

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/llmhubd/llmhub/llmhub"
)

// renderer writes one call's prompt.
type renderer struct {
	client Client
	call   *llmhub.Call
	traits Traits
	cap    int
	muted  bool
	strict int // tools that are
}

// quiet is a renderer that warns nobody.
func (r *renderer) quiet() *renderer {
	q := *r
	q.muted = true
	return &q
}

func (r *renderer) warn(what string) {
	if !r.muted {
		r.call.Warn(what)
	}
}

// fresh renders a prompt of another dialect.
func (r *renderer) fresh(p *llmhub.Prompt) ([][]byte, error) {
	for _, u := range p.Unsaid {
		if !u.Tunes {
			return nil, unsupported(u.Name, "no word for it")
		}
		r.warn(u.Name)
	}
	p = hoistSystem(p)
	body := object(r.headMembers())
	parts := [][]byte{body[:len(body)-1]}
	add := func(key string, value []byte) {
		if value != nil {
			parts = append(parts, []byte(`,"`+key+`":`), value)
		}
	}
	system, err := r.system(p.System)
	if err != nil {
		return nil, err
	}
	messages, err := r.turns(p)
	if err != nil {
		return nil, err
	}
	tools, err := r.tools(p)
	if err != nil {
		return nil, err
	}
	config, thinking, err := r.config(p)
	if err != nil {
		return nil, err
	}
	add("system", system)
	add("messages", messages)
	add("tools", tools)
	add("tool_choice", r.toolChoice(p))
	add("thinking", thinking)
	add("output_config", config)
	for _, m := range r.sampling(p, thinks(thinking)) {
		add(m.key, m.value)
	}
	add("stop_sequences", r.stops(p.Stop))
	if p.User != "" {
		add("metadata", object([]member{{"user_id", quoted(p.User)}}))
	}
	if p.Cache > 0 {
		add("cache_control", mark(p.Cache))
	}
	return append(parts, []byte{'}'}), nil
}

func (r *renderer) headMembers() []member {
	ms := []member{
		{"model", quoted(r.call.Target.Model)},
		{"max_tokens", strconv.AppendInt(nil, int64(r.cap), 10)},
	}
	if r.call.Stream {
		ms = append(ms, member{"stream", []byte("true")})
	}
	return ms
}

// hoistSystem moves instructions before the first turn to where this dialect has
// them. A prompt of nothing but instructions is sent as the user's.
func hoistSystem(p *llmhub.Prompt) *llmhub.Prompt {
	c := *p
	for len(c.Messages) > 0 && c.Messages[0].Role == llmhub.RoleSystem {
		c.System = append(c.System[:len(c.System):len(c.System)], c.Messages[0].Parts...)
		c.Messages = c.Messages[1:]
	}
	if len(c.Messages) == 0 {
		c.System, c.Messages = nil, []llmhub.Message{{Role: llmhub.RoleUser, Parts: c.System}}
	}
	return &c
}

// system renders instructions; nil if there are none.
func (r *renderer) system(parts []llmhub.Part) ([]byte, error) {
	if len(parts) == 1 && parts[0].Kind == llmhub.PartText && parts[0].Cache == 0 && !isBlock(parts[0]) {
		if parts[0].Text == "" {
			return nil, nil
		}
		return quoted(parts[0].Text), nil
	}
	blocks, err := r.blocks(parts)
	if blocks == nil || err != nil {
		return nil, err
	}
	return array(blocks), nil
}

func (r *renderer) blocks(parts []llmhub.Part) (blocks [][]byte, err error) {
	for _, p := range parts {
		b, err := r.block(p)
		if err != nil {
			return nil, err
		}
		if b != nil {
			blocks = append(blocks, b)
		}
	}
	return blocks, nil
}

// turn is what one side says before the other does.
type turn struct {
	role            llmhub.Role
	results, blocks [][]byte
}

// turns renders a conversation of another dialect.
func (r *renderer) turns(p *llmhub.Prompt) ([]byte, error) {
	var all []turn
	for i, m := range p.Messages {
		last := i == len(p.Messages)-1
		m = fitting(m, last)
		if m.Role != llmhub.RoleUser && m.Role != llmhub.RoleAssistant {
			return nil, invalid("no such role as "+strconv.Quote(string(m.Role)), "messages")
		}
		t := turn{role: m.Role}
		for _, part := range m.Parts {
			b, err := r.block(part)
			if err != nil {
				return nil, err
			}
			switch {
			case b == nil:
			case part.Kind == llmhub.PartToolResult:
				t.results = append(t.results, b)
			default:
				t.blocks = append(t.blocks, b)
			}
		}
		if n := len(all); n > 0 && all[n-1].role == t.role {
			all[n-1].results = append(all[n-1].results, t.results...)
			all[n-1].blocks = append(all[n-1].blocks, t.blocks...)
		} else if len(t.results)+len(t.blocks) > 0 {
			all = append(all, t)
		}
	}
	if len(all) == 0 {
		return nil, invalid("the conversation says nothing", "messages")
	}
	if all[0].role == llmhub.RoleAssistant {
		all = append([]turn{{role: llmhub.RoleUser, blocks: [][]byte{[]byte(`{"type":"text","text":"(the conversation begins)"}`)}}}, all...)
		r.warn("an opening by the assistant, which a user's turn was put in front of")
	}
	return appendTurns(all), nil
}

func appendTurns(all []turn) []byte {
	n := 2
	for _, t := range all {
		n += 40
		for _, b := range append(t.results[:len(t.results):len(t.results)], t.blocks...) {
			n += len(b) + 1
		}
	}
	dst := append(make([]byte, 0, n), '[')
	for i, t := range all {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, `{"role":"`...), t.role...), `","content":[`...)
		for j, b := range append(t.results[:len(t.results):len(t.results)], t.blocks...) {
			if j > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, b...)
		}
		dst = append(dst, "]}"...)
	}
	return append(dst, ']')
}

// fitting is a turn of another dialect as this one takes it: an instruction in
// mid-conversation is the user's, and an answer that is to be gone on with does
// not end in blanks.
func fitting(m llmhub.Message, last bool) llmhub.Message {
	if m.Role == llmhub.RoleSystem {
		return asUser(m)
	}
	if n := len(m.Parts); last && m.Role == llmhub.RoleAssistant && n > 0 && m.Parts[n-1].Kind == llmhub.PartText {
		m.Parts = slices.Clone(m.Parts)
		m.Parts[n-1].Text = strings.TrimRight(m.Parts[n-1].Text, " \t\r\n")
	}
	return m
}

// asUser dresses an instruction in mid-conversation.
func asUser(m llmhub.Message) llmhub.Message {
	var s []string
	for _, p := range m.Parts {
		if p.Kind == llmhub.PartText && p.Text != "" {
			s = append(s, p.Text)
		}
	}
	m.Role = llmhub.RoleUser
	m.Parts = nil
	if len(s) > 0 {
		m.Parts = []llmhub.Part{{Kind: llmhub.PartText, Text: "<system>\n" + strings.Join(s, "\n") + "\n</system>"}}
	}
	return m
}

// sampling renders the numbers that tune the answer.
func (r *renderer) sampling(p *llmhub.Prompt, thinking bool) (ms []member) {
	if p.Seed != nil {
		r.warn("seed")
	}
	if p.FrequencyPenalty != nil {
		r.warn("frequency_penalty")
	}
	if p.PresencePenalty != nil {
		r.warn("presence_penalty")
	}
	if t := p.Temperature; t != nil {
		switch {
		case !r.traits.Sampling || thinking && *t != 1:
			r.warn("temperature")
		case *t > 1:
			r.warn("temperature above 1")
			ms = append(ms, member{"temperature", []byte("1")})
		default:
			ms = append(ms, member{"temperature", number(max(*t, 0))})
		}
	}
	if t := p.TopP; t != nil {
		switch {
		case !r.traits.Sampling || thinking && *t < 0.95 || r.traits.OneOf && len(ms) > 0:
			r.warn("top_p")
		default:
			ms = append(ms, member{"top_p", number(*t)})
		}
	}
	if k := p.TopK; k != nil {
		if !r.traits.Sampling || thinking {
			r.warn("top_k")
		} else {
			ms = append(ms, member{"top_k", strconv.AppendInt(nil, int64(*k), 10)})
		}
	}
	return ms
}

func number(f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return []byte("0")
	}
	return strconv.AppendFloat(nil, f, 'g', -1, 64)
}

// stops renders the stop sequences; nil if there are none. The API refuses
// those of nothing but blanks.
func (r *renderer) stops(all []string) []byte {
	var kept [][]byte
	for _, s := range all {
		if strings.TrimSpace(s) == "" {
			r.warn("a stop sequence of blanks")
			continue
		}
		kept = append(kept, quoted(s))
	}
	if kept == nil {
		return nil
	}
	return array(kept)
}
