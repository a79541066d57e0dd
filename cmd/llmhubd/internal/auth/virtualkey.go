package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"strings"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/store"
)

// keyPrefix begins every virtual key: "lh_<id>_<secret>".
const keyPrefix = "lh_"

// NewVirtualKey makes a virtual key: the row to keep, with ID, Hash and Prefix,
// and the key itself, which is shown once and never again.
func NewVirtualKey() (store.VirtualKey, llmhub.Secret) {
	id, secret := random(nil, 10), random(nil, 32)
	row := store.VirtualKey{ID: id, Hash: hashSecret(secret), Prefix: keyPrefix + id[:8] + "…"}
	return row, llmhub.NewSecret(keyPrefix + id + "_" + secret)
}

func hashSecret(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:]
}

// splitKey cuts a virtual key into the part that finds its row and the secret.
func splitKey(key string) (id, secret string, ok bool) {
	rest, ok := strings.CutPrefix(key, keyPrefix)
	if !ok || len(rest) > maxKeyLen {
		return "", "", false
	}
	id, secret, ok = strings.Cut(rest, "_")
	return id, secret, ok && id != "" && secret != ""
}

const maxKeyLen = 128

// matches compares without telling by its time how much of a secret is right.
func matches(hash *[sha256.Size]byte, secret string) bool {
	var buf [maxKeyLen]byte // keeps the copy off the heap
	n := copy(buf[:], secret)
	got := sha256.Sum256(buf[:n])
	return subtle.ConstantTimeCompare(got[:], hash[:]) == 1
}
