package wire

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire/scan"
)

// Span is where a member of a top-level object stands in its bytes. The zero
// Span is a member that is not there.
type Span struct {
	Key      int // of the key's first quote
	From, To int // of the value
}

// Ok reports whether the member is there.
func (s Span) Ok() bool { return s.To > 0 }

// Of returns the value's bytes, nil when it is not there.
func (s Span) Of(body []byte) []byte {
	if !s.Ok() {
		return nil
	}
	return body[s.From:s.To]
}

// ScanHead finds the members of body named by keys; spans[i] is that of keys[i].
// What policy reads must be what the provider reads, so it refuses, with
// InvalidRequest: one of keys twice, or in another case; any top-level key with
// an escape or outside ASCII; a body that is no object; anything behind it;
// nesting deeper than [scan.MaxDepth].
func ScanHead(body []byte, keys []string, spans []Span) error {
	c := scan.New(body)
	if c.Peek() != '{' {
		return badBody("the body must be a JSON object", "")
	}
	c.Enter('{')
	for c.Member() {
		key := c.Key
		start := c.Offset()
		i := find(keys, key)
		if i < 0 {
			if p := oddKey(keys, key); p != "" {
				return badBody(p, string(key))
			}
			c.Skip()
			continue
		}
		if spans[i].Ok() {
			return badBody("key given twice", keys[i])
		}
		at := bytes.LastIndexByte(body[:start], ':')
		quote := bytes.LastIndexByte(body[:at], '"') - len(key) - 1
		v := c.Raw()
		if c.Err != nil {
			break
		}
		spans[i] = Span{Key: quote, From: c.Offset() - len(v), To: c.Offset()}
	}
	if errors.Is(c.Err, scan.ErrDepth) {
		return badBody(fmt.Sprintf("the body is nested deeper than %d brackets", scan.MaxDepth), "")
	}
	if c.Err != nil || !c.End() {
		return badBody("the body is not valid JSON", "")
	}
	return nil
}

func find(keys []string, key []byte) int {
	for i, k := range keys {
		if len(k) == len(key) && k == string(key) {
			return i
		}
	}
	return -1
}

// oddKey says what is wrong with a key that is none of keys, "" if nothing is.
// encoding/json matches keys without regard to case and folds some letters
// outside ASCII to ASCII ones, so both are refused.
func oddKey(keys []string, key []byte) string {
	for _, b := range key {
		if b == '\\' || b >= utf8.RuneSelf || b < 0x20 {
			return "a key may hold neither escapes nor letters outside ASCII"
		}
	}
	for _, k := range keys {
		if len(k) == len(key) && strings.EqualFold(k, string(key)) {
			return "write this key as " + k
		}
	}
	return ""
}

func badBody(message, param string) error {
	return &llmhub.Error{Kind: llmhub.InvalidRequest, Message: message, Param: param}
}
