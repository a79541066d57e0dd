package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/julienschmidt/httprouter"

	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/auth"
	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/config"
	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/reply"
	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/store"
)

func (a *API) listKeys(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	rows, err := a.Store.ListProviderKeys(r.Context())
	if err != nil {
		a.fail(w, r, err)
		return
	}
	reply.JSON(w, http.StatusOK, page[keyView]{Data: a.viewKeys(rows)})
}

func (a *API) readKey(w http.ResponseWriter, r *http.Request, p httprouter.Params) {
	v, err := a.key(r.Context(), p.ByName("id"))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	reply.JSON(w, http.StatusOK, v)
}

// key returns the key of that id, wherever it comes from.
func (a *API) key(ctx context.Context, id string) (keyView, error) {
	rows, err := a.Store.ListProviderKeys(ctx)
	if err != nil {
		return keyView{}, err
	}
	for _, v := range a.viewKeys(rows) {
		if v.ID == id {
			return v, nil
		}
	}
	return keyView{}, store.ErrNotFound
}

// newKey is the body of POST /v1/admin/keys.
type newKey struct {
	Provider string     `json:"provider"`
	Key      string     `json:"key"`
	Name     string     `json:"name"`
	Type     string     `json:"type"`
	BaseURL  string     `json:"base_url"`
	Daily    dailyQuota `json:"daily_quota"`
	RPM      int64      `json:"rpm"`
	TPM      int64      `json:"tpm"`
	Priority int        `json:"priority"`
	Weight   int        `json:"weight"`
	Models   []string   `json:"models"`
}

type dailyQuota struct {
	Requests field[int64] `json:"requests"`
	Tokens   field[int64] `json:"tokens"`
}

func (a *API) createKey(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	var body newKey
	err := reply.Read(r, &body)
	var row store.ProviderKey
	if err == nil {
		row, err = a.newKey(r.Context(), body)
	}
	if err == nil {
		err = a.change(r, "key.create", row.ID, recordOfKey(row), func(ctx context.Context) error {
			if err := a.Store.CreateProviderKey(ctx, row); err != nil {
				return sameKey(err)
			}
			return a.Upstream.Reload(ctx)
		})
	}
	var v keyView
	if err == nil {
		v, err = a.key(r.Context(), row.ID)
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	reply.JSON(w, http.StatusCreated, v)
}

// sameKey words what the store says of a credential that is there already.
func sameKey(err error) error {
	if errors.Is(err, store.ErrExists) {
		return reply.Conflict("This provider has this key already.")
	}
	return err
}

// newKey makes the row of a body that is in order.
func (a *API) newKey(ctx context.Context, body newKey) (store.ProviderKey, error) {
	if err := config.CheckName(body.Provider); err != nil {
		return store.ProviderKey{}, reply.Invalid("provider", "Name the provider, such as openai, in lower-case letters, digits, '-', '_' and '.'.")
	}
	rows, err := a.Store.ListProviderKeys(ctx)
	if err != nil {
		return store.ProviderKey{}, err
	}
	siblings := 0
	for _, k := range rows {
		if k.Provider == body.Provider {
			siblings++
		}
	}
	kind, err := a.typeOf(body.Provider, body.Type, rows)
	if err != nil {
		return store.ProviderKey{}, err
	}
	row := store.ProviderKey{
		ID: auth.NewID("key_"), Provider: body.Provider, Type: kind, Name: cmp.Or(body.Name, fmt.Sprintf("key-%d", siblings+1)),
		RPM: body.RPM, TPM: body.TPM, DailyRequests: body.Daily.Requests.value, DailyTokens: body.Daily.Tokens.value,
		Priority: body.Priority, Weight: body.Weight, Models: body.Models, CreatedAt: a.Now(), UpdatedAt: a.Now(),
	}
	if row.BaseURL, err = a.baseURL(kind, body); err != nil {
		return store.ProviderKey{}, err
	}
	if err := checkKey(row); err != nil {
		return store.ProviderKey{}, err
	}
	return row, a.seal(&row, body.Key)
}

// typeOf says which adapter a provider's keys are for. All keys of a provider
// are for one.
func (a *API) typeOf(provider, asked string, rows []store.ProviderKey) (string, error) {
	have := ""
	if p, ok := a.Settings.Provider(provider); ok {
		have = p.Type
	}
	for _, k := range rows {
		if have == "" && k.Provider == provider {
			have = cmp.Or(k.Type, k.Provider)
		}
	}
	kind := cmp.Or(asked, have, provider)
	switch {
	case !slices.Contains(a.Types, kind) && asked == "":
		return "", reply.Invalid("type", "There is no provider "+provider+" yet: say by type what it speaks, one of "+strings.Join(a.Types, ", ")+".")
	case !slices.Contains(a.Types, kind):
		return "", reply.Invalid("type", "The type must be one of "+strings.Join(a.Types, ", ")+".")
	case have != "" && have != kind:
		return "", reply.Conflict("The provider " + provider + " is of type " + have + "; give keys of another type a provider name of their own.")
	}
	return kind, nil
}

func (a *API) baseURL(kind string, body newKey) (string, error) {
	if body.BaseURL == "" {
		p, _ := a.Settings.Provider(body.Provider)
		if kind == "openaicompat" && p.BaseURL == "" {
			return "", reply.Invalid("base_url", "Say by base_url where the server is, such as https://llm.example.org/v1.")
		}
		return "", nil
	}
	b, err := a.Egress.Check(body.BaseURL)
	if err != nil {
		return "", reply.Invalid("base_url", "The base_url cannot be used: "+err.Error()+".")
	}
	return b.String(), nil
}

func checkKey(k store.ProviderKey) error {
	return errors.Join(checkLabel(k.Name), checkModels(k.Models), counts(map[string]int64{
		"rpm": k.RPM, "tpm": k.TPM, "daily_quota.requests": k.DailyRequests, "daily_quota.tokens": k.DailyTokens,
	}), order("priority", k.Priority), order("weight", k.Weight))
}

// order checks a number that keys are ordered by.
func order(name string, n int) error {
	if n < 0 || n > maxCount {
		return reply.Invalid(name, "The field "+name+" must be a whole number from 0 up.")
	}
	return nil
}

// seal puts a credential into a row.
func (a *API) seal(row *store.ProviderKey, value string) error {
	value = strings.TrimSpace(value)
	if err := config.CheckKey(value); err != nil {
		return reply.Invalid("key", "Give the provider's key as it was copied, without spaces inside.")
	}
	secret := llmhub.NewSecret(value)
	var err error
	row.Masked = secret.Masked()
	row.Sealed, row.Fingerprint, err = a.Upstream.SealKey(*row, secret)
	return err
}

// keyPatch is the body of PATCH /v1/admin/keys/{id}.
type keyPatch struct {
	Name     field[string]   `json:"name"`
	Disabled field[bool]     `json:"disabled"`
	Daily    dailyQuota      `json:"daily_quota"`
	RPM      field[int64]    `json:"rpm"`
	TPM      field[int64]    `json:"tpm"`
	Models   field[[]string] `json:"models"`
	Priority field[int]      `json:"priority"`
	Weight   field[int]      `json:"weight"`
	Key      field[string]   `json:"key"`
}

func (p keyPatch) apply(k *store.ProviderKey) {
	p.Name.into(&k.Name)
	p.Disabled.into(&k.Disabled)
	p.Daily.Requests.into(&k.DailyRequests)
	p.Daily.Tokens.into(&k.DailyTokens)
	p.RPM.into(&k.RPM)
	p.TPM.into(&k.TPM)
	p.Models.into(&k.Models)
	p.Priority.into(&k.Priority)
	p.Weight.into(&k.Weight)
}

func (a *API) patchKey(w http.ResponseWriter, r *http.Request, params httprouter.Params) {
	id := params.ByName("id")
	var patch keyPatch
	err := reply.Read(r, &patch)
	var before store.ProviderKey
	if err == nil {
		before, err = a.stored(r.Context(), id)
	}
	after := before
	if err == nil {
		patch.apply(&after)
		err = checkKey(after)
	}
	if err == nil && patch.Key.set {
		err = a.seal(&after, patch.Key.value)
	}
	if err == nil {
		record := map[string]any{"before": recordOfKey(before), "after": recordOfKey(after), "key_replaced": patch.Key.set}
		err = a.change(r, "key.update", id, record, func(ctx context.Context) error {
			_, err := a.Store.UpdateProviderKey(ctx, id, func(k *store.ProviderKey) error {
				patch.apply(k)
				k.UpdatedAt = a.Now()
				if patch.Key.set {
					k.Sealed, k.Fingerprint, k.Masked = after.Sealed, after.Fingerprint, after.Masked
				}
				return nil
			})
			if err != nil {
				return sameKey(err)
			}
			return a.Upstream.Reload(ctx)
		})
	}
	if err == nil && patch.Key.set {
		a.Quota.Clear(llmhub.KeyID(id)) // what was said of the old one
	}
	a.answerKey(w, r, id, err)
}

// answerKey answers with the key as it is now.
func (a *API) answerKey(w http.ResponseWriter, r *http.Request, id string, err error) {
	var v keyView
	if err == nil {
		v, err = a.key(r.Context(), id)
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	reply.JSON(w, http.StatusOK, v)
}

// stored returns a key of the database; one of environment or file is changed
// where it stands.
func (a *API) stored(ctx context.Context, id string) (store.ProviderKey, error) {
	for _, p := range a.Settings.Providers {
		for _, k := range p.Keys {
			if k.ID == id {
				return store.ProviderKey{}, reply.Conflict("This key comes from " + k.Source.String() + ": change it there and restart.")
			}
		}
	}
	return a.Store.ProviderKey(ctx, id)
}

func (a *API) deleteKey(w http.ResponseWriter, r *http.Request, params httprouter.Params) {
	id := params.ByName("id")
	row, err := a.stored(r.Context(), id)
	if err == nil {
		err = a.change(r, "key.delete", id, recordOfKey(row), func(ctx context.Context) error {
			if err := a.Store.DeleteProviderKey(ctx, id); err != nil {
				return err
			}
			return a.Upstream.Reload(ctx)
		})
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	reply.NoContent(w)
}

func (a *API) clearKey(w http.ResponseWriter, r *http.Request, params httprouter.Params) {
	id := params.ByName("id")
	v, err := a.key(r.Context(), id)
	if err == nil {
		record := map[string]any{"state": v.State, "cooldown_until": v.CooldownUntil}
		err = a.change(r, "key.clear_cooldown", id, record, func(context.Context) error {
			a.Quota.Clear(llmhub.KeyID(id))
			return nil
		})
	}
	a.answerKey(w, r, id, err)
}

// tried is what came of trying a key.
type tried struct {
	OK        bool     `json:"ok"`
	LatencyMS int64    `json:"latency_ms"`
	Models    []string `json:"models"`
	Status    int      `json:"status,omitempty"` // the provider's
	ErrorCode string   `json:"error_code,omitempty"`
	Error     string   `json:"error,omitempty"`
}

// tryLimit is how long a provider may take to list its models.
const tryLimit = 15 * time.Second

func (a *API) testKey(w http.ResponseWriter, r *http.Request, params httprouter.Params) {
	id := params.ByName("id")
	v, err := a.key(r.Context(), id)
	if err == nil && v.StateReason == standby {
		err = reply.Conflict("This key is " + standby + ", so it cannot be tried.")
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), tryLimit)
	defer cancel()
	start := time.Now() // a span, whatever the clock says
	models, err := a.Upstream.Try(ctx, llmhub.KeyID(id))
	out := tried{OK: err == nil, LatencyMS: time.Since(start).Milliseconds(), Models: models}
	if out.Models == nil {
		out.Models = []string{}
	}
	if err != nil {
		e := llmhub.AsError(err)
		out.Status, out.ErrorCode, out.Error = e.Status, string(e.Kind), tryWords(e.Kind)
	}
	reply.JSON(w, http.StatusOK, out)
}

// tryWords says what to do about a key that did not work. A provider's own
// words may quote the key, so they are not repeated.
func tryWords(kind llmhub.Kind) string {
	switch kind {
	case llmhub.BadCredential:
		return "The provider does not know this key; check how it was copied."
	case llmhub.PermissionDenied, llmhub.Blocked:
		return "The provider does not let this key list models; its account may lack a permission or a region."
	case llmhub.Unfunded:
		return "The provider's account has no money left."
	case llmhub.RateLimited, llmhub.QuotaExceeded:
		return "The key works but has to wait: its rate limit is reached."
	case llmhub.Unreachable:
		return "The provider's host could not be reached; check base_url and, for a private address, LLMHUB_ALLOW_PRIVATE_UPSTREAMS."
	case llmhub.Timeout, llmhub.DeadlineExceeded:
		return "The provider did not answer in time."
	}
	return "The provider answered with an error; the key's state is not known."
}
