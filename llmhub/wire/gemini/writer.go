package gemini

import (
	"strconv"

	"github.com/llmhubd/llmhub/llmhub/wire"
)

// writer renders JSON, and sets the commas.
type writer struct{ b []byte }

// sep sets a comma where another value precedes.
func (w *writer) sep() {
	if n := len(w.b); n > 0 {
		switch w.b[n-1] {
		case '{', '[', ':':
		default:
			w.b = append(w.b, ',')
		}
	}
}

func (w *writer) open(bracket byte) { w.sep(); w.b = append(w.b, bracket) }

func (w *writer) close(bracket byte) { w.b = append(w.b, bracket) }

// key begins a member; name is plain ASCII.
func (w *writer) key(name string) {
	w.sep()
	w.b = append(append(append(w.b, '"'), name...), '"', ':')
}

func (w *writer) raw(json []byte) { w.sep(); w.b = append(w.b, json...) }

// list is an array of strings, left out when there are none.
func (w *writer) list(name string, list []string) {
	if len(list) == 0 {
		return
	}
	w.key(name)
	w.open('[')
	for _, s := range list {
		w.sep()
		w.b = wire.AppendString(w.b, s)
	}
	w.close(']')
}

func (w *writer) text(name, s string) { w.key(name); w.b = wire.AppendString(w.b, s) }

func (w *writer) int(name string, n int64) { w.key(name); w.b = strconv.AppendInt(w.b, n, 10) }

func (w *writer) bool(name string, v bool) { w.key(name); w.b = strconv.AppendBool(w.b, v) }

func (w *writer) float(name string, f *float64) {
	if f != nil {
		w.key(name)
		w.b = strconv.AppendFloat(w.b, *f, 'g', -1, 64)
	}
}
