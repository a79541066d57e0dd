package config

import (
	"fmt"
	"io"
	"strings"
)

// Source says where a value came from.
type Source struct {
	Kind  string // "flag", "env", "file" or "default"
	Where string // "--listen", "LLMHUB_LISTEN", "llmhub.yaml:3"; "" of a default
}

// String is the source as a person reads it.
func (s Source) String() string {
	if s.Where == "" {
		return s.Kind
	}
	return s.Kind + " " + s.Where
}

// Setting is one value, for display.
type Setting struct {
	Path   string // "server.listen"
	Value  string // a secret is masked
	Source Source
}

// Source returns where the setting at path came from.
func (c *Config) Source(path string) Source {
	if s, ok := c.sources[path]; ok {
		return s
	}
	return Source{Kind: "default"}
}

// Settings lists every value, in a fixed order.
func (c *Config) Settings() []Setting {
	var out []Setting
	add := func(path, value string) { out = append(out, Setting{path, value, c.Source(path)}) }
	for _, s := range settings() {
		add(s.path, s.show(c))
	}
	for _, p := range c.Providers {
		at := "providers." + p.Name
		add(at+".type", p.Type)
		add(at+".base_url", p.BaseURL)
		add(at+".timeout", p.Timeout.String())
		for _, k := range p.Keys {
			out = append(out, Setting{at + ".keys." + k.Name, k.Value.Masked(), k.Source})
		}
	}
	for _, m := range c.Models {
		names := make([]string, len(m.Targets))
		for i, t := range m.Targets {
			names[i] = t.String()
		}
		add("models."+m.Name, strings.Join(names, ", "))
	}
	return out
}

// Print writes every value with its source, a line each.
func (c *Config) Print(w io.Writer) error {
	for _, s := range c.Settings() {
		if _, err := fmt.Fprintf(w, "%s: %q # %s\n", s.Path, s.Value, s.Source); err != nil {
			return err
		}
	}
	return nil
}
