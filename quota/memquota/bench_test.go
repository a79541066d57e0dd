package memquota_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/quota/memquota"
)

// stock has two keys with limits; r names n limits of one caller.
func stock(n int) (s *memquota.Store, r llmhub.Reservation) {
	s = memquota.New(memquota.Config{})
	s.SetKeys([]memquota.Key{
		{ID: "a", Provider: "acme", DailyRequests: 1 << 40, DailyTokens: 1 << 50, RPM: 1 << 40},
		{ID: "b", Provider: "acme", DailyRequests: 1 << 40, DailyTokens: 1 << 50, RPM: 1 << 40},
	})
	all := []llmhub.Limit{
		{Name: "vk1", Per: time.Minute, Max: llmhub.Amount{Requests: 1 << 40, Tokens: 1 << 50}},
		{Name: "user1", Per: time.Minute, Max: llmhub.Amount{Requests: 1 << 40}},
		{Name: "vk1", Max: llmhub.Amount{Requests: 1 << 40}},
	}
	return s, llmhub.Reservation{
		Request: llmhub.ID{1}, Attempt: 1, Provider: "acme", Model: "m", TTL: 11 * time.Minute,
		Amount: llmhub.Amount{Requests: 1, Tokens: 100}, Caller: llmhub.Caller{Limits: all[:n]},
	}
}

func BenchmarkReserveSettle(b *testing.B) {
	for _, n := range []int{0, 1, 3} {
		b.Run(fmt.Sprintf("limits=%d", n), func(b *testing.B) {
			s, r := stock(n)
			b.ReportAllocs()
			for b.Loop() {
				l, err := s.Reserve(context.Background(), r)
				if err != nil {
					b.Fatal(err)
				}
				settle(s, l, good)
			}
		})
	}
}

func BenchmarkReserveSettleParallel(b *testing.B) {
	s, r := stock(1)
	var id atomic.Int64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		r := r
		r.Caller.Limits = []llmhub.Limit{{Name: fmt.Sprint("vk", id.Add(1)), Per: time.Minute, Max: llmhub.Amount{Requests: 1 << 40}}}
		for pb.Next() {
			l, err := s.Reserve(context.Background(), r)
			if err != nil {
				b.Fatal(err)
			}
			settle(s, l, good)
		}
	})
}

func TestReserveAndSettleDoNotAllocate(t *testing.T) {
	for n := range 4 {
		s, r := stock(n)
		if allocs := testing.AllocsPerRun(1000, func() {
			l, err := s.Reserve(context.Background(), r)
			if err != nil {
				t.Fatal(err)
			}
			settle(s, l, good)
		}); allocs != 0 {
			t.Errorf("Reserve and Settle with %d limits of the caller allocate %v times, want 0", n, allocs)
		}
	}
}
