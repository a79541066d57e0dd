package admin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/julienschmidt/httprouter"

	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/reply"
	"github.com/llmhubd/llmhub/store"
)

type userView struct {
	ID          string     `json:"id"`
	Email       string     `json:"email"`
	Role        store.Role `json:"role"`
	Disabled    bool       `json:"disabled"`
	LastLoginAt *time.Time `json:"last_login_at"`
	CreatedAt   *time.Time `json:"created_at"`
}

func viewUser(u store.User) userView {
	return userView{u.ID, u.Email, u.Role, u.Disabled, moment(u.LastLogin), moment(u.CreatedAt)}
}

func checkRole(r store.Role) error {
	switch r {
	case store.RoleAdmin, store.RoleOperator, store.RoleViewer, store.RoleUser:
		return nil
	}
	return reply.Invalid("role", "The role must be admin, operator, viewer or user.")
}

func (a *API) listUsers(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	rows, err := a.Store.ListUsers(r.Context())
	if err != nil {
		a.fail(w, r, err)
		return
	}
	reply.JSON(w, http.StatusOK, pageOf(rows, viewUser))
}

func (a *API) createUser(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	var body struct {
		Email    string     `json:"email"`
		Password string     `json:"password"`
		Role     store.Role `json:"role"`
	}
	err := reply.Read(r, &body)
	if err == nil {
		err = checkRole(body.Role)
	}
	var u store.User
	if err == nil {
		u, err = a.Accounts.NewUser(r.Context(), body.Email, body.Password, body.Role)
	}
	if err == nil {
		err = a.change(r, "user.create", u.ID, viewUser(u), func(ctx context.Context) error {
			err := a.Store.CreateUser(ctx, u)
			if errors.Is(err, store.ErrExists) {
				return reply.Conflict("There is an account of this e-mail address.")
			}
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
	reply.JSON(w, http.StatusCreated, viewUser(u))
}

// patchUser changes role or disabled; either ends the account's sessions.
func (a *API) patchUser(w http.ResponseWriter, r *http.Request, p httprouter.Params) {
	id := p.ByName("id")
	var patch struct {
		Role     field[store.Role] `json:"role"`
		Disabled field[bool]       `json:"disabled"`
	}
	err := reply.Read(r, &patch)
	if err == nil && patch.Role.set {
		err = checkRole(patch.Role.value)
	}
	var before, after store.User
	if err == nil {
		before, err = a.Store.User(r.Context(), id)
	}
	if err == nil {
		after = before
		patch.Role.into(&after.Role)
		patch.Disabled.into(&after.Disabled)
	}
	if err == nil && (after.Role != before.Role || after.Disabled != before.Disabled) {
		record := map[string]any{"before": viewUser(before), "after": viewUser(after)}
		err = a.change(r, "user.update", id, record, func(ctx context.Context) error {
			var err error
			after, err = a.Store.UpdateUser(ctx, id, func(u *store.User) error {
				patch.Role.into(&u.Role)
				patch.Disabled.into(&u.Disabled)
				u.Epoch++
				return nil
			})
			if err != nil {
				return err
			}
			return a.Accounts.EndSessions(ctx, id, "")
		})
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	reply.JSON(w, http.StatusOK, viewUser(after))
}

func (a *API) deleteUser(w http.ResponseWriter, r *http.Request, p httprouter.Params) {
	id := p.ByName("id")
	u, err := a.Store.User(r.Context(), id)
	if err == nil {
		err = a.change(r, "user.delete", id, viewUser(u), func(ctx context.Context) error {
			if err := a.Store.DeleteUser(ctx, id); err != nil {
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
