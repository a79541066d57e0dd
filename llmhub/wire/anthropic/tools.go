package anthropic

import (
	"slices"
	"strconv"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire/scan"
)

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
