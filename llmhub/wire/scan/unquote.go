package scan

import (
	"encoding/json"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Unquote decodes a JSON string with its quotes, as encoding/json does, and
// reports whether it is one.
func Unquote(s []byte) (string, bool) {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return "", false
	}
	in := s[1 : len(s)-1]
	n, ascii := run(in)
	if n == len(in) && (ascii || utf8.Valid(in)) {
		return string(in), true
	}
	if t, ok := unescape(in); ok {
		return t, true
	}
	var t string
	err := json.Unmarshal(s, &t)
	return t, err == nil
}

// run is how many bytes stand for themselves, and whether all are ASCII.
func run(b []byte) (n int, ascii bool) {
	high := byte(0)
	for n < len(b) && b[n] >= 0x20 && b[n] != '"' && b[n] != '\\' {
		high |= b[n]
		n++
	}
	return n, high < utf8.RuneSelf
}

// unescape decodes the inside of a string. It gives up on what is no JSON string
// and on what is not UTF-8.
func unescape(in []byte) (string, bool) {
	var out strings.Builder
	out.Grow(len(in))
	plain := true
	for {
		n, ascii := run(in)
		out.Write(in[:n])
		plain = plain && ascii
		if in = in[n:]; len(in) == 0 {
			break
		}
		if in[0] != '\\' || len(in) < 2 {
			return "", false
		}
		if c := escapes[in[1]]; c != 0 {
			out.WriteByte(c)
			in = in[2:]
			continue
		}
		r, size := escapedRune(in)
		if size == 0 {
			return "", false
		}
		out.WriteRune(r)
		in = in[size:]
	}
	return out.String(), plain || utf8.ValidString(out.String())
}

var escapes = [256]byte{'n': '\n', 't': '\t', '"': '"', '\\': '\\', '/': '/', 'r': '\r', 'b': '\b', 'f': '\f'}

// escapedRune decodes the \u escape that b begins with, or the two of a
// surrogate pair, and how many bytes it takes; 0 if it is none. Half a pair is
// U+FFFD.
func escapedRune(b []byte) (r rune, size int) {
	r, ok := hexRune(b)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if low, ok := hexRune(b[6:]); ok {
		if whole := utf16.DecodeRune(r, low); whole != utf8.RuneError {
			return whole, 12
		}
	}
	return utf8.RuneError, 6
}

func hexRune(b []byte) (r rune, ok bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	for _, c := range b[2:6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
