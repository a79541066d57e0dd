package anthropic

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/llmhub/wire/scan"
)

// block renders a part: as it came where it still says what its Origin says,
// with only what differs changed where it does not, anew where it has none. It
// is nil for a part that is not sent.
func (r *renderer) block(p llmhub.Part) ([]byte, error) {
	if p.Kind == llmhub.PartReasoning && (p.Signature == "" || p.SignedBy != r.client.provider()) {
		return nil, nil // no other provider can read it
	}
	own := p.Origin.Dialect == Name && len(p.Origin.JSON) > 0 && p.Origin.JSON[0] == '{'
	if p.Kind == llmhub.PartOther {
		if !own {
			return nil, unsupported("messages", "no such content")
		}
		return p.Origin.JSON, nil
	}
	if !own {
		if p.Kind == llmhub.PartText && p.Text != "" && p.Cache == 0 {
			b := append(make([]byte, 0, len(p.Text)+len(p.Text)/8+32), `{"type":"text","text":`...)
			return append(wire.AppendString(b, p.Text), '}'), nil
		}
		ms, err := r.blockMembers(p)
		if ms == nil || err != nil {
			return nil, err
		}
		return object(ms), nil
	}
	if p.Kind == llmhub.PartReasoning {
		return r.thought(p)
	}
	c := scan.New(p.Origin.JSON)
	was, ok := (&decoder{}).part(p.Origin.JSON, &c)
	if was.Name == "" {
		was.Name = p.Name // of a result: it is not in the block
	}
	if ok && llmhub.Same(was, p) {
		return p.Origin.JSON, nil
	}
	now, err := r.blockMembers(p)
	if now == nil || err != nil {
		return nil, err
	}
	before, err := r.quiet().blockMembers(was)
	if !ok || err != nil || was.Kind != p.Kind {
		return object(now), nil
	}
	return changed(p.Origin.JSON, before, now), nil
}

// thought renders reasoning that came as a block: its signature may have been
// dressed for the caller and is now the bare one.
func (r *renderer) thought(p llmhub.Part) ([]byte, error) {
	now, err := r.blockMembers(p)
	if err != nil {
		return nil, err
	}
	same := true
	for _, m := range now {
		same = same && text(memberOf(p.Origin.JSON, m.key)) == text(m.value)
	}
	if same {
		return p.Origin.JSON, nil
	}
	return changed(p.Origin.JSON, nil, now), nil
}

// blockMembers are the members of a block that the neck has words for; nil for a
// part that says nothing.
func (r *renderer) blockMembers(p llmhub.Part) (ms []member, err error) {
	add := func(key string, value []byte) { ms = append(ms, member{key, value}) }
	switch p.Kind {
	case llmhub.PartText, llmhub.PartRefusal:
		if p.Text == "" {
			return nil, nil // the API refuses empty text
		}
		add("type", []byte(`"text"`))
		add("text", quoted(p.Text))
	case llmhub.PartReasoning:
		if p.Redacted {
			add("type", []byte(`"redacted_thinking"`))
			add("data", quoted(p.Signature))
			return ms, nil
		}
		add("type", []byte(`"thinking"`))
		add("thinking", quoted(p.Text))
		add("signature", quoted(p.Signature))
		return ms, nil
	case llmhub.PartImage, llmhub.PartDocument:
		source, err := r.source(p)
		if err != nil {
			return nil, err
		}
		add("type", quoted(string(p.Kind)))
		add("source", source)
		if p.Kind == llmhub.PartDocument && p.Media.Name != "" {
			add("title", quoted(p.Media.Name))
		}
	case llmhub.PartToolCall:
		add("type", []byte(`"tool_use"`))
		add("id", quoted(callID(p.ID)))
		add("name", quoted(p.Name))
		add("input", r.input(p.Args))
	case llmhub.PartToolResult:
		add("type", []byte(`"tool_result"`))
		add("tool_use_id", quoted(callID(p.ID)))
		content, err := r.result(p.Result)
		if err != nil {
			return nil, err
		}
		if content != nil {
			add("content", content)
		}
		if p.Failed {
			add("is_error", []byte("true"))
		}
	case llmhub.PartAudio:
		return nil, unsupported("input_audio", "no audio")
	default:
		return nil, unsupported("messages", "no such content")
	}
	if p.Cache > 0 {
		add("cache_control", mark(p.Cache))
	}
	return ms, nil
}

// mark renders a prompt-cache mark.
func mark(d time.Duration) []byte {
	if d > 5*time.Minute {
		return []byte(`{"type":"ephemeral","ttl":"1h"}`)
	}
	return []byte(`{"type":"ephemeral"}`)
}

// callID makes an id of other dialects fit: letters, digits, _ and -.
func callID(id string) string {
	ok := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
	}
	if id != "" && !strings.ContainsFunc(id, func(c rune) bool { return !ok(c) }) {
		return id
	}
	h := fnv.New64a()
	h.Write([]byte(id))
	return fmt.Sprintf("toolu_%016x", h.Sum64())
}

// input renders a tool call's arguments, which here must be an object.
func (r *renderer) input(args string) []byte {
	if strings.TrimSpace(args) != "" && !isObject(args) {
		r.warn("arguments of a tool call that are no JSON object")
	}
	return argsObject(args)
}

// argsObject are arguments as an object: {} where they are none.
func argsObject(args string) []byte {
	if !isObject(args) {
		return []byte("{}")
	}
	return []byte(args)
}

func isObject(s string) bool {
	return strings.HasPrefix(strings.TrimLeft(s, " \t\r\n"), "{") && json.Valid([]byte(s))
}

// result renders what a tool gave; nil if that is nothing.
func (r *renderer) result(parts []llmhub.Part) ([]byte, error) {
	if len(parts) == 1 && parts[0].Kind == llmhub.PartText && parts[0].Cache == 0 && !isBlock(parts[0]) {
		return quoted(parts[0].Text), nil
	}
	var blocks [][]byte
	for _, p := range parts {
		switch p.Kind {
		case llmhub.PartText, llmhub.PartImage, llmhub.PartDocument, llmhub.PartOther:
		default:
			return nil, unsupported("messages", "no such content in a tool's result")
		}
		b, err := r.block(p)
		if err != nil {
			return nil, err
		}
		if b != nil {
			blocks = append(blocks, b)
		}
	}
	if blocks == nil {
		return nil, nil
	}
	return array(blocks), nil
}

// isBlock reports whether a part came as a block of this dialect.
func isBlock(p llmhub.Part) bool {
	return p.Origin.Dialect == Name && len(p.Origin.JSON) > 0 && p.Origin.JSON[0] == '{'
}

// source renders where an image or a document comes from.
func (r *renderer) source(p llmhub.Part) ([]byte, error) {
	m := p.Media
	if m == nil {
		return nil, invalid("a medium without content", "messages")
	}
	if mime, data, ok := dataURL(m.URL); ok {
		m = &llmhub.Media{MIME: mime, Data: data}
	}
	kind := "image"
	if p.Kind == llmhub.PartDocument {
		kind = "document"
	}
	switch {
	case m.FileID != "":
		if p.Origin.Dialect != Name {
			return nil, unsupported("file_id", "no files of another provider")
		}
		return object([]member{{"type", []byte(`"file"`)}, {"file_id", quoted(m.FileID)}}), nil
	case m.URL != "":
		return object([]member{{"type", []byte(`"url"`)}, {"url", quoted(m.URL)}}), nil
	case m.Data == "" && kind == "document":
		return plainSource(m.Text), nil
	case kind == "document" && strings.HasPrefix(m.MIME, "text/"):
		b, err := base64.StdEncoding.DecodeString(m.Data)
		if err != nil {
			return nil, invalid("a document's data is not base64", "messages")
		}
		return plainSource(string(b)), nil
	}
	mime := m.MIME
	if mime == "image/jpg" {
		mime = "image/jpeg"
	}
	if !slices.Contains(mediaTypes[kind], mime) && p.Origin.Dialect != Name {
		return nil, unsupported("messages", "no "+kind+" of type "+mime)
	}
	return object([]member{{"type", []byte(`"base64"`)}, {"media_type", quoted(mime)}, {"data", quoted(m.Data)}}), nil
}

var mediaTypes = map[string][]string{
	"image":    {"image/jpeg", "image/png", "image/gif", "image/webp"},
	"document": {"application/pdf"},
}

func plainSource(text string) []byte {
	return object([]member{{"type", []byte(`"text"`)}, {"media_type", []byte(`"text/plain"`)}, {"data", quoted(text)}})
}

// dataURL takes a base64 data: URL (RFC 2397) apart.
func dataURL(url string) (mime, data string, ok bool) {
	rest, ok := strings.CutPrefix(url, "data:")
	if !ok {
		return "", "", false
	}
	head, data, ok := strings.Cut(rest, ",")
	mime, coded := strings.CutSuffix(head, ";base64")
	mime, _, _ = strings.Cut(mime, ";")
	return mime, data, ok && coded
}
