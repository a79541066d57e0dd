package httpapi

import "sync/atomic"

// InFlight bounds how many bytes of large bodies are held at once. Bodies that
// fit a pooled buffer of a few kilobytes are not counted. It is safe for
// concurrent use.
type InFlight struct {
	most int64
	held atomic.Int64
}

// NewInFlight allows most bytes.
func NewInFlight(most int64) *InFlight { return &InFlight{most: most} }

// Held is how many bytes are held now.
func (f *InFlight) Held() int64 { return f.held.Load() }

// take adds n, which may be negative, and reports whether there is room.
func (f *InFlight) take(n int64) bool {
	if n == 0 {
		return true
	}
	if f.held.Add(n) > f.most && n > 0 {
		f.held.Add(-n)
		return false
	}
	return true
}
