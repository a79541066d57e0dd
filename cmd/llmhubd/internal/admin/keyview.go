package admin

import (
	"cmp"
	"time"

	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/config"
	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/quota/memquota"
	"github.com/llmhubd/llmhub/store"
)

// keyView is a provider key as it is answered. The key itself is never in it.
type keyView struct {
	ID            string          `json:"id"`
	Provider      string          `json:"provider"`
	Type          string          `json:"type"`
	Name          string          `json:"name"`
	Masked        string          `json:"masked"`
	Source        string          `json:"source"`          // db, env or file
	Where         string          `json:"source_location"` // "OPENAI_API_KEY", "llmhub.yaml:3"; "" of the database's
	BaseURL       string          `json:"base_url"`        // "": the provider's public one
	State         llmhub.KeyState `json:"state"`
	StateReason   string          `json:"state_reason"`
	CooldownUntil *time.Time      `json:"cooldown_until"`
	Quota         quotaView       `json:"quota"`
	RPM           *int64          `json:"rpm"`
	TPM           *int64          `json:"tpm"`
	Priority      int             `json:"priority"`
	Weight        int             `json:"weight"`
	Models        []string        `json:"models"` // null: all
	Disabled      bool            `json:"disabled"`
	LastUsedAt    *time.Time      `json:"last_used_at"`
	CreatedAt     *time.Time      `json:"created_at"`
}

type quotaView struct {
	Requests countView `json:"requests"`
	Tokens   countView `json:"tokens"`
}

type countView struct {
	Limit    *int64     `json:"limit"`
	Used     int64      `json:"used"`
	Reserved int64      `json:"reserved"`
	ResetsAt *time.Time `json:"resets_at"`
}

// standby is why a key of the environment is not in use.
const standby = "not in use: the database has keys of this provider"

// viewKeys shows the keys of the database, and those of environment and file.
func (a *API) viewKeys(rows []store.ProviderKey) []keyView {
	out := []keyView{}
	stored := map[string]bool{}
	for _, k := range rows {
		stored[k.Provider] = true
		out = append(out, a.viewKey(k, "db", ""))
	}
	for _, p := range a.Settings.Providers {
		for _, k := range p.Keys {
			v := a.viewKey(fixed(p, k), k.Source.Kind, k.Source.Where)
			if k.Fallback && stored[p.Name] {
				v.State, v.StateReason, v.CooldownUntil = llmhub.KeyDisabled, standby, nil
			}
			out = append(out, v)
		}
	}
	return out
}

// fixed is a key of environment or file in the shape of the database's.
func fixed(p config.Provider, k config.Key) store.ProviderKey {
	return store.ProviderKey{
		ID: k.ID, Provider: p.Name, Type: p.Type, Name: k.Name, BaseURL: p.BaseURL, Masked: k.Value.Masked(),
		Priority: k.Priority, Weight: k.Weight, RPM: k.RPM, TPM: k.TPM, DailyRequests: k.DailyRequests, DailyTokens: k.DailyTokens, Models: k.Models,
	}
}

func (a *API) viewKey(k store.ProviderKey, source, where string) keyView {
	v := keyView{
		ID: k.ID, Provider: k.Provider, Type: cmp.Or(k.Type, k.Provider), Name: k.Name, Masked: k.Masked, Source: source, Where: where,
		BaseURL: k.BaseURL, State: llmhub.KeyActive, RPM: limit(k.RPM), TPM: limit(k.TPM), Priority: k.Priority, Weight: max(k.Weight, 1),
		Models: k.Models, Disabled: k.Disabled, CreatedAt: moment(k.CreatedAt),
	}
	v.Quota.Requests.Limit, v.Quota.Tokens.Limit = limit(k.DailyRequests), limit(k.DailyTokens)
	if st, ok := a.Quota.Status(llmhub.KeyID(k.ID)); ok {
		v.State, v.StateReason, v.CooldownUntil = st.State, st.Reason, moment(st.Until)
		v.LastUsedAt = moment(st.LastUsed)
		v.Quota = quotaView{count(st.Requests, st.ResetsAt), count(st.Tokens, st.ResetsAt)}
		if st.State == llmhub.KeyExhausted && v.CooldownUntil == nil {
			v.CooldownUntil = moment(st.ResetsAt)
		}
	}
	if k.Disabled {
		v.State, v.StateReason, v.CooldownUntil = llmhub.KeyDisabled, "switched off by an operator", nil
	}
	return v
}

func count(c memquota.Count, resets time.Time) countView {
	return countView{limit(c.Limit), c.Used, c.Reserved, moment(resets)}
}

// keyRecord is what the audit keeps of a key.
type keyRecord struct {
	Provider      string   `json:"provider"`
	Type          string   `json:"type"`
	Name          string   `json:"name"`
	Masked        string   `json:"masked"`
	BaseURL       string   `json:"base_url,omitempty"`
	Disabled      bool     `json:"disabled"`
	Priority      int      `json:"priority"`
	Weight        int      `json:"weight"`
	RPM           int64    `json:"rpm"`
	TPM           int64    `json:"tpm"`
	DailyRequests int64    `json:"daily_requests"`
	DailyTokens   int64    `json:"daily_tokens"`
	Models        []string `json:"models"`
}

func recordOfKey(k store.ProviderKey) keyRecord {
	return keyRecord{k.Provider, k.Type, k.Name, k.Masked, k.BaseURL, k.Disabled, k.Priority, k.Weight, k.RPM, k.TPM, k.DailyRequests, k.DailyTokens, k.Models}
}
