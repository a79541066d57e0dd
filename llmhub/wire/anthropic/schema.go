package anthropic

import (
	"bytes"

	"github.com/llmhubd/llmhub/llmhub/wire/scan"
)

// answerSchema makes a JSON Schema fit for output_config.format, which wants
// every object closed and knows no bounds on numbers, strings and arrays. An
// answer to the closed schema also fits the open one. Bounds are left out, with
// a warning; an object that must stay open is refused.
func (r *renderer) answerSchema(schema []byte) ([]byte, error) {
	s := &closer{}
	out := s.schema(schema)
	if s.open {
		return nil, unsupported("response_format", "no schema with additionalProperties")
	}
	if s.bounds {
		r.warn("bounds in the answer's schema")
	}
	return out, nil
}

type closer struct {
	open   bool // an object wants members that its schema does not name
	bounds bool // something was left out
}

// schema rewrites one schema, in its order.
func (s *closer) schema(v []byte) []byte {
	c := scan.New(v)
	if c.Peek() != '{' {
		return v
	}
	var ms []member
	isObject, named, closed := false, false, false
	for c.Enter('{'); c.Member(); {
		key := string(plainKey(c.Key))
		v := c.Raw()
		switch {
		case bounds[key] || key == "minItems" && string(v) != "0" && string(v) != "1":
			s.bounds = true
			continue
		case key == "additionalProperties":
			closed = true
			s.open = s.open || string(v) != "false"
		case key == "type":
			isObject = isObject || bytes.Contains(v, []byte(`"object"`))
		case key == "properties":
			isObject, named = true, true
			v = s.each(v)
		case key == "$defs" || key == "definitions":
			v = s.each(v)
		case key == "items":
			v = s.schema(v)
		case key == "anyOf" || key == "allOf" || key == "oneOf" || key == "prefixItems":
			v = s.list(v)
		}
		ms = append(ms, member{key, v})
	}
	if isObject && !closed {
		s.open = s.open || !named
		ms = append(ms, member{"additionalProperties", []byte("false")})
	}
	return object(ms)
}

// each rewrites the schemas that are an object's values.
func (s *closer) each(v []byte) []byte {
	c := scan.New(v)
	if c.Peek() != '{' {
		return v
	}
	var ms []member
	for c.Enter('{'); c.Member(); {
		key := string(plainKey(c.Key))
		ms = append(ms, member{key, s.schema(c.Raw())})
	}
	return object(ms)
}

// list rewrites the schemas that are an array's elements.
func (s *closer) list(v []byte) []byte {
	c := scan.New(v)
	if c.Peek() != '[' {
		return v
	}
	var all [][]byte
	for c.Enter('['); c.Elem(); {
		all = append(all, s.schema(c.Raw()))
	}
	return array(all)
}

var bounds = map[string]bool{"minimum": true, "maximum": true, "exclusiveMinimum": true, "exclusiveMaximum": true, "multipleOf": true,
	"minLength": true, "maxLength": true, "maxItems": true, "uniqueItems": true, "minProperties": true, "maxProperties": true}
