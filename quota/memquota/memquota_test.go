package memquota_test

import (
	"testing"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/quota/memquota"
	"github.com/llmhubd/llmhub/quota/quotatest"
)

func TestContract(t *testing.T) {
	quotatest.Run(t, func(tb testing.TB, clock func() time.Time, keys []quotatest.Key) llmhub.QuotaStore {
		s := memquota.New(memquota.Config{Now: clock})
		var all []memquota.Key
		for _, k := range keys {
			all = append(all, memquota.Key{
				ID: k.ID, Provider: k.Provider, Priority: k.Priority, Models: k.Models, Disabled: k.Disabled, Scope: k.Scope,
				DailyRequests: k.DailyRequests, DailyTokens: k.DailyTokens, RPM: k.RPM, TPM: k.TPM, Anchor: k.Anchor, Zone: k.Zone,
			})
		}
		s.SetKeys(all)
		return s
	})
}
