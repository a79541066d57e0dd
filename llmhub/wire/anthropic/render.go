package anthropic

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire/scan"
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

// tools renders the functions on offer. A conversation that has called tools
// must offer some, even where none may be called any more.
func (r *renderer) tools(p *llmhub.Prompt) ([]byte, error) {
	var all [][]byte
	for _, t := range p.Tools {
		if p.Choice != nil && p.Choice.Only != nil && !slices.Contains(p.Choice.Only, t.Name) {
			continue
		}
		b, err := r.tool(t)
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	if len(p.Tools) == 0 {
		for _, name := range called(p) {
			all = append(all, object([]member{{"name", quoted(name)}, {"input_schema", []byte(`{"type":"object"}`)}}))
		}
	}
	if all == nil {
		return nil, nil
	}
	return array(all), nil
}

// called are the names of the tools that were called in a conversation.
func called(p *llmhub.Prompt) (names []string) {
	for _, m := range p.Messages {
		for _, part := range m.Parts {
			if part.Kind == llmhub.PartToolCall && !slices.Contains(names, part.Name) {
				names = append(names, part.Name)
			}
		}
	}
	return names
}

// tool renders a tool as block does a part.
func (r *renderer) tool(t llmhub.Tool) ([]byte, error) {
	own := t.Origin.Dialect == Name && len(t.Origin.JSON) > 0
	if t.Name == "" {
		if !own {
			return nil, unsupported("tools", "no such tool")
		}
		return t.Origin.JSON, nil
	}
	if !own {
		return object(r.toolMembers(t)), nil
	}
	c := scan.New(t.Origin.JSON)
	was, ok := (&decoder{}).tool(t.Origin.JSON, &c)
	if ok && llmhub.Same(was, t) {
		return t.Origin.JSON, nil
	}
	if !ok || was.Name == "" {
		return object(r.toolMembers(t)), nil
	}
	return changed(t.Origin.JSON, r.quiet().toolMembers(was), r.toolMembers(t)), nil
}

func (r *renderer) toolMembers(t llmhub.Tool) []member {
	ms := []member{{"name", quoted(t.Name)}}
	if t.Description != "" {
		ms = append(ms, member{"description", quoted(t.Description)})
	}
	schema := []byte(t.Schema)
	switch {
	case absent(schema):
		schema = []byte(`{"type":"object"}`)
	case t.Origin.Dialect != Name && memberOf(schema, "type") == nil:
		schema = changed(schema, nil, []member{{"type", []byte(`"object"`)}})
	}
	ms = append(ms, member{"input_schema", schema})
	if t.Strict != nil {
		strict := *t.Strict && r.mayBeStrict(t, &schema)
		ms[len(ms)-1].value = schema
		if strict || !*t.Strict && r.traits.Schema {
			ms = append(ms, member{"strict", strconv.AppendBool(nil, strict)})
		}
	}
	if t.Cache > 0 {
		ms = append(ms, member{"cache_control", mark(t.Cache)})
	}
	return ms
}

// maxStrict is how many tools of a request may be strict.
const maxStrict = 20

// mayBeStrict reports whether the model can hold itself to a tool's schema, which
// must be closed for that. Otherwise the tool is offered without the promise.
func (r *renderer) mayBeStrict(t llmhub.Tool, schema *[]byte) bool {
	if t.Origin.Dialect == Name {
		return true // the caller knows
	}
	s := &closer{}
	closed := s.schema(*schema)
	if !r.traits.Schema || s.open || r.strict == maxStrict {
		r.warn("tools.strict")
		return false
	}
	if s.bounds {
		r.warn("bounds in a strict tool's schema")
	}
	r.strict++
	*schema = closed
	return true
}

// toolChoice renders which tool must be called; nil if nothing was said.
func (r *renderer) toolChoice(p *llmhub.Prompt) []byte {
	if len(p.Tools) == 0 {
		if len(called(p)) > 0 {
			return []byte(`{"type":"none"}`)
		}
		return nil
	}
	mode, name := llmhub.ToolAuto, ""
	if p.Choice != nil {
		mode, name = p.Choice.Mode, p.Choice.Name
	} else if p.Parallel == nil {
		return nil
	}
	var ms []member
	switch mode {
	case llmhub.ToolNone:
		return []byte(`{"type":"none"}`)
	case llmhub.ToolRequired:
		ms = []member{{"type", []byte(`"any"`)}}
	case llmhub.ToolNamed:
		ms = []member{{"type", []byte(`"tool"`)}, {"name", quoted(name)}}
	default:
		ms = []member{{"type", []byte(`"auto"`)}}
	}
	if p.Parallel != nil && !*p.Parallel {
		ms = append(ms, member{"disable_parallel_tool_use", []byte("true")})
	}
	return object(ms)
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

// config renders output_config and thinking; nil if there is nothing to say.
func (r *renderer) config(p *llmhub.Prompt) (config, thinking []byte, err error) {
	thinking, effort := r.thinking(p)
	var ms []member
	if effort != "" {
		ms = append(ms, member{"effort", quoted(effort)})
	}
	if p.Format != nil {
		format, err := r.format(p.Format)
		if err != nil {
			return nil, nil, err
		}
		ms = append(ms, member{"format", format})
	}
	if ms != nil {
		config = object(ms)
	}
	return config, thinking, nil
}

func thinks(thinking []byte) bool {
	return thinking != nil && !bytes.Contains(thinking, []byte(`"disabled"`))
}

// format renders the schema of the answer.
func (r *renderer) format(f *llmhub.Format) ([]byte, error) {
	if !r.traits.Schema {
		return nil, unsupported("response_format", "no schema for answers of this model")
	}
	if absent(f.Schema) {
		return nil, unsupported("response_format", "no JSON answer without a schema")
	}
	schema, err := r.answerSchema(f.Schema)
	if err != nil {
		return nil, err
	}
	return object([]member{{"type", []byte(`"json_schema"`)}, {"schema", schema}}), nil
}

// thinking renders how much to think, in the words that the model takes.
func (r *renderer) thinking(p *llmhub.Prompt) (thinking []byte, effort string) {
	q, t := p.Reasoning, r.traits
	if q == nil {
		return nil, ""
	}
	if q.Effort == "none" {
		return r.noThinking()
	}
	if !t.Adaptive && !t.Budget {
		r.warn("reasoning")
		return nil, t.effort(q.Effort)
	}
	effort = t.effort(q.Effort)
	if effort == "" && q.Budget > 0 && !t.Budget {
		effort = t.effort(effortOf(q.Budget))
	}
	if c := p.Choice; c != nil && (c.Mode == llmhub.ToolRequired || c.Mode == llmhub.ToolNamed) {
		r.warn("reasoning with a tool that must be called")
		return nil, effort
	}
	if t.Adaptive && (q.Budget == 0 || !t.Budget) {
		return object(append([]member{{"type", []byte(`"adaptive"`)}}, display(q)...)), effort
	}
	if r.inUnthoughtLoop(p) {
		r.warn("reasoning, between tool calls that were made without")
		return nil, effort
	}
	budget := r.budget(q)
	if budget < 1024 {
		r.warn("reasoning within so short an answer")
		return nil, effort
	}
	ms := []member{{"type", []byte(`"enabled"`)}, {"budget_tokens", strconv.AppendInt(nil, int64(budget), 10)}}
	return object(append(ms, display(q)...)), effort
}

func (r *renderer) noThinking() (thinking []byte, effort string) {
	switch t := r.traits; {
	case t.Always:
		r.warn("reasoning none")
		return nil, t.effort("low")
	case t.Adaptive || t.Budget:
		return []byte(`{"type":"disabled"}`), ""
	}
	return nil, ""
}

func display(q *llmhub.Reasoning) []member {
	switch {
	case q.Show == nil:
		return nil
	case *q.Show:
		return []member{{"display", []byte(`"summarized"`)}}
	}
	return []member{{"display", []byte(`"omitted"`)}}
}

// budget is how many tokens of thought to allow: below the cap on the answer,
// and half of it where the caller named no number.
func (r *renderer) budget(q *llmhub.Reasoning) int {
	if q.Budget > 0 {
		return min(max(q.Budget, 1024), r.cap-1)
	}
	n, ok := budgets[q.Effort]
	if !ok {
		n = budgets["medium"]
	}
	return min(n, r.cap/2)
}

// inUnthoughtLoop reports whether the last tool calls came without thinking that
// can be sent back: with a budget the API then refuses to think.
func (r *renderer) inUnthoughtLoop(p *llmhub.Prompt) bool {
	for _, m := range slices.Backward(p.Messages) {
		if m.Role != llmhub.RoleAssistant {
			continue
		}
		calls := false
		for _, part := range m.Parts {
			if part.Kind == llmhub.PartReasoning && part.Signature != "" && part.SignedBy == r.client.provider() {
				return false
			}
			calls = calls || part.Kind == llmhub.PartToolCall
		}
		return calls
	}
	return false
}
