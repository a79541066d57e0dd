package memquota_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/quota/memquota"
)

// TestConcurrentCallersGetExactlyTheQuota has 64 goroutines take from three keys
// and two limits, lose some leases and settle some twice, while an operator
// edits and another looks.
func TestConcurrentCallersGetExactlyTheQuota(t *testing.T) {
	const goroutines, each, quota = 64, 500, 3000
	var now atomic.Int64
	now.Store(start.UnixNano())
	s := memquota.New(memquota.Config{Now: func() time.Time { return time.Unix(0, now.Load()) }})
	keys := []memquota.Key{
		{ID: "a", Provider: "acme", DailyRequests: quota, Anchor: start},
		{ID: "b", Provider: "acme", DailyRequests: quota, Anchor: start},
		{ID: "c", Provider: "acme", DailyRequests: quota, Anchor: start, Priority: 1},
	}
	s.SetKeys(keys)
	team := llmhub.Limit{Name: "team", Per: 24 * time.Hour, Max: llmhub.Amount{Requests: 1 << 30}}
	slots := llmhub.Limit{Name: "slots", Max: llmhub.Amount{Requests: 1 << 30}}
	stop, watched := make(chan struct{}), make(chan struct{})
	go func() { // until stop is closed
		defer close(watched)
		for {
			select {
			case <-stop:
				return
			default:
			}
			s.SetKeys(keys)
			s.Sweep()
			for _, st := range s.Statuses() {
				if st.Requests.Used+st.Requests.Reserved > quota || st.Requests.Used < 0 || st.Requests.Reserved < 0 {
					t.Errorf("key %s has %d used + %d reserved of %d", st.ID, st.Requests.Used, st.Requests.Reserved, quota)
				}
			}
		}
	}()
	var granted, charged atomic.Int64
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range each {
				limits := []llmhub.Limit{team, slots}
				if g%2 == 0 {
					limits = []llmhub.Limit{slots, team}
				}
				l, err := s.Reserve(context.Background(), llmhub.Reservation{
					Request: llmhub.ID{byte(g), byte(i >> 8), byte(i)}, Attempt: 1, Provider: "acme", Model: "m",
					Amount: llmhub.Amount{Requests: 1}, Caller: llmhub.Caller{Limits: limits}, TTL: time.Minute,
				})
				if err != nil {
					if !errors.Is(err, llmhub.RateLimited) {
						t.Errorf("Reserve = %v, want a lease or %s", err, llmhub.RateLimited)
					}
					continue
				}
				granted.Add(1)
				switch i % 4 {
				case 0: // lost
					charged.Add(1)
				case 1:
					_ = s.Settle(context.Background(), l, llmhub.Outcome{Kind: llmhub.InvalidRequest})
				default:
					charged.Add(1)
					for range 2 {
						_ = s.Settle(context.Background(), l, llmhub.Outcome{Used: llmhub.Amount{Requests: 1}})
					}
				}
			}
		})
	}
	wg.Wait()
	close(stop)
	<-watched
	now.Add(int64(2 * time.Minute)) // what was lost expires
	var used int64
	for _, st := range s.Statuses() {
		used += st.Requests.Used
		if st.Requests.Reserved != 0 {
			t.Errorf("key %s still has %d reserved, want 0", st.ID, st.Requests.Reserved)
		}
	}
	if used != charged.Load() || used != 3*quota {
		t.Errorf("the keys have %d used, want %d charged, and all of %d", used, charged.Load(), 3*quota)
	}
	if st := s.Limit(team); st.Used.Requests != granted.Load() || st.Reserved.Requests != 0 {
		t.Errorf("the team has %d used and %d reserved, want %d and 0", st.Used.Requests, st.Reserved.Requests, granted.Load())
	}
	if st := s.Limit(slots); st.Reserved.Requests != 0 {
		t.Errorf("%d slots are taken, want 0", st.Reserved.Requests)
	}
}

// TestConcurrentLimitsComeAndGo forgets limits while others take from them.
func TestConcurrentLimitsComeAndGo(t *testing.T) {
	s := memquota.New(memquota.Config{Now: func() time.Time { return start }})
	s.SetKeys([]memquota.Key{{ID: "a", Provider: "acme"}})
	var wg sync.WaitGroup
	for g := range 32 {
		wg.Go(func() {
			for i := range 1000 {
				limit := llmhub.Limit{Name: fmt.Sprint("slot ", i%7), Max: llmhub.Amount{Requests: 32}}
				l, err := s.Reserve(context.Background(), llmhub.Reservation{
					Request: llmhub.ID{byte(g), byte(i >> 8), byte(i)}, Provider: "acme", Amount: llmhub.Amount{Requests: 1},
					Caller: llmhub.Caller{Limits: []llmhub.Limit{limit}},
				})
				if err != nil {
					t.Errorf("Reserve = %v, want a lease: 32 goroutines share 32 slots", err)
					return
				}
				_ = s.Settle(context.Background(), l, llmhub.Outcome{})
				if i%50 == 0 {
					s.Sweep()
				}
			}
		})
	}
	wg.Wait()
	for i := range 7 {
		if st := s.Limit(llmhub.Limit{Name: fmt.Sprint("slot ", i)}); st.Reserved.Requests != 0 {
			t.Errorf("limit slot %d has %d taken, want 0", i, st.Reserved.Requests)
		}
	}
}
