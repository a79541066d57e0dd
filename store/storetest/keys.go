package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/llmhubd/llmhub/store"
)

func providerKey(id, provider, fingerprint string) store.ProviderKey {
	return store.ProviderKey{ID: id, Provider: provider, Type: "openai", Name: "main", BaseURL: "https://api.example.org/v1",
		Sealed: []byte{1, 0, 255}, Masked: "sk-****1234", Fingerprint: fingerprint, Priority: -1, Weight: 2, RPM: 3, TPM: 4,
		DailyRequests: 5, DailyTokens: 6, Models: []string{"a", "b/c"}, CreatedAt: now, UpdatedAt: now.Add(time.Second)}
}

var providerKeys = []claim{
	{"a provider key is read as it was written", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		k := providerKey("k", "openai", "f")
		must(t, "CreateProviderKey", s.CreateProviderKey(ctx, k))
		got, err := s.ProviderKey(ctx, "k")
		must(t, "ProviderKey", err)
		same(t, "ProviderKey", got, k)
		k.Disabled, k.Models, k.Sealed, k.Name = true, nil, []byte("other"), "second"
		got, err = s.UpdateProviderKey(ctx, "k", func(u *store.ProviderKey) error { *u = k; return nil })
		must(t, "UpdateProviderKey", err)
		same(t, "UpdateProviderKey", got, k)
		got, err = s.ProviderKey(ctx, "k")
		must(t, "ProviderKey", err)
		same(t, "ProviderKey after UpdateProviderKey", got, k)
		must(t, "DeleteProviderKey", s.DeleteProviderKey(ctx, "k"))
		_, err = s.ProviderKey(ctx, "k")
		want(t, "ProviderKey after DeleteProviderKey", err, store.ErrNotFound)
	}},
	{"a provider key that is not there is not found", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		_, err := s.ProviderKey(ctx, "x")
		want(t, "ProviderKey", err, store.ErrNotFound)
		_, err = s.UpdateProviderKey(ctx, "x", func(*store.ProviderKey) error { return nil })
		want(t, "UpdateProviderKey", err, store.ErrNotFound)
		want(t, "DeleteProviderKey", s.DeleteProviderKey(ctx, "x"), store.ErrNotFound)
	}},
	{"a credential is added to a provider once", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		must(t, "CreateProviderKey", s.CreateProviderKey(ctx, providerKey("a", "openai", "f")))
		want(t, "CreateProviderKey again", s.CreateProviderKey(ctx, providerKey("b", "openai", "f")), store.ErrExists)
		must(t, "CreateProviderKey for another provider", s.CreateProviderKey(ctx, providerKey("b", "groq", "f")))
	}},
	{"provider keys come in the order of their use", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		inOrder := []store.ProviderKey{
			{ID: "z", Provider: "anthropic", Priority: 9},
			{ID: "y", Provider: "openai", Priority: 0, CreatedAt: now.Add(time.Hour)},
			{ID: "b", Provider: "openai", Priority: 1, CreatedAt: now},
			{ID: "c", Provider: "openai", Priority: 1, CreatedAt: now},
			{ID: "a", Provider: "openai", Priority: 1, CreatedAt: now.Add(time.Nanosecond)},
		}
		var wanted []string
		for _, k := range inOrder {
			wanted = append(wanted, k.ID)
		}
		for _, k := range slices.Backward(inOrder) {
			k.Fingerprint = k.ID
			must(t, "CreateProviderKey", s.CreateProviderKey(ctx, k))
		}
		all, err := s.ListProviderKeys(ctx)
		must(t, "ListProviderKeys", err)
		var got []string
		for _, k := range all {
			got = append(got, k.ID)
		}
		same(t, "ListProviderKeys", got, wanted)
	}},
	{"statuses are written over those there", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		a := store.KeyStatus{KeyID: "a", State: "cooling", Reason: "429", Until: now, Window: 20000, Requests: 5, Tokens: 6, LastUsed: now, Anchor: now}
		b := store.KeyStatus{KeyID: "env:openai:0", State: "active"}
		must(t, "SaveKeyStatuses(none)", s.SaveKeyStatuses(ctx, nil))
		must(t, "SaveKeyStatuses", s.SaveKeyStatuses(ctx, []store.KeyStatus{b, a}))
		a.Requests, a.Until = 7, time.Time{}
		must(t, "SaveKeyStatuses", s.SaveKeyStatuses(ctx, []store.KeyStatus{a}))
		got, err := s.ListKeyStatuses(ctx)
		must(t, "ListKeyStatuses", err)
		same(t, "ListKeyStatuses", got, []store.KeyStatus{a, b})
	}},
}

func virtualKey(id, owner string) store.VirtualKey {
	return store.VirtualKey{ID: id, Hash: []byte{0, 1, 255}, Prefix: "lh_" + id + "…", Name: "CI", OwnerID: owner,
		Models: []string{"smart"}, RPM: 1, TPM: 2, MaxParallelRequests: 3, Disclose: true, AllowDirectModels: true, AllowBodyKeys: []string{"store"},
		ExpiresAt: now.Add(time.Hour), LastUsed: now, CreatedAt: now}
}

var virtualKeys = []claim{
	{"a virtual key is read as it was written", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		must(t, "CreateUser", s.CreateUser(ctx, user("a", store.RoleUser)))
		k, plain := virtualKey("k", "a"), store.VirtualKey{ID: "p", Hash: []byte("h"), CreatedAt: now.Add(time.Nanosecond)}
		must(t, "CreateVirtualKey", s.CreateVirtualKey(ctx, k))
		want(t, "CreateVirtualKey again", s.CreateVirtualKey(ctx, k), store.ErrExists)
		must(t, "CreateVirtualKey", s.CreateVirtualKey(ctx, plain))
		got, err := s.VirtualKey(ctx, "k")
		must(t, "VirtualKey", err)
		same(t, "VirtualKey", got, k)
		all, err := s.ListVirtualKeys(ctx)
		must(t, "ListVirtualKeys", err)
		same(t, "ListVirtualKeys", all, []store.VirtualKey{plain, k}) // the newest first
		k.Disabled, k.OwnerID, k.Models, k.ExpiresAt = true, "", []string{}, time.Time{}
		got, err = s.UpdateVirtualKey(ctx, "k", func(u *store.VirtualKey) error { *u = k; return nil })
		must(t, "UpdateVirtualKey", err)
		same(t, "UpdateVirtualKey", got, k)
		got, err = s.VirtualKey(ctx, "k")
		must(t, "VirtualKey", err)
		same(t, "VirtualKey after UpdateVirtualKey: no models is not all models", got, k)
		must(t, "DeleteVirtualKey", s.DeleteVirtualKey(ctx, "k"))
		_, err = s.VirtualKey(ctx, "k")
		want(t, "VirtualKey after DeleteVirtualKey", err, store.ErrNotFound)
	}},
	{"a virtual key that is not there is not found", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		_, err := s.VirtualKey(ctx, "x")
		want(t, "VirtualKey", err, store.ErrNotFound)
		_, err = s.UpdateVirtualKey(ctx, "x", func(*store.VirtualKey) error { return nil })
		want(t, "UpdateVirtualKey", err, store.ErrNotFound)
		want(t, "DeleteVirtualKey", s.DeleteVirtualKey(ctx, "x"), store.ErrNotFound)
		want(t, "CreateVirtualKey of nobody there", s.CreateVirtualKey(ctx, virtualKey("k", "x")), store.ErrNotFound)
	}},
	{"use moves forward only", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		must(t, "CreateVirtualKey", s.CreateVirtualKey(ctx, virtualKey("a", "")))
		must(t, "CreateVirtualKey", s.CreateVirtualKey(ctx, virtualKey("b", "")))
		must(t, "TouchVirtualKeys", s.TouchVirtualKeys(ctx, map[string]time.Time{
			"a": now.Add(time.Hour), "b": now.Add(-time.Hour), "x": now,
		}))
		for id, wanted := range map[string]time.Time{"a": now.Add(time.Hour), "b": now} {
			got, err := s.VirtualKey(ctx, id)
			must(t, "VirtualKey", err)
			same(t, "LastUsed of "+id, got.LastUsed, wanted)
		}
	}},
}
