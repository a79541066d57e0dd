package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// node is a piece of the config file: a scalar, a list or a map.
type node struct {
	line   int
	scalar *string
	list   []node
	fields []field // in the order of the file
	isMap  bool
	isList bool
}

type field struct {
	key   string
	value node
}

// null reports whether nothing was written.
func (n node) null() bool { return n.scalar == nil && !n.isMap && !n.isList }

// strings returns a list of scalars, or one scalar's items.
func (n node) strings() ([]string, error) {
	if n.null() {
		return nil, nil
	}
	if n.scalar != nil {
		return items(*n.scalar), nil
	}
	if n.isMap {
		return nil, errors.New("must be a list")
	}
	var out []string
	for _, e := range n.list {
		if e.scalar == nil {
			return nil, errors.New("must be a list of plain values")
		}
		out = append(out, *e.scalar)
	}
	return out, nil
}

// maxDepth of the file; ours needs five.
const maxDepth = 16

// parseYAML reads the file. Its errors name the line and never quote it: it may
// hold a key.
func parseYAML(src []byte) (node, error) {
	file, err := parser.ParseBytes(src, 0)
	if err != nil {
		var ye yaml.Error
		if errors.As(err, &ye) && ye.GetToken() != nil {
			return node{}, lineError{ye.GetToken().Position.Line, "is not valid YAML: " + firstLine(ye.GetMessage())}
		}
		return node{}, errors.New("is not valid YAML")
	}
	var root node
	for i, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if i > 0 {
			return node{}, lineError{doc.Body.GetToken().Position.Line, "must hold one document only"}
		}
		if root, err = convert(doc.Body, 0); err != nil {
			return node{}, err
		}
	}
	return root, nil
}

// lineError is what is wrong at a line of the file.
type lineError struct {
	line int
	what string
}

func (e lineError) Error() string { return e.what }

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}

func convert(n ast.Node, depth int) (node, error) {
	line := 0
	if tok := n.GetToken(); tok != nil && tok.Position != nil {
		line = tok.Position.Line
	}
	if depth > maxDepth {
		return node{}, lineError{line, "is nested too deeply"}
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return convertMap(n.Values, line, depth)
	case *ast.MappingValueNode:
		return convertMap([]*ast.MappingValueNode{n}, line, depth)
	case *ast.SequenceNode:
		out := node{line: line, isList: true}
		for _, v := range n.Values {
			e, err := convert(v, depth+1)
			if err != nil {
				return node{}, err
			}
			out.list = append(out.list, e)
		}
		return out, nil
	case *ast.NullNode, *ast.CommentGroupNode:
		return node{line: line}, nil
	case *ast.StringNode:
		return node{line: line, scalar: &n.Value}, nil
	case *ast.LiteralNode:
		return node{line: line, scalar: &n.Value.Value}, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		text := n.GetToken().Value
		return node{line: line, scalar: &text}, nil
	}
	return node{}, lineError{line, "uses anchors, aliases, merges or tags, which the config file does not have: write the values out"}
}

func convertMap(values []*ast.MappingValueNode, line, depth int) (node, error) {
	out := node{line: line, isMap: true}
	seen := map[string]bool{}
	for _, v := range values {
		key, err := convert(v.Key, depth+1)
		if err != nil {
			return node{}, err
		}
		if key.scalar == nil {
			return node{}, lineError{key.line, "has a key that is no word"}
		}
		value, err := convert(v.Value, depth+1)
		if err != nil {
			return node{}, err
		}
		if seen[*key.scalar] {
			return node{}, lineError{key.line, fmt.Sprintf("has %q twice", *key.scalar)}
		}
		seen[*key.scalar] = true
		value.line = key.line
		out.fields = append(out.fields, field{*key.scalar, value})
	}
	out.line = line
	return out, nil
}
