package quotatest_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/quota/internal/plain"
	"github.com/llmhubd/llmhub/quota/quotatest"
)

// opener opens plain stores with a fault.
func opener(fault plain.Fault) quotatest.Opener {
	return func(_ testing.TB, clock func() time.Time, keys []quotatest.Key) llmhub.QuotaStore {
		var all []plain.Key
		for _, k := range keys {
			all = append(all, plain.Key(k))
		}
		return plain.New(clock, all, fault)
	}
}

func TestPlainStoreKeepsEveryClaim(t *testing.T) {
	quotatest.Run(t, opener(""))
}

// TestEveryFaultIsCaught also sees to it that no claim is one that cannot fail.
func TestEveryFaultIsCaught(t *testing.T) {
	failed := map[string]bool{}
	for _, fault := range plain.Faults {
		caught := false
		for _, claim := range quotatest.Claims() {
			if fails(t, claim, opener(fault)) {
				failed[claim.Name] = true
				caught = true
			}
		}
		if !caught {
			t.Errorf("no claim fails on a store with the fault %q", fault)
		}
	}
	for _, claim := range quotatest.Claims() {
		if !failed[claim.Name] && !fails(t, claim, mixedOpener) {
			t.Errorf("no fault makes the claim %q fail", claim.Name)
		}
	}
}

// mixedOpener opens stores that now and then grant what is not there, as one
// does that looks and takes in two steps.
func mixedOpener(tb testing.TB, clock func() time.Time, keys []quotatest.Key) llmhub.QuotaStore {
	return &mixed{QuotaStore: opener("")(tb, clock, keys)}
}

type mixed struct {
	llmhub.QuotaStore
	mu sync.Mutex
	n  int
}

func (m *mixed) Reserve(ctx context.Context, r llmhub.Reservation) (llmhub.Lease, error) {
	l, err := m.QuotaStore.Reserve(ctx, r)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.n++; err != nil && m.n == 150 {
		return llmhub.Lease{Reservation: r, Key: "a"}, nil
	}
	return l, err
}

// fails reports whether a claim fails.
func fails(t *testing.T, claim quotatest.Claim, open quotatest.Opener) bool {
	tb := &recorder{TB: t}
	done := make(chan struct{})
	go func() { // ended by Goexit when the claim is fatal
		defer close(done)
		claim.Check(tb, open)
	}()
	<-done
	return tb.Failed()
}

// recorder keeps failures to itself.
type recorder struct {
	testing.TB
	mu     sync.Mutex
	failed bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.fail() }
func (r *recorder) Error(...any)          { r.fail() }
func (r *recorder) Fatalf(string, ...any) { r.fail(); runtime.Goexit() }
func (r *recorder) Fatal(...any)          { r.fail(); runtime.Goexit() }
func (r *recorder) FailNow()              { r.fail(); runtime.Goexit() }
func (r *recorder) Fail()                 { r.fail() }
func (r *recorder) Failed() bool          { r.mu.Lock(); defer r.mu.Unlock(); return r.failed }
func (r *recorder) fail()                 { r.mu.Lock(); defer r.mu.Unlock(); r.failed = true }
