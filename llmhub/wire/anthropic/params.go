package anthropic

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire/scan"
)

// tools reads the functions on offer.
func (d *decoder) tools(v []byte) ([]llmhub.Tool, error) {
	if absent(v) {
		return nil, nil
	}
	all := []llmhub.Tool{}
	c := scan.New(v)
	if c.Peek() != '[' {
		return nil, invalid("tools must be an array", "tools")
	}
	for c.Enter('['); c.Elem(); {
		t, ok := d.tool(v, &c)
		if !ok || c.Err != nil {
			return nil, invalid("each tool must be an object with a name", "tools["+strconv.Itoa(len(all))+"]")
		}
		all = append(all, t)
	}
	if c.Err != nil {
		return nil, invalid("tools must be an array", "tools")
	}
	return all, nil
}

func (d *decoder) tool(v []byte, c *scan.Cursor) (t llmhub.Tool, ok bool) {
	if c.Peek() != '{' {
		return t, false
	}
	from := c.Offset()
	kind := ""
	var more []string // members that the neck has no word for
	for c.Enter('{'); c.Member(); {
		switch key := string(plainKey(c.Key)); key {
		case "type":
			kind = c.Text()
		case "name":
			t.Name = c.Text()
		case "description":
			t.Description = c.Text()
		case "input_schema":
			t.Schema = c.Raw()
		case "strict":
			if v := c.Raw(); !absent(v) {
				strict := string(v) == "true"
				t.Strict = &strict
			}
		case "cache_control":
			t.Cache = cacheMark(c.Raw())
		default:
			more = append(more, key)
			c.Skip()
		}
	}
	t.Origin = origin(v[from:c.Offset()])
	if kind != "" && kind != "custom" {
		d.says("tools."+kind, false)
		return llmhub.Tool{Cache: t.Cache, Origin: t.Origin}, true
	}
	for _, key := range more {
		d.says("tools."+key, true)
	}
	return t, t.Name != ""
}

// sampling reads the numbers that tune the answer, and where it stops.
func (d *decoder) sampling(b *body, p *llmhub.Prompt) error {
	var topK *float64
	for _, n := range []struct {
		key int
		to  **float64
	}{{kTemperature, &p.Temperature}, {kTopP, &p.TopP}, {kTopK, &topK}} {
		v := b.value(n.key)
		if absent(v) {
			continue
		}
		f, err := strconv.ParseFloat(string(v), 64)
		if err != nil || v[0] == '"' {
			return invalid(keys[n.key]+" must be a number", keys[n.key])
		}
		*n.to = &f
	}
	if topK != nil {
		k := int(*topK)
		p.TopK = &k
	}
	var ok bool
	if p.Stop, ok = stringList(b.value(kStopSequences)); !ok {
		return invalid("stop_sequences must be an array of strings", "stop_sequences")
	}
	return nil
}

// toolChoice reads which tool must be called, and whether one at a time.
func (d *decoder) toolChoice(v []byte) (*llmhub.ToolChoice, *bool) {
	if absent(v) {
		return nil, nil
	}
	var kind, name string
	var parallel *bool
	c := scan.New(v)
	for c.Enter('{'); c.Member(); {
		switch string(plainKey(c.Key)) {
		case "type":
			kind = c.Text()
		case "name":
			name = c.Text()
		case "disable_parallel_tool_use":
			if v := c.Raw(); !absent(v) {
				welcome := string(v) != "true"
				parallel = &welcome
			}
		default:
			c.Skip()
		}
	}
	switch kind {
	case "auto":
		return &llmhub.ToolChoice{Mode: llmhub.ToolAuto}, parallel
	case "any":
		return &llmhub.ToolChoice{Mode: llmhub.ToolRequired}, parallel
	case "tool":
		return &llmhub.ToolChoice{Mode: llmhub.ToolNamed, Name: name}, parallel
	case "none":
		return &llmhub.ToolChoice{Mode: llmhub.ToolNone}, parallel
	}
	d.says("tool_choice", false)
	return nil, parallel
}

// reasoning reads how much to think. Adaptive thinking without an effort is a
// Reasoning that says nothing more.
func (d *decoder) reasoning(thinking, config []byte) *llmhub.Reasoning {
	effort := text(memberOf(config, "effort"))
	if absent(thinking) {
		if effort == "" {
			return nil
		}
		return &llmhub.Reasoning{Effort: effort}
	}
	r := &llmhub.Reasoning{Effort: effort}
	switch text(memberOf(thinking, "type")) {
	case "disabled":
		if effort != "" {
			d.says("output_config.effort", true)
		}
		return &llmhub.Reasoning{Effort: "none"}
	case "enabled":
		n, _ := strconv.Atoi(string(memberOf(thinking, "budget_tokens")))
		r.Budget = n
	case "adaptive":
	default:
		d.says("thinking", true)
	}
	show := true
	switch text(memberOf(thinking, "display")) {
	case "summarized":
		r.Show = &show
	case "omitted":
		show = false
		r.Show = &show
	}
	return r
}

// memberOf is the value of an object's member, nil when it is not there or null.
func memberOf(object []byte, key string) (v []byte) {
	c := scan.New(object)
	if c.Peek() != '{' {
		return nil
	}
	for c.Enter('{'); c.Member(); {
		if isKey(c.Key, key) {
			v = c.Raw()
			continue
		}
		c.Skip()
	}
	if absent(v) {
		return nil
	}
	return v
}

// format reads the schema of the answer, which an older beta called
// output_format.
func (d *decoder) format(config, old []byte) *llmhub.Format {
	f := memberOf(config, "format")
	if f == nil && !absent(old) {
		f = old
	}
	if f == nil {
		return nil
	}
	schema := memberOf(f, "schema")
	if text(memberOf(f, "type")) != "json_schema" || schema == nil {
		d.says("output_config.format", false)
		return nil
	}
	return &llmhub.Format{Schema: json.RawMessage(schema)}
}

// user reads the caller's end user out of metadata.
func (d *decoder) user(metadata []byte) (id string) {
	c := scan.New(metadata)
	if absent(metadata) || c.Peek() != '{' {
		return ""
	}
	for c.Enter('{'); c.Member(); {
		if isKey(c.Key, "user_id") {
			id = c.Text()
			continue
		}
		d.says("metadata", true)
		c.Skip()
	}
	return id
}

// beyond notes the members that the neck has no word for.
func (d *decoder) beyond(b *body) {
	for _, k := range []int{kContainer, kMCPServers} {
		if v := b.value(k); !isOneOf(v, []string{"[]"}) {
			d.says(keys[k], false)
		}
	}
	for _, k := range []int{kServiceTier, kSpeed} {
		if !absent(b.value(k)) {
			d.says(keys[k], true)
		}
	}
	if !isOneOf(b.value(kInferenceGeo), []string{`"global"`}) {
		d.says(keys[kInferenceGeo], false)
	}
	if v := b.value(kContextManagement); !absent(v) {
		d.says(keys[kContextManagement], clearsThinkingOnly(v))
	}
	c := scan.New(b.json)
	for c.Enter('{'); c.Member(); {
		if key := string(c.Key); !slices.Contains(keys, key) && c.Peek() != 'n' {
			d.says(key, harmless[key])
		}
		c.Skip()
	}
}

// harmless are members without which an answer is still the one asked for. What
// an unknown one means nobody can say.
var harmless = map[string]bool{"betas": true, "anthropic_beta": true, "anthropic_version": true, "diagnostics": true, "user_profile_id": true}

// clearsThinkingOnly reports whether context_management touches nothing but old
// thinking, which other dialects are not sent anyway.
func clearsThinkingOnly(v []byte) bool {
	only := true
	c := scan.New(v)
	for c.Enter('{'); c.Member(); {
		if !isKey(c.Key, "edits") {
			c.Skip()
			continue
		}
		for c.Enter('['); c.Elem(); {
			only = strings.HasPrefix(text(memberOf(c.Raw(), "type")), "clear_thinking_") && only
		}
	}
	return only
}
