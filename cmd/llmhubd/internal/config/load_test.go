package config_test

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/config"
	"github.com/llmhubd/llmhub/llmhub"
)

// files is a folder in memory.
type files map[string]string

func (f files) read(name string) ([]byte, error) {
	if s, ok := f[name]; ok {
		return []byte(s), nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

func load(t *testing.T, yaml string, env ...string) (*config.Config, error) {
	t.Helper()
	f := files{}
	if yaml != "" {
		f["llmhub.yaml"] = yaml
	}
	if env == nil {
		env = []string{}
	}
	return config.Load(config.Options{Environ: env, ReadFile: f.read})
}

func mustLoad(t *testing.T, yaml string, env ...string) *config.Config {
	t.Helper()
	c, err := load(t, yaml, env...)
	if err != nil {
		t.Fatalf("Load(%q, %q) = %v", yaml, env, err)
	}
	return c
}

func TestNothingSetGivesTheDefaults(t *testing.T) {
	c := mustLoad(t, "")
	if c.Server.Listen != "127.0.0.1:8000" || !c.Server.Loopback() || c.Server.BodyLimit != 32<<20 || c.Storage.Data != "./llmhub-data" {
		t.Errorf("Load() = %+v", c.Server)
	}
	if got := c.Storage.URL; got != "sqlite://llmhub-data/hub.db" {
		t.Errorf("storage.url = %q", got)
	}
	var models []string
	for _, m := range c.Models {
		var providers []string
		for _, target := range m.Targets {
			providers = append(providers, target.Provider)
			if target.Window == 0 || target.MaxOutput == 0 {
				t.Errorf("%s: nothing is known of %s", m.Name, target)
			}
		}
		models = append(models, m.Name+"="+strings.Join(providers, ","))
	}
	want := "smart=openai,anthropic,gemini fast=groq,openai,gemini cheap=deepseek,groq,gemini any=openai,anthropic,gemini,deepseek,groq"
	if got := strings.Join(models, " "); got != want {
		t.Errorf("models = %s, want %s", got, want)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("warnings = %q, want none", c.Warnings)
	}
}

const whole = `
server:  {listen: 0.0.0.0:9999, cors_origins: ["https://a.example"], body_limit: 8MiB, trusted_proxies: [10.0.0.0/8]}
storage: {url: "sqlite:///var/lib/hub.db"}
redis:   {url: ""}
providers:
  openai:
    timeout: 45s
    keys:
      - {name: main, value: "env:MY_KEY", daily_quota: {requests: 10000, tokens: 2_000_000}, rpm: 500, tpm: 90000, priority: 2, weight: 3, models: [gpt-5.5]}
      - {value: "file:/run/key"}
  local:  {type: openaicompat, base_url: "http://127.0.0.1:9000/v1", keys: [{value: none}], timeout: 30s}
models:
  smart: [openai/gpt-5.5]
  mine:  {targets: [local/llama-4, groq/openai/gpt-oss-120b], stream_recovery: error}
allow_direct_models: true
disclose: true
`

func TestFileIsReadWhole(t *testing.T) {
	c, err := config.Load(config.Options{
		Environ:  []string{"MY_KEY=sk-main-0123456789abcdef"},
		ReadFile: files{"llmhub.yaml": whole, "/run/key": "sk-file-0123456789abcdef\n"}.read,
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Server.Listen != "0.0.0.0:9999" || c.Server.Loopback() || c.Server.BodyLimit != 8<<20 || !c.AllowDirectModels || !c.Disclose || c.Storage.SQLite() != "/var/lib/hub.db" {
		t.Errorf("Load(file) = %+v", c)
	}
	p, _ := c.Provider("openai")
	if len(p.Keys) != 2 || p.Timeout != 45*time.Second {
		t.Fatalf("openai = %+v, want two keys and 45 s", p)
	}
	k := p.Keys[0]
	if k.Name != "main" || k.Value.Expose() != "sk-main-0123456789abcdef" || k.DailyRequests != 10000 || k.DailyTokens != 2e6 ||
		k.RPM != 500 || k.TPM != 90000 || k.Priority != 2 || k.Weight != 3 || len(k.Models) != 1 || k.Fallback || k.Source.Kind != "file" {
		t.Errorf("first key = %+v", k)
	}
	if k := p.Keys[1]; k.Name != "key-2" || k.Value.Expose() != "sk-file-0123456789abcdef" {
		t.Errorf("second key = %+v", k)
	}
	local, _ := c.Provider("local")
	if local.Type != "openaicompat" || local.BaseURL != "http://127.0.0.1:9000/v1" || len(local.Keys) != 1 {
		t.Errorf("local = %+v", local)
	}
	last := c.Models[len(c.Models)-1]
	if last.Name != "mine" || last.Targets[1].String() != "groq/openai/gpt-oss-120b" || last.Targets[1].Provider != "groq" || last.Targets[1].Window == 0 {
		t.Errorf("mine = %+v", last)
	}
	if got := c.TrustedURLs(); len(got) != 1 || got[0] != "http://127.0.0.1:9000/v1" {
		t.Errorf("TrustedURLs() = %q", got)
	}
	if got := c.Source("server.listen").String(); got != "file llmhub.yaml:2" {
		t.Errorf("source of server.listen = %q", got)
	}
}

func TestPrecedence(t *testing.T) {
	flags := func(args ...string) map[string]string {
		set := flag.NewFlagSet("", flag.ContinueOnError)
		given := config.Flags(set)
		if err := set.Parse(args); err != nil {
			t.Fatal(err)
		}
		return given
	}
	yaml := files{"llmhub.yaml": "server: {listen: 127.0.0.1:1}"}.read
	for _, tt := range []struct {
		name   string
		args   []string
		env    []string
		want   string
		source string
	}{
		{"file before default", nil, []string{}, "127.0.0.1:1", "file llmhub.yaml:1"},
		{"environment before file", nil, []string{"LLMHUB_LISTEN=127.0.0.1:2"}, "127.0.0.1:2", "env LLMHUB_LISTEN"},
		{"the section's name before the short one", nil, []string{"LLMHUB_LISTEN=127.0.0.1:2", "LLMHUB_SERVER_LISTEN=127.0.0.1:3"}, "127.0.0.1:3", "env LLMHUB_SERVER_LISTEN"},
		{"ours before PORT", nil, []string{"PORT=4", "LLMHUB_LISTEN=127.0.0.1:2"}, "127.0.0.1:2", "env LLMHUB_LISTEN"},
		{"PORT keeps the host", nil, []string{"PORT=4"}, "127.0.0.1:4", "env PORT"},
		{"set to nothing is not set", nil, []string{"LLMHUB_LISTEN="}, "127.0.0.1:1", "file llmhub.yaml:1"},
		{"flag before all", []string{"--listen", "127.0.0.1:5"}, []string{"LLMHUB_LISTEN=127.0.0.1:2"}, "127.0.0.1:5", "flag --listen"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := config.Load(config.Options{Flags: flags(tt.args...), Environ: tt.env, ReadFile: yaml})
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Source("server.listen").String(); c.Server.Listen != tt.want || got != tt.source {
				t.Errorf("listen = %s from %s, want %s from %s", c.Server.Listen, got, tt.want, tt.source)
			}
		})
	}
}

func TestProviderKeysOfTheEnvironment(t *testing.T) {
	c := mustLoad(t, "", "OPENAI_API_KEY=sk-one-0123456789abcdef, sk-two-0123456789abcdef", "GOOGLE_API_KEY=AIza-google-0123456789", "GEMINI_BASE_URL=http://127.0.0.1:7777")
	p, _ := c.Provider("openai")
	if len(p.Keys) != 2 || !p.Keys[0].Fallback || p.Keys[1].Name != "env-2" || p.Keys[0].ID == p.Keys[1].ID || p.Keys[0].Source.String() != "env OPENAI_API_KEY" {
		t.Errorf("openai keys = %+v", p.Keys)
	}
	if got := p.Serving(true); len(got) != 0 {
		t.Errorf("Serving(stored) = %d keys, want 0", len(got))
	}
	g, _ := c.Provider("gemini")
	if len(g.Keys) != 1 || g.Keys[0].Source.Where != "GOOGLE_API_KEY" || g.BaseURL != "http://127.0.0.1:7777" {
		t.Errorf("gemini = %+v", g)
	}
	again := mustLoad(t, "", "OPENAI_API_KEY=sk-two-0123456789abcdef")
	q, _ := again.Provider("openai")
	if q.Keys[0].ID != p.Keys[1].ID {
		t.Errorf("a key's id changed with its place: %s, want %s", q.Keys[0].ID, p.Keys[1].ID)
	}
	f := mustLoad(t, "providers: {openai: {keys: [{value: sk-file-0123456789abcdef}]}}", "OPENAI_API_KEY=sk-one-0123456789abcdef")
	if p, _ := f.Provider("openai"); len(p.Keys) != 1 || p.Keys[0].Fallback {
		t.Errorf("keys = %+v, want the file's alone", p.Keys)
	}
	e := mustLoad(t, "providers: {openai: {keys: [{value: sk-file-0123456789abcdef}]}}", "LLMHUB_PROVIDERS_OPENAI_KEYS=sk-over-0123456789abcdef", "LLMHUB_PROVIDERS_LOCAL_TYPE=openaicompat",
		"LLMHUB_PROVIDERS_LOCAL_BASE_URL=http://localhost:1", "LLMHUB_PROVIDERS_LOCAL_TIMEOUT=5s", "LLMHUB_MODELS_SMART=local/a,openai/b")
	if p, _ := e.Provider("openai"); len(p.Keys) != 1 || p.Keys[0].Value.Expose() != "sk-over-0123456789abcdef" {
		t.Errorf("keys = %+v, want the environment's alone", p.Keys)
	}
	if p, ok := e.Provider("local"); !ok || p.BaseURL != "http://localhost:1" || p.Timeout != 5*time.Second {
		t.Errorf("local = %+v", p)
	}
	if got := e.Models[0].Targets; len(got) != 2 || got[0].String() != "local/a" {
		t.Errorf("smart = %v", got)
	}
}

func TestSecretsFromFiles(t *testing.T) {
	c, err := config.Load(config.Options{
		Environ:  []string{"LLMHUB_ADMIN_EMAIL=a@b.example", "LLMHUB_ADMIN_PASSWORD_FILE=/p", "LLMHUB_MASTER_KEY=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "ANTHROPIC_API_KEY_FILE=/k"},
		ReadFile: files{"/p": "a long enough passphrase\n", "/k": "sk-ant-0123456789abcdef\n"}.read,
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Auth.AdminPassword.Expose(); got != "a long enough passphrase" {
		t.Errorf("admin password = %q", got)
	}
	if p, _ := c.Provider("anthropic"); len(p.Keys) != 1 || p.Keys[0].Source.Where != "ANTHROPIC_API_KEY_FILE" {
		t.Errorf("anthropic = %+v", p)
	}
}

func TestComplaints(t *testing.T) {
	for _, tt := range []struct {
		name string
		yaml string
		env  []string
		want []string // in the error
	}{
		{"an unknown section names its line and what was meant", "\nserver: {}\nprovider: {}", nil, []string{"llmhub.yaml:3: provider: unknown key", `did you mean "providers"`}},
		{"an unknown key too", "server:\n  listen: 127.0.0.1:1\n  body_limits: 1MiB", nil, []string{"llmhub.yaml:3: server.body_limits", `"body_limit"`}},
		{"one in a key too", "providers:\n  openai:\n    keys:\n      - {name: a, vaule: x}", nil, []string{"llmhub.yaml:4", `"value"`, "has no value"}},
		{"one in a quota too", "providers: {openai: {keys: [{value: x, daily_quota: {request: 1}}]}}", nil, []string{`"requests"`}},
		{"a key twice", "disclose: true\ndisclose: false", nil, []string{"llmhub.yaml:2", "already defined"}},
		{"no YAML", "server: {", nil, []string{"llmhub.yaml:1", "not valid YAML"}},
		{"anchors", "server: &a {listen: 127.0.0.1:1}\nlog: *a", nil, []string{"anchors"}},
		{"two documents", "disclose: true\n---\ndisclose: true", nil, []string{"one document"}},
		{"a list for a map", "server: [1]", nil, []string{"server: must be a map"}},
		{"an address without a port", "server: {listen: localhost}", nil, []string{"write host:port"}},
		{"a size out of range", "server: {body_limit: 3TiB}", nil, []string{"such as 32MiB"}},
		{"an origin with a path", "server: {cors_origins: [\"https://a.example/\"]}", nil, []string{"exact origin"}},
		{"any origin", "server: {cors_origins: [\"*\"]}", nil, []string{"exact origin"}},
		{"postgres", "", []string{"DATABASE_URL=postgres://u:hunter2@h/db"}, []string{"DATABASE_URL", "PostgreSQL is not available in this version"}},
		{"redis", "", []string{"REDIS_URL=redis://:hunter2@h"}, []string{"REDIS_URL", "not available in this version"}},
		{"budgets", "budgets: {}", nil, []string{"budgets: is not available in this version"}},
		{"a budget of a key", "providers: {openai: {keys: [{value: sk-hunter2, daily_usd: 3}]}}", nil, []string{"daily_usd", "not available in this version"}},
		{"a hedge", "models: {smart: {targets: [openai/x], ttft_hedge: 10s}}", nil, []string{"models.smart.ttft_hedge: is not available in this version"}},
		{"recovery", "models: {smart: {targets: [openai/x], stream_recovery: continue}}", nil, []string{"only error is available"}},
		{"no targets", "models: {smart: []}", nil, []string{"models.smart: has no targets"}},
		{"no target", "models: {smart: [gpt-5.5]}", nil, []string{"write provider/model"}},
		{"a target twice", "models: {smart: [openai/a, openai/a]}", nil, []string{"openai/a twice"}},
		{"a type that is none", "providers: {mine: {type: opnai}}", nil, []string{"providers.mine.type", `did you mean "openai"`}},
		{"openaicompat without a place", "providers: {mine: {type: openaicompat}}", nil, []string{"providers.mine.base_url is missing"}},
		{"a reference to nothing", "providers: {openai: {keys: [{value: \"env:NOPE\"}]}}", nil, []string{"NOPE is not set"}},
		{"a file that is not there", "providers: {openai: {keys: [{value: \"file:/nope\"}]}}", nil, []string{"/nope"}},
		{"a key with a blank in it", "", []string{"OPENAI_API_KEY=sk-hunter2 x"}, []string{"openai", "character that no key has"}},
		{"two keys of one name", "providers: {openai: {keys: [{name: a, value: sk-hunter2-a}, {name: a, value: sk-hunter2-b}]}}", nil, []string{`two keys are named "a"`}},
		{"half an admin", "", []string{"LLMHUB_ADMIN_EMAIL=a@b.example"}, []string{"needs both"}},
		{"value and file", "", []string{"LLMHUB_MASTER_KEY=x", "LLMHUB_MASTER_KEY_FILE=/y"}, []string{"both set"}},
		{"a short master key", "", []string{"LLMHUB_MASTER_KEY=hunter2"}, []string{"32 bytes in base64"}},
		{"a base URL with a user", "", []string{"OPENAI_BASE_URL=https://u:hunter2@h"}, []string{"OPENAI_BASE_URL", "user name"}},
		{"the metadata service", "", []string{"OPENAI_BASE_URL=http://169.254.169.254/v1"}, []string{"no setting opens it"}},
		{"demo for everybody", "", []string{"LLMHUB_DEMO=on", "LLMHUB_LISTEN=0.0.0.0:1"}, []string{"this machine only"}},
		{"a private host that is none", "", []string{"LLMHUB_ALLOW_PRIVATE_UPSTREAMS=http://x"}, []string{"no port"}},
		{"a config file that is not there", "", []string{"LLMHUB_CONFIG=/nope.yaml"}, []string{"/nope.yaml"}},
		{"all at once", "servr: {}\nmodels: {a: []}", []string{"LLMHUB_DISCLOSE=perhaps"}, []string{"servr", "models.a", "perhaps"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := load(t, tt.yaml, tt.env...)
			if err == nil {
				t.Fatalf("Load = %+v, want an error", c)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("Load = %q, want it to say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("Load = %q, which tells a secret", err)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	c := mustLoad(t, "models: {mine: [opnai/x]}\nproviders: {openai: {keys: [{value: sk-a-0123456789}, {value: sk-a-0123456789}]}}", "LLMHUB_LISTN=1", "LLMHUB_METRICS_LISTEN=127.0.0.1:9090", "LLMHUB_CORPUS=/x")
	all := strings.Join(c.Warnings, "\n")
	for _, want := range []string{`LLMHUB_LISTN is set, but there is no such setting; did you mean "LLMHUB_LISTEN"?`, `did you mean "openai"?`, "is the same as", "metrics are not available"} {
		if !strings.Contains(all, want) {
			t.Errorf("warnings = %q, want %q", all, want)
		}
	}
	if len(c.Warnings) != 4 {
		t.Errorf("warnings = %q, want 4", c.Warnings)
	}
}

func TestPrintNeverShowsASecret(t *testing.T) {
	const canary = "hunter2hunter2hunter2hunter2hunter2hunter2h"
	c := mustLoad(t, "", "OPENAI_API_KEY=sk-"+canary, "LLMHUB_MASTER_KEY="+canary+"=", "LLMHUB_ADMIN_EMAIL=a@b.example", "LLMHUB_ADMIN_PASSWORD="+canary)
	var out bytes.Buffer
	if err := c.Print(&out); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{out.String(), fmt.Sprintf("%v %+v %#v", c, c, c)} {
		if strings.Contains(s, "hunter2h"+"unter2h") {
			t.Errorf("printed %s, which tells a secret", s)
		}
	}
	for _, want := range []string{`providers.openai.keys.env: "sk-****` + canary[len(canary)-4:] + `" # env OPENAI_API_KEY`, `server.listen: "127.0.0.1:8000" # default`, "models.any: "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("printed %s, want %s", out.String(), want)
		}
	}
}

func TestTargetsKnowTheirProvidersType(t *testing.T) {
	c := mustLoad(t, "providers: {second: {type: openai}}\nmodels: {mine: [second/gpt-5.5]}")
	want := llmhub.Target{Provider: "second", Model: "gpt-5.5", Window: 922_000, MaxOutput: 128_000, Reasons: true}
	if got := c.Models[len(c.Models)-1].Targets[0]; got != want {
		t.Errorf("target = %+v, want %+v", got, want)
	}
}
