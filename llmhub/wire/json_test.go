package wire_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/llmhubd/llmhub/llmhub/wire"
)

// FuzzAppendString holds that what is written reads as it was, with U+FFFD for
// bytes that are not UTF-8.
func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "a", "a\n\r\t\"\\\x00\x1f\x7f", "é–😀", "\xff\xfe", "a\xe2\x80", "\u2028"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		b := wire.AppendString(nil, s)
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("AppendString(%q) = %s: %v", s, b, err)
		}
		if want := string([]rune(s)); got != want {
			t.Fatalf("AppendString(%q) = %s, which reads %q, want %q", s, b, got, want)
		}
	})
}

func BenchmarkAppendEscaped(b *testing.B) {
	s := strings.Repeat("All work and no play makes Jack a dull boy.\n", 2500)
	buf := make([]byte, 0, 2*len(s))
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		buf = wire.AppendEscaped(buf[:0], s)
	}
}
