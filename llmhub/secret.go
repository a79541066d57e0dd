package llmhub

import (
	"fmt"
	"log/slog"
)

// Secret is a credential that never prints: every way of formatting it, by fmt,
// JSON, text or slog, gives [Secret.Masked]. The zero Secret is empty.
type Secret struct{ value string }

// NewSecret wraps a credential.
func NewSecret(value string) Secret { return Secret{value} }

// Expose returns the credential. Only the code that puts it into a request
// header, or seals it for storage, calls this.
func (s Secret) Expose() string { return s.value }

// IsZero reports whether there is no credential.
func (s Secret) IsZero() bool { return s.value == "" }

// Masked is what a person may see: the last four characters behind "sk-****",
// or only "****" of a credential shorter than 20 bytes; "" of an empty one.
func (s Secret) Masked() string {
	switch {
	case s.value == "":
		return ""
	case len(s.value) < 20:
		return "****"
	}
	return "sk-****" + s.value[len(s.value)-4:]
}

// String is the masked form.
func (s Secret) String() string { return s.Masked() }

// GoString is the masked form.
func (s Secret) GoString() string { return `llmhub.Secret("` + s.Masked() + `")` }

// Format writes the masked form whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.Masked()) }

// MarshalText is the masked form; encoding/json uses it too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.Masked()), nil }

// LogValue is the masked form.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.Masked()) }
