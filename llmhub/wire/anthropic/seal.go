package anthropic

import (
	"bytes"
	"strings"
)

// Seal hides a reasoning signature and who made it from a caller who may not
// know the provider. Open undoes it, and reports whether sealed is one of its
// own. Both are safe for concurrent use.
type Seal interface {
	Seal(signedBy, signature string) (sealed string)
	Open(sealed string) (signedBy, signature string, ok bool)
}

// foreign marks a signature that is not the native provider's: what follows is
// sealed, or the signer's name, a colon and the signature.
const foreign = "llmhub:"

// native is the provider whose signatures this dialect carries as they are.
const native = "anthropic"

// spellSignature is what a caller gets for a signature.
func (s Server) spellSignature(signedBy, signature string, blind bool) string {
	switch {
	case signature == "":
		return ""
	case blind && s.Seal != nil:
		return foreign + s.Seal.Seal(signedBy, signature)
	case signedBy == native || signedBy == "":
		return signature
	}
	return foreign + signedBy + ":" + signature
}

// readSignature is the reverse. One that cannot be opened is nobody's.
func readSignature(seal Seal, s string) (signedBy, signature string) {
	if s == "" {
		return "", ""
	}
	rest, ok := strings.CutPrefix(s, foreign)
	if !ok {
		return native, s
	}
	if seal != nil {
		if by, sig, ok := seal.Open(rest); ok {
			return by, sig
		}
	}
	if by, sig, ok := strings.Cut(rest, ":"); ok && by != "" {
		return by, sig
	}
	return "", s
}

// hasForeign reports whether a body may hold reasoning that the native provider
// did not sign: any that a hub handed out for another one. It may be wrong in
// saying so, never in denying it: no hub writes these with escapes.
func hasForeign(body []byte) bool {
	if bytes.Contains(body, []byte(foreign)) {
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
