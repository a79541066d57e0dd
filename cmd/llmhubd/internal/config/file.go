package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/llmhubd/llmhub/llmhub"
)

const later = "is not available in this version: take it out"

// file applies a parsed config file.
func (l *loader) file(name string, root node) {
	if root.null() {
		return
	}
	if !root.isMap {
		l.fail(name, root.line, "", errors.New("must be a map of sections"))
		return
	}
	rows := map[string]setting{}
	sections := map[string]bool{"providers": true, "models": true}
	for _, s := range settings() {
		rows[s.path] = s
		section, _, _ := strings.Cut(s.path, ".")
		sections[section] = true
	}
	var models *node
	for _, f := range root.fields {
		switch {
		case f.key == "providers":
			l.providers(name, f.value)
		case f.key == "models":
			models = &f.value
		case f.key == "budgets":
			l.fail(name, f.value.line, f.key, errors.New(later))
		case !sections[f.key]:
			l.unknown(name, f.value.line, "", f.key, sorted(sections))
		case rows[f.key].path != "":
			l.fromFile(name, rows[f.key], f.value)
		default:
			l.section(name, f.key, f.value, rows)
		}
	}
	if models != nil { // their targets name providers, wherever those stand
		l.models(name, *models)
	}
}

func (l *loader) section(name, section string, n node, rows map[string]setting) {
	if n.null() {
		return
	}
	if !n.isMap {
		l.fail(name, n.line, section, errors.New("must be a map"))
		return
	}
	var known []string
	for path := range rows {
		if rest, ok := strings.CutPrefix(path, section+"."); ok {
			known = append(known, rest)
		}
	}
	slices.Sort(known)
	for _, f := range n.fields {
		if s, ok := rows[section+"."+f.key]; ok {
			l.fromFile(name, s, f.value)
			continue
		}
		l.unknown(name, f.value.line, section+".", f.key, known)
	}
}

func (l *loader) fromFile(name string, s setting, n node) {
	if n.null() {
		return
	}
	var value string
	switch {
	case s.list:
		all, err := n.strings()
		if err != nil {
			l.fail(name, n.line, s.path, err)
			return
		}
		value = strings.Join(all, ",")
	case n.scalar == nil:
		l.fail(name, n.line, s.path, errors.New("must be a plain value"))
		return
	default:
		value = *n.scalar
	}
	if s.secret {
		var err error
		if value, err = l.resolve(value); err != nil {
			l.fail(name, n.line, s.path, err)
			return
		}
	}
	l.apply(s, value, Source{"file", at(name, n.line)})
}

func (l *loader) providers(name string, n node) {
	if n.null() {
		return
	}
	if !n.isMap {
		l.fail(name, n.line, "providers", errors.New("must be a map of names"))
		return
	}
	for _, f := range n.fields {
		path := "providers." + f.key
		if err := CheckName(f.key); err != nil {
			l.fail(name, f.value.line, path, err)
			continue
		}
		p := l.provider(f.key)
		if f.value.null() {
			continue
		}
		if !f.value.isMap {
			l.fail(name, f.value.line, path, errors.New("must be a map"))
			continue
		}
		for _, g := range f.value.fields {
			l.providerField(name, p, path+".", g)
		}
	}
}

func (l *loader) providerField(name string, p *Provider, path string, f field) {
	known := []string{"type", "base_url", "timeout", "keys"}
	src := Source{"file", at(name, f.value.line)}
	switch {
	case f.key == "keys":
		l.fileKeys(name, p, f.value)
	case !slices.Contains(known, f.key):
		l.unknown(name, f.value.line, path, f.key, known)
	case f.value.null():
	case f.value.scalar == nil:
		l.fail(name, f.value.line, path+f.key, errors.New("must be a plain value"))
	default:
		if err := l.setProvider(p, f.key, *f.value.scalar, src); err != nil {
			l.fail(name, f.value.line, path+f.key, err)
		}
	}
}

// setProvider sets a plain value of a provider.
func (l *loader) setProvider(p *Provider, key, value string, src Source) (err error) {
	switch key {
	case "type":
		p.Type = value
	case "base_url":
		if err = checkBase(value); err == nil {
			p.BaseURL = value
		}
	case "timeout":
		p.Timeout, err = duration(value)
	}
	l.c.sources["providers."+p.Name+"."+key] = src
	return err
}

func (l *loader) fileKeys(name string, p *Provider, n node) {
	path := "providers." + p.Name + ".keys"
	if n.null() {
		return
	}
	if !n.isList {
		l.fail(name, n.line, path, errors.New(`must be a list, such as [{name: main, value: "env:OPENAI_API_KEY"}]`))
		return
	}
	for i, e := range n.list {
		here := fmt.Sprintf("%s[%d]", path, i)
		k := Key{Source: Source{"file", at(name, e.line)}}
		var values []string
		switch {
		case e.scalar != nil:
			values = l.keyValues(name, e, here)
		case e.isMap:
			values = l.keyFields(name, e, here, &k)
		default:
			l.fail(name, e.line, here, errors.New("must be a map with a value"))
			continue
		}
		for j, v := range values {
			one := k
			if one.Name == "" {
				one.Name = fmt.Sprintf("key-%d", i+1)
			}
			if j > 0 {
				one.Name = fmt.Sprintf("%s-%d", one.Name, j+1)
			}
			one.Value = llmhub.NewSecret(v)
			l.addKey(p, one)
		}
	}
}

func (l *loader) keyFields(name string, n node, path string, k *Key) (values []string) {
	known := []string{"name", "value", "daily_quota", "rpm", "tpm", "priority", "weight", "models"}
	given := false
	for _, f := range n.fields {
		here, line := path+"."+f.key, f.value.line
		switch {
		case f.key == "daily_usd" || f.key == "budget" || f.key == "max_budget_usd":
			l.fail(name, line, here, errors.New(later))
		case !slices.Contains(known, f.key):
			l.unknown(name, line, path+".", f.key, known)
		case f.value.null():
		case f.key == "daily_quota":
			l.dailyQuota(name, f.value, here, k)
		case f.key == "models":
			all, err := f.value.strings()
			if err != nil {
				l.fail(name, line, here, err)
			}
			k.Models = all
		case f.value.scalar == nil:
			l.fail(name, line, here, errors.New("must be a plain value"))
		case f.key == "name":
			k.Name = *f.value.scalar
		case f.key == "value":
			given = true
			values = l.keyValues(name, f.value, here)
		default:
			if err := setKeyNumber(k, f.key, *f.value.scalar); err != nil {
				l.fail(name, line, here, err)
			}
		}
	}
	if !given {
		l.fail(name, n.line, path, errors.New(`has no value: add one, such as value: "env:OPENAI_API_KEY"`))
	}
	return values
}

func setKeyNumber(k *Key, key, v string) error {
	n, err := count(v)
	switch key {
	case "rpm":
		k.RPM = n
	case "tpm":
		k.TPM = n
	case "priority":
		k.Priority = int(n)
	case "weight":
		k.Weight = int(n)
	}
	if err == nil && n > 1e9 && (key == "priority" || key == "weight") {
		err = fmt.Errorf("%q is too large", v)
	}
	return err
}

func (l *loader) dailyQuota(name string, n node, path string, k *Key) {
	if !n.isMap {
		l.fail(name, n.line, path, errors.New("must be a map, such as {requests: 10000, tokens: 2000000}"))
		return
	}
	for _, f := range n.fields {
		if f.key != "requests" && f.key != "tokens" {
			l.unknown(name, f.value.line, path+".", f.key, []string{"requests", "tokens"})
			continue
		}
		if f.value.scalar == nil {
			l.fail(name, f.value.line, path+"."+f.key, errors.New("must be a number"))
			continue
		}
		v, err := count(*f.value.scalar)
		if err != nil {
			l.fail(name, f.value.line, path+"."+f.key, err)
		}
		if f.key == "requests" {
			k.DailyRequests = v
		} else {
			k.DailyTokens = v
		}
	}
}

// keyValues returns the keys that a value stands for: one, or several by comma
// behind a reference.
func (l *loader) keyValues(name string, n node, path string) []string {
	v, err := l.resolve(*n.scalar)
	if err == nil && len(items(v)) == 0 {
		err = errors.New("is empty: give a value or take the key out")
	}
	if err != nil {
		l.fail(name, n.line, path, err)
		return nil
	}
	return items(v)
}

func (l *loader) models(name string, n node) {
	if n.null() {
		return
	}
	if !n.isMap {
		l.fail(name, n.line, "models", errors.New("must be a map of logical names"))
		return
	}
	for _, f := range n.fields {
		path, line := "models."+f.key, f.value.line
		targets := f.value
		if f.value.isMap {
			targets = l.modelFields(name, f.value, path)
		}
		all, err := targets.strings()
		if err == nil {
			err = l.setModel(f.key, all, Source{"file", at(name, line)})
		}
		if err != nil {
			l.fail(name, line, path, err)
		}
	}
}

// modelFields returns the targets of a model that is written as a map.
func (l *loader) modelFields(name string, n node, path string) (targets node) {
	for _, f := range n.fields {
		here := path + "." + f.key
		switch f.key {
		case "targets":
			targets = f.value
		case "stream_recovery":
			if f.value.scalar == nil || *f.value.scalar != "error" {
				l.fail(name, f.value.line, here, errors.New("only error is available in this version: write error or take it out"))
			}
		case "ttft_hedge", "strategy", "pool", "weights", "retry_after_wait", "sticky", "hedge":
			l.fail(name, f.value.line, here, errors.New(later))
		default:
			l.unknown(name, f.value.line, path+".", f.key, []string{"targets", "stream_recovery"})
		}
	}
	return targets
}

func at(file string, line int) string { return fmt.Sprintf("%s:%d", file, line) }

func sorted(set map[string]bool) []string {
	out := make([]string, 0, len(set))
	for k := range set {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
