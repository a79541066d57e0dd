package wire

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/llmhubd/llmhub/llmhub"
)

// The most a stream may hold.
const (
	MaxFrame  = 16 << 20  // bytes of one server-sent event
	MaxStream = 256 << 20 // bytes of one stream
	MaxUnary  = 64 << 20  // bytes of one whole body
)

// Frame is one server-sent event. Its bytes are good until the next call of
// [Frames.Next].
type Frame struct {
	Event []byte // the event's name; empty: none
	Data  []byte // the data lines, joined by line feeds; empty for a comment
	Raw   []byte // the frame as it came, with the blank line that ends it
}

// Frames cuts a server-sent event stream (WHATWG HTML, 9.2) into frames. Lines
// may end in LF or CRLF. It reads no further than it must: after a frame is
// there nothing is read until the next is asked for. Close gives its buffer
// back.
type Frames struct {
	r          io.Reader
	buf        *[]byte
	start, end int // unread bytes of buf
	total      int64
	next       Frame
	ready      bool // next holds a frame that nobody has taken
	size       int  // of next
	eof        bool
	begun      bool
	joined     []byte
	line       int // where in buf the first unexamined line begins, from start
}

var framePool = sync.Pool{New: func() any { b := make([]byte, 2048); return &b }}

// NewFrames reads frames from r.
func NewFrames(r io.Reader) *Frames {
	return &Frames{r: r, buf: framePool.Get().(*[]byte)}
}

// Close gives the buffer back; frames taken before are no longer good.
func (f *Frames) Close() {
	if f.buf != nil && len(*f.buf) <= 64<<10 {
		framePool.Put(f.buf)
	}
	f.buf = nil
	f.ready = false
}

// Buffered reports whether a whole frame is at hand, so that Next will not read.
func (f *Frames) Buffered() bool { return f.ready || f.cut() }

// Next returns the next frame, or io.EOF after the last. Bytes before the end of
// the stream that no blank line closes are a frame too: providers do end like
// that, and whether the answer is complete is the dialect's to say.
func (f *Frames) Next() (Frame, error) {
	for {
		if f.Buffered() {
			f.ready = false
			f.start += f.size
			return f.next, nil
		}
		if f.eof {
			return Frame{}, io.EOF
		}
		if f.end-f.start > MaxFrame {
			return Frame{}, tooLong("frame", MaxFrame)
		}
		if err := f.read(); err != nil {
			return Frame{}, err
		}
	}
}

// Peek returns the first byte of the stream that is not white space, reading
// until there is one. It is for telling a stream from a plain JSON body.
func (f *Frames) Peek() (byte, error) {
	for {
		if b := bytes.TrimLeft((*f.buf)[f.start:f.end], " \t\r\n\ufeff"); len(b) > 0 {
			return b[0], nil
		}
		if f.eof {
			return 0, io.EOF
		}
		if err := f.read(); err != nil {
			return 0, err
		}
	}
}

// Rest reads all that is left as one piece, for a body that is no stream.
func (f *Frames) Rest() ([]byte, error) {
	for !f.eof {
		if f.end-f.start > MaxUnary {
			return nil, tooLong("body", MaxUnary)
		}
		if err := f.read(); err != nil {
			return nil, err
		}
	}
	b := (*f.buf)[f.start:f.end]
	f.start = f.end
	return b, nil
}

func tooLong(what string, limit int) error {
	return &llmhub.Error{Kind: llmhub.Malformed, Message: fmt.Sprintf("%s longer than %d bytes", what, limit)}
}

func (f *Frames) read() error {
	if f.start > 0 {
		copy(*f.buf, (*f.buf)[f.start:f.end])
		f.end -= f.start
		f.start = 0
	}
	if f.end == len(*f.buf) {
		grown := make([]byte, 2*len(*f.buf))
		copy(grown, (*f.buf)[:f.end])
		*f.buf = grown
	}
	n, err := f.r.Read((*f.buf)[f.end:])
	f.end += n
	f.total += int64(n)
	if f.total > MaxStream {
		return tooLong("stream", MaxStream)
	}
	if err == io.EOF {
		f.eof = true
		return nil
	}
	if err != nil && n > 0 {
		return nil // it will come again
	}
	return err
}

// cut looks for a whole frame in what is buffered, and makes it next.
func (f *Frames) cut() bool {
	if f.buf == nil {
		return false
	}
	if !f.begun && f.end-f.start >= 3 {
		f.begun = true
		if bytes.HasPrefix((*f.buf)[f.start:f.end], []byte("\ufeff")) {
			f.start += 3
		}
	}
	b := (*f.buf)[f.start:f.end]
	for {
		rest := b[f.line:]
		n := bytes.IndexByte(rest, '\n')
		if n < 0 {
			break
		}
		blank := n == 0 || n == 1 && rest[0] == '\r'
		f.line += n + 1
		if blank && len(bytes.TrimLeft(b[:f.line], "\r\n")) > 0 {
			f.parse(b[:f.line])
			return true
		}
	}
	if f.eof && len(bytes.TrimSpace(b)) > 0 {
		f.parse(b)
		return true
	}
	return false
}

func (f *Frames) parse(b []byte) {
	f.next, f.ready, f.size, f.line = Frame{Raw: b}, true, len(b), 0
	lines := 0
	for len(b) > 0 {
		line := b
		if n := bytes.IndexByte(b, '\n'); n >= 0 {
			line, b = b[:n], b[n+1:]
		} else {
			b = nil
		}
		if n := len(line); n > 0 && line[n-1] == '\r' {
			line = line[:n-1]
		}
		switch {
		case bytes.HasPrefix(line, dataField):
			value := fieldValue(line[len(dataField):])
			if lines == 0 {
				f.next.Data = value
			} else {
				if lines == 1 {
					f.joined = append(f.joined[:0], f.next.Data...)
				}
				f.joined = append(append(f.joined, '\n'), value...)
				f.next.Data = f.joined
			}
			lines++
		case bytes.HasPrefix(line, eventField):
			f.next.Event = fieldValue(line[len(eventField):])
		}
	}
}

var dataField, eventField = []byte("data:"), []byte("event:")

// fieldValue drops the one space that may stand behind the colon.
func fieldValue(b []byte) []byte {
	if len(b) > 0 && b[0] == ' ' {
		return b[1:]
	}
	return b
}
