package seal

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

// NewDEK adds a data key that seals from now on. What older ones sealed still
// opens; [Ring.Reseal] brings it over. The master key must be the ring's own.
func (r *Ring) NewDEK(ctx context.Context, master []byte) error {
	kek, err := masterAEAD(master)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	first := r.saved.Keys[0]
	if _, err := unbox(kek, first.Key, wrapData(r.saved.Deployment, first.ID)); err != nil {
		return fmt.Errorf("add data key: %w", ErrMasterKey)
	}
	key, plain := newKey(kek, r.saved.Deployment)
	if err := r.save(ctx, append(slices.Clone(r.saved.Keys), key)); err != nil {
		return fmt.Errorf("add data key: %w", err)
	}
	r.add(key.ID, plain)
	return nil
}

// Rewrap wraps all data keys by another master key, in one write. From then on
// only that one opens the ring.
func (r *Ring) Rewrap(ctx context.Context, master []byte) error {
	kek, err := masterAEAD(master)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	keys := slices.Clone(r.saved.Keys)
	for i, w := range keys {
		keys[i].Key = box(nil, kek, r.plain[w.ID], wrapData(r.saved.Deployment, w.ID))
	}
	if err := r.save(ctx, keys); err != nil {
		return fmt.Errorf("wrap data keys: %w", err)
	}
	return nil
}

// save stores the ring with these keys, and takes them when that went well.
func (r *Ring) save(ctx context.Context, keys []wrapped) error {
	next := saved{Deployment: r.saved.Deployment, Keys: keys}
	text, err := json.Marshal(next)
	if err != nil {
		return err
	}
	if err := r.settings.PutSetting(ctx, setting, text); err != nil {
		return err
	}
	r.saved = next
	return nil
}

// Stale reports whether a value was sealed by another data key than the one
// that seals now.
func (r *Ring) Stale(sealed []byte) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(sealed) < 1+idSize || string(sealed[1:1+idSize]) != r.current()
}

// Reseal opens a value and seals it by the data key that seals now.
func (r *Ring) Reseal(sealed []byte, b Bind) ([]byte, error) {
	plain, err := r.Open(sealed, b)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	return r.Seal(plain, b), nil
}
