package storetest

import (
	"context"
	"fmt"
	"testing"

	"github.com/llmhubd/llmhub/store"
)

var settings = []claim{
	{"a setting is what was put last", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		_, err := s.Setting(ctx, "a")
		want(t, "Setting", err, store.ErrNotFound)
		for _, value := range []string{"one", "two\x00\xff"} {
			must(t, "PutSetting", s.PutSetting(ctx, "a", []byte(value)))
			got, err := s.Setting(ctx, "a")
			must(t, "Setting", err)
			same(t, "Setting", string(got), value)
		}
	}},
	{"of many who begin a setting at once one does", func(t *testing.T, s store.Store) {
		got := make([]string, 16)
		atOnce(t, "InitSetting", len(got), nil, func(i int) error {
			v, err := s.InitSetting(t.Context(), "a", fmt.Append(nil, i))
			got[i] = string(v)
			return err
		})
		v, err := s.Setting(t.Context(), "a")
		must(t, "Setting", err)
		for i := range got {
			same(t, fmt.Sprintf("InitSetting of the %d-th", i), got[i], string(v))
		}
	}},
	{"a store answers, and not to those who have gone", func(t *testing.T, s store.Store) {
		must(t, "Ping", s.Ping(t.Context()))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		want(t, "Ping", s.Ping(ctx), context.Canceled)
		want(t, "PutSetting", s.PutSetting(ctx, "a", nil), context.Canceled)
		_, err := s.Setting(t.Context(), "a")
		want(t, "Setting", err, store.ErrNotFound)
	}},
}

var audits = []claim{
	{"audits come newest first, by pages", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		const n = 60
		for i := range n {
			must(t, "AppendAudit", s.AppendAudit(ctx, store.Audit{Time: now, ActorID: "u", IP: "::1", Action: "key.create", Target: fmt.Sprint(i), Detail: `{"a":1}`}))
		}
		var before int64
		next := n - 1
		for {
			page, err := s.ListAudits(ctx, before, 7)
			must(t, "ListAudits", err)
			if len(page) == 0 {
				break
			}
			for _, a := range page {
				same(t, "audit", a, store.Audit{ID: a.ID, Time: now, ActorID: "u", IP: "::1", Action: "key.create", Target: fmt.Sprint(next), Detail: `{"a":1}`})
				if before != 0 && a.ID >= before {
					t.Fatalf("audit %d follows %d", a.ID, before)
				}
				before = a.ID
				next--
			}
		}
		same(t, "audits read", n-1-next, n)
		page, err := s.ListAudits(ctx, 0, 0)
		must(t, "ListAudits", err)
		same(t, "audits of a page without a limit", len(page), 50)
	}},
}
