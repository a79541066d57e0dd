package auth

import (
	"errors"
	"testing"
)

// A flood of logins must not take all memory: beyond the queue they are turned
// away before anything is hashed.
func TestHashesBeyondTheQueueAreRefused(t *testing.T) {
	h := newHasher()
	for range cap(h.queue) {
		h.queue <- struct{}{}
	}
	if _, err := h.hash(t.Context(), "an engine of difference"); !errors.Is(err, errBusy) {
		t.Errorf("hash with a full queue = %v, want errBusy", err)
	}
	if _, _, err := h.verify(t.Context(), "", "an engine of difference"); !errors.Is(err, errBusy) {
		t.Errorf("verify with a full queue = %v, want errBusy", err)
	}
	<-h.queue
	if ok, _, err := h.verify(t.Context(), "", ""); ok || err != nil {
		t.Errorf("verify of nobody = %v, %v, want false", ok, err)
	}
}

func TestHashesOfOtherKindsAreRefused(t *testing.T) {
	h := newHasher()
	for _, s := range []string{
		"plain", "$2b$12$abcdefghijklmnopqrstuv", "$argon2i$v=19$m=8192,t=1,p=1$c2l4dGVlbiBieXRlcw$c2l4dGVlbiBieXRlcy4uLi4",
		"$argon2id$v=19$m=99999999,t=1,p=1$c2l4dGVlbiBieXRlcw$c2l4dGVlbiBieXRlcy4uLi4", "$argon2id$v=19$m=8192,t=1,p=1$$", "$argon2id$v=16$m=8192,t=1,p=1$c2l4dGVlbiBieXRlcw$c2l4dGVlbiBieXRlcy4uLi4",
	} {
		if ok, _, err := h.verify(t.Context(), s, "x"); ok || err == nil {
			t.Errorf("verify(%q) = %v, %v, want an error", s, ok, err)
		}
	}
}
