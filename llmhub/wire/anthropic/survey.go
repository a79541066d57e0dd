package anthropic

import (
	"bytes"

	"github.com/llmhubd/llmhub/llmhub/wire/scan"
)

// survey is what one walk over a conversation finds, without decoding it.
type survey struct {
	files     bool  // a block names a file kept at the provider
	media     int64 // how many pictures and documents stand in it as data
	mediaSize int64 // of these, in bytes
	thoughts  bool  // there is reasoning
	foreign   bool  // there is reasoning that the native provider did not sign
}

// strange reports whether there may be reasoning that provider did not sign. A
// signature says only whether it is the native one's.
func (s *survey) strange(provider string) bool {
	return s.foreign || s.thoughts && provider != native
}

func (s *survey) messages(v []byte) {
	c := scan.New(v)
	for c.Enter('['); c.Elem(); {
		s.message(&c)
	}
}

func (s *survey) message(c *scan.Cursor) {
	for c.Enter('{'); c.Member(); {
		if isKey(c.Key, "content") {
			s.blocks(c)
			continue
		}
		c.Skip()
	}
}

func (s *survey) system(v []byte) {
	if len(v) > 0 {
		c := scan.New(v)
		s.blocks(&c)
	}
}

func (s *survey) blocks(c *scan.Cursor) {
	for c.Enter('['); c.Elem(); {
		for c.Enter('{'); c.Member(); {
			switch string(plainKey(c.Key)) {
			case "file_id":
				s.files = true
				c.Skip()
			case "content":
				s.blocks(c)
			case "source":
				s.source(c)
			case "signature", "data":
				s.signature(c.Raw())
			default:
				c.Skip()
			}
		}
	}
}

func (s *survey) signature(v []byte) {
	s.thoughts = true
	s.foreign = s.foreign || string(v) == `""` || bytes.HasPrefix(v, []byte(`"`+foreign)) ||
		bytes.IndexByte(v, '\\') >= 0 // nobody signs with escapes; decoding tells
}

func (s *survey) source(c *scan.Cursor) {
	coded, data := false, 0
	for c.Enter('{'); c.Member(); {
		switch string(plainKey(c.Key)) {
		case "file_id":
			s.files = true
			c.Skip()
		case "type":
			kind := c.Text()
			s.files = s.files || kind == "file"
			coded = kind == "base64"
		case "data":
			data = len(c.Raw())
		case "content":
			s.blocks(c)
		default:
			c.Skip()
		}
	}
	if coded {
		s.media++
		s.mediaSize += int64(data)
	}
}
