package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/llmhubd/llmhub/store"
)

func session(id, userID string) store.Session {
	return store.Session{ID: id, UserID: userID, Generation: 1, UserAgent: "curl/8", IP: "::1",
		CreatedAt: now, RotatedAt: now.Add(time.Minute), ExpiresAt: now.Add(time.Hour)}
}

var sessions = []claim{
	{"a session is read as it was written", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		must(t, "CreateUser", s.CreateUser(ctx, user("a", store.RoleUser)))
		v := session("s", "a")
		must(t, "CreateSession", s.CreateSession(ctx, v))
		want(t, "CreateSession again", s.CreateSession(ctx, v), store.ErrExists)
		got, err := s.Session(ctx, "s")
		must(t, "Session", err)
		same(t, "Session", got, v)
		v.Generation, v.Used, v.RotatedAt = 2, true, now.Add(time.Hour)
		got, err = s.UpdateSession(ctx, "s", func(u *store.Session) error { *u = v; return nil })
		must(t, "UpdateSession", err)
		same(t, "UpdateSession", got, v)
		all, err := s.ListSessions(ctx, "a")
		must(t, "ListSessions", err)
		same(t, "ListSessions", all, []store.Session{v})
	}},
	{"a session that is not there is not found", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		_, err := s.Session(ctx, "x")
		want(t, "Session", err, store.ErrNotFound)
		_, err = s.UpdateSession(ctx, "x", func(*store.Session) error { return nil })
		want(t, "UpdateSession", err, store.ErrNotFound)
		want(t, "DeleteSession", s.DeleteSession(ctx, "x"), store.ErrNotFound)
		want(t, "CreateSession of nobody", s.CreateSession(ctx, session("s", "x")), store.ErrNotFound)
	}},
	{"of many who rotate a session at once one does", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		must(t, "CreateUser", s.CreateUser(ctx, user("a", store.RoleUser)))
		must(t, "CreateSession", s.CreateSession(ctx, session("s", "a")))
		late := errors.New("rotated already")
		for round := range int64(10) {
			n := atOnce(t, "UpdateSession", 16, late, func(int) error {
				_, err := s.UpdateSession(ctx, "s", func(v *store.Session) error {
					if v.Generation != 1+round {
						return late
					}
					v.Generation++
					return nil
				})
				return err
			})
			if n != 1 {
				t.Errorf("round %d: %d rotations of one generation, want 1", round, n)
			}
		}
		got, err := s.Session(ctx, "s")
		must(t, "Session", err)
		same(t, "Generation after 10 rounds", got.Generation, int64(11))
	}},
	{"sessions end but for the one kept", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		for _, id := range []string{"a", "b"} {
			must(t, "CreateUser", s.CreateUser(ctx, user(id, store.RoleUser)))
			for _, n := range []string{"1", "2", "3"} {
				must(t, "CreateSession", s.CreateSession(ctx, session(id+n, id)))
			}
		}
		must(t, "DeleteSessions", s.DeleteSessions(ctx, "a", "a2"))
		must(t, "DeleteSession", s.DeleteSession(ctx, "b1"))
		for id, wanted := range map[string][]store.Session{
			"a": {session("a2", "a")}, "b": {session("b3", "b"), session("b2", "b")},
		} {
			got, err := s.ListSessions(ctx, id)
			must(t, "ListSessions", err)
			same(t, "ListSessions("+id+")", got, wanted)
		}
		must(t, "DeleteSessions", s.DeleteSessions(ctx, "b", ""))
		got, err := s.ListSessions(ctx, "b")
		must(t, "ListSessions", err)
		same(t, "sessions after all have ended", len(got), 0)
	}},
	{"expired sessions go, others stay", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		must(t, "CreateUser", s.CreateUser(ctx, user("a", store.RoleUser)))
		at := session("at", "a")
		after := session("after", "a")
		after.ExpiresAt = at.ExpiresAt.Add(time.Nanosecond)
		must(t, "CreateSession", s.CreateSession(ctx, at))
		must(t, "CreateSession", s.CreateSession(ctx, after))
		must(t, "DeleteExpiredSessions", s.DeleteExpiredSessions(ctx, at.ExpiresAt))
		got, err := s.ListSessions(ctx, "a")
		must(t, "ListSessions", err)
		same(t, "sessions that stay", got, []store.Session{after})
	}},
}
