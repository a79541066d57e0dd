package daemon

import (
	"context"
	"log/slog"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/quota/memquota"
	"github.com/llmhubd/llmhub/store"
)

// keyStates writes the states and counts of keys behind, so that a restart
// forgets none.
type keyStates struct {
	quota *memquota.Store
	store store.KeyStatuses
	log   *slog.Logger
	saved uint64
}

// restore tells the quota store what was saved.
func (k *keyStates) restore(ctx context.Context) error {
	all, err := k.store.ListKeyStatuses(ctx)
	if err != nil {
		return err
	}
	saved := make([]memquota.Saved, len(all))
	for i, s := range all {
		saved[i] = fromStatus(s)
	}
	k.quota.Restore(saved)
	return nil
}

const saveEvery = time.Second

// run saves what has changed until ctx ends, and once more then.
func (k *keyStates) run(ctx context.Context) {
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			k.quota.Sweep()
			k.save(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			k.save(last)
			return
		}
	}
}

func (k *keyStates) save(ctx context.Context) {
	changed := k.quota.Changed()
	if changed == k.saved {
		return
	}
	all := k.quota.Snapshot()
	rows := make([]store.KeyStatus, 0, len(all))
	for _, s := range all {
		if !isDemo(string(s.ID)) {
			rows = append(rows, toStatus(s))
		}
	}
	if err := k.store.SaveKeyStatuses(ctx, rows); err != nil {
		k.log.Error("key states are not saved; they are tried again", "error", err)
		return
	}
	k.saved = changed
}

func toStatus(s memquota.Saved) store.KeyStatus {
	return store.KeyStatus{KeyID: string(s.ID), State: string(s.State), Reason: s.Reason, Until: s.Until,
		Window: s.Window, Requests: s.Requests, Tokens: s.Tokens, LastUsed: s.LastUsed, Anchor: s.Anchor}
}

func fromStatus(s store.KeyStatus) memquota.Saved {
	return memquota.Saved{ID: llmhub.KeyID(s.KeyID), State: llmhub.KeyState(s.State), Reason: s.Reason, Until: s.Until,
		Window: s.Window, Requests: s.Requests, Tokens: s.Tokens, LastUsed: s.LastUsed, Anchor: s.Anchor}
}
