package openaichat

import (
	"bytes"

	"github.com/llmhubd/llmhub/llmhub"
)

// traits are things somewhere in messages that not every provider takes.
type traits uint16

const (
	hasFileID traits = 1 << iota
	hasImage
	hasAudio
	hasFile
	hasCache
	hasReasoningContent
	hasReasoning
	hasThinkingBlocks
	hasExtra
	hasDeveloper
	hasOwn // a signature as we say it
)

// What a survey leaves out of the size of text.
const (
	shortest = 1024 // bytes of a string that may be encoded media
	perMedia = 1000 // tokens that one image, document or sound counts for
)

// survey walks the strings of well-formed messages once, without decoding them:
// what is in them, how many bytes of them are encoded media, and of how many
// pieces. A key with an escape in it is refused, for what it says could not be
// seen.
func survey(b []byte) (t traits, blob, pieces int, err error) {
	for i := 0; ; {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return t, blob, pieces, nil
		}
		s, end := stringAt(b, i+n+1)
		i = end
		switch {
		case len(s) >= shortest:
			if isBlob(s) {
				blob += len(s)
				pieces++
			}
		case len(s) == len("developer") && string(s) == "developer":
			t |= hasDeveloper
		case len(s) <= 64 && isKey(b[i:]):
			if bytes.IndexByte(s, '\\') >= 0 {
				return 0, 0, 0, &llmhub.Error{Kind: llmhub.InvalidRequest, Message: "a key may hold no escapes", Param: "messages"}
			}
			t |= traitOf(s)
		case isKey(b[i:]) && bytes.IndexByte(s, '\\') >= 0:
			return 0, 0, 0, &llmhub.Error{Kind: llmhub.InvalidRequest, Message: "a key may hold no escapes", Param: "messages"}
		}
	}
}

func traitOf(key []byte) traits {
	switch string(key) {
	case "file_id":
		return hasFileID
	case "image_url":
		return hasImage
	case "input_audio":
		return hasAudio
	case "file":
		return hasFile
	case "cache_control":
		return hasCache
	case "reasoning_content":
		return hasReasoningContent
	case "reasoning":
		return hasReasoning
	case "thinking_blocks":
		return hasThinkingBlocks
	case "extra_content":
		return hasExtra
	case "llmhub":
		return hasOwn
	}
	return 0
}

// stringAt returns the string whose first byte behind the quote is at from, and
// the position behind its closing quote.
func stringAt(b []byte, from int) (s []byte, end int) {
	for i := from; ; {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return b[from:], len(b)
		}
		i += n
		slashes := 0
		for j := i - 1; j >= from && b[j] == '\\'; j-- {
			slashes++
		}
		if slashes%2 == 0 {
			return b[from:i], i + 1
		}
		i++
	}
}

// isKey reports whether a colon follows.
func isKey(b []byte) bool {
	for _, c := range b {
		switch c {
		case ' ', '\t', '\r', '\n':
		default:
			return c == ':'
		}
	}
	return false
}

// isBlob reports whether a long string is base64 or a data URL: text has blanks.
func isBlob(s []byte) bool {
	if bytes.HasPrefix(s, []byte("data:")) {
		return true
	}
	for _, c := range s[:256] {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '+', c == '/', c == '-', c == '_', c == '\\':
		default:
			return false
		}
	}
	return true
}
