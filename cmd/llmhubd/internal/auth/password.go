package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/reply"
)

// What a password must be, in bytes.
const (
	minPassword = 15
	maxPassword = 1024
)

//go:embed blocklist.txt
var blocklist string

// checkPassword says what is wrong with a new password, for its owner.
func checkPassword(password, email string) error {
	lower := strings.ToLower(password)
	switch {
	case len(password) < minPassword:
		return reply.Invalid("password", fmt.Sprintf("The password is too short: use at least %d characters. A sentence of a few words is easy to keep.", minPassword))
	case len(password) > maxPassword:
		return reply.Invalid("password", fmt.Sprintf("The password is too long: use at most %d bytes.", maxPassword))
	case !utf8.ValidString(password) || strings.ContainsRune(password, 0):
		return reply.Invalid("password", "The password holds bytes that are no text.")
	case repeats(lower):
		return reply.Invalid("password", "The password only repeats itself: use words that do not.")
	case runs(lower):
		return reply.Invalid("password", "The password is a row of neighbours, such as 1234 or abcd: use words instead.")
	case tells(lower, strings.ToLower(email)):
		return reply.Invalid("password", "The password is your e-mail address: use something that others do not know.")
	case common(lower):
		return reply.Invalid("password", "The password is one that many people use, and so one of the first to be tried: use another.")
	}
	return nil
}

// repeats reports whether s is a piece of at most six bytes over and over.
func repeats(s string) bool {
	for n := 1; n <= 6; n++ {
		if s[n:] == s[:len(s)-n] {
			return true
		}
	}
	return false
}

// runs reports whether nearly each byte of s is the neighbour of the one before.
func runs(s string) bool {
	steps := 0
	for i := 1; i < len(s); i++ {
		if d := int(s[i]) - int(s[i-1]); d >= -1 && d <= 1 {
			steps++
		}
	}
	return steps*10 >= len(s)*8
}

func tells(s, email string) bool {
	name, _, _ := strings.Cut(email, "@")
	return email != "" && (s == email || len(name) >= 8 && strings.ReplaceAll(s, name, "") == "")
}

// common looks a password up as it is, and without what people put between and
// behind the words of a well-known one.
func common(s string) bool {
	plain := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -_.,!?'", r) {
			return -1
		}
		return r
	}, s)
	bare := strings.TrimRight(plain, "0123456789")
	for line := range strings.Lines(blocklist) {
		if line = strings.TrimSpace(line); line != "" && (line == s || line == plain || line == bare) {
			return true
		}
	}
	return false
}

// The cost of a hash: OWASP's least for argon2id.
const (
	argonMemory  = 19 * 1024 // KiB
	argonTime    = 2
	argonThreads = 1
	argonSalt    = 16
	argonKey     = 32
)

// errBusy means that too many passwords are being looked at.
var errBusy = errors.New("too many passwords at once")

// hasher hashes passwords, few at a time: each takes 19 MiB and a core.
type hasher struct {
	slots chan struct{} // held while hashing
	queue chan struct{} // held while hashing or waiting
	dummy string        // hash of a password that nobody has
}

const maxQueue = 32

func newHasher() *hasher {
	n := runtime.GOMAXPROCS(0)
	h := &hasher{slots: make(chan struct{}, n), queue: make(chan struct{}, n+maxQueue)}
	salt := make([]byte, argonSalt)
	rand.Read(salt)               // never fails (crypto/rand)
	key := make([]byte, argonKey) // no password has this hash but by chance
	rand.Read(key)
	h.dummy = phc(salt, key)
	return h
}

// hash makes the PHC string of a password.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, argonSalt)
	rand.Read(salt) // never fails (crypto/rand)
	var out string
	err := h.work(ctx, func() {
		out = phc(salt, argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, argonKey))
	})
	return out, err
}

// verify reports whether password is the one behind a PHC string, and whether
// the string should be made anew at today's cost. An empty string, that of
// nobody, takes as long as any.
func (h *hasher) verify(ctx context.Context, encoded, password string) (ok, stale bool, err error) {
	nobody := encoded == ""
	if nobody {
		encoded = h.dummy
	}
	p, err := parsePHC(encoded)
	if err != nil {
		return false, false, err
	}
	if len(password) > maxPassword {
		password = "" // no account has one so long, or so short
	}
	err = h.work(ctx, func() {
		got := argon2.IDKey([]byte(password), p.salt, p.time, p.memory, p.threads, uint32(len(p.key)))
		ok = subtle.ConstantTimeCompare(got, p.key) == 1
	})
	return ok && !nobody, p.memory != argonMemory || p.time != argonTime || p.threads != argonThreads || len(p.key) != argonKey, err
}

// work runs f when there is room.
func (h *hasher) work(ctx context.Context, f func()) error {
	select {
	case h.queue <- struct{}{}:
	default:
		return errBusy
	}
	defer func() { <-h.queue }()
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-h.slots }()
	f()
	return nil
}

func phc(salt, key []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads, b64.EncodeToString(salt), b64.EncodeToString(key))
}

type argon struct {
	memory, time uint32
	threads      uint8
	salt, key    []byte
}

// errHash never quotes the hash.
var errHash = errors.New("password hash is not one of argon2id")

func parsePHC(s string) (p argon, err error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return argon{}, errHash
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.time, &p.threads); err != nil {
		return argon{}, errHash
	}
	b64 := base64.RawStdEncoding.Strict()
	var serr, kerr error
	p.salt, serr = b64.DecodeString(parts[4])
	p.key, kerr = b64.DecodeString(parts[5])
	// A hash of a cost far from ours would be a way to stop the server.
	if serr != nil || kerr != nil || p.memory > 1<<20 || p.time < 1 || p.time > 10 || p.threads < 1 || p.threads > 16 ||
		len(p.salt) < 8 || len(p.key) < 16 || len(p.key) > 64 {
		return argon{}, errHash
	}
	return p, nil
}
