package auth

import (
	"crypto/rand"
	"encoding/base32"
	"io"
)

// words is base32 in lower case: what is written in it can be said, typed and
// selected by a double click.
func words() *base32.Encoding {
	return base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
}

// random returns n random bytes in base32. r nil means crypto/rand, which never
// fails; another's failure is a programmer's mistake.
func random(r io.Reader, n int) string {
	b := make([]byte, n)
	if r == nil {
		r = rand.Reader
	}
	if _, err := io.ReadFull(r, b); err != nil {
		panic("auth: no randomness: " + err.Error())
	}
	return words().EncodeToString(b)
}

// NewID makes the id of a row: prefix and 80 random bits.
func NewID(prefix string) string { return prefix + random(nil, 10) }
