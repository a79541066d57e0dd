package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/egress"
	"github.com/llmhubd/llmhub/llmhub"
)

// Options of Load. The zero Options read the environment and, if it is there,
// ./llmhub.yaml.
type Options struct {
	Flags    map[string]string            // as Flags returned them
	Environ  []string                     // nil: os.Environ()
	Types    []string                     // of adapters there are; nil: the six known ones
	ReadFile func(string) ([]byte, error) // nil: os.ReadFile
}

const defaultFile = "llmhub.yaml"

// maxFile is the size of a config or secret file that is still read, in bytes.
const maxFile = 4 << 20

// Load reads the settings: flags before environment before file before
// defaults. Its error holds every complaint, a line each, and no secret.
func Load(o Options) (*Config, error) {
	l := &loader{c: defaults(), env: map[string]string{}, types: o.Types, read: o.ReadFile}
	if l.read == nil {
		l.read = os.ReadFile
	}
	if l.types == nil {
		l.types = []string{"openai", "anthropic", "gemini", "deepseek", "groq", "openaicompat"}
	}
	environ := o.Environ
	if environ == nil {
		environ = os.Environ()
	}
	for _, e := range environ {
		k, v, _ := strings.Cut(e, "=")
		l.env[k] = v
	}
	for _, b := range known() {
		l.provider(b.name)
	}
	for _, m := range builtin() {
		if err := l.setModel(m.name, m.targets, Source{Kind: "default"}); err != nil {
			return nil, err
		}
	}
	l.readFile(o.Flags["config"])
	l.environment()
	for _, s := range settings() {
		if v, ok := o.Flags[s.path]; ok {
			l.apply(s, v, Source{"flag", "--" + s.flag})
		}
	}
	l.finish()
	if len(l.errs) > 0 {
		return nil, errors.Join(l.errs...)
	}
	return l.c, nil
}

type loader struct {
	c     *Config
	env   map[string]string
	types []string
	read  func(string) ([]byte, error)
	errs  []error
}

func (l *loader) fail(file string, line int, path string, err error) {
	var le lineError
	if errors.As(err, &le) {
		line = le.line
	}
	if path != "" {
		err = fmt.Errorf("%s: %w", path, err)
	}
	if line > 0 {
		file = at(file, line)
	}
	l.errs = append(l.errs, fmt.Errorf("%s: %w", file, err))
}

func (l *loader) unknown(file string, line int, prefix, key string, known []string) {
	l.fail(file, line, prefix+key, errors.New("unknown key"+meant(key, known)))
}

func (l *loader) warn(format string, args ...any) {
	l.c.Warnings = append(l.c.Warnings, fmt.Sprintf(format, args...))
}

// apply sets a value and notes its source.
func (l *loader) apply(s setting, value string, src Source) {
	if err := s.set(l.c, strings.TrimSpace(value)); err != nil {
		l.errs = append(l.errs, fmt.Errorf("%s (%s): %w", s.path, src, err))
		return
	}
	l.c.sources[s.path] = src
}

func (l *loader) readFile(flag string) {
	name, asked := defaultFile, false
	if v := l.env["LLMHUB_CONFIG"]; v != "" {
		name, asked = v, true
	}
	if flag != "" {
		name, asked = flag, true
	}
	src, err := l.read(name)
	if errors.Is(err, fs.ErrNotExist) && !asked {
		return
	}
	if err != nil {
		l.errs = append(l.errs, fmt.Errorf("read config file: %w", err))
		return
	}
	base := filepath.Base(name)
	if len(src) > maxFile {
		l.fail(base, 0, "", errors.New("is larger than 4 MiB"))
		return
	}
	root, err := parseYAML(src)
	if err != nil {
		l.fail(base, 0, "", err)
		return
	}
	l.file(base, root)
}

// provider returns the provider of that name, made if need be.
func (l *loader) provider(name string) *Provider {
	for i := range l.c.Providers {
		if l.c.Providers[i].Name == name {
			return &l.c.Providers[i]
		}
	}
	l.c.Providers = append(l.c.Providers, Provider{Name: name, Type: name})
	return &l.c.Providers[len(l.c.Providers)-1]
}

// addKey adds a key to a provider unless it has it.
func (l *loader) addKey(p *Provider, k Key) {
	k.ID = keyID(p.Name, k.Value)
	if err := CheckKey(k.Value.Expose()); err != nil {
		l.errs = append(l.errs, fmt.Errorf("providers.%s.keys.%s (%s): %w", p.Name, k.Name, k.Source, err))
		return
	}
	for _, have := range p.Keys {
		if have.ID == k.ID {
			l.warn("providers.%s: the key %q is the same as %q and is used once", p.Name, k.Name, have.Name)
			return
		}
		if have.Name == k.Name {
			l.errs = append(l.errs, fmt.Errorf("providers.%s: two keys are named %q: give each a name of its own", p.Name, k.Name))
			return
		}
	}
	p.Keys = append(p.Keys, k)
}

// setModel sets the targets of a logical model.
func (l *loader) setModel(name string, targets []string, src Source) error {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == '/' || r == ',' || r == '"' || r == '\\' }) {
		return errors.New("is no name of a logical model: use letters, digits, '.', '-', '_' and ':'")
	}
	if len(targets) == 0 {
		return errors.New("has no targets: list at least one provider/model")
	}
	m := Model{Name: name}
	for _, s := range targets {
		t, err := l.c.Target(s)
		if err != nil {
			return err
		}
		if slices.Contains(m.Targets, t) {
			return fmt.Errorf("has %s twice", t)
		}
		m.Targets = append(m.Targets, t)
	}
	l.c.sources["models."+name] = src
	for i := range l.c.Models {
		if l.c.Models[i].Name == name {
			l.c.Models[i] = m
			return nil
		}
	}
	l.c.Models = append(l.c.Models, m)
	return nil
}

// finish looks at the whole, once all of it is there.
func (l *loader) finish() {
	c := l.c
	if c.Storage.Data == "" {
		l.errs = append(l.errs, errors.New("storage.data is empty: name a folder"))
	}
	if c.Storage.URL == "" {
		c.Storage.URL = defaultURL(c.Storage.Data)
	}
	if (c.Auth.AdminEmail == "") != c.Auth.AdminPassword.IsZero() {
		l.errs = append(l.errs, errors.New("the first admin needs both LLMHUB_ADMIN_EMAIL and LLMHUB_ADMIN_PASSWORD (or LLMHUB_ADMIN_PASSWORD_FILE)"))
	}
	if c.Demo == "on" && !c.Server.Loopback() {
		l.errs = append(l.errs, errors.New("demo providers serve this machine only: set server.listen to 127.0.0.1:port or demo to off"))
	}
	if c.Server.MetricsListen != "" {
		l.warn("metrics are not available in this version: server.metrics_listen does nothing")
	}
	for _, p := range c.Providers {
		if !slices.Contains(l.types, p.Type) {
			l.errs = append(l.errs, fmt.Errorf("providers.%s.type: there is no %q%s; the types are %s (openaicompat is any server that speaks OpenAI's API)",
				p.Name, p.Type, meant(p.Type, l.types), strings.Join(l.types, ", ")))
		}
		if p.Type == "openaicompat" && p.BaseURL == "" {
			l.errs = append(l.errs, fmt.Errorf("providers.%s.base_url is missing: say where the server is, such as http://127.0.0.1:9000/v1", p.Name))
		}
	}
	l.refreshTargets()
}

// refreshTargets looks the targets up again, now that types are settled, and
// warns of providers that nothing defines yet.
func (l *loader) refreshTargets() {
	var names []string
	for _, p := range l.c.Providers {
		names = append(names, p.Name)
	}
	for _, m := range l.c.Models {
		for i, t := range m.Targets {
			if full, err := l.c.Target(t.String()); err == nil {
				m.Targets[i] = full
			}
			if !slices.Contains(names, t.Provider) {
				l.warn("models.%s: no provider is named %q%s; until a key of that name is added the target %s is skipped", m.Name, t.Provider, meant(t.Provider, names), t)
			}
		}
	}
}

// resolve follows a reference to where a secret is.
func (l *loader) resolve(v string) (string, error) {
	v = strings.TrimSpace(v)
	if name, ok := strings.CutPrefix(v, "env:"); ok {
		got := strings.TrimSpace(l.env[name])
		if got == "" {
			return "", fmt.Errorf("the environment variable %s is not set: set it or take this out", name)
		}
		return got, nil
	}
	if path, ok := strings.CutPrefix(v, "file:"); ok {
		return l.secretFile(path)
	}
	return v, nil
}

func (l *loader) secretFile(path string) (string, error) {
	b, err := l.read(path)
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	if len(b) > maxFile {
		return "", fmt.Errorf("read secret: %s is larger than 4 MiB", path)
	}
	return strings.TrimSpace(string(b)), nil
}

// CheckName takes what may name a provider.
func CheckName(name string) error {
	if name == "" || len(name) > 64 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
		return errors.New("is no name of a provider: use lower-case letters, digits, '-', '_' and '.'")
	}
	return nil
}

// CheckKey takes a credential that can stand in a header.
func CheckKey(v string) error {
	for i := 0; i < len(v); i++ {
		if v[i] <= ' ' || v[i] >= 0x7f {
			return errors.New("the key holds a character that no key has: check how it was copied")
		}
	}
	if v == "" || len(v) > 4096 {
		return errors.New("the key is empty or longer than 4096 bytes")
	}
	return nil
}

// checkBase takes what egress can read and would dial for an operator.
func checkBase(raw string) error {
	_, err := egress.New(egress.Config{Trusted: []string{raw}})
	return err
}

// keysOf makes keys of values by comma.
func keysOf(values string, src Source, fallback bool) []Key {
	var out []Key
	for i, v := range items(values) {
		name := "env"
		if i > 0 {
			name = fmt.Sprintf("env-%d", i+1)
		}
		out = append(out, Key{Name: name, Value: llmhub.NewSecret(v), Source: src, Fallback: fallback})
	}
	return out
}
