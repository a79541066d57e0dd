package seal

import (
	"crypto/cipher"
	"crypto/rand"
	"errors"

	"golang.org/x/crypto/chacha20poly1305"
)

// KeySize is the length of every key, in bytes.
const KeySize = chacha20poly1305.KeySize

var errBox = errors.New("box does not open")

// newAEAD panics when key has another length than KeySize.
func newAEAD(key []byte) cipher.AEAD {
	a, err := chacha20poly1305.NewX(key)
	if err != nil {
		panic(err)
	}
	return a
}

// box appends a random nonce and the sealed text to dst. 192 random bits do not
// repeat.
func box(dst []byte, a cipher.AEAD, plain, data []byte) []byte {
	nonce := make([]byte, a.NonceSize())
	rand.Read(nonce) // never fails (crypto/rand)
	return a.Seal(append(dst, nonce...), nonce, plain, data)
}

func unbox(a cipher.AEAD, boxed, data []byte) ([]byte, error) {
	if len(boxed) < a.NonceSize()+a.Overhead() {
		return nil, errBox
	}
	plain, err := a.Open(nil, boxed[:a.NonceSize()], boxed[a.NonceSize():], data)
	if err != nil {
		return nil, errBox
	}
	return plain, nil
}
