package anthropic

import "strings"

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
