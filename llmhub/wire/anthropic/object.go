package anthropic

import (
	"bytes"

	"github.com/llmhubd/llmhub/llmhub/wire"
)

// member is a key of an object with its value, which is JSON.
type member struct {
	key   string
	value []byte
}

// object renders members as a JSON object.
func object(ms []member) []byte {
	n := 2
	for _, m := range ms {
		n += len(m.key) + len(m.value) + 4
	}
	b := append(make([]byte, 0, n), '{')
	for i, m := range ms {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(wire.AppendString(b, m.key), ':')
		b = append(b, m.value...)
	}
	return append(b, '}')
}

// array renders values as a JSON array.
func array(values [][]byte) []byte {
	n := 2
	for _, v := range values {
		n += len(v) + 1
	}
	b := append(make([]byte, 0, n), '[')
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, v...)
	}
	return append(b, ']')
}

// changed is the object from which was was read, saying now: members that say
// the same as before and those that neither names stay as they were written.
func changed(from []byte, was, now []member) []byte {
	names := make([]string, 0, len(was)+len(now))
	for _, m := range append(was[:len(was):len(was)], now...) {
		names = append(names, m.key)
	}
	at := make([]wire.Span, len(names))
	if wire.ScanHead(from, names, at) != nil {
		return object(now)
	}
	span := map[string]wire.Span{}
	for i, n := range names {
		if at[i].Ok() {
			span[n] = at[i]
		}
	}
	p := wire.Patch{Body: from}
	for _, m := range now {
		if !bytes.Equal(find(was, m.key), m.value) {
			p.Set(span[m.key], m.key, m.value)
		}
	}
	for _, m := range was {
		if find(now, m.key) == nil {
			p.Remove(span[m.key])
		}
	}
	return bytes.Join(p.Parts(), nil)
}

func find(ms []member, key string) []byte {
	for _, m := range ms {
		if m.key == key {
			return m.value
		}
	}
	return nil
}

func quoted(s string) []byte { return wire.AppendString(make([]byte, 0, len(s)+len(s)/8+2), s) }
