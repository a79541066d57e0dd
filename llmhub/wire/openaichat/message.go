package openaichat

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire/scan"
)

// message decodes one message and tells the role it names.
func (d *decoding) message(path string, v []byte) (llmhub.Message, string) {
	o := d.object(path, v)
	m := llmhub.Message{Origin: origin(v)}
	role := o.text("role")
	switch role {
	case "user":
		m.Role = llmhub.RoleUser
		m.Parts = d.content(path, o.get("content"))
	case "system", "developer":
		m.Role = llmhub.RoleSystem
		m.Parts = d.content(path, o.get("content"))
	case "assistant":
		m.Role = llmhub.RoleAssistant
		m.Parts = d.assistant(path, o)
	case "tool", "function":
		m.Role = llmhub.RoleUser
		m.Parts = []llmhub.Part{{Kind: llmhub.PartToolResult, ID: o.text("tool_call_id"), Name: o.text("name"),
			Result: d.content(path, o.get("content")), Origin: origin(v)}}
	default:
		d.fail(path+".role", "role must be system, developer, user, assistant or tool")
	}
	if c := o.get("cache_control"); !isNull(c) && len(m.Parts) > 0 {
		m.Parts[len(m.Parts)-1].Cache = d.mark(path+".cache_control", c)
	}
	return m, role
}

// content decodes a string or an array of parts.
func (d *decoding) content(path string, v []byte) []llmhub.Part {
	if isNull(v) {
		return nil
	}
	path += ".content"
	if v[0] == '"' {
		s, ok := scan.Unquote(v)
		if !ok {
			d.fail(path, path+" is not a valid string")
		}
		if s == "" {
			return nil
		}
		return []llmhub.Part{{Kind: llmhub.PartText, Text: s, Origin: origin(v)}}
	}
	if v[0] != '[' {
		d.fail(path, path+" must be a string or an array")
		return nil
	}
	var parts []llmhub.Part
	c := scan.New(v)
	for c.Enter('['); c.Elem(); {
		parts = append(parts, d.part(path+"["+strconv.Itoa(len(parts))+"]", c.Raw()))
	}
	return parts
}

func (d *decoding) part(path string, v []byte) llmhub.Part {
	p := llmhub.Part{Kind: llmhub.PartOther, Origin: origin(v)}
	if len(v) > 0 && v[0] == '"' {
		p.Kind = llmhub.PartText
		p.Text, _ = scan.Unquote(v)
		return p
	}
	o := d.object(path, v)
	switch o.text("type") {
	case "text":
		p.Kind, p.Text = llmhub.PartText, o.text("text")
	case "refusal":
		p.Kind, p.Text = llmhub.PartRefusal, o.text("refusal")
	case "image_url":
		d.image(path, o, &p)
	case "input_audio":
		a := d.object(path+".input_audio", o.get("input_audio"))
		p.Kind = llmhub.PartAudio
		p.Media = &llmhub.Media{MIME: audioMIME(a.text("format")), Data: a.text("data")}
	case "file":
		d.file(path, o, &p)
	}
	if c := o.get("cache_control"); !isNull(c) {
		p.Cache = d.mark(path+".cache_control", c)
	}
	return p
}

func (d *decoding) image(path string, o object, p *llmhub.Part) {
	v := o.get("image_url")
	if isNull(v) {
		return
	}
	p.Kind = llmhub.PartImage
	if v[0] == '"' {
		url, _ := scan.Unquote(v)
		p.Media = mediaOf(url)
		return
	}
	u := d.object(path+".image_url", v)
	p.Media = mediaOf(u.text("url"))
	p.Media.Detail = u.text("detail")
}

func (d *decoding) file(path string, o object, p *llmhub.Part) {
	f := d.object(path+".file", o.get("file"))
	if f == nil {
		return
	}
	p.Kind = llmhub.PartDocument
	name := f.text("filename")
	if id := f.text("file_id"); id != "" {
		p.Media = &llmhub.Media{FileID: id, Name: name}
		return
	}
	p.Media = mediaOf(f.text("file_data"))
	p.Media.Name = name
	if p.Media.URL != "" && !strings.Contains(p.Media.URL, ":") { // bare base64
		p.Media.Data, p.Media.URL, p.Media.MIME = p.Media.URL, "", "application/pdf"
	}
}

// mediaOf reads an address or a data URL (RFC 2397).
func mediaOf(url string) *llmhub.Media {
	if rest, ok := strings.CutPrefix(url, "data:"); ok {
		if head, data, ok := strings.Cut(rest, ";base64,"); ok {
			mime, _, _ := strings.Cut(head, ";")
			return &llmhub.Media{MIME: mime, Data: data}
		}
	}
	return &llmhub.Media{URL: url}
}

func audioMIME(format string) string {
	switch format {
	case "":
		return ""
	case "mp3":
		return "audio/mpeg"
	}
	return "audio/" + format
}

func audioFormat(mime string) string {
	switch mime {
	case "audio/mpeg", "audio/mp3":
		return "mp3"
	case "audio/wav", "audio/x-wav", "audio/wave":
		return "wav"
	}
	return strings.TrimPrefix(mime, "audio/")
}

// mark decodes a prompt-cache mark.
func (d *decoding) mark(path string, v []byte) time.Duration {
	o := d.object(path, v)
	if o.text("type") != "ephemeral" {
		return 0
	}
	if o.text("ttl") == "1h" {
		return time.Hour
	}
	return 5 * time.Minute
}

// assistant decodes what a model said: reasoning, text, refusal, calls.
func (d *decoding) assistant(path string, o object) []llmhub.Part {
	parts := d.thoughts(path, o)
	first := len(parts)
	parts = append(parts, d.content(path, o.get("content"))...)
	if s := o.text("refusal"); s != "" {
		parts = append(parts, llmhub.Part{Kind: llmhub.PartRefusal, Text: s, Origin: origin(o.get("refusal"))})
	}
	if v := o.get("function_call"); !isNull(v) {
		f := d.object(path+".function_call", v)
		parts = append(parts, llmhub.Part{Kind: llmhub.PartToolCall, Name: f.text("name"), Args: arguments(f.get("arguments")), Origin: origin(v)})
	}
	if v := o.get("tool_calls"); !isNull(v) {
		c := scan.New(v)
		for c.Enter('['); c.Elem(); {
			parts = append(parts, d.toolCall(path+".tool_calls", c.Raw()))
		}
	}
	if signature, by := d.signature(path, o); signature != "" && len(parts) > first && parts[first].Signature == "" {
		parts[first].Signature, parts[first].SignedBy = signature, by
	}
	return parts
}

// thoughts decodes reasoning: signed blocks where there are any, else the text.
func (d *decoding) thoughts(path string, o object) []llmhub.Part {
	var parts []llmhub.Part
	c := scan.New(o.get("thinking_blocks"))
	if c.Peek() == '[' {
		for c.Enter('['); c.Elem(); {
			v := c.Raw()
			b := d.object(path+".thinking_blocks", v)
			p := llmhub.Part{Kind: llmhub.PartReasoning, Text: b.text("thinking"), Signature: b.text("signature"), SignedBy: b.text("signed_by"), Origin: origin(v)}
			if b.text("type") == "redacted_thinking" {
				p.Redacted, p.Signature = true, b.text("data")
			}
			parts = append(parts, p)
		}
	}
	if len(parts) > 0 {
		return parts
	}
	for _, name := range [...]string{"reasoning_content", "reasoning"} {
		if s := o.text(name); s != "" {
			return []llmhub.Part{{Kind: llmhub.PartReasoning, Text: s, Origin: origin(o.get(name))}}
		}
	}
	return nil
}

func (d *decoding) toolCall(path string, v []byte) llmhub.Part {
	o := d.object(path, v)
	if t := o.text("type"); t != "function" && t != "" {
		return llmhub.Part{Kind: llmhub.PartOther, ID: o.text("id"), Origin: origin(v)}
	}
	f := d.object(path+".function", o.get("function"))
	p := llmhub.Part{Kind: llmhub.PartToolCall, ID: o.text("id"), Name: f.text("name"), Args: arguments(f.get("arguments")), Origin: origin(v)}
	p.Signature, p.SignedBy = d.signature(path, o)
	return p
}

// signature reads extra_content, ours or Gemini's.
func (d *decoding) signature(path string, o object) (signature, by string) {
	extra := o.get("extra_content")
	if isNull(extra) {
		return "", ""
	}
	e := d.object(path+".extra_content", extra)
	if g := e.get("google"); !isNull(g) {
		return d.object(path+".extra_content.google", g).text("thought_signature"), "gemini"
	}
	h := d.object(path+".extra_content.llmhub", e.get("llmhub"))
	return h.text("thought_signature"), h.text("signed_by")
}

// arguments are those of a call: a string that holds JSON or, from some, the
// object itself. null says that there are none.
func arguments(v []byte) string {
	if isNull(v) {
		return ""
	}
	if v[0] != '"' {
		return string(v)
	}
	s, _ := scan.Unquote(v)
	if isNull(bytes.TrimSpace([]byte(s))) {
		return ""
	}
	return s
}
