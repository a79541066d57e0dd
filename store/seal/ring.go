// Package seal keeps secrets unreadable in the database: data keys seal them,
// and a master key that is not in the database wraps the data keys.
package seal

import (
	"context"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/llmhubd/llmhub/llmhub"
)

// What opening answers. None of them names a secret.
var (
	// ErrMasterKey: the master key is not the one that wrapped the data keys.
	ErrMasterKey = errors.New("the master key does not open the data keys of this database")
	// ErrSealed: the value was changed, belongs to another row or origin, or was
	// never sealed by this ring.
	ErrSealed = errors.New("sealed value was changed or belongs elsewhere")
)

// Settings is where a ring keeps its wrapped data keys; a store.Settings is one.
type Settings interface {
	PutSetting(ctx context.Context, name string, value []byte) error
	// InitSetting stores value unless there is one, and returns what is there.
	InitSetting(ctx context.Context, name string, value []byte) ([]byte, error)
}

// setting is the name of the ring's setting.
const setting = "seal.ring"

// saved is a ring as it is stored.
type saved struct {
	Deployment string    `json:"deployment"` // random, made once
	Keys       []wrapped `json:"keys"`       // the last one seals
}

type wrapped struct {
	ID  string `json:"id"`  // 16 hex digits
	Key []byte `json:"key"` // boxed under the master key
}

// Ring is the data keys of a database, unwrapped. It is safe for concurrent use.
type Ring struct {
	settings Settings

	mu    sync.RWMutex
	saved saved
	open  map[string]cipher.AEAD
	plain map[string][]byte // for wrapping again
	mac   []byte            // of fingerprints
}

// Open reads the ring, unwrapping it by the master key, 32 bytes; the first
// time it makes one. It fails with [ErrMasterKey] when that is the wrong key.
func Open(ctx context.Context, settings Settings, master []byte) (*Ring, error) {
	kek, err := masterAEAD(master)
	if err != nil {
		return nil, err
	}
	first := saved{Deployment: randomID()}
	key, _ := newKey(kek, first.Deployment)
	first.Keys = []wrapped{key}
	text, err := json.Marshal(first)
	if err != nil {
		return nil, fmt.Errorf("make key ring: %w", err)
	}
	if text, err = settings.InitSetting(ctx, setting, text); err != nil {
		return nil, fmt.Errorf("read key ring: %w", err)
	}
	r := &Ring{settings: settings, open: map[string]cipher.AEAD{}, plain: map[string][]byte{}}
	if err := json.Unmarshal(text, &r.saved); err != nil || len(r.saved.Keys) == 0 {
		return nil, errors.New("read key ring: it is damaged")
	}
	for _, w := range r.saved.Keys {
		plain, err := unbox(kek, w.Key, wrapData(r.saved.Deployment, w.ID))
		if err != nil || len(plain) != KeySize || len(w.ID) != idSize {
			return nil, fmt.Errorf("open key ring: %w", ErrMasterKey)
		}
		r.add(w.ID, plain)
	}
	return r, r.deriveMAC()
}

func masterAEAD(master []byte) (cipher.AEAD, error) {
	if len(master) != KeySize {
		return nil, fmt.Errorf("open key ring: master key has %d bytes, want %d", len(master), KeySize)
	}
	return newAEAD(master), nil
}

// idSize is the length of a data key's id.
const idSize = 16

func randomID() string {
	var b [idSize / 2]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// newKey makes a data key: as it is stored, and plain.
func newKey(kek cipher.AEAD, deployment string) (wrapped, []byte) {
	plain := make([]byte, KeySize)
	rand.Read(plain) // never fails (crypto/rand)
	id := randomID()
	return wrapped{ID: id, Key: box(nil, kek, plain, wrapData(deployment, id))}, plain
}

func wrapData(deployment, id string) []byte {
	return Bind{Purpose: "llmhub/dek/v1"}.data(deployment, id)
}

func (r *Ring) add(id string, plain []byte) {
	r.open[id] = newAEAD(plain)
	r.plain[id] = plain
}

// deriveMAC takes the fingerprint's key from the ring's first data key, which
// stays when others are added.
func (r *Ring) deriveMAC() (err error) {
	r.mac, err = hkdf.Key(sha256.New, r.plain[r.saved.Keys[0].ID], nil, "llmhub/fingerprint/v1", sha256.Size)
	return err
}

// version begins every sealed value.
const version = 1

// Seal makes plain unreadable for anybody without the ring, and unusable for
// anything but what b says. The same plain text never seals to the same bytes.
func (r *Ring) Seal(plain []byte, b Bind) []byte {
	r.mu.RLock()
	defer r.mu.RUnlock()
	id := r.current()
	return box(append([]byte{version}, id...), r.open[id], plain, b.data(r.saved.Deployment, id))
}

// Open gives back what was sealed; [ErrSealed] when it was changed, or when b is
// not what it was sealed for.
func (r *Ring) Open(sealed []byte, b Bind) ([]byte, error) {
	if len(sealed) < 1+idSize || sealed[0] != version {
		return nil, ErrSealed
	}
	id := string(sealed[1 : 1+idSize])
	r.mu.RLock()
	a, ok := r.open[id]
	deployment := r.saved.Deployment
	r.mu.RUnlock()
	if !ok {
		return nil, ErrSealed
	}
	plain, err := unbox(a, sealed[1+idSize:], b.data(deployment, id))
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

// SealSecret is Seal of a credential.
func (r *Ring) SealSecret(s llmhub.Secret, b Bind) []byte { return r.Seal([]byte(s.Expose()), b) }

// OpenSecret is Open of a credential.
func (r *Ring) OpenSecret(sealed []byte, b Bind) (llmhub.Secret, error) {
	plain, err := r.Open(sealed, b)
	if err != nil {
		return llmhub.Secret{}, err
	}
	s := llmhub.NewSecret(string(plain))
	clear(plain)
	return s, nil
}

// Verify reports whether a value opens, without giving it out.
func (r *Ring) Verify(sealed []byte, b Bind) error {
	plain, err := r.Open(sealed, b)
	clear(plain)
	return err
}

// Fingerprint tells whether two credentials are the same without telling
// anything else of them. It stays the same when data keys are added.
func (r *Ring) Fingerprint(s llmhub.Secret) string {
	m := hmac.New(sha256.New, r.mac)
	m.Write([]byte(s.Expose()))
	return hex.EncodeToString(m.Sum(nil))
}

// current is the id of the data key that seals.
func (r *Ring) current() string { return r.saved.Keys[len(r.saved.Keys)-1].ID }
