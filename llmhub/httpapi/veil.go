package httpapi

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/llmhubd/llmhub/llmhub"
)

// Sealer closes what a provider signed, reasoning and tool calls, so that
// callers carry it without learning whose it is, and it goes back to that
// provider only. AES-256-GCM with random nonces. It is safe for concurrent use.
type Sealer struct {
	aead cipher.AEAD
	mint []byte // key of the names of tool calls
}

// NewSealer makes a Sealer of a 32-byte key. Whoever is to open what another
// process sealed needs the same. Nil: a random key. It panics on another length.
func NewSealer(key []byte) *Sealer {
	if key == nil {
		key = make([]byte, 32)
		rand.Read(key) // never fails (crypto/rand)
	}
	if len(key) != 32 {
		panic("httpapi: a Sealer's key has 32 bytes")
	}
	block, err := aes.NewCipher(derive(key, "seal"))
	if err != nil {
		panic(err) // the length is right
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return &Sealer{aead: aead, mint: derive(key, "mint")}
}

func derive(key []byte, use string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("llmhub/httpapi/" + use))
	return h.Sum(nil)
}

// sealMark begins everything sealed. Its first letter is rare in prose and code,
// so that looking for it in a long body is cheap; with it, what is sealed is
// base64 still, for clients that decode signatures.
const sealMark = "ZLHS1zzz"

func (s *Sealer) seal(provider, signature string) string {
	nonce := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(provider)+1+len(signature)+s.aead.Overhead())
	rand.Read(nonce)
	plain := make([]byte, 0, len(provider)+1+len(signature))
	plain = append(append(append(plain, provider...), 0), signature...)
	return sealMark + base64.StdEncoding.EncodeToString(s.aead.Seal(nonce, nonce, plain, nil))
}

func (s *Sealer) open(sealed string) (provider, signature string, ok bool) {
	b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(sealed, sealMark))
	if err != nil || len(b) < s.aead.NonceSize() {
		return "", "", false
	}
	plain, err := s.aead.Open(nil, b[:s.aead.NonceSize()], b[s.aead.NonceSize():], nil)
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(plain), "\x00")
}

// openAll opens what is sealed in a request. What was sealed by somebody else,
// or has been changed, is dropped: a signature only helps the model.
func (s *Sealer) openAll(req *llmhub.Request, body []byte) error {
	if !bytes.Contains(body, []byte(sealMark)) {
		return nil
	}
	p, err := req.Edit()
	if err != nil {
		return err
	}
	for i := range p.Messages {
		for j := range p.Messages[i].Parts {
			part := &p.Messages[i].Parts[j]
			if strings.HasPrefix(part.Signature, sealMark) {
				part.SignedBy, part.Signature, _ = s.open(part.Signature)
			}
		}
	}
	return nil
}

// veil hides from a caller who answers. What a provider signed is sealed in
// every answer that we render; the ids of tool calls are minted for the blind.
type veil struct {
	blind    bool
	sealer   *Sealer
	request  string
	provider string
}

func (v *veil) draw(ev *llmhub.Event) {
	if ev.Raw != nil {
		return
	}
	if v.blind && ev.Kind != llmhub.EventEnd {
		ev.Usage = nil // when a provider counts tells which one it is
	}
	if ev.Part == nil {
		return
	}
	call := v.blind && ev.Kind == llmhub.EventOpen && ev.Part.Kind == llmhub.PartToolCall
	if !call && ev.Part.Signature == "" {
		return
	}
	part := *ev.Part
	if call {
		part.ID = v.sealer.name(v.request, part.ID)
	}
	if part.Signature != "" {
		by := part.SignedBy
		if by == "" {
			by = v.provider
		}
		part.Signature, part.SignedBy = v.sealer.seal(by, part.Signature), ""
	}
	ev.Part = &part
}

// name is a one-way name of a tool call, the same for the same call.
func (s *Sealer) name(request, id string) string {
	h := hmac.New(sha256.New, s.mint)
	h.Write([]byte(request))
	h.Write([]byte{0})
	h.Write([]byte(id))
	return "call_" + base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:18])
}
