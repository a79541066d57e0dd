package anthropic

import (
	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/llmhub/wire/scan"
)

// edited renders a prompt that was decoded from this dialect and may have been
// changed since: what still says the same goes out as it came.
func (r *renderer) edited(p *llmhub.Prompt) ([][]byte, error) {
	b := &body{json: p.Origin.JSON}
	var head llmhub.Request
	if wire.ScanHead(b.json, keys, b.at[:]) != nil || b.head(&head) != nil {
		return r.fresh(p)
	}
	was, err := b.Decode()
	if err != nil {
		return r.fresh(p)
	}
	e := &editor{renderer: r, b: b, was: was, now: p, patch: wire.Patch{Body: b.json}}
	r.client.patchHead(&e.patch, r.call, b)
	for _, step := range []func() error{e.system, e.messages, e.tools, e.thinking, e.format, e.rest} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	e.flushConfig()
	return e.patch.Parts(), nil
}

// editor patches a body where a prompt differs from what it said.
type editor struct {
	*renderer
	b        *body
	was, now *llmhub.Prompt
	patch    wire.Patch
	thinks   bool // what goes out asks for thinking

	configWas, configNow []member // members of output_config that differ
}

// set makes a member say value; nil takes it out.
func (e *editor) set(key int, value []byte) {
	if value == nil {
		e.patch.Remove(e.b.at[key])
		return
	}
	e.patch.Set(e.b.at[key], keys[key], value)
}

func (e *editor) system() error {
	if llmhub.Same(e.was.System, e.now.System) {
		return nil
	}
	v, err := e.renderer.system(e.now.System)
	if err == nil {
		e.set(kSystem, v)
	}
	return err
}

func (e *editor) messages() error {
	if llmhub.Same(e.was.Messages, e.now.Messages) && !e.b.found.strange(e.client.provider()) {
		return nil
	}
	var all [][]byte
	for i, m := range e.now.Messages {
		if m.Origin.Dialect != Name {
			m = fitting(m, i == len(e.now.Messages)-1)
		}
		v, err := e.message(m)
		if err != nil {
			return err
		}
		if v != nil {
			all = append(all, v)
		}
	}
	if all == nil {
		return invalid("the conversation says nothing", "messages")
	}
	e.set(kMessages, array(all))
	return nil
}

// message renders a turn as block does a part; nil if it says nothing.
func (e *editor) message(m llmhub.Message) ([]byte, error) {
	own := m.Origin.Dialect == Name && len(m.Origin.JSON) > 0
	if own && e.same(m) && !e.strange(m) {
		return m.Origin.JSON, nil
	}
	content, err := e.content(m.Parts)
	if content == nil || err != nil {
		return nil, err
	}
	ms := []member{{"role", quoted(string(m.Role))}, {"content", content}}
	if !own {
		return object(ms), nil
	}
	return changed(m.Origin.JSON, []member{{"role", nil}, {"content", nil}}, ms), nil
}

// strange reports whether a turn holds reasoning that cannot go out as it came.
func (e *editor) strange(m llmhub.Message) bool {
	var found survey
	c := scan.New(m.Origin.JSON)
	found.message(&c)
	return found.strange(e.client.provider())
}

// same reports whether a turn still says what its Origin says.
func (e *editor) same(m llmhub.Message) bool {
	c := scan.New(m.Origin.JSON)
	was, ok := (&decoder{}).message(m.Origin.JSON, &c)
	if !ok || len(was.Parts) != len(m.Parts) {
		return false
	}
	for i := range was.Parts {
		if was.Parts[i].Kind == llmhub.PartToolResult {
			was.Parts[i].Name = m.Parts[i].Name // it is not in the block
		}
	}
	return llmhub.Same(was, m)
}

// content renders a turn's parts: a string where it was one, else blocks.
func (e *editor) content(parts []llmhub.Part) ([]byte, error) {
	if len(parts) == 1 {
		p := parts[0]
		if o := p.Origin.JSON; p.Kind == llmhub.PartText && p.Cache == 0 && len(o) > 0 && o[0] == '"' && p.Text != "" {
			return quoted(p.Text), nil
		}
	}
	blocks, err := e.blocks(parts)
	if blocks == nil || err != nil {
		return nil, err
	}
	return array(blocks), nil
}

func (e *editor) tools() error {
	choice := !llmhub.Same(e.was.Choice, e.now.Choice) || !llmhub.Same(e.was.Parallel, e.now.Parallel)
	if some := e.now.Choice != nil && e.now.Choice.Only != nil; some || !llmhub.Same(e.was.Tools, e.now.Tools) {
		choice = choice || len(e.now.Tools) == 0 // none may be chosen from nothing
		v, err := e.renderer.tools(e.now)
		if err != nil {
			return err
		}
		e.set(kTools, v)
	}
	if choice {
		e.set(kToolChoice, e.toolChoice(e.now))
	}
	return nil
}

func (e *editor) thinking() error {
	thinking, config := e.b.value(kThinking), e.b.value(kOutputConfig)
	e.thinks = !absent(thinking) && thinks(thinking)
	fits := !e.b.tooMuchThought(e.cap) && (named(e.call) || e.traits.takeThinking(thinking, config))
	if llmhub.Same(e.was.Reasoning, e.now.Reasoning) && fits {
		return nil
	}
	v, effort := e.renderer.thinking(e.now)
	e.thinks = thinks(v)
	e.set(kThinking, v)
	e.configWas = append(e.configWas, member{key: "effort"})
	if effort != "" {
		e.configNow = append(e.configNow, member{"effort", quoted(effort)})
	}
	return nil
}

func (e *editor) format() error {
	if llmhub.Same(e.was.Format, e.now.Format) {
		return nil
	}
	e.set(kOutputFormat, nil)
	e.configWas = append(e.configWas, member{key: "format"})
	if e.now.Format == nil {
		return nil
	}
	v, err := e.renderer.format(e.now.Format)
	if err == nil {
		e.configNow = append(e.configNow, member{"format", v})
	}
	return err
}

// flushConfig writes what has to change in output_config.
func (e *editor) flushConfig() {
	if e.configWas == nil {
		return
	}
	from := e.b.value(kOutputConfig)
	if absent(from) {
		from = []byte("{}")
	}
	v := changed(from, e.configWas, e.configNow)
	if c := scan.New(v); c.Enter('{') && !c.Member() {
		v = nil
	}
	e.set(kOutputConfig, v)
}

// rest renders the numbers and the marks.
func (e *editor) rest() error {
	was, now := e.was, e.now
	if !sameSampling(was, now) || !named(e.call) && !e.traits.takeSampling(e.b) {
		ms := e.sampling(now, e.thinks)
		for _, k := range []int{kTemperature, kTopP, kTopK} {
			e.set(k, find(ms, keys[k]))
		}
	}
	if !llmhub.Same(was.Stop, now.Stop) {
		e.set(kStopSequences, e.stops(now.Stop))
	}
	if was.User != now.User {
		from := e.b.value(kMetadata)
		if absent(from) {
			from = []byte("{}")
		}
		e.set(kMetadata, changed(from, []member{{key: "user_id"}}, []member{{"user_id", quoted(now.User)}}))
	}
	if was.Cache != now.Cache {
		var v []byte
		if now.Cache > 0 {
			v = mark(now.Cache)
		}
		e.set(kCacheControl, v)
	}
	return nil
}

func sameSampling(was, now *llmhub.Prompt) bool {
	return llmhub.Same(was.Temperature, now.Temperature) && llmhub.Same(was.TopP, now.TopP) && llmhub.Same(was.TopK, now.TopK) &&
		llmhub.Same(was.Seed, now.Seed) && llmhub.Same(was.FrequencyPenalty, now.FrequencyPenalty) && llmhub.Same(was.PresencePenalty, now.PresencePenalty)
}
