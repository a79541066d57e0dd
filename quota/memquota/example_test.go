package memquota_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/quota/memquota"
)

func Example() {
	ctx := context.Background()
	store := memquota.New(memquota.Config{})
	store.SetKeys([]memquota.Key{
		{ID: "main", Provider: "openai", DailyRequests: 1},
		{ID: "spare", Provider: "openai", Priority: 1},
	})
	ask := llmhub.Reservation{Provider: "openai", Model: "gpt-5", Amount: llmhub.Amount{Requests: 1, Tokens: 500}, TTL: time.Minute}

	lease, err := store.Reserve(ctx, ask)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(lease.Key)
	_ = store.Settle(ctx, lease, llmhub.Outcome{
		Status: 200, Used: llmhub.Amount{Requests: 1, Tokens: 320}, Verdict: llmhub.Verdict{State: llmhub.KeyActive},
	})

	lease, _ = store.Reserve(ctx, ask)
	fmt.Println(lease.Key, "because", lease.Passed[0].Key, "could not:", lease.Passed[0].Why)
	// Output:
	// main
	// spare because main could not: its day's limit is used up
}

// A key that was rate limited rests; when all rest, the error says how long.
func ExampleStore_Settle() {
	ctx := context.Background()
	now := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	store := memquota.New(memquota.Config{Now: func() time.Time { return now }})
	store.SetKeys([]memquota.Key{{ID: "main", Provider: "groq"}})
	ask := llmhub.Reservation{Provider: "groq", Amount: llmhub.Amount{Requests: 1}}

	lease, _ := store.Reserve(ctx, ask)
	_ = store.Settle(ctx, lease, llmhub.Outcome{
		Status: 429, Kind: llmhub.RateLimited,
		Verdict: llmhub.Verdict{State: llmhub.KeyCooling, Until: now.Add(20 * time.Second)},
	})

	_, err := store.Reserve(ctx, ask)
	var e *llmhub.Error
	fmt.Println(errors.As(err, &e), errors.Is(err, llmhub.RateLimited), e.RetryAfter)
	// Output: true true 20s
}

// What a store knows survives a restart by way of Snapshot and Restore.
func ExampleStore_Snapshot() {
	keys := []memquota.Key{{ID: "main", Provider: "gemini", DailyRequests: 100}}
	store := memquota.New(memquota.Config{})
	store.SetKeys(keys)
	lease, _ := store.Reserve(context.Background(), llmhub.Reservation{Provider: "gemini", Amount: llmhub.Amount{Requests: 1}})
	_ = store.Settle(context.Background(), lease, llmhub.Outcome{Used: llmhub.Amount{Requests: 1}})
	saved := store.Snapshot()

	restarted := memquota.New(memquota.Config{})
	restarted.SetKeys(keys)
	restarted.Restore(saved)
	status, _ := restarted.Status("main")
	fmt.Println(status.State, status.Requests.Used, "of", status.Requests.Limit)
	// Output: active 1 of 100
}
