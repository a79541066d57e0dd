package scan_test

import (
	"encoding/json"
	"testing"

	"github.com/llmhubd/llmhub/llmhub/wire/scan"
)

// FuzzUnquote holds that a string reads as encoding/json reads it.
func FuzzUnquote(f *testing.F) {
	for _, s := range []string{`""`, `"a"`, `"a\nb\t\"\\\/\b\f\r"`, `"\u00e9\ud83d\ude00"`, `"\ud83d"`, `"\ud83dx"`, `"\ud83d\ud83d\ude00"`, `"\ud83d\u0041"`,
		`"\u12"`, `"\x"`, `"a\"`, "\"\x01\"", "\"\xff\"", "\"\\n\xff\"", `"é–😀\n"`, `"a"b"`, `"\u0000"`, `"\uFFFD\ufffd"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, s []byte) {
		var want string
		ok := len(s) > 0 && s[0] == '"' && s[len(s)-1] == '"' && json.Unmarshal(s, &want) == nil
		if got, is := scan.Unquote(s); is != ok || ok && got != want {
			t.Fatalf("Unquote(%q) = %q, %t, want %q, %t", s, got, is, want, ok)
		}
	})
}

func BenchmarkUnquote(b *testing.B) {
	for name, s := range map[string]string{"plain": `"some words of text"`, "escapes": `"a line\nand \"quotes\""`, "letters": `"Käse für alle – ja"`} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			in := []byte(s)
			for b.Loop() {
				if _, ok := scan.Unquote(in); !ok {
					b.Fatal(s)
				}
			}
		})
	}
}
