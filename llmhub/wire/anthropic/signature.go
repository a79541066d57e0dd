package anthropic

import (
	"bytes"
	"strings"
)

// foreign marks a signature that is not the native provider's: what follows is
// the signer's name, a colon and the signature.
const foreign = "llmhub:"

// native is the provider whose signatures this dialect carries as they are.
const native = "anthropic"

// spellSignature is what a caller gets for a signature. One of nobody is one that
// somebody else has sealed.
func spellSignature(signedBy, signature string) string {
	if signature == "" || signedBy == "" || signedBy == native {
		return signature
	}
	return foreign + signedBy + ":" + signature
}

// readSignature is the reverse.
func readSignature(s string) (signedBy, signature string) {
	if s == "" {
		return "", ""
	}
	rest, ok := strings.CutPrefix(s, foreign)
	if !ok {
		return native, s
	}
	by, signature, _ := strings.Cut(rest, ":")
	return by, signature
}

// hasForeign reports whether a body may hold reasoning that provider did not
// sign, such as a hub hands out for another one. It may be wrong in saying so,
// never in denying it: no hub writes these with escapes.
func hasForeign(body []byte, provider string) bool {
	if bytes.Contains(body, []byte(foreign)) {
		return true
	}
	if provider != native && bytes.Contains(body, []byte(`thinking"`)) {
		return true
	}
	for {
		i := bytes.Index(body, []byte(`"signature"`))
		if i < 0 {
			return false
		}
		body = body[i+len(`"signature"`):]
		rest := bytes.TrimLeft(body, " \t\r\n:")
		if bytes.HasPrefix(rest, []byte(`""`)) {
			return true
		}
	}
}
