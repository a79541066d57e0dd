package auth

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/llmhubd/llmhub/store/seal"
)

// Sealer makes secrets unreadable in the database; a *seal.Ring is one.
type Sealer interface {
	Seal(plain []byte, b seal.Bind) []byte
	Open(sealed []byte, b seal.Bind) ([]byte, error)
}

// Vault is where sealed keys of the server's own are kept; a store.Settings is
// one.
type Vault interface {
	PutSetting(ctx context.Context, name string, value []byte) error
	InitSetting(ctx context.Context, name string, value []byte) ([]byte, error)
}

// How long a key signs, and how long what it has signed is believed afterwards.
const (
	signsFor    = 90 * 24 * time.Hour
	verifiesFor = 24 * time.Hour
)

// keyring is the keys of tokens: one that signs, those that still verify, and
// the one of refresh tokens. It is safe for concurrent use.
type keyring struct {
	vault  Vault
	sealer Sealer
	now    func() time.Time
	keys   atomic.Pointer[keys]
}

// keys is a ring as it is sealed; it is not changed.
type keys struct {
	Refresh []byte   `json:"refresh"` // 256 bits
	Sign    []signer `json:"sign"`    // the newest last
}

type signer struct {
	ID   string    `json:"id"`
	Key  []byte    `json:"key"` // 256 bits
	From time.Time `json:"from"`
}

const ringSetting = "auth.keys"

func ringBind() seal.Bind { return seal.Bind{Purpose: "llmhub/auth-keys/v1", ID: ringSetting} }

// openKeyring reads the ring; the first time it makes one.
func openKeyring(ctx context.Context, vault Vault, sealer Sealer, now func() time.Time) (*keyring, error) {
	k := &keyring{vault: vault, sealer: sealer, now: now}
	first, err := k.seal(keys{Refresh: newKey(), Sign: []signer{k.newSigner()}})
	if err != nil {
		return nil, err
	}
	sealed, err := vault.InitSetting(ctx, ringSetting, first)
	if err != nil {
		return nil, fmt.Errorf("read token keys: %w", err)
	}
	plain, err := sealer.Open(sealed, ringBind())
	if err != nil {
		return nil, fmt.Errorf("open token keys: %w", err)
	}
	var ring keys
	if err := json.Unmarshal(plain, &ring); err != nil || len(ring.Refresh) != 32 || len(ring.Sign) == 0 {
		return nil, fmt.Errorf("open token keys: they are damaged")
	}
	k.keys.Store(&ring)
	return k, k.rotate(ctx)
}

// rotate replaces a key that has signed for long enough, and drops those whose
// tokens nobody can hold any more.
func (k *keyring) rotate(ctx context.Context) error {
	old := k.keys.Load()
	now := k.now()
	newest := old.Sign[len(old.Sign)-1]
	if now.Sub(newest.From) < signsFor {
		return nil
	}
	next := keys{Refresh: old.Refresh}
	for i, s := range old.Sign {
		retired := now // the newest one's
		if i+1 < len(old.Sign) {
			retired = old.Sign[i+1].From
		}
		if now.Sub(retired) < verifiesFor {
			next.Sign = append(next.Sign, s)
		}
	}
	next.Sign = append(next.Sign, k.newSigner())
	sealed, err := k.seal(next)
	if err != nil {
		return err
	}
	if err := k.vault.PutSetting(ctx, ringSetting, sealed); err != nil {
		return fmt.Errorf("keep token keys: %w", err)
	}
	k.keys.Store(&next)
	return nil
}

func (k *keyring) seal(ring keys) ([]byte, error) {
	plain, err := json.Marshal(ring)
	if err != nil {
		return nil, fmt.Errorf("keep token keys: %w", err)
	}
	return k.sealer.Seal(plain, ringBind()), nil
}

func (k *keyring) newSigner() signer {
	return signer{ID: random(nil, 10), Key: newKey(), From: k.now()}
}

func newKey() []byte {
	b := make([]byte, 32)
	rand.Read(b) // never fails (crypto/rand)
	return b
}

// signs is the key that signs now.
func (k *keyring) signs() signer {
	all := k.keys.Load().Sign
	return all[len(all)-1]
}

// verifies returns the key of that id while it still counts.
func (k *keyring) verifies(id string) ([]byte, bool) {
	all := k.keys.Load().Sign
	for i, s := range all {
		if s.ID != id {
			continue
		}
		if i+1 < len(all) && k.now().Sub(all[i+1].From) >= verifiesFor {
			return nil, false
		}
		return s.Key, true
	}
	return nil, false
}

func (k *keyring) refresh() []byte { return k.keys.Load().Refresh }
