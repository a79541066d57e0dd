// Package admin is the API by which operators run llmhubd.
package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/auth"
	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/config"
	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/egress"
	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/reply"
	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/quota/memquota"
	"github.com/llmhubd/llmhub/store"
)

// Store is what admin reads and changes; a store.Store is one.
type Store interface {
	store.Users
	store.ProviderKeys
	store.VirtualKeys
	store.Usage
	store.Audits
}

// Quota tells how provider keys stand; a *memquota.Store is one.
type Quota interface {
	Status(id llmhub.KeyID) (memquota.Status, bool)
	Clear(id llmhub.KeyID) bool
}

// Upstream is what uses the provider keys.
type Upstream interface {
	// Reload puts what is stored in force for the next request.
	Reload(ctx context.Context) error
	// SealKey makes the credential of a row unreadable, bound to the row's ID,
	// Provider, Type and BaseURL, and gives the fingerprint that tells it again.
	SealKey(row store.ProviderKey, value llmhub.Secret) (sealed []byte, fingerprint string, err error)
	// Try asks the provider for its models with a key that is in force.
	Try(ctx context.Context, id llmhub.KeyID) ([]string, error)
}

// Accounts make accounts and end their sessions; an *auth.Service is one.
type Accounts interface {
	NewUser(ctx context.Context, email, password string, role store.Role) (store.User, error)
	EndSessions(ctx context.Context, userID, keep string) error
	Refresh(ctx context.Context) error
}

// Config of an API. All but Types, Now and Log are required.
type Config struct {
	Store    Store
	Quota    Quota
	Upstream Upstream
	Accounts Accounts
	Settings *config.Config
	Egress   *egress.Guard
	Peers    auth.Peers
	Types    []string         // of adapters; nil: the six known ones
	Now      func() time.Time // nil: time.Now
	Log      *slog.Logger     // nil: slog.Default()
}

// API is the handlers. It is safe for concurrent use.
type API struct {
	Config
}

// New makes an API.
func New(c Config) *API {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Types == nil {
		c.Types = []string{"openai", "anthropic", "gemini", "deepseek", "groq", "openaicompat"}
	}
	return &API{c}
}

// Routes are the addresses under /v1/admin, with who may use each: an admin
// all, an operator all but accounts and the audit, a viewer what an operator
// reads. An account of role user has nothing to do here.
func (a *API) Routes() []auth.Route {
	admin := auth.Only(store.RoleAdmin)
	operate := auth.Only(store.RoleAdmin, store.RoleOperator)
	read := auth.Only(store.RoleAdmin, store.RoleOperator, store.RoleViewer)
	return []auth.Route{
		{Method: http.MethodGet, Path: "/v1/admin/keys", Policy: read, Handle: a.listKeys},
		{Method: http.MethodPost, Path: "/v1/admin/keys", Policy: operate, Handle: a.createKey},
		{Method: http.MethodGet, Path: "/v1/admin/keys/:id", Policy: read, Handle: a.readKey},
		{Method: http.MethodPatch, Path: "/v1/admin/keys/:id", Policy: operate, Handle: a.patchKey},
		{Method: http.MethodDelete, Path: "/v1/admin/keys/:id", Policy: operate, Handle: a.deleteKey},
		{Method: http.MethodPost, Path: "/v1/admin/keys/:id/test", Policy: operate, Handle: a.testKey},
		{Method: http.MethodPost, Path: "/v1/admin/keys/:id/clear-cooldown", Policy: operate, Handle: a.clearKey},

		{Method: http.MethodGet, Path: "/v1/admin/virtual-keys", Policy: read, Handle: a.listVirtualKeys},
		{Method: http.MethodPost, Path: "/v1/admin/virtual-keys", Policy: operate, Handle: a.createVirtualKey},
		{Method: http.MethodGet, Path: "/v1/admin/virtual-keys/:id", Policy: read, Handle: a.readVirtualKey},
		{Method: http.MethodPatch, Path: "/v1/admin/virtual-keys/:id", Policy: operate, Handle: a.patchVirtualKey},
		{Method: http.MethodDelete, Path: "/v1/admin/virtual-keys/:id", Policy: operate, Handle: a.deleteVirtualKey},

		{Method: http.MethodGet, Path: "/v1/admin/users", Policy: admin, Handle: a.listUsers},
		{Method: http.MethodPost, Path: "/v1/admin/users", Policy: admin, Handle: a.createUser},
		{Method: http.MethodPatch, Path: "/v1/admin/users/:id", Policy: admin, Handle: a.patchUser},
		{Method: http.MethodDelete, Path: "/v1/admin/users/:id", Policy: admin, Handle: a.deleteUser},

		{Method: http.MethodGet, Path: "/v1/admin/logs", Policy: read, Handle: a.listLogs},
		{Method: http.MethodGet, Path: "/v1/admin/logs/:id", Policy: read, Handle: a.readLog},
		{Method: http.MethodGet, Path: "/v1/admin/log-export", Policy: read, Handle: a.exportLogs},

		{Method: http.MethodGet, Path: "/v1/admin/audit", Policy: admin, Handle: a.listAudit},
	}
}

// change makes a change that is on record: the record is written first, so
// there is no change without one; a change that fails leaves a second record.
func (a *API) change(r *http.Request, action, target string, detail any, f func(context.Context) error) error {
	text, err := json.Marshal(detail)
	if err != nil {
		return fmt.Errorf("record %s: %w", action, err)
	}
	record := store.Audit{
		Time: a.Now(), ActorID: auth.PrincipalOf(r.Context()).User.ID, IP: a.Peers.Addr(r).String(),
		Action: action, Target: target, Detail: string(text),
	}
	if err := a.Store.AppendAudit(r.Context(), record); err != nil {
		return fmt.Errorf("record %s: %w", action, err)
	}
	// Half a change because somebody hung up would be worse than none.
	ctx := context.WithoutCancel(r.Context())
	if err := f(ctx); err != nil {
		record.Action += ".failed"
		return errors.Join(err, a.Store.AppendAudit(ctx, record))
	}
	return nil
}

// fail answers with err, worded for what the store says, and notes in the log
// what the caller is not told.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	var known *reply.Error
	switch {
	case errors.As(err, &known):
	case errors.Is(err, store.ErrNotFound):
		err = reply.NotFound("There is nothing of this id; it may have been removed.")
	case errors.Is(err, store.ErrExists):
		err = reply.Conflict("There is one like it already.")
	case errors.Is(err, store.ErrConflict):
		err = reply.Conflict("This would leave no admin who can log in; make another admin first.")
	case errors.Is(err, store.ErrCursor):
		err = reply.Invalid("cursor", "The cursor is not one of this list; take next_cursor as it came.")
	case r.Context().Err() == nil:
		a.Log.Error("admin", "method", r.Method, "path", r.URL.Path, "err", err, "request_id", w.Header().Get(reply.RequestID))
	}
	reply.Fail(w, err)
}

// page is a list as it is answered.
type page[T any] struct {
	Data       []T     `json:"data"`
	NextCursor *string `json:"next_cursor,omitempty"`
}

func pageOf[T, R any](rows []R, view func(R) T) page[T] {
	p := page[T]{Data: make([]T, len(rows))}
	for i, r := range rows {
		p.Data[i] = view(r)
	}
	return p
}

// moment is a time as JSON has it; the zero time is null.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// limit is a number whose 0 means none; none is null.
func limit(n int64) *int64 {
	if n == 0 {
		return nil
	}
	return &n
}
