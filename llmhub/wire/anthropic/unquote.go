package anthropic

import (
	"bytes"

	"github.com/llmhubd/llmhub/llmhub/wire/scan"
)

// unquote is scan.Unquote, quicker for the escapes that texts are full of.
func unquote(s []byte) (string, bool) {
	if len(s) < 2 || bytes.IndexByte(s, '\\') < 0 {
		return scan.Unquote(s)
	}
	in := s[1 : len(s)-1]
	var room [256]byte
	out := room[:0]
	for i := 0; i < len(in); i++ {
		c := in[i]
		if c < 0x20 || c >= 0x80 || c == '"' {
			return scan.Unquote(s)
		}
		if c == '\\' {
			if i++; i == len(in) || plainEscapes[in[i]] == 0 {
				return scan.Unquote(s)
			}
			c = plainEscapes[in[i]]
		}
		out = append(out, c)
	}
	return string(out), true
}

var plainEscapes = [256]byte{'n': '\n', 't': '\t', '"': '"', '\\': '\\', '/': '/', 'r': '\r', 'b': '\b', 'f': '\f'}
