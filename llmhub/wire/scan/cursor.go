// Package scan walks JSON text without decoding it.
package scan

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// Bounds on what is walked.
const (
	MaxDepth = 64 // of brackets
)

// ErrSyntax means that the text is not JSON, or nested deeper than [MaxDepth]:
// then it is [ErrDepth].
var ErrSyntax = errors.New("malformed JSON")

// ErrDepth is the [ErrSyntax] of text that is nested deeper than [MaxDepth].
var ErrDepth = fmt.Errorf("%w: nested deeper than %d brackets", ErrSyntax, MaxDepth)

// Cursor reads one JSON value after another. Strings and brackets are matched
// exactly, other grammar is not checked: whatever is valid JSON is read as any
// strict parser reads it, and some text that is not JSON is let through. After
// an error every method returns zero; check Err at the end.
//
//	for c.Enter('{'); c.Member(); {
//		switch string(c.Key) {
//		case "id":
//			id = c.Text()
//		default:
//			c.Skip()
//		}
//	}
type Cursor struct {
	Key []byte // of the member that Member stopped at, without quotes, still escaped
	Err error
	b   []byte
	i   int
	// comma is whether a comma must stand before the next member or element.
	comma bool
	depth int
}

// New reads from b.
func New(b []byte) Cursor { return Cursor{b: b} }

// Offset is how many bytes have been read.
func (c *Cursor) Offset() int { return c.i }

// Peek returns the first byte of the next value, or 0 at the end: one of
// { [ " t f n - or a digit.
func (c *Cursor) Peek() byte {
	c.space()
	if c.Err != nil || c.i >= len(c.b) {
		return 0
	}
	return c.b[c.i]
}

// Enter steps into an object or array, open being { or [. When the next value is
// anything else it is skipped, and Member or Elem then end at once.
func (c *Cursor) Enter(open byte) bool {
	if c.Peek() != open {
		c.Skip()
		c.comma = false
		c.depth = -c.depth - 1 // so that the loop over nothing ends
		return false
	}
	c.i++
	c.comma = false
	c.depth++
	if c.depth > MaxDepth {
		c.failDeep()
	}
	return c.Err == nil
}

// Member moves to the next member's value and reports whether there is one; at
// the end of the object it steps out.
func (c *Cursor) Member() bool {
	if !c.item('}') {
		return false
	}
	if c.Peek() != '"' {
		c.fail()
		return false
	}
	s := c.Raw()
	if c.Err != nil {
		return false
	}
	c.Key = s[1 : len(s)-1]
	if c.Peek() != ':' {
		c.fail()
		return false
	}
	c.i++
	return true
}

// Elem moves to the next element and reports whether there is one; at the end
// of the array it steps out.
func (c *Cursor) Elem() bool { return c.item(']') }

func (c *Cursor) item(end byte) bool {
	if c.depth < 0 { // Enter found something else
		c.depth = -c.depth - 1
		c.comma = true
		return false
	}
	switch b := c.Peek(); {
	case c.Err != nil:
		return false
	case b == end:
		c.i++
		c.depth--
		c.comma = true
		return false
	case c.comma:
		if b != ',' {
			c.fail()
			return false
		}
		c.i++
		if c.Peek() == end {
			c.fail()
			return false
		}
	}
	c.comma = true
	return c.Err == nil
}

// Skip passes over the next value.
func (c *Cursor) Skip() { c.Raw() }

// Raw returns the next value's bytes.
func (c *Cursor) Raw() []byte {
	c.space()
	if c.Err != nil || c.i >= len(c.b) {
		c.fail()
		return nil
	}
	from := c.i
	switch c.b[c.i] {
	case '"':
		c.str()
	case '{', '[':
		c.nested()
	case '}', ']', ',', ':':
		c.fail()
	default:
		for c.i < len(c.b) && !delimiter[c.b[c.i]] {
			c.i++
		}
	}
	if c.Err != nil {
		return nil
	}
	return c.b[from:c.i]
}

// Text returns the next value if it is a string, unescaped; else it skips it and
// returns "".
func (c *Cursor) Text() string {
	if c.Peek() != '"' {
		c.Skip()
		return ""
	}
	s := c.Raw()
	if c.Err != nil {
		return ""
	}
	t, ok := Unquote(s)
	if !ok {
		c.fail()
	}
	return t
}

// Int returns the next value if it is a number, cut to a whole one; else it
// skips it and returns 0.
func (c *Cursor) Int() int64 {
	s := c.Raw()
	var n int64
	for i, d := range s {
		if d < '0' || d > '9' || i > 17 {
			f, err := strconv.ParseFloat(string(s), 64)
			if err != nil || f != f || f >= 1<<63 || f < -1<<63 {
				return 0
			}
			return int64(f)
		}
		n = n*10 + int64(d-'0')
	}
	return n
}

// Bool returns whether the next value is true.
func (c *Cursor) Bool() bool { return string(c.Raw()) == "true" }

// End reports whether nothing but white space is left and there was no error.
func (c *Cursor) End() bool { return c.Peek() == 0 && c.Err == nil && c.i == len(c.b) }

func (c *Cursor) fail() {
	if c.Err == nil {
		c.Err = ErrSyntax
	}
	c.i = len(c.b)
}

// failDeep is fail for brackets that nest too deep.
func (c *Cursor) failDeep() {
	if c.Err == nil {
		c.Err = ErrDepth
	}
	c.i = len(c.b)
}

func (c *Cursor) space() {
	for c.i < len(c.b) && (c.b[c.i] == ' ' || c.b[c.i] == '\n' || c.b[c.i] == '\r' || c.b[c.i] == '\t') {
		c.i++
	}
}

// str passes over a string; c.i is at its first quote.
func (c *Cursor) str() {
	for i := c.i + 1; ; {
		n := bytes.IndexByte(c.b[i:], '"')
		if n < 0 {
			c.fail()
			return
		}
		end := i + n
		slashes := 0
		for j := end - 1; j >= i && c.b[j] == '\\'; j-- {
			slashes++
		}
		if slashes%2 == 0 {
			c.i = end + 1
			return
		}
		i = end + 1
	}
}

// nested passes over an object or array, matching brackets.
func (c *Cursor) nested() {
	var stack [MaxDepth + 1]byte
	depth := 0
	for c.i < len(c.b) {
		switch b := c.b[c.i]; b {
		case '"':
			c.str()
			if c.Err != nil {
				return
			}
			continue
		case '{', '[':
			if depth+c.depth >= MaxDepth {
				c.failDeep()
				return
			}
			stack[depth] = b + 2 // '{'+2 == '}', '['+2 == ']'
			depth++
		case '}', ']':
			depth--
			if stack[depth] != b {
				c.fail()
				return
			}
			if depth == 0 {
				c.i++
				return
			}
		}
		c.i++
	}
	c.fail()
}

var delimiter = [256]bool{' ': true, '\n': true, '\r': true, '\t': true, ',': true, ':': true,
	'}': true, ']': true, '{': true, '[': true, '"': true}
