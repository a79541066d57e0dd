// Package auth knows who asks: passwords, logins, access tokens, virtual keys.
package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/mail"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/reply"
	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/store"
)

// Store is what auth remembers; a store.Store is one.
type Store interface {
	store.Users
	store.Sessions
	store.VirtualKeys
}

// Config of a Service. Store, Vault and Sealer are required.
type Config struct {
	Store  Store
	Vault  Vault
	Sealer Sealer
	Peers  Peers

	OpenRegistration  bool // anybody may make an account of role user
	AllowDirectModels bool // every caller may ask for provider/model
	Disclose          bool // every caller may learn who answered

	Now  func() time.Time                                 // nil: time.Now
	Wait func(ctx context.Context, d time.Duration) error // nil: waits
	Log  *slog.Logger                                     // nil: slog.Default()
}

// Service answers who asks. It is safe for concurrent use.
type Service struct {
	store    Store
	keys     *keyring
	hasher   *hasher
	peers    Peers
	csrf     *http.CrossOriginProtection
	open     bool
	direct   bool
	disclose bool
	now      func() time.Time
	log      *slog.Logger

	pairs    *throttle // by account and network
	networks *throttle
	accounts *throttle // only slows down, so that nobody can lock another out
	wait     func(context.Context, time.Duration) error

	refreshing sync.Mutex // held while the snapshot is made
	snapshot   atomic.Pointer[snapshot]
	ending     sync.Mutex // held while ended is replaced
	ended      atomic.Pointer[map[string]time.Time]
}

// New opens the token keys, making them the first time, and reads who may call.
func New(ctx context.Context, c Config) (*Service, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Wait == nil {
		c.Wait = wait
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	ring, err := openKeyring(ctx, c.Vault, c.Sealer, c.Now)
	if err != nil {
		return nil, err
	}
	s := &Service{
		store: c.Store, keys: ring, hasher: newHasher(), peers: c.Peers, csrf: http.NewCrossOriginProtection(),
		open: c.OpenRegistration, direct: c.AllowDirectModels, disclose: c.Disclose, now: c.Now, log: c.Log,
		pairs:    newThrottle(rate{5, 30 * time.Second}, c.Now),
		networks: newThrottle(rate{20, 3 * time.Second}, c.Now),
		accounts: newThrottle(rate{20, 10 * time.Second}, c.Now),
		wait:     c.Wait,
	}
	s.snapshot.Store(&snapshot{})
	s.ended.Store(&map[string]time.Time{})
	return s, s.Refresh(ctx)
}

// wait returns after d, or with an error when ctx has ended before.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Maintain does what time brings: it replaces a token key that is old, forgets
// logins that have run out, and writes down when virtual keys were used. Call
// it every minute or so, and at the end.
func (s *Service) Maintain(ctx context.Context) error {
	used := s.touched()
	var touch error
	if len(used) > 0 {
		touch = s.store.TouchVirtualKeys(ctx, used)
	}
	if touch == nil {
		for id, at := range used {
			if e := s.snapshot.Load().keys[id]; e != nil {
				e.saved.Store(at.UnixNano())
			}
		}
	}
	return errors.Join(touch, s.keys.rotate(ctx), s.store.DeleteExpiredSessions(ctx, s.now()))
}

// setupLife is how long a setup token may be used.
const setupLife = 30 * time.Minute

// SetupToken makes the token by which the first admin is made, in place of any
// before it; the zero Secret when there is an admin. It is to be printed once
// and kept nowhere.
func (s *Service) SetupToken(ctx context.Context) (llmhub.Secret, error) {
	has, err := s.store.HasAdmin(ctx)
	if err != nil || has {
		return llmhub.Secret{}, err
	}
	token := random(nil, 16)
	if err := s.store.PutSetupToken(ctx, setupHash(token), s.now().Add(setupLife)); err != nil {
		return llmhub.Secret{}, fmt.Errorf("keep setup token: %w", err)
	}
	return llmhub.NewSecret(token), nil
}

func setupHash(token string) string {
	h := sha256.Sum256([]byte(token))
	return hex.EncodeToString(h[:])
}

// EnsureAdmin makes the first admin unless there has been one; it reports
// whether it did.
func (s *Service) EnsureAdmin(ctx context.Context, email string, password llmhub.Secret) (bool, error) {
	if has, err := s.store.HasAdmin(ctx); err != nil || has {
		return false, err
	}
	u, err := s.NewUser(ctx, email, password.Expose(), store.RoleAdmin)
	if err != nil {
		return false, fmt.Errorf("make first admin: %w", err)
	}
	err = s.store.CreateFirstAdmin(ctx, u, "")
	if errors.Is(err, store.ErrExists) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("make first admin: %w", err)
	}
	return true, s.Refresh(ctx)
}

// NewUser makes an account that is not yet stored. What is wrong with email or
// password is a [*reply.Error].
func (s *Service) NewUser(ctx context.Context, email, password string, role store.Role) (store.User, error) {
	email, err := checkEmail(email)
	if err != nil {
		return store.User{}, err
	}
	if err := checkPassword(password, email); err != nil {
		return store.User{}, err
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return store.User{}, busy(err)
	}
	return store.User{ID: NewID("usr_"), Email: email, PasswordHash: hash, Role: role, CreatedAt: s.now()}, nil
}

// SetPassword gives an account another password and ends its sessions, but the
// one named keep.
func (s *Service) SetPassword(ctx context.Context, userID, password, keep string) (store.User, error) {
	u, err := s.store.User(ctx, userID)
	if err != nil {
		return store.User{}, err
	}
	if err := checkPassword(password, u.Email); err != nil {
		if e := (*reply.Error)(nil); errors.As(err, &e) {
			e.Param = "new_password"
		}
		return store.User{}, err
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return store.User{}, busy(err)
	}
	before := u.PasswordHash
	u, err = s.store.UpdateUser(ctx, userID, func(u *store.User) error {
		if u.PasswordHash != before {
			return reply.Conflict("The password was changed meanwhile; try again.")
		}
		u.PasswordHash = hash
		u.Epoch++
		return nil
	})
	if err != nil {
		return store.User{}, err
	}
	return u, s.EndSessions(ctx, userID, keep)
}

// EndSessions ends an account's logins, but the one named keep. Access tokens
// end by the account's Epoch, which whoever calls this has raised.
func (s *Service) EndSessions(ctx context.Context, userID, keep string) error {
	return errors.Join(s.store.DeleteSessions(ctx, userID, keep), s.Refresh(ctx))
}

// checkEmail returns an address as accounts have it, in lower case.
func checkEmail(email string) (string, error) {
	email = strings.ToLower(strings.TrimSpace(email))
	a, err := mail.ParseAddress(email)
	if err != nil || a.Address != email || len(email) > 254 {
		return "", reply.Invalid("email", "The e-mail address is not one: write it as name@example.org.")
	}
	return email, nil
}

// busy words a hash that was not made.
func busy(err error) error {
	if errors.Is(err, errBusy) {
		return &reply.Error{Status: http.StatusServiceUnavailable, Code: "busy", Message: "Too many logins at once; try again in a moment.", RetryAfter: time.Second}
	}
	return err
}
