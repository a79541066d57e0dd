package admin

import (
	"encoding/json"
	"strings"
	"unicode"

	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/reply"
)

// field is a field of a PATCH: left out, null, or a value. Null gives the zero
// value.
type field[T any] struct {
	set   bool
	value T
}

// UnmarshalJSON is called for a field that is there, null or not.
func (f *field[T]) UnmarshalJSON(b []byte) error {
	f.set = true
	return json.Unmarshal(b, &f.value)
}

// into sets dst if the field is there.
func (f field[T]) into(dst *T) {
	if f.set {
		*dst = f.value
	}
}

// maxCount is the largest limit; more could not be added up.
const maxCount = 1 << 52

// counts checks numbers that must not be negative.
func counts(named map[string]int64) error {
	for name, n := range named {
		if n < 0 || n > maxCount {
			return reply.Invalid(name, "The field "+name+" must be a whole number from 0 up; 0 means no limit.")
		}
	}
	return nil
}

// checkLabel takes what a person calls a thing.
func checkLabel(s string) error {
	if strings.TrimSpace(s) == "" || len(s) > 100 || strings.ContainsFunc(s, unicode.IsControl) {
		return reply.Invalid("name", "The name must be 1 to 100 characters of text.")
	}
	return nil
}

// checkModels takes a list of names; nil is all.
func checkModels(all []string) error {
	for _, m := range all {
		if m == "" || len(m) > 200 || strings.ContainsFunc(m, unicode.IsSpace) {
			return reply.Invalid("models", "The field models must be a list of model names; null means all.")
		}
	}
	return nil
}
