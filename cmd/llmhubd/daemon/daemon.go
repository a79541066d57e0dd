package daemon

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/llmhubd/llmhub/adapters"
	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/admin"
	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/auth"
	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/config"
	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/egress"
	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/httpapi"
	"github.com/llmhubd/llmhub/quota/memquota"
	"github.com/llmhubd/llmhub/store"
	"github.com/llmhubd/llmhub/store/datadir"
	"github.com/llmhubd/llmhub/store/seal"
	"github.com/llmhubd/llmhub/store/sqlstore"
	"github.com/llmhubd/llmhub/store/usagelog"
)

// daemon is everything that serves, built and wired.
type daemon struct {
	cfg      *config.Config
	log      *slog.Logger
	dir      *datadir.Dir
	store    store.Store
	usage    *usagelog.Log
	auth     *auth.Service
	admin    *admin.API
	gateway  *gateway
	sealer   *httpapi.Sealer
	demoKey  llmhub.Secret
	fresh    bool // this start made the database
	handler  http.Handler
	draining func() bool // new requests are refused
	leaving  func() bool // new requests should go elsewhere

	stop func() // ends the upkeep
	done sync.WaitGroup
}

// open builds a daemon: folder, database, keys, engine, routes.
func open(ctx context.Context, cfg *config.Config, types map[string]Type, log *slog.Logger) (*daemon, error) {
	d := &daemon{cfg: cfg, log: log, draining: func() bool { return false }, leaving: func() bool { return false }, stop: func() {}}
	if err := d.build(ctx, types); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

func (d *daemon) build(ctx context.Context, types map[string]Type) error {
	ring, err := d.openStore(ctx)
	if err != nil {
		return err
	}
	guard, err := egress.New(egress.Config{Allow: d.cfg.AllowPrivateUpstreams, Trusted: d.cfg.TrustedURLs()})
	if err != nil {
		return err
	}
	transport := adapters.NewTransport()
	transport.DialContext = adapters.Dial(guard.DialContext)
	if d.sealer, err = d.openSealer(ctx, ring); err != nil {
		return err
	}
	d.auth, err = auth.New(ctx, auth.Config{Store: d.store, Vault: d.store, Sealer: ring, Peers: auth.Peers{Trusted: d.cfg.Server.TrustedProxies},
		OpenRegistration: d.cfg.Auth.OpenRegistration, AllowDirectModels: d.cfg.AllowDirectModels, Disclose: d.cfg.Disclose, Log: d.log})
	if err != nil {
		return err
	}
	if d.cfg.Auth.AdminEmail != "" {
		if _, err := d.auth.EnsureAdmin(ctx, d.cfg.Auth.AdminEmail, d.cfg.Auth.AdminPassword); err != nil {
			return err
		}
	}
	d.usage = usagelog.New(d.store, usagelog.Config{Failed: func(err error) {
		d.log.Error("usage rows are not written; they are tried again", "error", err)
	}})
	quota := memquota.New(memquota.Config{})
	d.gateway = &gateway{cfg: d.cfg, types: types, keys: d.store, ring: ring, quota: quota, transport: transport,
		recorder: &recorder{log: d.usage, demo: isDemo}, log: d.log}
	if err := d.gateway.Reload(ctx); err != nil {
		return err
	}
	states := &keyStates{quota: quota, store: d.store, log: d.log}
	if err := states.restore(ctx); err != nil {
		return fmt.Errorf("read key states: %w", err)
	}
	d.admin = admin.New(admin.Config{Store: d.store, Quota: quota, Upstream: d.gateway, Accounts: d.auth, Settings: d.cfg, Egress: guard,
		Peers: auth.Peers{Trusted: d.cfg.Server.TrustedProxies}, Types: slices.Sorted(maps.Keys(types)), Log: d.log})
	d.demoKey = llmhub.NewSecret("lh_demo_" + randomText())
	d.upkeep(states)
	d.handler = d.routes()
	return nil
}

// openStore takes the data folder and opens the database and the keys in it.
func (d *daemon) openStore(ctx context.Context) (*seal.Ring, error) {
	var err error
	if d.dir, err = datadir.Open(d.cfg.Storage.Data); err != nil {
		return nil, err
	}
	_, err = os.Stat(d.cfg.Storage.SQLite())
	d.fresh = errors.Is(err, fs.ErrNotExist)
	master, err := d.masterKey()
	if err != nil {
		return nil, err
	}
	if d.store, err = sqlstore.Open(ctx, sqlstore.Config{URL: d.cfg.Storage.URL}); err != nil {
		return nil, err
	}
	return seal.Open(ctx, d.store, master)
}

func (d *daemon) masterKey() ([]byte, error) {
	if k := d.cfg.Storage.MasterKey; !k.IsZero() {
		return seal.ParseKey([]byte(k.Expose()))
	}
	path := d.dir.Path("master.key")
	key, created, err := seal.LoadOrCreateKey(path)
	if created {
		d.log.Warn("a master key was made; without this file no stored provider key can be read: keep a copy apart from the database", "file", path)
	}
	return key, err
}

// openSealer opens the key that seals what providers sign, made at first start.
func (d *daemon) openSealer(ctx context.Context, ring *seal.Ring) (*httpapi.Sealer, error) {
	const name = "signature-key"
	bind := seal.Bind{Purpose: "llmhub/signatures/v1", ID: name}
	key := make([]byte, 32)
	rand.Read(key) // never fails
	stored, err := d.store.InitSetting(ctx, name, ring.Seal(key, bind))
	if err != nil {
		return nil, err
	}
	if key, err = ring.Open(stored, bind); err != nil {
		return nil, fmt.Errorf("open the key of signatures: %w", err)
	}
	return httpapi.NewSealer(key), nil
}

// upkeep runs what has to be done every second and every minute, until close.
func (d *daemon) upkeep(states *keyStates) {
	ctx, cancel := context.WithCancel(context.Background())
	d.stop = cancel
	d.done.Go(func() { states.run(ctx) })
	d.done.Go(func() { tuneGC(ctx) })
	d.done.Go(func() {
		tick := time.NewTicker(time.Minute)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-ctx.Done():
				last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
				defer cancel()
				d.maintain(last)
				return
			}
			d.maintain(ctx)
		}
	})
}

func (d *daemon) maintain(ctx context.Context) {
	if err := d.auth.Maintain(ctx); err != nil {
		d.log.Error("logins and token keys are not kept up; it is tried again", "error", err)
	}
}

// close writes down what is left and lets go of everything.
func (d *daemon) close() error {
	d.stop()
	d.done.Wait()
	var errs []error
	if d.usage != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		errs = append(errs, d.usage.Close(ctx))
	}
	if d.store != nil {
		errs = append(errs, d.store.Close())
	}
	if d.dir != nil {
		errs = append(errs, d.dir.Close())
	}
	return errors.Join(errs...)
}

func randomText() string {
	b := make([]byte, 24)
	rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}
