package openaichat

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire/scan"
)

// decodePrompt decodes a request whose head was accepted.
func decodePrompt(raw []byte) (*llmhub.Prompt, error) {
	d := decoding{p: &llmhub.Prompt{Origin: origin(raw)}}
	c := scan.New(raw)
	for c.Enter('{'); c.Member(); {
		name := c.Key
		d.member(keyOf(name), name, c.Raw())
	}
	if c.Err != nil {
		d.fail("", "the body is not valid JSON")
	}
	if d.err != nil {
		return nil, d.err
	}
	d.reason()
	named(d.p)
	return d.p, nil
}

func origin(raw []byte) llmhub.Origin { return llmhub.Origin{Dialect: Name, JSON: raw} }

// decoding is one request being decoded; the first error stays.
type decoding struct {
	p         *llmhub.Prompt
	effort    string
	budget    int
	thinks    string // thinking.type
	show      *bool
	reasoning bool // the caller said something of it
	err       error
}

func (d *decoding) fail(param, message string) {
	if d.err == nil {
		d.err = &llmhub.Error{Kind: llmhub.InvalidRequest, Message: message, Param: param}
	}
}

func (d *decoding) member(k key, name, v []byte) {
	if isNull(v) {
		return
	}
	p := d.p
	switch k {
	case kMessages:
		d.messages(v)
	case kTools:
		d.each(k, v, func(v []byte) { p.Tools = append(p.Tools, d.tool(v)) })
	case kFunctions:
		d.each(k, v, func(v []byte) { p.Tools = append(p.Tools, d.function(v, origin(v))) })
	case kToolChoice, kFunctionCall:
		d.choice(k, v)
	case kParallel:
		p.Parallel = d.bool(k, v)
	case kTemperature:
		p.Temperature = d.float(k, v)
	case kTopP:
		p.TopP = d.float(k, v)
	case kFrequencyPenalty:
		p.FrequencyPenalty = d.float(k, v)
	case kPresencePenalty:
		p.PresencePenalty = d.float(k, v)
	case kTopK:
		if n := d.int(k, v); n != nil {
			k := int(*n)
			p.TopK = &k
		}
	case kSeed:
		p.Seed = d.int(k, v)
	case kStop:
		d.stop(v)
	case kUser:
		p.User = d.text(k, v)
	case kResponseFormat:
		d.format(v)
	case kReasoningEffort:
		d.effort, d.reasoning = d.text(k, v), true
	case kReasoning, kThinking, kReasoningFormat, kIncludeReasoning:
		d.reasoning = true
		d.reasoningMember(k, v)
	case kModel, kStream, kStreamOptions, kMaxTokens, kMaxCompletionTokens, kN, kFallbacks, kStreamRecovery:
		// of the head
	default:
		d.unsaid(k, name, v)
	}
}

// unsaid notes what has no neutral word, but where it asks for what would be
// done anyway.
func (d *decoding) unsaid(k key, name, v []byte) {
	if asDefault(k, v) {
		return
	}
	tunes := true
	switch k {
	case kLogprobs, kTopLogprobs, kLogitBias, kModalities, kAudio, kWebSearch, kPreviousResponse, kConversation:
		tunes = false
	}
	d.p.Unsaid = append(d.p.Unsaid, llmhub.Param{Name: string(name), Tunes: tunes})
}

// asDefault reports whether a value is what a provider does without it.
func asDefault(k key, v []byte) bool {
	switch string(v) {
	case "", "null", "{}", "[]":
		return true
	case "false":
		return k != kParallel
	}
	switch k {
	case kN:
		return string(v) == "1"
	case kParallel:
		return string(v) == "true"
	case kTopLogprobs:
		return string(v) == "0"
	case kServiceTier:
		return string(v) == `"auto"` || string(v) == `"default"`
	case kModalities:
		c := scan.New(v)
		for c.Enter('['); c.Elem(); {
			if string(c.Raw()) != `"text"` {
				return false
			}
		}
		return true
	}
	return false
}

func (d *decoding) each(k key, v []byte, take func([]byte)) {
	if v[0] != '[' {
		d.fail(keys[k], keys[k]+" must be an array")
		return
	}
	c := scan.New(v)
	for c.Enter('['); c.Elem(); {
		e := c.Raw()
		if len(e) == 0 || e[0] != '{' {
			d.fail(keys[k], keys[k]+" must hold objects")
			return
		}
		take(e)
	}
}

func (d *decoding) float(k key, v []byte) *float64 {
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil {
		d.fail(keys[k], keys[k]+" must be a number")
		return nil
	}
	return &f
}

func (d *decoding) int(k key, v []byte) *int64 {
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil {
		d.fail(keys[k], keys[k]+" must be a whole number")
		return nil
	}
	return &n
}

func (d *decoding) bool(k key, v []byte) *bool {
	b := string(v) == "true"
	if !b && string(v) != "false" {
		d.fail(keys[k], keys[k]+" must be true or false")
		return nil
	}
	return &b
}

func (d *decoding) text(k key, v []byte) string {
	s, ok := scan.Unquote(v)
	if !ok {
		d.fail(keys[k], keys[k]+" must be a string")
	}
	return s
}

func (d *decoding) stop(v []byte) {
	if v[0] == '"' {
		d.p.Stop = []string{d.text(kStop, v)}
		return
	}
	c := scan.New(v)
	for c.Enter('['); c.Elem(); {
		d.p.Stop = append(d.p.Stop, d.text(kStop, c.Raw()))
	}
	if v[0] != '[' {
		d.fail("stop", "stop must be a string or an array of strings")
	}
}

func (d *decoding) format(v []byte) {
	o := d.object("response_format", v)
	switch o.text("type") {
	case "json_object":
		d.p.Format = &llmhub.Format{}
	case "json_schema":
		s := d.object("response_format.json_schema", o.get("json_schema"))
		d.p.Format = &llmhub.Format{Name: s.text("name"), Description: s.text("description"), Strict: s.bool("strict")}
		if schema := s.get("schema"); !isNull(schema) {
			d.p.Format.Schema = json.RawMessage(schema)
		}
	case "text":
	default:
		d.p.Unsaid = append(d.p.Unsaid, llmhub.Param{Name: "response_format"})
	}
}

func (d *decoding) reasoningMember(k key, v []byte) {
	switch k {
	case kThinking: // DeepSeek's, and Anthropic's spelling of a budget
		o := d.object("thinking", v)
		d.thinks = o.text("type")
		d.budget = o.int("budget_tokens")
	case kReasoning: // OpenRouter's
		o := d.object("reasoning", v)
		if s := o.text("effort"); s != "" {
			d.effort = s
		}
		if n := o.int("max_tokens"); n != 0 {
			d.budget = n
		}
		if b := o.bool("exclude"); b != nil {
			show := !*b
			d.show = &show
		}
	case kReasoningFormat: // Groq's
		show := d.text(k, v) != "hidden"
		d.show = &show
	case kIncludeReasoning:
		d.show = d.bool(k, v)
	}
}

// reason puts together what several keys say of reasoning.
func (d *decoding) reason() {
	if !d.reasoning {
		return
	}
	switch {
	case d.thinks == "disabled":
		d.effort, d.budget = "none", 0
	case d.thinks == "enabled" && d.effort == "" && d.budget == 0:
		d.effort = "medium"
	}
	d.p.Reasoning = &llmhub.Reasoning{Effort: d.effort, Budget: d.budget, Show: d.show}
}

func (d *decoding) choice(k key, v []byte) {
	if v[0] == '"' {
		switch s := d.text(k, v); s {
		case "auto", "none", "required":
			d.p.Choice = &llmhub.ToolChoice{Mode: llmhub.ToolMode(s)}
		default:
			d.fail(keys[k], keys[k]+" must be auto, none, required or an object")
		}
		return
	}
	o := d.object(keys[k], v)
	switch {
	case k == kFunctionCall:
		d.p.Choice = &llmhub.ToolChoice{Mode: llmhub.ToolNamed, Name: o.text("name")}
	case o.text("type") == "function":
		f := d.object("tool_choice.function", o.get("function"))
		d.p.Choice = &llmhub.ToolChoice{Mode: llmhub.ToolNamed, Name: f.text("name")}
	case o.text("type") == "allowed_tools":
		d.allowed(o)
	default:
		d.p.Unsaid = append(d.p.Unsaid, llmhub.Param{Name: keys[k]})
	}
}

func (d *decoding) allowed(o object) {
	if in := o.get("allowed_tools"); !isNull(in) {
		o = d.object("tool_choice.allowed_tools", in)
	}
	ch := &llmhub.ToolChoice{Mode: llmhub.ToolMode(o.text("mode")), Only: []string{}}
	if ch.Mode != llmhub.ToolRequired {
		ch.Mode = llmhub.ToolAuto
	}
	c := scan.New(o.get("tools"))
	for c.Enter('['); c.Elem(); {
		t := d.object("tool_choice.tools", c.Raw())
		f := d.object("tool_choice.tools.function", t.get("function"))
		ch.Only = append(ch.Only, f.text("name"))
	}
	d.p.Choice = ch
}

func (d *decoding) tool(v []byte) llmhub.Tool {
	o := d.object("tools", v)
	if o.text("type") != "function" {
		return llmhub.Tool{Origin: origin(v)}
	}
	t := d.function(o.get("function"), origin(v))
	if c := o.get("cache_control"); !isNull(c) {
		t.Cache = d.mark("tools.cache_control", c)
	}
	return t
}

func (d *decoding) function(v []byte, from llmhub.Origin) llmhub.Tool {
	o := d.object("tools.function", v)
	t := llmhub.Tool{Name: o.text("name"), Description: o.text("description"), Strict: o.bool("strict"), Origin: from}
	if schema := o.get("parameters"); !isNull(schema) {
		t.Schema = json.RawMessage(schema)
	}
	if c := o.get("cache_control"); !isNull(c) {
		t.Cache = d.mark("tools.cache_control", c)
	}
	return t
}

func (d *decoding) messages(v []byte) {
	leading := true
	i := 0
	d.each(kMessages, v, func(v []byte) {
		m, role := d.message("messages["+strconv.Itoa(i)+"]", v)
		i++
		if leading = leading && (role == "system" || role == "developer"); leading {
			d.p.System = append(d.p.System, m.Parts...)
			return
		}
		d.p.Messages = append(d.p.Messages, m)
	})
}

// named gives ids to calls that have none and to their results, and tells
// results their tool's name.
func named(p *llmhub.Prompt) {
	taken := 0
	type call struct{ id, name string }
	var open []call
	for i := range p.Messages {
		for j := range p.Messages[i].Parts {
			part := &p.Messages[i].Parts[j]
			switch part.Kind {
			case llmhub.PartToolCall:
				if part.ID == "" {
					taken++
					part.ID = "call_unnamed_" + strconv.Itoa(taken)
				}
				open = append(open, call{part.ID, part.Name})
			case llmhub.PartToolResult:
				n := slices.IndexFunc(open, func(c call) bool {
					if part.ID != "" {
						return c.id == part.ID
					}
					return part.Name == "" || c.name == part.Name
				})
				if n >= 0 {
					part.ID, part.Name = open[n].id, open[n].name
					open = slices.Delete(open, n, n+1)
				}
			}
		}
	}
}

// object is a decoded level of JSON: a few members, the last of a name counting
// as the only one, for a name given twice is refused.
type object []struct{ key, value []byte }

func (d *decoding) object(path string, v []byte) object {
	if isNull(v) {
		return nil
	}
	if v[0] != '{' {
		d.fail(path, path+" must be an object")
		return nil
	}
	o := make(object, 0, 8)
	c := scan.New(v)
	for c.Enter('{'); c.Member(); {
		name := c.Key
		for _, m := range o {
			if strings.EqualFold(string(m.key), string(name)) {
				d.fail(path, fmt.Sprintf("%s holds a key twice", path))
			}
		}
		for _, b := range name {
			if b == '\\' {
				d.fail(path, "a key may hold no escapes")
			}
		}
		o = append(o, struct{ key, value []byte }{name, c.Raw()})
	}
	if c.Err != nil {
		d.fail(path, path+" is not valid JSON")
	}
	return o
}

func (o object) get(name string) []byte {
	for _, m := range o {
		if string(m.key) == name {
			return m.value
		}
	}
	return nil
}

// text is the string called name, "" when it is none.
func (o object) text(name string) string {
	s, _ := scan.Unquote(o.get(name))
	return s
}

func (o object) bool(name string) *bool {
	v := o.get(name)
	b := string(v) == "true"
	if !b && string(v) != "false" {
		return nil
	}
	return &b
}

func (o object) int(name string) int {
	v := o.get(name)
	n, _ := strconv.Atoi(string(v))
	return n
}
