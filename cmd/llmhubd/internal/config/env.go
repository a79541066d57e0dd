package config

import (
	"fmt"
	"slices"
	"strings"
)

// knownProvider is a provider that is there without being written, with the
// variables that its own tools use.
type knownProvider struct {
	name    string
	keys    []string // the first one that is set counts
	baseURL string
}

func known() []knownProvider {
	return []knownProvider{
		{"openai", []string{"OPENAI_API_KEY"}, "OPENAI_BASE_URL"},
		{"anthropic", []string{"ANTHROPIC_API_KEY"}, "ANTHROPIC_BASE_URL"},
		{"gemini", []string{"GEMINI_API_KEY", "GOOGLE_API_KEY"}, "GEMINI_BASE_URL"},
		{"deepseek", []string{"DEEPSEEK_API_KEY"}, "DEEPSEEK_BASE_URL"},
		{"groq", []string{"GROQ_API_KEY"}, "GROQ_BASE_URL"},
	}
}

const (
	providerPrefix = "LLMHUB_PROVIDERS_"
	modelPrefix    = "LLMHUB_MODELS_"
)

// environment applies the variables.
func (l *loader) environment() {
	ours := map[string]bool{"LLMHUB_CONFIG": true}
	for _, s := range settings() {
		l.settingFromEnv(s, ours)
	}
	for _, k := range known() {
		l.knownFromEnv(k)
	}
	var names []string
	for name := range l.env {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		switch {
		case strings.HasPrefix(name, providerPrefix):
			l.providerFromEnv(name)
		case strings.HasPrefix(name, modelPrefix):
			l.modelFromEnv(name)
		case strings.HasPrefix(name, "LLMHUB_") && !ours[name] && !elsewhere(name):
			l.warn("%s is set, but there is no such setting%s", name, meant(name, sorted(ours)))
		}
	}
}

// elsewhere names variables of the command line's client, of tests and of
// platforms: LLMHUB_SERVICE_HOST and the like come from Kubernetes.
func elsewhere(name string) bool {
	switch name {
	case "LLMHUB_URL", "LLMHUB_TOKEN", "LLMHUB_API_KEY", "LLMHUB_CORPUS", "LLMHUB_VERSION", "LLMHUB_PORT":
		return true
	}
	return strings.HasPrefix(name, "LLMHUB_TEST_") || strings.HasPrefix(name, "LLMHUB_SERVICE_") || strings.HasPrefix(name, "LLMHUB_PORT_")
}

func (l *loader) settingFromEnv(s setting, ours map[string]bool) {
	done := false
	for _, name := range s.names() {
		ours[name] = true
		if s.secret {
			ours[name+"_FILE"] = true
		}
		if done {
			continue
		}
		v, src, ok := l.lookup(name, s.secret, s.blank)
		if !ok {
			continue
		}
		done = true
		l.apply(s, v, src)
	}
}

// lookup reads a variable, or the file that NAME_FILE names. A variable set to
// nothing counts as not set unless blank.
func (l *loader) lookup(name string, secret, blank bool) (string, Source, bool) {
	v, ok := l.env[name]
	if v = strings.TrimSpace(v); v == "" && !blank {
		ok = false
	}
	if !secret {
		return v, Source{"env", name}, ok
	}
	path := l.env[name+"_FILE"]
	switch {
	case path == "":
	case ok && v != "":
		l.errs = append(l.errs, fmt.Errorf("%s and %s_FILE are both set: keep one", name, name))
		return "", Source{}, false
	default:
		v, err := l.secretFile(path)
		if err != nil {
			l.errs = append(l.errs, fmt.Errorf("%s_FILE: %w", name, err))
			return "", Source{}, false
		}
		return v, Source{"env", name + "_FILE"}, true
	}
	if !ok {
		return "", Source{}, false
	}
	v, err := l.resolve(v)
	if err != nil {
		l.errs = append(l.errs, fmt.Errorf("%s: %w", name, err))
		return "", Source{}, false
	}
	return v, Source{"env", name}, true
}

func (l *loader) knownFromEnv(k knownProvider) {
	p := l.provider(k.name)
	if v, src, ok := l.lookup(k.baseURL, false, false); ok {
		if err := l.setProvider(p, "base_url", v, src); err != nil {
			l.errs = append(l.errs, fmt.Errorf("%s: %w", k.baseURL, err))
		}
	}
	if len(p.Keys) > 0 {
		return // the file says which keys there are
	}
	for _, name := range k.keys {
		if v, src, ok := l.lookup(name, true, false); ok {
			for _, key := range keysOf(v, src, true) {
				l.addKey(p, key)
			}
			return
		}
	}
}

// providerFromEnv applies LLMHUB_PROVIDERS_<NAME>_<KEY>.
func (l *loader) providerFromEnv(name string) {
	full := strings.TrimPrefix(name, providerPrefix)
	full = strings.TrimSuffix(full, "_FILE")
	for _, field := range []string{"type", "base_url", "timeout", "keys"} {
		id, ok := strings.CutSuffix(full, "_"+strings.ToUpper(field))
		if !ok || id == "" {
			continue
		}
		variable := providerPrefix + full
		v, src, ok := l.lookup(variable, field == "keys", false)
		if !ok {
			return
		}
		p := l.provider(l.named(id))
		if field == "keys" {
			p.Keys = nil
			for _, key := range keysOf(v, src, false) {
				l.addKey(p, key)
			}
			return
		}
		if err := l.setProvider(p, field, v, src); err != nil {
			l.errs = append(l.errs, fmt.Errorf("%s: %w", name, err))
		}
		return
	}
	l.warn("%s is set, but there is no such setting: it must end in _TYPE, _BASE_URL, _TIMEOUT or _KEYS", name)
}

// named returns the name of the provider that a variable means.
func (l *loader) named(id string) string {
	for _, p := range l.c.Providers {
		if envName(p.Name) == "LLMHUB_"+id {
			return p.Name
		}
	}
	return strings.ToLower(id)
}

// modelFromEnv applies LLMHUB_MODELS_<NAME>, targets by comma.
func (l *loader) modelFromEnv(name string) {
	v, src, ok := l.lookup(name, false, false)
	if !ok {
		return
	}
	model := strings.ToLower(strings.TrimPrefix(name, modelPrefix))
	for _, m := range l.c.Models {
		if envName("models."+m.Name) == name {
			model = m.Name
		}
	}
	if err := l.setModel(model, items(v), src); err != nil {
		l.errs = append(l.errs, fmt.Errorf("%s: %w", name, err))
	}
}
