package openaichat

import (
	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
)

// draft is a body to be sent: the caller's bytes, or an empty object, and what
// is to be different.
type draft struct {
	raw  []byte
	at   *spans
	vals [keyCount][]byte
	done [keyCount]change
}

type change uint8

const (
	same change = iota
	set
	removed
)

// get is the value as it would be sent, nil when the key would not be.
func (d *draft) get(k key) []byte {
	switch d.done[k] {
	case set:
		return d.vals[k]
	case removed:
		return nil
	}
	return d.at[k].Of(d.raw)
}

func (d *draft) set(k key, v []byte) { d.vals[k], d.done[k] = v, set }

func (d *draft) remove(k key) { d.vals[k], d.done[k] = nil, removed }

// check refuses and drops what the provider cannot do.
func (d *draft) check(call *llmhub.Call, q *Quirks) error {
	for _, name := range q.Refuses {
		k := keyOf([]byte(name))
		if k == keyCount || d.get(k) == nil {
			continue
		}
		if !asDefault(k, d.get(k)) {
			return unsupported(name)
		}
		d.remove(k)
	}
	for _, name := range q.Drops {
		k := keyOf([]byte(name))
		if k == keyCount || d.get(k) == nil {
			continue
		}
		if !asDefault(k, d.get(k)) {
			call.Warn(name)
		}
		d.remove(k)
	}
	return nil
}

func (d *draft) parts() [][]byte {
	if len(d.raw) == len("{}") {
		return d.fresh()
	}
	p := wire.Patch{Body: d.raw}
	for k := range keyCount {
		switch d.done[k] {
		case set:
			p.Set(d.at[k], keys[k], d.vals[k])
		case removed:
			p.Remove(d.at[k])
		}
	}
	return p.Parts()
}

// fresh is a body of nothing but what was set.
func (d *draft) fresh() [][]byte {
	parts := make([][]byte, 0, 24)
	before := "{\""
	for k := range keyCount {
		if d.done[k] == set {
			parts = append(parts, []byte(before+keys[k]+`":`), d.vals[k])
			before = ",\""
		}
	}
	return append(parts, []byte("}"))
}

func unsupported(param string) error {
	return &llmhub.Error{Kind: llmhub.Unsupported, Message: "not taken by this model: " + param, Param: param}
}
