package config

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/egress"
	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/store/seal"
)

// setting is a value that is no provider and no model: one row drives file,
// environment, flag and display.
type setting struct {
	path   string
	env    []string // names beside LLMHUB_<SECTION>_<KEY>, the first one that is set counts
	flag   string   // "": none
	usage  string
	secret bool // may also be NAME_FILE, env:NAME and file:/path
	blank  bool // being set to nothing means something
	list   bool // by comma, or a list in the file
	set    func(c *Config, v string) error
	show   func(c *Config) string
}

// names are the environment variables of a setting, best first.
func (s setting) names() []string { return append([]string{envName(s.path)}, s.env...) }

func envName(path string) string {
	return "LLMHUB_" + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(path))
}

func settings() []setting {
	return []setting{
		{path: "server.listen", env: []string{"LLMHUB_LISTEN", "PORT"}, flag: "listen", usage: "`address` to serve on",
			set:  setListen,
			show: func(c *Config) string { return c.Server.Listen }},
		{path: "server.cors_origins", env: []string{"LLMHUB_CORS_ORIGINS"}, list: true,
			set: func(c *Config, v string) error {
				c.Server.CORSOrigins = items(v)
				return checkOrigins(c.Server.CORSOrigins)
			},
			show: func(c *Config) string { return strings.Join(c.Server.CORSOrigins, ",") }},
		{path: "server.body_limit", env: []string{"LLMHUB_BODY_LIMIT"},
			set:  func(c *Config, v string) (err error) { c.Server.BodyLimit, err = size(v); return err },
			show: func(c *Config) string { return showSize(c.Server.BodyLimit) }},
		{path: "server.pre_stop", env: []string{"LLMHUB_PRE_STOP"},
			set: func(c *Config, v string) (err error) {
				if c.Server.PreStop, err = time.ParseDuration(v); err != nil || c.Server.PreStop < 0 {
					return fmt.Errorf("%q is no span of time: write a number with a unit, such as 5s, or 0s for none", v)
				}
				return nil
			},
			show: func(c *Config) string { return c.Server.PreStop.String() }},
		{path: "server.drain_timeout", env: []string{"LLMHUB_DRAIN_TIMEOUT"},
			set:  func(c *Config, v string) (err error) { c.Server.DrainTimeout, err = duration(v); return err },
			show: func(c *Config) string { return c.Server.DrainTimeout.String() }},
		{path: "server.metrics_listen", env: []string{"LLMHUB_METRICS_LISTEN"}, blank: true,
			set:  func(c *Config, v string) error { c.Server.MetricsListen = v; return checkListen(v, true) },
			show: func(c *Config) string { return c.Server.MetricsListen }},
		{path: "server.trusted_proxies", env: []string{"LLMHUB_TRUSTED_PROXIES"}, list: true,
			set:  func(c *Config, v string) (err error) { c.Server.TrustedProxies, err = prefixes(v); return err },
			show: func(c *Config) string { return strings.Trim(fmt.Sprint(c.Server.TrustedProxies), "[]") }},
		{path: "storage.data", env: []string{"LLMHUB_DATA"}, flag: "data", usage: "`folder` for the database and the key files",
			set:  func(c *Config, v string) error { c.Storage.Data = v; return nil },
			show: func(c *Config) string { return c.Storage.Data }},
		{path: "storage.url", env: []string{"LLMHUB_DATABASE_URL", "DATABASE_URL"}, flag: "database-url", usage: "`URL` of the database", secret: true,
			set:  setDatabase,
			show: func(c *Config) string { return c.Storage.URL }},
		{path: "storage.master_key", env: []string{"LLMHUB_MASTER_KEY"}, secret: true,
			set:  func(c *Config, v string) error { c.Storage.MasterKey = llmhub.NewSecret(v); return checkMasterKey(v) },
			show: func(c *Config) string { return c.Storage.MasterKey.Masked() }},
		{path: "redis.url", env: []string{"REDIS_URL"}, blank: true, secret: true,
			set: func(_ *Config, v string) error {
				if v != "" {
					return errors.New("Redis is not available in this version: quota is kept in this process; leave it out, or set LLMHUB_REDIS_URL to nothing")
				}
				return nil
			},
			show: func(*Config) string { return "" }},
		{path: "auth.admin_email", env: []string{"LLMHUB_ADMIN_EMAIL"},
			set:  func(c *Config, v string) error { c.Auth.AdminEmail = v; return nil },
			show: func(c *Config) string { return c.Auth.AdminEmail }},
		{path: "auth.admin_password", env: []string{"LLMHUB_ADMIN_PASSWORD"}, secret: true,
			set:  func(c *Config, v string) error { c.Auth.AdminPassword = llmhub.NewSecret(v); return nil },
			show: func(c *Config) string { return hidden(c.Auth.AdminPassword) }},
		{path: "auth.open_registration", env: []string{"LLMHUB_OPEN_REGISTRATION"},
			set:  func(c *Config, v string) (err error) { c.Auth.OpenRegistration, err = boolean(v); return err },
			show: func(c *Config) string { return strconv.FormatBool(c.Auth.OpenRegistration) }},
		{path: "log.level", flag: "log-level", usage: "`level`: debug, info, warn or error",
			set:  func(c *Config, v string) error { return setLevel(c, v) },
			show: func(c *Config) string { return strings.ToLower(c.Log.Level.String()) }},
		{path: "log.format", flag: "log-format", usage: "`format`: auto, text or json",
			set: func(c *Config, v string) (err error) {
				c.Log.Format, err = oneOf(v, "auto", "text", "json")
				return err
			},
			show: func(c *Config) string { return c.Log.Format }},
		{path: "demo", flag: "demo", usage: "demo providers: auto, on or off",
			set:  func(c *Config, v string) (err error) { c.Demo, err = oneOf(v, "auto", "on", "off"); return err },
			show: func(c *Config) string { return c.Demo }},
		{path: "allow_direct_models", flag: "allow-direct-models", usage: "true: every caller may ask for provider/model",
			set:  func(c *Config, v string) (err error) { c.AllowDirectModels, err = boolean(v); return err },
			show: func(c *Config) string { return strconv.FormatBool(c.AllowDirectModels) }},
		{path: "disclose", flag: "disclose", usage: "true: every caller may learn which provider answered",
			set:  func(c *Config, v string) (err error) { c.Disclose, err = boolean(v); return err },
			show: func(c *Config) string { return strconv.FormatBool(c.Disclose) }},
		{path: "allow_private_upstreams", flag: "allow-private-upstreams", usage: "`hosts and CIDRs` that need not be public", list: true,
			set: func(c *Config, v string) error {
				c.AllowPrivateUpstreams = items(v)
				_, err := egress.New(egress.Config{Allow: c.AllowPrivateUpstreams})
				return err
			},
			show: func(c *Config) string { return strings.Join(c.AllowPrivateUpstreams, ",") }},
	}
}

// Flags adds a flag for each setting that has one, and --config. What is given
// on the command line is in the returned map after fs has been parsed; it is
// Options.Flags.
func Flags(fs *flag.FlagSet) map[string]string {
	given := map[string]string{}
	fs.Func("config", "config `file` (./llmhub.yaml if there is one)", func(v string) error { given["config"] = v; return nil })
	for _, s := range settings() {
		if s.flag != "" {
			fs.Func(s.flag, s.usage, func(v string) error { given[s.path] = v; return nil })
		}
	}
	return given
}

func setListen(c *Config, v string) error {
	if _, err := strconv.ParseUint(v, 10, 16); err == nil {
		// PORT says nothing about whom to let in, so the host stays as it is.
		host, _, err := net.SplitHostPort(c.Server.Listen)
		if err != nil {
			host = "127.0.0.1"
		}
		v = net.JoinHostPort(host, v)
	}
	c.Server.Listen = v
	return checkListen(v, false)
}

func checkListen(v string, orNothing bool) error {
	if v == "" && orNothing {
		return nil
	}
	_, port, err := net.SplitHostPort(v)
	if _, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil {
		return fmt.Errorf("%q is no address to listen on: write host:port, such as 127.0.0.1:8000 or 0.0.0.0:8000", v)
	}
	return nil
}

func loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

func setDatabase(c *Config, v string) error {
	scheme, path, ok := strings.Cut(v, "://")
	switch {
	case ok && scheme == "sqlite" && path != "":
		c.Storage.URL = v
		return nil
	case scheme == "postgres" || scheme == "postgresql":
		return errors.New("PostgreSQL is not available in this version: leave it out, or set LLMHUB_DATABASE_URL=sqlite://path")
	}
	return errors.New("the database URL must be sqlite://path, such as sqlite://./llmhub-data/hub.db")
}

func checkMasterKey(v string) error {
	if _, err := seal.ParseKey([]byte(v)); err == nil {
		return nil
	}
	return errors.New("the master key must be 32 bytes in base64: make one by `openssl rand -base64 32`")
}

func checkOrigins(all []string) error {
	for _, o := range all {
		u, err := url.Parse(o)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || o != u.Scheme+"://"+u.Host || strings.Contains(u.Host, "*") {
			return fmt.Errorf("%q is no exact origin: write https://host[:port], without a path and without *", o)
		}
	}
	return nil
}

func setLevel(c *Config, v string) error {
	if err := c.Log.Level.UnmarshalText([]byte(v)); err != nil {
		return fmt.Errorf("%q is no log level: use debug, info, warn or error", v)
	}
	return nil
}

func hidden(s llmhub.Secret) string {
	if s.IsZero() {
		return ""
	}
	return "****"
}

// defaults are the values of what nobody has set.
func defaults() *Config {
	return &Config{
		Server:  Server{Listen: "127.0.0.1:8000", BodyLimit: 32 << 20, PreStop: 5 * time.Second, DrainTimeout: 30 * time.Second},
		Storage: Storage{Data: "./llmhub-data"},
		Log:     Log{Level: slog.LevelInfo, Format: "auto"},
		Demo:    "auto",
		sources: map[string]Source{},
	}
}
