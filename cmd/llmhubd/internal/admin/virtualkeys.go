package admin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/julienschmidt/httprouter"

	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/auth"
	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/reply"
	"github.com/llmhubd/llmhub/store"
)

// virtualKeyView is a virtual key as it is answered. Key is there once, when it
// has been made.
type virtualKeyView struct {
	ID                  string     `json:"id"`
	Key                 string     `json:"key,omitempty"`
	Prefix              string     `json:"prefix"`
	Name                string     `json:"name"`
	Owner               *string    `json:"owner"` // id of an account
	Models              []string   `json:"models"`
	RPM                 *int64     `json:"rpm"`
	TPM                 *int64     `json:"tpm"`
	MaxParallelRequests *int64     `json:"max_parallel_requests"`
	Disclose            bool       `json:"disclose"`
	AllowDirectModels   bool       `json:"allow_direct_models"`
	AllowBodyKeys       []string   `json:"allow_body_keys"` // "store", "service_tier", …; "*": all
	Disabled            bool       `json:"disabled"`
	ExpiresAt           *time.Time `json:"expires_at"`
	LastUsedAt          *time.Time `json:"last_used_at"`
	CreatedAt           *time.Time `json:"created_at"`
}

func viewVirtualKey(k store.VirtualKey) virtualKeyView {
	v := virtualKeyView{
		ID: k.ID, Prefix: k.Prefix, Name: k.Name, Models: k.Models, RPM: limit(k.RPM), TPM: limit(k.TPM),
		MaxParallelRequests: limit(k.MaxParallelRequests), Disclose: k.Disclose, AllowDirectModels: k.AllowDirectModels, AllowBodyKeys: k.AllowBodyKeys, Disabled: k.Disabled,
		ExpiresAt: moment(k.ExpiresAt), LastUsedAt: moment(k.LastUsed), CreatedAt: moment(k.CreatedAt),
	}
	if k.OwnerID != "" {
		v.Owner = &k.OwnerID
	}
	return v
}

// virtualKeyBody is the body of POST and PATCH.
type virtualKeyBody struct {
	Name                field[string]    `json:"name"`
	Owner               field[string]    `json:"owner"`
	Models              field[[]string]  `json:"models"`
	RPM                 field[int64]     `json:"rpm"`
	TPM                 field[int64]     `json:"tpm"`
	MaxParallelRequests field[int64]     `json:"max_parallel_requests"`
	Disclose            field[bool]      `json:"disclose"`
	AllowDirectModels   field[bool]      `json:"allow_direct_models"`
	AllowBodyKeys       field[[]string]  `json:"allow_body_keys"`
	Disabled            field[bool]      `json:"disabled"`
	ExpiresAt           field[time.Time] `json:"expires_at"`

	// A later version's; being ignored would be the wrong answer to a budget.
	MaxBudgetUSD   json.RawMessage `json:"max_budget_usd"`
	BudgetDuration json.RawMessage `json:"budget_duration"`
}

func (b virtualKeyBody) apply(k *store.VirtualKey) {
	b.Name.into(&k.Name)
	b.Owner.into(&k.OwnerID)
	b.Models.into(&k.Models)
	b.RPM.into(&k.RPM)
	b.TPM.into(&k.TPM)
	b.MaxParallelRequests.into(&k.MaxParallelRequests)
	b.Disclose.into(&k.Disclose)
	b.AllowDirectModels.into(&k.AllowDirectModels)
	b.AllowBodyKeys.into(&k.AllowBodyKeys)
	b.Disabled.into(&k.Disabled)
	b.ExpiresAt.into(&k.ExpiresAt)
}

// readVirtualKeyBody reads a body and checks what it would make of a key.
func (a *API) readVirtualKeyBody(r *http.Request, k store.VirtualKey) (virtualKeyBody, store.VirtualKey, error) {
	var b virtualKeyBody
	if err := reply.Read(r, &b); err != nil {
		return b, k, err
	}
	for name, v := range map[string]json.RawMessage{"max_budget_usd": b.MaxBudgetUSD, "budget_duration": b.BudgetDuration} {
		if len(v) > 0 && string(v) != "null" {
			return b, k, reply.Unsupported(name, "Budgets are not available in this version: take "+name+" out, and limit by rpm and tpm.")
		}
	}
	b.apply(&k)
	err := errors.Join(checkLabel(k.Name), checkModels(k.Models), counts(map[string]int64{
		"rpm": k.RPM, "tpm": k.TPM, "max_parallel_requests": k.MaxParallelRequests,
	}))
	if err == nil && b.ExpiresAt.set && !k.ExpiresAt.IsZero() && !a.Now().Before(k.ExpiresAt) {
		err = reply.Invalid("expires_at", "The field expires_at lies in the past.")
	}
	if err == nil && b.Owner.set && k.OwnerID != "" {
		_, err = a.Store.User(r.Context(), k.OwnerID)
		if errors.Is(err, store.ErrNotFound) {
			err = reply.Invalid("owner", "There is no account of this id; GET /v1/admin/users lists them.")
		}
	}
	return b, k, err
}

func (a *API) listVirtualKeys(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	rows, err := a.Store.ListVirtualKeys(r.Context())
	if err != nil {
		a.fail(w, r, err)
		return
	}
	reply.JSON(w, http.StatusOK, pageOf(rows, viewVirtualKey))
}

func (a *API) readVirtualKey(w http.ResponseWriter, r *http.Request, p httprouter.Params) {
	k, err := a.Store.VirtualKey(r.Context(), p.ByName("id"))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	reply.JSON(w, http.StatusOK, viewVirtualKey(k))
}

func (a *API) createVirtualKey(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	row, key := auth.NewVirtualKey()
	row.CreatedAt = a.Now()
	_, row, err := a.readVirtualKeyBody(r, row)
	if err == nil {
		err = a.change(r, "virtual_key.create", row.ID, viewVirtualKey(row), func(ctx context.Context) error {
			if err := a.Store.CreateVirtualKey(ctx, row); err != nil {
				return err
			}
			return a.Accounts.Refresh(ctx)
		})
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	v := viewVirtualKey(row)
	v.Key = key.Expose() // the one time that it is shown
	reply.JSON(w, http.StatusCreated, v)
}

func (a *API) patchVirtualKey(w http.ResponseWriter, r *http.Request, p httprouter.Params) {
	id := p.ByName("id")
	before, err := a.Store.VirtualKey(r.Context(), id)
	var body virtualKeyBody
	after := before
	if err == nil {
		body, after, err = a.readVirtualKeyBody(r, before)
	}
	if err == nil {
		record := map[string]any{"before": viewVirtualKey(before), "after": viewVirtualKey(after)}
		err = a.change(r, "virtual_key.update", id, record, func(ctx context.Context) error {
			var err error
			after, err = a.Store.UpdateVirtualKey(ctx, id, func(k *store.VirtualKey) error { body.apply(k); return nil })
			if err != nil {
				return err
			}
			return a.Accounts.Refresh(ctx)
		})
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	reply.JSON(w, http.StatusOK, viewVirtualKey(after))
}

func (a *API) deleteVirtualKey(w http.ResponseWriter, r *http.Request, p httprouter.Params) {
	id := p.ByName("id")
	row, err := a.Store.VirtualKey(r.Context(), id)
	if err == nil {
		err = a.change(r, "virtual_key.delete", id, viewVirtualKey(row), func(ctx context.Context) error {
			if err := a.Store.DeleteVirtualKey(ctx, id); err != nil {
				return err
			}
			return a.Accounts.Refresh(ctx)
		})
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	reply.NoContent(w)
}
