package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/llmhubd/llmhub/store"
)

func user(id string, role store.Role) store.User {
	return store.User{ID: id, Email: id + "@example.org", PasswordHash: "$argon2id$" + id, Role: role, Epoch: 3, LastLogin: now, CreatedAt: now}
}

// admins counts the enabled admins.
func admins(t *testing.T, s store.Store) (n int) {
	t.Helper()
	all, err := s.ListUsers(t.Context())
	must(t, "ListUsers", err)
	for _, u := range all {
		if u.Role == store.RoleAdmin && !u.Disabled {
			n++
		}
	}
	return n
}

// oneFirstAdmin makes many first admins at once, of whom one may come.
func oneFirstAdmin(t *testing.T, s store.Store) {
	n := atOnce(t, "CreateFirstAdmin", 64, store.ErrExists, func(i int) error {
		return s.CreateFirstAdmin(t.Context(), user(fmt.Sprint("u", i), store.RoleUser), "")
	})
	if got := admins(t, s); n != 1 || got != 1 {
		t.Errorf("%d CreateFirstAdmin succeeded and made %d admins, want 1 and 1", n, got)
	}
	has, err := s.HasAdmin(t.Context())
	must(t, "HasAdmin", err)
	same(t, "HasAdmin", has, true)
}

var users = []claim{
	{"a user is read as it was written", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		a, b := user("a", store.RoleViewer), store.User{ID: "b", Email: "b@example.org", Role: store.RoleUser, Disabled: true}
		must(t, "CreateUser", s.CreateUser(ctx, a))
		must(t, "CreateUser", s.CreateUser(ctx, b))
		got, err := s.User(ctx, "a")
		must(t, "User", err)
		same(t, "User", got, a)
		got, err = s.UserByEmail(ctx, b.Email)
		must(t, "UserByEmail", err)
		same(t, "UserByEmail", got, b)
		all, err := s.ListUsers(ctx)
		must(t, "ListUsers", err)
		same(t, "ListUsers", all, []store.User{b, a}) // the oldest first
	}},
	{"a user that is not there is not found", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		_, err := s.User(ctx, "x")
		want(t, "User", err, store.ErrNotFound)
		_, err = s.UserByEmail(ctx, "x@example.org")
		want(t, "UserByEmail", err, store.ErrNotFound)
		_, err = s.UpdateUser(ctx, "x", func(*store.User) error { return nil })
		want(t, "UpdateUser", err, store.ErrNotFound)
		want(t, "DeleteUser", s.DeleteUser(ctx, "x"), store.ErrNotFound)
	}},
	{"an address is taken once", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		must(t, "CreateUser", s.CreateUser(ctx, user("a", store.RoleUser)))
		must(t, "CreateUser", s.CreateUser(ctx, user("b", store.RoleUser)))
		again := user("c", store.RoleUser)
		again.Email = "a@example.org"
		want(t, "CreateUser with the address of another", s.CreateUser(ctx, again), store.ErrExists)
		_, err := s.UpdateUser(ctx, "b", func(u *store.User) error { u.Email = "a@example.org"; return nil })
		want(t, "UpdateUser to the address of another", err, store.ErrExists)
	}},
	{"a change is kept, one that fails is not", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		a, no := user("a", store.RoleUser), errors.New("no")
		must(t, "CreateUser", s.CreateUser(ctx, a))
		_, err := s.UpdateUser(ctx, "a", func(u *store.User) error { u.Epoch = 9; return no })
		want(t, "UpdateUser whose change fails", err, no)
		a.Epoch, a.Role, a.Disabled, a.PasswordHash, a.LastLogin = 4, store.RoleOperator, true, "other", now.Add(time.Nanosecond)
		got, err := s.UpdateUser(ctx, "a", func(u *store.User) error {
			same(t, "Epoch that change sees", u.Epoch, int64(3))
			*u = a
			return nil
		})
		must(t, "UpdateUser", err)
		same(t, "UpdateUser", got, a)
		got, err = s.User(ctx, "a")
		must(t, "User", err)
		same(t, "User after UpdateUser", got, a)
	}},
	{"of many with one setup token one is made", func(t *testing.T, s store.Store) {
		must(t, "PutSetupToken", s.PutSetupToken(t.Context(), "hash", time.Now().Add(time.Hour)))
		n := atOnce(t, "CreateFirstAdmin", 64, store.ErrExists, func(i int) error {
			return s.CreateFirstAdmin(t.Context(), user(fmt.Sprint("u", i), store.RoleUser), "hash")
		})
		if got := admins(t, s); n != 1 || got != 1 {
			t.Errorf("%d CreateFirstAdmin succeeded and made %d admins, want 1 and 1", n, got)
		}
	}},
	{"the first admin needs an unused setup token in time", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		a := user("a", store.RoleUser)
		want(t, "CreateFirstAdmin before there is a token", s.CreateFirstAdmin(ctx, a, "one"), store.ErrNotFound)
		must(t, "PutSetupToken", s.PutSetupToken(ctx, "one", time.Now().Add(-time.Second)))
		want(t, "CreateFirstAdmin with a token too late", s.CreateFirstAdmin(ctx, a, "one"), store.ErrNotFound)
		must(t, "PutSetupToken", s.PutSetupToken(ctx, "one", time.Now().Add(time.Hour)))
		must(t, "PutSetupToken", s.PutSetupToken(ctx, "two", time.Now().Add(time.Hour)))
		want(t, "CreateFirstAdmin with a token replaced", s.CreateFirstAdmin(ctx, a, "one"), store.ErrNotFound)
		has, err := s.HasAdmin(ctx)
		must(t, "HasAdmin", err)
		same(t, "HasAdmin after failures", has, false)
		must(t, "CreateFirstAdmin", s.CreateFirstAdmin(ctx, a, "two"))
		got, err := s.User(ctx, "a")
		must(t, "User", err)
		same(t, "Role of the first admin", got.Role, store.RoleAdmin)
		want(t, "CreateFirstAdmin again", s.CreateFirstAdmin(ctx, user("b", store.RoleUser), "two"), store.ErrExists)
	}},
	{"a first admin that fails spends no token", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		must(t, "CreateUser", s.CreateUser(ctx, user("a", store.RoleUser)))
		must(t, "PutSetupToken", s.PutSetupToken(ctx, "one", time.Now().Add(time.Hour)))
		want(t, "CreateFirstAdmin with an address taken", s.CreateFirstAdmin(ctx, user("a", store.RoleUser), "one"), store.ErrExists)
		must(t, "CreateFirstAdmin", s.CreateFirstAdmin(ctx, user("b", store.RoleUser), "one"))
	}},
	{"an admin made otherwise is the first", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		must(t, "CreateUser", s.CreateUser(ctx, user("a", store.RoleAdmin)))
		want(t, "CreateFirstAdmin", s.CreateFirstAdmin(ctx, user("b", store.RoleUser), ""), store.ErrExists)
	}},
	{"the last enabled admin stays", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		must(t, "CreateFirstAdmin", s.CreateFirstAdmin(ctx, user("a", store.RoleAdmin), ""))
		off := user("b", store.RoleAdmin)
		off.Disabled = true
		must(t, "CreateUser", s.CreateUser(ctx, off))
		for what, change := range map[string]func(*store.User) error{
			"disable": func(u *store.User) error { u.Disabled = true; return nil },
			"demote":  func(u *store.User) error { u.Role = store.RoleOperator; return nil },
		} {
			_, err := s.UpdateUser(ctx, "a", change)
			want(t, what+" the last admin", err, store.ErrConflict)
		}
		want(t, "DeleteUser(last admin)", s.DeleteUser(ctx, "a"), store.ErrConflict)
		_, err := s.UpdateUser(ctx, "b", func(u *store.User) error { u.Disabled = false; return nil })
		must(t, "UpdateUser", err)
		must(t, "DeleteUser(one of two admins)", s.DeleteUser(ctx, "a"))
	}},
	{"of admins that leave at once one stays", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		const n = 4
		for i := range n {
			must(t, "CreateUser", s.CreateUser(ctx, user(fmt.Sprint("a", i), store.RoleAdmin)))
		}
		left := atOnce(t, "leave", n, store.ErrConflict, func(i int) error {
			id := fmt.Sprint("a", i)
			switch i % 3 {
			case 0:
				return s.DeleteUser(ctx, id)
			case 1:
				_, err := s.UpdateUser(ctx, id, func(u *store.User) error { u.Disabled = true; return nil })
				return err
			}
			_, err := s.UpdateUser(ctx, id, func(u *store.User) error { u.Role = store.RoleUser; return nil })
			return err
		})
		if got := admins(t, s); got != 1 || left != n-1 {
			t.Errorf("%d of %d admins left and %d stay, want %d and 1", left, n, got, n-1)
		}
	}},
	{"a user goes with its sessions and virtual keys", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		must(t, "CreateUser", s.CreateUser(ctx, user("a", store.RoleUser)))
		must(t, "CreateSession", s.CreateSession(ctx, session("s", "a")))
		must(t, "CreateVirtualKey", s.CreateVirtualKey(ctx, store.VirtualKey{ID: "v", Hash: []byte("h"), OwnerID: "a"}))
		must(t, "CreateVirtualKey", s.CreateVirtualKey(ctx, store.VirtualKey{ID: "w", Hash: []byte("h")}))
		must(t, "DeleteUser", s.DeleteUser(ctx, "a"))
		_, err := s.Session(ctx, "s")
		want(t, "Session of a deleted user", err, store.ErrNotFound)
		_, err = s.VirtualKey(ctx, "v")
		want(t, "VirtualKey of a deleted user", err, store.ErrNotFound)
		_, err = s.VirtualKey(ctx, "w")
		must(t, "VirtualKey of nobody", err)
	}},
}
