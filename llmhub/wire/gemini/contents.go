package gemini

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/llmhubd/llmhub/llmhub"
)

// bypass stands where a thought signature must be and there is none, because
// the call was made by another model. Google documents it for that.
const bypass = "skip_thought_signature_validator"

// contentsWriter renders a conversation. Turns of one side that follow one
// another are one content.
type contentsWriter struct {
	*writer
	call   *llmhub.Call
	signs  bool // function calls need a signature
	marked bool // a prompt-cache mark was met

	role   string            // of the content that is open; "": none
	parts  int               // in it
	unsure bool              // signs, and no function call is in it yet
	names  map[string]string // of the functions called so far, by call id
	media  []llmhub.Part     // of tool results, to stand behind them
}

// prompt renders systemInstruction and contents.
func (w *contentsWriter) prompt(p *llmhub.Prompt) error {
	spoken := false
	for i := range p.Messages {
		spoken = spoken || p.Messages[i].Role != llmhub.RoleSystem
	}
	if len(p.System) > 0 && spoken {
		w.key("systemInstruction")
		w.open('{')
		w.key("parts")
		w.open('[')
		if err := w.system(p.System); err != nil {
			return err
		}
		w.close(']')
		w.close('}')
	}
	w.key("contents")
	w.open('[')
	if !spoken && len(p.System) > 0 { // it answers nobody but a user
		w.turn("user")
		if err := w.system(p.System); err != nil {
			return err
		}
	}
	for i := range p.Messages {
		if err := w.message(i, &p.Messages[i]); err != nil {
			return err
		}
	}
	w.end()
	w.close(']')
	return nil
}

func (w *contentsWriter) system(parts []llmhub.Part) error {
	for i := range parts {
		if parts[i].Kind != llmhub.PartText {
			return unsupported(w.call, "system", "instructions of this provider are text")
		}
		w.marked = w.marked || parts[i].Cache > 0
		w.plain(parts[i].Text)
	}
	return nil
}

// turn makes role's content the open one.
func (w *contentsWriter) turn(role string) {
	if w.role == role {
		return
	}
	w.end()
	w.role, w.parts, w.unsure = role, 0, w.signs
	w.open('{')
	w.text("role", role)
	w.key("parts")
	w.open('[')
}

// end closes the open content. One without parts is not legal, so it gets an
// empty text.
func (w *contentsWriter) end() {
	if w.role == "" {
		return
	}
	for i := range w.media {
		w.inline(w.media[i].Media)
	}
	w.media = w.media[:0]
	if w.parts == 0 {
		w.plain("")
	}
	w.close(']')
	w.close('}')
	w.role = ""
}

func (w *contentsWriter) message(i int, m *llmhub.Message) error {
	switch m.Role {
	case llmhub.RoleAssistant:
		w.turn("model")
	case llmhub.RoleSystem:
		return w.instruction(i, m)
	default:
		w.turn("user")
	}
	for j := range m.Parts {
		w.marked = w.marked || m.Parts[j].Cache > 0
		if err := w.part(i, &m.Parts[j]); err != nil {
			return err
		}
	}
	return nil
}

// instruction renders a system message in mid-conversation. There is no such
// role here, so it keeps its place as marked text of the user.
func (w *contentsWriter) instruction(i int, m *llmhub.Message) error {
	w.turn("user")
	warn(w.call, fmt.Sprintf("messages[%d].role", i))
	for j := range m.Parts {
		if m.Parts[j].Kind != llmhub.PartText {
			return unsupported(w.call, fmt.Sprintf("messages[%d].content", i), "instructions of this provider are text")
		}
		w.plain("<system>\n" + m.Parts[j].Text + "\n</system>")
	}
	return nil
}

func (w *contentsWriter) part(i int, p *llmhub.Part) error {
	if p.Origin.Dialect == Name && p.Kind == llmhub.PartOther {
		w.parts++
		w.raw(p.Origin.JSON)
		return nil
	}
	where := func(what string) string { return fmt.Sprintf("messages[%d].%s", i, what) }
	switch p.Kind {
	case llmhub.PartText, llmhub.PartRefusal:
		w.said(p, false)
	case llmhub.PartReasoning:
		if p.SignedBy == Name && p.Signature != "" {
			w.said(p, true) // without a signature, or with another's, it is of no use
		}
	case llmhub.PartImage, llmhub.PartDocument, llmhub.PartAudio:
		return w.medium(where("content"), p)
	case llmhub.PartToolCall:
		return w.toolCall(p)
	case llmhub.PartToolResult:
		return w.toolResult(where(spelled(w.call, "tool_call_id")), where("content"), p)
	default:
		return unsupported(w.call, where("content"), "a part that only another dialect knows")
	}
	return nil
}

// plain is a text part.
func (w *contentsWriter) plain(s string) {
	w.parts++
	w.open('{')
	w.text("text", s)
	w.close('}')
}

// said is a text or a thought of the model's or the user's.
func (w *contentsWriter) said(p *llmhub.Part, thought bool) {
	signed := p.Signature != "" && p.SignedBy == Name
	if p.Text == "" && !signed {
		return // an empty part is refused
	}
	w.parts++
	w.open('{')
	w.text("text", p.Text)
	if thought {
		w.bool("thought", true)
	}
	if signed {
		w.text("thoughtSignature", p.Signature)
	}
	w.close('}')
}

func (w *contentsWriter) medium(param string, p *llmhub.Part) error {
	m := p.Media
	switch {
	case m == nil:
		return &llmhub.Error{Kind: llmhub.InvalidRequest, Param: param, Message: "a part without its data"}
	case m.Text != "":
		w.plain(m.Text)
		return nil
	case m.Data != "":
		if m.Detail != "" && m.Detail != "auto" {
			warn(w.call, "image_url.detail")
		}
		w.inline(m)
		return nil
	}
	uri := m.URL
	if uri == "" {
		uri = m.FileID
	}
	if !strings.HasPrefix(uri, "https://generativelanguage.googleapis.com/") && !strings.HasPrefix(uri, "gs://") {
		return unsupported(w.call, param, "this provider does not fetch URLs; send the data itself")
	}
	w.parts++
	w.open('{')
	w.key("fileData")
	w.open('{')
	if m.MIME != "" {
		w.text("mimeType", m.MIME)
	}
	w.text("fileUri", uri)
	w.close('}')
	w.close('}')
	return nil
}

// inline is data in the request itself.
func (w *contentsWriter) inline(m *llmhub.Media) {
	mime, data := m.MIME, m.Data
	if mime == "" {
		mime = "application/octet-stream"
	}
	if m.Text != "" {
		mime, data = "text/plain", base64.StdEncoding.EncodeToString([]byte(m.Text))
	}
	w.parts++
	w.open('{')
	w.key("inlineData")
	w.open('{')
	w.text("mimeType", mime)
	w.text("data", data)
	w.close('}')
	w.close('}')
}

// toolCall is a function call. The first of a turn needs a signature where the
// model asks for one.
func (w *contentsWriter) toolCall(p *llmhub.Part) error {
	if w.names == nil {
		w.names = map[string]string{}
	}
	w.names[p.ID] = p.Name
	w.parts++
	w.open('{')
	w.key("functionCall")
	w.open('{')
	if p.ID != "" {
		w.text("id", p.ID)
	}
	w.text("name", p.Name)
	w.key("args")
	if object(p.Args) {
		w.b = append(w.b, p.Args...)
	} else {
		if p.Args != "" {
			w.call.Warn("tool call arguments that are no JSON object")
		}
		w.b = append(w.b, "{}"...)
	}
	w.close('}')
	switch {
	case p.Signature != "" && p.SignedBy == Name:
		w.text("thoughtSignature", p.Signature)
	case w.unsure:
		w.text("thoughtSignature", bypass)
	}
	w.unsure = false
	w.close('}')
	return nil
}

// toolResult is a function response: by name, and an object.
func (w *contentsWriter) toolResult(param, content string, p *llmhub.Part) error {
	name := p.Name
	if n, ok := w.names[p.ID]; ok {
		name = n
	}
	if name == "" {
		return &llmhub.Error{Kind: llmhub.InvalidRequest, Param: param, Message: "the result of a tool call that is not in the conversation"}
	}
	var text strings.Builder
	for i := range p.Result {
		r := &p.Result[i]
		switch {
		case r.Kind == llmhub.PartText:
			text.WriteString(r.Text)
		case r.Media != nil && (r.Media.Data != "" || r.Media.Text != ""):
			w.media = append(w.media, *r)
		default:
			return unsupported(w.call, content, "a tool result that is neither text nor data")
		}
	}
	w.parts++
	w.open('{')
	w.key("functionResponse")
	w.open('{')
	if p.ID != "" {
		w.text("id", p.ID)
	}
	w.text("name", name)
	w.key("response")
	switch s := text.String(); {
	case p.Failed:
		w.open('{')
		w.text("error", s)
		w.close('}')
	case object(s):
		w.b = append(w.b, s...)
	default:
		w.open('{')
		w.text("result", s)
		w.close('}')
	}
	w.close('}')
	w.close('}')
	return nil
}
