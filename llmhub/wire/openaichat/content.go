package openaichat

import (
	"strings"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
)

// plainContent writes parts that are all text as one string, joined by between,
// so that providers that know no arrays there take it; else as content does.
func (r *rendering) plainContent(parts []llmhub.Part, between string) []byte {
	text := make([]string, 0, len(parts))
	for i := range parts {
		p := &parts[i]
		s, ok := plainText(p)
		if !ok || opened(p.Origin) || p.Cache != 0 && r.q.CacheControl {
			return r.content(parts)
		}
		text = append(text, s)
	}
	r.warnMarks(parts)
	return quoted(strings.Join(text, between))
}

// quoted is s as a JSON string, in about the room that it needs.
func quoted(s string) []byte {
	return wire.AppendString(make([]byte, 0, len(s)+len(s)/16+8), s)
}

func plainText(p *llmhub.Part) (string, bool) {
	switch p.Kind {
	case llmhub.PartText, llmhub.PartRefusal:
		return p.Text, true
	case llmhub.PartDocument:
		return documentText(p.Media)
	}
	return "", false
}

func documentText(m *llmhub.Media) (string, bool) {
	if m == nil || m.Text == "" {
		return "", false
	}
	return m.Text, true
}

// opened reports whether a part came as an object of an array.
func opened(o llmhub.Origin) bool { return mine(o) && len(o.JSON) > 0 && o.JSON[0] == '{' }

func (r *rendering) warnMarks(parts []llmhub.Part) {
	for i := range parts {
		if parts[i].Cache != 0 && !r.q.CacheControl {
			r.warn("cache_control")
		}
	}
}

// content writes a lone plain text as a string, else an array of parts.
func (r *rendering) content(parts []llmhub.Part) []byte {
	r.warnMarks(parts)
	if len(parts) == 0 {
		return []byte(`""`)
	}
	if p := &parts[0]; len(parts) == 1 && p.Kind == llmhub.PartText && r.cache(p.Cache) == nil && !opened(p.Origin) {
		return quoted(p.Text)
	}
	w := list{dst: []byte{'['}}
	for i := range parts {
		r.part(&w, &parts[i])
	}
	return append(w.dst, ']')
}

// part writes one piece of a user's or system message.
func (r *rendering) part(w *list, p *llmhub.Part) {
	if r.taken(p); r.err != nil {
		return
	}
	var o object
	if opened(p.Origin) {
		d := decoding{}
		if llmhub.Same(*p, d.part("content", p.Origin.JSON)) && !r.conflicts(p.Origin.JSON) || p.Kind == llmhub.PartOther {
			w.raw(p.Origin.JSON)
			return
		}
		o = d.object("content", p.Origin.JSON)
	}
	o = o.with("cache_control", r.cache(p.Cache))
	switch p.Kind {
	case llmhub.PartText, llmhub.PartRefusal:
		o = o.withText("type", "text").with("refusal", nil).with("text", quoted(p.Text))
	case llmhub.PartImage:
		o = o.withText("type", "image_url").with("image_url", r.image(o, p.Media))
	case llmhub.PartAudio:
		inner := object(nil).withText("data", p.Media.Data).withText("format", audioFormat(p.Media.MIME))
		o = o.withText("type", "input_audio").with("input_audio", inner.append(nil))
	case llmhub.PartDocument:
		o = r.document(o, p)
	default:
		r.refuse(keys[kMessages])
		return
	}
	w.object(o)
}

// taken refuses media that the provider does not take.
func (r *rendering) taken(p *llmhub.Part) {
	switch p.Kind {
	case llmhub.PartImage:
		switch m := p.Media; {
		case m == nil, r.q.NoImages, m.FileID != "" && !mine(p.Origin), m.URL != "" && r.q.NoImageURLs:
			r.refuse("image_url")
		}
	case llmhub.PartAudio:
		if p.Media == nil || r.q.NoAudio || p.Media.Data == "" && !mine(p.Origin) {
			r.refuse("input_audio")
		}
	case llmhub.PartDocument:
		m := p.Media
		if _, ok := documentText(m); ok {
			return
		}
		if m == nil || r.q.NoFiles || m.Data == "" && !mine(p.Origin) {
			r.refuse("file")
		}
	}
}

func (r *rendering) image(o object, m *llmhub.Media) []byte {
	d := decoding{}
	var inner object
	if v := o.get("image_url"); len(v) > 0 && v[0] == '{' {
		inner = d.object("content.image_url", v)
	}
	return inner.withText("url", address(m)).withText("detail", m.Detail).append(nil)
}

// address is where media are, or a data URL that holds them.
func address(m *llmhub.Media) string {
	if m.Data != "" {
		return "data:" + m.MIME + ";base64," + m.Data
	}
	return m.URL
}

func (r *rendering) document(o object, p *llmhub.Part) object {
	m := p.Media
	if s, ok := documentText(m); ok {
		return o.withText("type", "text").withText("text", s).with("file", nil)
	}
	inner := object(nil)
	if m.FileID != "" {
		return o.withText("type", "file").with("file", inner.withText("file_id", m.FileID).append(nil))
	}
	name := m.Name
	if name == "" {
		name = "document.pdf"
	}
	return o.withText("type", "file").with("file", inner.withText("filename", name).withText("file_data", address(m)).append(nil))
}
