package wire_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/llmhub/wire/wiretest"
)

func frames(t testing.TB, r io.Reader) (events, datas []string, raw string) {
	f := wire.NewFrames(r)
	defer f.Close()
	for {
		fr, err := f.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		events, datas, raw = append(events, string(fr.Event)), append(datas, string(fr.Data)), raw+string(fr.Raw)
	}
}

func TestFrames(t *testing.T) {
	for _, tt := range []struct{ name, in, events, datas string }{
		{"plain", "data: a\n\ndata:b\n\n", "|", "a|b"},
		{"CRLF", "event: x\r\ndata: a\r\n\r\ndata: b\r\n\r\n", "x|", "a|b"},
		{"several data lines are joined", "data: a\ndata: b\ndata: c\n\n", "", "a\nb\nc"},
		{"a comment is a frame without data", ": keep-alive\n\ndata: a\n\n", "|", "|a"},
		{"blank lines between frames do not count", "\n\n\ndata: a\n\n\n\ndata: b\n\n", "|", "a|b"},
		{"an end without a blank line", "data: a\n\ndata: b", "|", "a|b"},
		{"only one blank of the value is dropped", "data:  a\n\n", "", " a"},
		{"a byte order mark", "\ufeffdata: a\n\n", "", "a"},
		{"other fields are ignored", "id: 1\nretry: 5\ndata: a\n\n", "", "a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for seed := range uint64(20) {
				events, datas, _ := frames(t, wiretest.Cut([]byte(tt.in), seed))
				if strings.Join(events, "|") != tt.events || strings.Join(datas, "|") != tt.datas {
					t.Fatalf("seed %d: %q gave events %q, data %q", seed, tt.in, events, datas)
				}
			}
		})
	}
}

func TestFramesBound(t *testing.T) {
	f := wire.NewFrames(io.MultiReader(strings.NewReader("data: "), neverEnding{}))
	defer f.Close()
	if _, err := f.Next(); err == nil || err == io.EOF {
		t.Errorf("a frame without end gave %v, want an error", err)
	}
}

type neverEnding struct{}

func (neverEnding) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// FuzzFrames holds that where the bytes are cut makes no difference, and that
// nothing but blank lines is left out of Raw.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("data: a\n\nevent: x\r\ndata: b\r\n\r\n: c\n\n"), uint64(1))
	f.Add([]byte("\n\r\n\ndata\n:\n\ndata:"), uint64(2))
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		events, datas, raw := frames(t, bytes.NewReader(in))
		e2, d2, raw2 := frames(t, wiretest.Cut(in, seed))
		if strings.Join(events, "\x00") != strings.Join(e2, "\x00") || strings.Join(datas, "\x00") != strings.Join(d2, "\x00") || raw != raw2 {
			t.Fatalf("%q cut with seed %d gave %q %q, whole %q %q", in, seed, e2, d2, events, datas)
		}
	})
}
