package daemon

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	_ "time/tzdata" // days of providers are those of their zone, wherever the binary runs

	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/config"
	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/httpapi"
	"github.com/llmhubd/llmhub/llmhub/hubtest"
	"github.com/llmhubd/llmhub/llmhub/routers"
	"github.com/llmhubd/llmhub/quota/memquota"
	"github.com/llmhubd/llmhub/store"
	"github.com/llmhubd/llmhub/store/seal"
)

// gateway is the engine with the keys that are in force. Reload swaps all of it
// for the next request; those under way keep what they began with.
type gateway struct {
	cfg       *config.Config
	types     map[string]Type
	keys      store.ProviderKeys
	ring      *seal.Ring
	quota     *memquota.Store
	transport http.RoundTripper
	recorder  *recorder
	log       *slog.Logger
	base      llmhub.Config // what Reload builds on; the zero Config is good

	reload sync.Mutex
	live   atomic.Pointer[live]
}

// live is what Reload makes; it does not change.
type live struct {
	hub       *llmhub.Hub
	table     *routers.Table
	keys      map[llmhub.KeyID]sealedKey
	providers map[string]string // type by name
	serving   map[string]int    // keys by provider
	adapters  map[string]llmhub.Adapter
	models    []httpapi.Model
	demo      bool
}

// sealedKey is a provider key as it waits: sealed, and opened for one attempt.
type sealedKey struct {
	sealed []byte
	bind   seal.Bind
	url    string
	name   string

	provider string
}

// Stream answers a request with the keys in force.
func (g *gateway) Stream(ctx context.Context, req *llmhub.Request) llmhub.Stream {
	l := g.live.Load()
	if req.Caller.Key == demoCaller && !l.demo { // demo mode has ended since the caller was let in
		return llmhub.Fail(&llmhub.Error{Kind: llmhub.BadCredential})
	}
	return l.hub.Stream(ctx, req)
}

// Logical reports whether a model is a logical name.
func (g *gateway) Logical(model string) bool { return g.live.Load().table.Logical(model) }

// Demo reports whether the built-in providers answer.
func (g *gateway) Demo() bool { return g.live.Load().demo }

// KeyName is what an operator calls a key.
func (g *gateway) KeyName(id llmhub.KeyID) string { return g.live.Load().keys[id].name }

// Models are the names that a caller may ask for.
func (g *gateway) Models(c llmhub.Caller) []httpapi.Model {
	l := g.live.Load()
	if !c.Direct && !g.cfg.AllowDirectModels {
		return l.models
	}
	seen := map[string]bool{}
	list := slices.Clone(l.models)
	for _, m := range l.models {
		for _, t := range l.table.Models[m.ID] {
			if name := t.String(); !seen[name] {
				seen[name] = true
				list = append(list, httpapi.Model{ID: name, Owner: t.Provider, Created: m.Created})
			}
		}
	}
	return list
}

// Reload puts the keys of config and database in force.
func (g *gateway) Reload(ctx context.Context) error {
	g.reload.Lock()
	defer g.reload.Unlock()
	stored, err := g.keys.ListProviderKeys(ctx)
	if err != nil {
		return fmt.Errorf("read provider keys: %w", err)
	}
	b := builder{g: g, live: &live{keys: map[llmhub.KeyID]sealedKey{}, providers: map[string]string{}, serving: map[string]int{}, adapters: map[string]llmhub.Adapter{}}}
	b.fromConfig(stored)
	b.fromDatabase(stored)
	if len(b.quota) == 0 && g.demoAllowed() {
		b.demo()
	}
	if err := b.finish(); err != nil {
		return err
	}
	g.quota.SetKeys(b.quota)
	g.live.Store(b.live)
	return nil
}

// SealKey makes a row's credential unreadable, and tells it by a fingerprint.
func (g *gateway) SealKey(row store.ProviderKey, value llmhub.Secret) (sealed []byte, fingerprint string, err error) {
	return g.ring.SealSecret(value, g.bind(row)), g.ring.Fingerprint(value), nil
}

// Try asks a provider for its models with a key that is in force.
func (g *gateway) Try(ctx context.Context, id llmhub.KeyID) ([]string, error) {
	key, err := g.open(id)
	if err != nil {
		return nil, err
	}
	l := g.live.Load()
	lister, ok := l.adapters[l.keys[id].provider].(llmhub.Lister)
	if !ok {
		return nil, &llmhub.Error{Kind: llmhub.Unsupported, Message: "this provider cannot list its models"}
	}
	return lister.Models(ctx, key)
}

// bind is what a row's credential is bound to: the row, and the origin that the
// row names. A row without one follows the provider's base URL in config, which
// only the operator can change; whoever writes an origin into the database gets
// a credential that does not open.
func (g *gateway) bind(row store.ProviderKey) seal.Bind {
	origin, err := seal.Origin(row.BaseURL)
	if err != nil {
		origin = row.BaseURL
	}
	return seal.ProviderKey(row.Provider, row.ID, origin)
}

// typeOf is the type that the config gives a provider.
func (g *gateway) typeOf(provider string) string {
	p, ok := g.cfg.Provider(provider)
	if !ok {
		return ""
	}
	return cmp.Or(p.Type, p.Name)
}

func (g *gateway) demoAllowed() bool {
	return g.cfg.Demo == "on" || g.cfg.Demo == "auto" && g.cfg.Server.Loopback()
}

// open gives an attempt its key.
func (g *gateway) open(id llmhub.KeyID) (llmhub.Key, error) {
	k, ok := g.live.Load().keys[id]
	if !ok {
		return llmhub.Key{}, fmt.Errorf("key %s has been removed", id)
	}
	secret, err := g.ring.OpenSecret(k.sealed, k.bind)
	if err != nil {
		g.log.Error("a provider key does not open: enter it again", "key", id, "error", err)
		return llmhub.Key{}, err
	}
	return llmhub.Key{ID: id, Secret: secret, URL: k.url}, nil
}

// builder collects what a Reload puts in force.
type builder struct {
	g     *gateway
	live  *live
	quota []memquota.Key
}

func (b *builder) provider(name, typ, baseURL string, rt http.RoundTripper) bool {
	if b.live.providers[name] != "" {
		return true
	}
	t, ok := b.g.types[typ]
	if !ok {
		b.g.log.Error("provider of an unknown type is left out", "provider", name, "type", typ)
		return false
	}
	b.live.providers[name] = typ
	b.live.adapters[name] = t.New(Upstream{Name: name, BaseURL: baseURL, Transport: rt})
	return true
}

func (b *builder) fromConfig(stored []store.ProviderKey) {
	for _, p := range b.g.cfg.Providers {
		if !b.provider(p.Name, cmp.Or(p.Type, p.Name), p.BaseURL, b.g.transport) {
			continue
		}
		inDB := slices.ContainsFunc(stored, func(k store.ProviderKey) bool { return k.Provider == p.Name })
		for _, k := range p.Serving(inDB) {
			bind := b.g.bind(store.ProviderKey{ID: k.ID, Provider: p.Name, BaseURL: p.BaseURL})
			b.live.keys[llmhub.KeyID(k.ID)] = sealedKey{sealed: b.g.ring.SealSecret(k.Value, bind), bind: bind, url: p.BaseURL, name: k.Name, provider: p.Name}
			b.add(p.Name, memquota.Key{ID: llmhub.KeyID(k.ID), Priority: k.Priority, Weight: k.Weight, Models: k.Models,
				DailyRequests: k.DailyRequests, DailyTokens: k.DailyTokens, RPM: k.RPM, TPM: k.TPM})
		}
	}
}

func (b *builder) fromDatabase(stored []store.ProviderKey) {
	for _, k := range stored {
		typ := cmp.Or(k.Type, b.g.typeOf(k.Provider), k.Provider)
		if !b.provider(k.Provider, typ, "", b.g.transport) { // a row's origin is for its own key
			continue
		}
		b.live.keys[llmhub.KeyID(k.ID)] = sealedKey{sealed: k.Sealed, bind: b.g.bind(k), url: k.BaseURL, name: k.Name, provider: k.Provider}
		b.add(k.Provider, memquota.Key{ID: llmhub.KeyID(k.ID), Priority: k.Priority, Weight: k.Weight, Models: k.Models, Disabled: k.Disabled,
			DailyRequests: k.DailyRequests, DailyTokens: k.DailyTokens, RPM: k.RPM, TPM: k.TPM})
	}
}

func (b *builder) add(provider string, k memquota.Key) {
	k.Provider = provider
	if name := b.g.types[b.live.providers[provider]].Zone; name != "" {
		loc, err := time.LoadLocation(name)
		if err != nil {
			b.g.log.Error("time zone of daily quotas is not known; days of 86,400 seconds are used", "zone", name, "error", err)
		}
		k.Zone = loc
	}
	b.live.serving[provider]++
	b.quota = append(b.quota, k)
}

func (b *builder) demo() {
	b.live.demo = true
	for _, d := range demoProviders() {
		b.provider(d.name, d.typ, "http://"+d.name+".invalid/v1", hubtest.Transport(d.upstream))
		bind := seal.ProviderKey(d.name, d.name, "")
		b.live.keys[llmhub.KeyID(d.name)] = sealedKey{sealed: b.g.ring.SealSecret(llmhub.NewSecret("demo"), bind), bind: bind, name: d.name, provider: d.name}
		b.add(d.name, memquota.Key{ID: llmhub.KeyID(d.name)})
	}
}

func (b *builder) finish() error {
	table := &routers.Table{Models: map[string][]llmhub.Target{}, Direct: b.direct}
	created := time.Now()
	for _, m := range b.g.cfg.Models {
		targets := m.Targets
		if b.live.demo {
			targets = demoModels()[m.Name]
			if targets == nil {
				targets = demoModels()["any"]
			}
		} else if with := slices.DeleteFunc(slices.Clone(targets), func(t llmhub.Target) bool { return b.live.serving[t.Provider] == 0 }); len(with) > 0 {
			targets = with // a provider without keys would only be skipped, each time
		}
		table.Models[m.Name] = targets
		b.live.models = append(b.live.models, httpapi.Model{ID: m.Name, Created: created, Owner: "llmhub"})
	}
	var err error
	b.live.table = table
	c := b.g.base
	c.Adapters, c.Router, c.Keys = b.live.adapters, table, b.g.open
	c.Quota = accounted{b.g.quota, b.g.recorder.log}
	c.Trace = llmhub.Trace{Done: b.g.recorder.done}
	b.live.hub, err = llmhub.New(c)
	return err
}

// direct resolves provider/model for callers who may name one.
func (b *builder) direct(req *llmhub.Request, provider, model string) (llmhub.Target, error) {
	if !req.Caller.Direct && !b.g.cfg.AllowDirectModels {
		return llmhub.Target{}, &llmhub.Error{Kind: llmhub.PermissionDenied, Param: "model",
			Message: "your key may not name provider/model; ask for a logical model, or your operator to allow it"}
	}
	typ := b.live.providers[provider]
	if typ == "" || b.live.serving[provider] == 0 {
		return llmhub.Target{}, &llmhub.Error{Kind: llmhub.ModelNotFound, Param: "model", Message: "there is no provider " + provider + " here"}
	}
	known, _ := config.Lookup(typ, model)
	t := llmhub.Target{Provider: provider, Model: model, Window: known.Window, MaxOutput: known.MaxOutput, Reasons: known.Reasons}
	if p, ok := b.g.cfg.Provider(provider); ok {
		t.Timeout = p.Timeout
	}
	return t, nil
}
