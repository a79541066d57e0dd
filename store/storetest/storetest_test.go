package storetest_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/llmhubd/llmhub/store"
	"github.com/llmhubd/llmhub/store/sqlstore"
	"github.com/llmhubd/llmhub/store/storetest"
)

func open(t *testing.T) store.Store {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), sqlstore.Config{URL: "sqlite://" + filepath.Join(t.TempDir(), "hub.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// The broken stores: each breaks one promise, as a store may by mistake.

// naiveAdmin looks before it makes the first admin.
type naiveAdmin struct{ store.Store }

func (s naiveAdmin) CreateFirstAdmin(ctx context.Context, u store.User, token string) error {
	if has, err := s.HasAdmin(ctx); err != nil || has {
		return store.ErrExists
	}
	u.Role = store.RoleAdmin
	return s.CreateUser(ctx, u)
}

// naiveUpdate reads, changes and writes in three steps.
type naiveUpdate struct{ store.Store }

func (s naiveUpdate) UpdateSession(ctx context.Context, id string, change func(*store.Session) error) (store.Session, error) {
	v, err := s.Session(ctx, id)
	if err != nil {
		return v, err
	}
	if err := change(&v); err != nil {
		return v, err
	}
	return s.Store.UpdateSession(ctx, id, func(to *store.Session) error { *to = v; return nil })
}

// looseAdmin counts admins before it lets one go.
type looseAdmin struct{ store.Store }

func (s looseAdmin) DeleteUser(ctx context.Context, id string) error {
	u, err := s.User(ctx, id)
	if err != nil {
		return err
	}
	extra := u
	extra.ID, extra.Email = "ghost-"+id, "ghost-"+u.Email
	if err := s.CreateUser(ctx, extra); err != nil { // the guard sees another admin
		return err
	}
	return s.Store.DeleteUser(ctx, id)
}

// doubled writes a row that comes again under another number.
type doubled struct{ store.Store }

func (s doubled) AppendUsage(ctx context.Context, rows []store.Attempt) error {
	for _, a := range rows {
		for {
			log, err := s.RequestLog(ctx, a.RequestID)
			if err != nil || len(log) < a.N {
				break
			}
			a.N++
		}
		if err := s.Store.AppendUsage(ctx, []store.Attempt{a}); err != nil {
			return err
		}
	}
	return nil
}

// milliseconds loses what is below.
type milliseconds struct{ store.Store }

func (s milliseconds) CreateSession(ctx context.Context, v store.Session) error {
	v.CreatedAt = v.CreatedAt.Truncate(time.Millisecond)
	return s.Store.CreateSession(ctx, v)
}

// offset pages by time alone, so rows of one time are lost between pages.
type offset struct{ store.Store }

func (s offset) ListRequests(ctx context.Context, f store.UsageFilter) ([]store.Attempt, string, error) {
	if at, err := time.Parse(time.RFC3339Nano, f.Cursor); err == nil {
		f.Cursor, f.Until = "", at
	}
	rows, next, err := s.Store.ListRequests(ctx, f)
	if next != "" {
		next = rows[len(rows)-1].Time.Format(time.RFC3339Nano)
	}
	return rows, next, err
}

// forgetful does not filter by outcome.
type forgetful struct{ store.Store }

func (s forgetful) ListRequests(ctx context.Context, f store.UsageFilter) ([]store.Attempt, string, error) {
	f.Outcome = ""
	return s.Store.ListRequests(ctx, f)
}

// overwriting begins a setting over the one that is there.
type overwriting struct{ store.Store }

func (s overwriting) InitSetting(ctx context.Context, name string, value []byte) ([]byte, error) {
	return value, s.PutSetting(ctx, name, value)
}

var broken = []struct {
	name  string
	wrap  func(store.Store) store.Store
	claim string // that must fail
}{
	{"naive-admin", func(s store.Store) store.Store { return naiveAdmin{s} }, "of_many_first_admins_at_once_one_is_made,_50_times"},
	{"naive-update", func(s store.Store) store.Store { return naiveUpdate{s} }, "of_many_who_rotate_a_session_at_once_one_does"},
	{"loose-admin", func(s store.Store) store.Store { return looseAdmin{s} }, "the_last_enabled_admin_stays"},
	{"doubled", func(s store.Store) store.Store { return doubled{s} }, "a_row_stays_when_it_comes_again"},
	{"milliseconds", func(s store.Store) store.Store { return milliseconds{s} }, "a_session_is_read_as_it_was_written"},
	{"offset", func(s store.Store) store.Store { return offset{s} }, "pages_hold_each_request_once"},
	{"forgetful", func(s store.Store) store.Store { return forgetful{s} }, "filters_choose,_alone_and_together"},
	{"overwriting", func(s store.Store) store.Store { return overwriting{s} }, "of_many_who_begin_a_setting_at_once_one_does"},
}

// TestBroken is run by TestKitFindsBrokenStores in another process, where it may
// fail.
func TestBroken(t *testing.T) {
	name := os.Getenv("STORETEST_BROKEN")
	if name == "" {
		t.Skip("only in another process")
	}
	for _, b := range broken {
		if b.name == name {
			storetest.Run(t, func(t *testing.T) store.Store { return b.wrap(open(t)) })
		}
	}
}

func TestKitFindsBrokenStores(t *testing.T) {
	for _, b := range broken {
		t.Run(b.name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestBroken$/^"+b.claim)
			cmd.Env = append(os.Environ(), "STORETEST_BROKEN="+b.name)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "--- FAIL: TestBroken/"+b.claim) {
				t.Errorf("the kit on a store that is %s: %v, want it to fail %q; it said\n%s", b.name, err, b.claim, out)
			}
		})
	}
}
