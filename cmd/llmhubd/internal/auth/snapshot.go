package auth

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/store"
)

// snapshot is who may call, as of the last change. It is not changed, but for
// the moments of use.
type snapshot struct {
	keys  map[string]*keyEntry  // by id
	users map[string]*userEntry // by id
}

type keyEntry struct {
	hash    [sha256.Size]byte
	caller  llmhub.Caller
	refused string        // why it does not count; ""
	expires int64         // Unix nanoseconds; 0: never
	used    *atomic.Int64 // Unix nanoseconds; outlives the snapshot
	saved   *atomic.Int64 // as far as the store knows
}

type userEntry struct {
	caller   llmhub.Caller
	epoch    int64
	disabled bool
}

// Refresh reads accounts and virtual keys again. Whoever changes one calls it,
// so that the change counts from the next request.
func (s *Service) Refresh(ctx context.Context) error {
	s.refreshing.Lock()
	defer s.refreshing.Unlock()
	users, err := s.store.ListUsers(ctx)
	if err != nil {
		return fmt.Errorf("read accounts: %w", err)
	}
	rows, err := s.store.ListVirtualKeys(ctx)
	if err != nil {
		return fmt.Errorf("read virtual keys: %w", err)
	}
	next := &snapshot{keys: make(map[string]*keyEntry, len(rows)), users: make(map[string]*userEntry, len(users))}
	for _, u := range users {
		next.users[u.ID] = &userEntry{
			caller: llmhub.Caller{User: u.ID, Direct: s.direct, Disclose: s.disclose || u.Role == store.RoleAdmin},
			epoch:  u.Epoch, disabled: u.Disabled,
		}
	}
	old := s.snapshot.Load()
	for _, v := range rows {
		next.keys[v.ID] = s.entry(v, next.users, old)
	}
	s.snapshot.Store(next)
	return nil
}

func (s *Service) entry(v store.VirtualKey, users map[string]*userEntry, old *snapshot) *keyEntry {
	e := &keyEntry{
		caller: llmhub.Caller{
			User: v.OwnerID, Key: v.ID, Models: v.Models, Direct: s.direct || v.AllowDirectModels, May: v.AllowBodyKeys,
			Disclose: s.disclose || v.Disclose, Limits: limits(v),
		},
		used: new(atomic.Int64), saved: new(atomic.Int64),
	}
	if before := old.keys[v.ID]; before != nil {
		e.used, e.saved = before.used, before.saved
	}
	if !v.ExpiresAt.IsZero() {
		e.expires = v.ExpiresAt.UnixNano()
	}
	owner := users[v.OwnerID]
	switch {
	case copy(e.hash[:], v.Hash) != sha256.Size:
		e.refused = "This API key is damaged; ask your operator for another."
	case v.Disabled:
		e.refused = "This API key is switched off; ask your operator."
	case v.OwnerID != "" && (owner == nil || owner.disabled):
		e.refused = "The account that this API key belongs to is switched off; ask your operator."
	}
	return e
}

// limits of a virtual key: what a minute holds, and what is in flight.
func limits(v store.VirtualKey) []llmhub.Limit {
	var out []llmhub.Limit
	if v.RPM > 0 || v.TPM > 0 {
		out = append(out, llmhub.Limit{Name: "vk:" + v.ID + ":minute", Per: time.Minute, Max: llmhub.Amount{Requests: v.RPM, Tokens: v.TPM}})
	}
	if v.MaxParallelRequests > 0 {
		out = append(out, llmhub.Limit{Name: "vk:" + v.ID + ":parallel", Max: llmhub.Amount{Requests: v.MaxParallelRequests}})
	}
	return out
}

// callerByKey finds who holds a virtual key.
func (s *Service) callerByKey(key string) (llmhub.Caller, error) {
	id, secret, ok := splitKey(key)
	if !ok {
		return llmhub.Caller{}, badCredential("")
	}
	e := s.snapshot.Load().keys[id]
	if e == nil || !matches(&e.hash, secret) {
		return llmhub.Caller{}, badCredential("")
	}
	now := s.now().UnixNano()
	switch {
	case e.refused != "":
		return llmhub.Caller{}, badCredential(e.refused)
	case e.expires != 0 && now >= e.expires:
		return llmhub.Caller{}, badCredential("This API key has expired; ask your operator for another.")
	}
	e.used.Store(now)
	return e.caller, nil
}

// callerByToken finds who holds an access token.
func (s *Service) callerByToken(token string) (llmhub.Caller, error) {
	c, err := s.keys.verify(token)
	if err != nil {
		return llmhub.Caller{}, badCredential("")
	}
	u := s.snapshot.Load().users[c.Subject]
	if u == nil || u.disabled || u.epoch != c.Epoch || s.hasEnded(c.Session) {
		return llmhub.Caller{}, badCredential("The session of this access token has ended; log in again.")
	}
	return u.caller, nil
}

// badCredential words a refusal; "" is the usual words.
func badCredential(message string) error {
	return &llmhub.Error{Kind: llmhub.BadCredential, Message: message}
}

// touched are the virtual keys used since the store was last told.
func (s *Service) touched() map[string]time.Time {
	out := map[string]time.Time{}
	for id, e := range s.snapshot.Load().keys {
		if at := e.used.Load(); at > e.saved.Load() {
			out[id] = time.Unix(0, at)
		}
	}
	return out
}

// hasEnded reports whether a session was ended here while its access token may
// still run.
func (s *Service) hasEnded(session string) bool {
	_, ok := (*s.ended.Load())[session]
	return ok
}

// end makes a session's access tokens stop at once.
func (s *Service) end(session string) {
	s.ending.Lock()
	defer s.ending.Unlock()
	now := s.now()
	next := map[string]time.Time{session: now.Add(accessLife + 2*leeway)}
	for id, until := range *s.ended.Load() {
		if now.Before(until) {
			next[id] = until
		}
	}
	s.ended.Store(&next)
}
