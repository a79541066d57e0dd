// Package config reads llmhubd's settings from flags, environment and file, and
// remembers where each came from.
package config

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
)

// Config is everything that can be set before llmhubd starts. Load fills all
// fields; a Config is not changed afterwards.
type Config struct {
	Server  Server
	Storage Storage
	Auth    Auth
	Log     Log

	Demo                  string   // "auto": while there is no key and the bind is loopback; "on"; "off"
	AllowDirectModels     bool     // every caller may ask for provider/model
	Disclose              bool     // every caller may learn who answered
	AllowPrivateUpstreams []string // hosts and CIDRs, for an egress.Guard

	// Providers are the five known ones, in a fixed order, and then the
	// operator's own in the order of the file.
	Providers []Provider
	// Models are the logical names: smart, fast, cheap, any, and then the
	// operator's own in the order of the file.
	Models []Model
	// Warnings are for the operator at start: nothing in them stops it.
	Warnings []string

	sources map[string]Source
}

// Server is how llmhubd is reached.
type Server struct {
	Listen         string         // host:port
	CORSOrigins    []string       // of browsers, exact; nil: none
	BodyLimit      int64          // bytes of a request's body
	PreStop        time.Duration  // between SIGTERM and refusing connections; 0: none, as on a loopback bind
	DrainTimeout   time.Duration  // given to requests in flight at shutdown
	MetricsListen  string         // host:port; "": off
	TrustedProxies []netip.Prefix // whose X-Forwarded-For and -Proto are believed
}

// Loopback reports whether only this machine can reach the listener.
func (s Server) Loopback() bool { return loopback(s.Listen) }

// Storage is where llmhubd keeps what it remembers.
type Storage struct {
	Data      string        // folder
	URL       string        // of the database, "sqlite://path"
	MasterKey llmhub.Secret // 32 bytes in base64; empty: the file in Data, made at first start
}

// SQLite is the path of the database file.
func (s Storage) SQLite() string { return strings.TrimPrefix(s.URL, sqliteScheme) }

const sqliteScheme = "sqlite://"

func defaultURL(data string) string { return sqliteScheme + filepath.Join(data, "hub.db") }

// Auth is who gets in.
type Auth struct {
	AdminEmail       string // with AdminPassword: the first admin, made at start if there is none
	AdminPassword    llmhub.Secret
	OpenRegistration bool // anybody may make an account of role user
}

// Log is what llmhubd says of itself.
type Log struct {
	Level  slog.Level
	Format string // "auto": text on a terminal, else JSON; "text"; "json"
}

// Provider is an upstream under a name of the operator's.
type Provider struct {
	Name    string
	Type    string        // which adapter
	BaseURL string        // "": the provider's public one. Trusted as it is written
	Timeout time.Duration // of a whole attempt; 0: the default
	Keys    []Key
}

// Key is a provider key of the environment or the file.
type Key struct {
	ID            string // stable as long as provider and value are
	Name          string // unique within the provider
	Value         llmhub.Secret
	DailyRequests int64 // 0: no limit; so for the next three
	DailyTokens   int64
	RPM, TPM      int64
	Priority      int // lower goes first
	Weight        int // 0: 1
	Models        []string
	Source        Source
	// Fallback marks a key of a variable such as OPENAI_API_KEY: it serves only
	// while the provider has no other.
	Fallback bool
}

// Serving returns the keys that count; stored says that the database holds keys
// of this provider.
func (p Provider) Serving(stored bool) []Key {
	if !stored {
		return p.Keys
	}
	var out []Key
	for _, k := range p.Keys {
		if !k.Fallback {
			out = append(out, k)
		}
	}
	return out
}

// keyID names a key by its value without telling it.
func keyID(provider string, value llmhub.Secret) string {
	mac := hmac.New(sha256.New, []byte("llmhub/config-key-id/v1"))
	mac.Write([]byte(provider + "\x00" + value.Expose()))
	return "cfg_" + hex.EncodeToString(mac.Sum(nil)[:8])
}

// Model is a logical model.
type Model struct {
	Name    string
	Targets []llmhub.Target // in fallback order
}

// Provider returns the provider of that name.
func (c *Config) Provider(name string) (Provider, bool) {
	for _, p := range c.Providers {
		if p.Name == name {
			return p, true
		}
	}
	return Provider{}, false
}

// TrustedURLs are the base URLs that the operator wrote, for an egress.Guard.
func (c *Config) TrustedURLs() []string {
	var out []string
	for _, p := range c.Providers {
		if p.BaseURL != "" {
			out = append(out, p.BaseURL)
		}
	}
	return out
}
