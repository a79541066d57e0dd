package gemini

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"strconv"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/llmhub/wire/scan"
)

// Events reads an answer: a server-sent event stream, one JSON object, or an
// array of them (a stream without alt=sse).
//
// An answer whose prompt was blocked is an answer that ends with StopFilter. One
// that the model itself spoiled (MALFORMED_FUNCTION_CALL and the like) fails
// with UpstreamFailed: the same request may well succeed when it is sent again.
func (c *Client) Events(call *llmhub.Call, body io.Reader, _ int64) llmhub.Stream {
	return func(yield func(llmhub.Event, error) bool) {
		d := decoder{client: c, call: call, out: wire.NewBatch(yield)}
		f := wire.NewFrames(body)
		defer f.Close()
		if err := d.read(f); err != nil {
			d.out.Fail(err)
			return
		}
		if !d.gone {
			d.finish()
		}
	}
}

// decoder makes events of an answer's chunks.
type decoder struct {
	client *Client
	call   *llmhub.Call
	out    wire.Batch
	gone   bool // the consumer has left

	id, model string
	started   bool
	blocked   bool // the prompt was
	bad       int  // events that were no JSON
	next      int  // index of the next part
	calls     int  // function calls so far
	choices   []choice
	first     [1]choice // room for the usual one

	usage    llmhub.Usage
	metered  bool // usage is the provider's
	reported llmhub.Usage
}

// choice is one of several answers.
type choice struct {
	kind  llmhub.PartKind // of the part that is open; "": none is
	index int             // of that part
	tools bool            // it has called one
	stop  llmhub.StopReason
}

func (d *decoder) read(f *wire.Frames) error {
	first, err := f.Peek()
	if err != nil {
		return broken(err)
	}
	if first == '{' || first == '[' {
		b, err := f.Rest()
		if err != nil {
			return broken(err)
		}
		return d.chunks(b)
	}
	for !d.gone {
		if !f.Buffered() && !d.flush() {
			return nil
		}
		fr, err := f.Next()
		if err != nil {
			if d.complete() {
				return nil // the last word has been said, however the connection ends
			}
			return broken(err)
		}
		if len(fr.Data) == 0 {
			continue
		}
		if err := d.chunks(fr.Data); err != nil && !d.skip(err) {
			return err
		}
	}
	return nil
}

// mostBad is how many events of a stream may be no JSON before it counts as
// broken. Whether the answer is complete is seen at its end.
const mostBad = 3

// skip reports whether an event that could not be read may be passed over.
func (d *decoder) skip(err error) bool {
	if !errors.Is(err, scan.ErrSyntax) || d.bad == mostBad {
		return false
	}
	d.bad++
	return true
}

func (d *decoder) flush() bool {
	d.gone = !d.out.Flush()
	return !d.gone
}

func broken(err error) error {
	if err == io.EOF {
		return &llmhub.Error{Kind: llmhub.Broken, Message: "the answer is empty or has no finishReason", Sent: true}
	}
	return err
}

// chunks reads one JSON value after another: some servers forget the blank line
// between two events.
func (d *decoder) chunks(b []byte) error {
	c := scan.New(b)
	for c.Peek() != 0 && !d.gone {
		v := c.Raw()
		if c.Err != nil {
			break
		}
		if err := d.value(v); err != nil {
			return err
		}
	}
	if c.Err != nil {
		return malformed(c.Err)
	}
	return nil
}

func malformed(err error) error {
	return &llmhub.Error{Kind: llmhub.Malformed, Message: "a chunk that is no generateContent response", Sent: true, Err: err}
}

func (d *decoder) value(v []byte) error {
	if len(v) == 0 {
		return malformed(nil)
	}
	switch v[0] {
	case '{':
		return d.chunk(v)
	case '[':
		c := scan.New(v)
		for c.Enter('['); c.Elem() && !d.gone; {
			if err := d.value(c.Raw()); err != nil {
				return err
			}
		}
		if c.Err == nil {
			return nil
		}
	}
	return malformed(nil)
}

// chunk reads a GenerateContentResponse. Its id and usage stand behind its
// candidates, so these come last.
func (d *decoder) chunk(b []byte) error {
	var candidates []byte
	c := scan.New(b)
	for c.Enter('{'); c.Member(); {
		switch string(c.Key) {
		case "candidates":
			candidates = c.Raw()
		case "usageMetadata":
			d.usageOf(&c)
		case "promptFeedback":
			d.feedback(&c)
		case "modelVersion":
			keep(&d.model, &c)
		case "responseId":
			keep(&d.id, &c)
		case "error":
			return d.failure(b)
		default:
			c.Skip()
		}
	}
	if c.Err != nil {
		return malformed(c.Err)
	}
	if candidates != nil {
		if err := d.candidates(candidates); err != nil {
			return err
		}
	}
	if d.started && d.metered && d.usage != d.reported && !d.complete() {
		d.note()
	}
	return nil
}

// failure is an error instead of a chunk. It is a refusal like any other, and as
// free, unless some of the answer has come.
func (d *decoder) failure(b []byte) error {
	e := d.client.Error(d.call, 200, nil, b)
	e.Sent = d.started
	return e
}

func (d *decoder) feedback(c *scan.Cursor) {
	for c.Enter('{'); c.Member(); {
		if string(c.Key) == "blockReason" {
			d.blocked = c.Text() != "" || d.blocked
		} else {
			c.Skip()
		}
	}
}

func (d *decoder) candidates(b []byte) error {
	c := scan.New(b)
	for c.Enter('['); c.Elem() && !d.gone; {
		if err := d.candidate(c.Raw()); err != nil {
			return err
		}
	}
	if c.Err != nil {
		return malformed(c.Err)
	}
	return nil
}

// candidate reads one candidate. Its index is behind its content, so that waits.
func (d *decoder) candidate(b []byte) error {
	var content []byte
	var index int64
	var finish, why string
	c := scan.New(b)
	for c.Enter('{'); c.Member(); {
		switch string(c.Key) {
		case "content":
			content = c.Raw()
		case "index":
			index = c.Int()
		case "finishReason":
			finish = c.Text()
		case "finishMessage":
			why = c.Text()
		default:
			c.Skip()
		}
	}
	if c.Err != nil {
		return malformed(c.Err)
	}
	if index < 0 || index >= maxChoices {
		return malformed(nil)
	}
	if spoiled[finish] {
		return &llmhub.Error{Kind: llmhub.UpstreamFailed, Code: finish, Message: why, Sent: true}
	}
	d.choice(int(index))
	if content != nil {
		if err := d.content(int(index), content); err != nil {
			return err
		}
	}
	if finish != "" && finish != "FINISH_REASON_UNSPECIFIED" {
		d.close(int(index), nil)
		d.choices[index].stop = stopReason(finish)
	}
	return nil
}

const maxChoices = 128

func (d *decoder) choice(index int) {
	if d.choices == nil {
		d.choices = d.first[:0]
	}
	for len(d.choices) <= index {
		d.choices = append(d.choices, choice{})
	}
}

func (d *decoder) content(index int, b []byte) error {
	c := scan.New(b)
	for c.Enter('{'); c.Member(); {
		if string(c.Key) != "parts" {
			c.Skip()
			continue
		}
		for c.Enter('['); c.Elem() && !d.gone; {
			if err := d.part(index, c.Raw()); err != nil {
				return err
			}
		}
	}
	if c.Err != nil {
		return malformed(c.Err)
	}
	return nil
}

func (d *decoder) part(index int, b []byte) error {
	var text, signature string
	var thought, hasText bool
	var function, inline []byte
	other := false
	c := scan.New(b)
	for c.Enter('{'); c.Member(); {
		switch string(c.Key) {
		case "text":
			text, hasText = c.Text(), true
		case "thought":
			thought = c.Bool()
		case "thoughtSignature":
			signature = c.Text()
		case "functionCall":
			function = c.Raw()
		case "inlineData":
			inline = c.Raw()
		default:
			other = true // executableCode, toolCall, fileData, …
			c.Skip()
		}
	}
	if c.Err != nil {
		return malformed(c.Err)
	}
	var signed *llmhub.Part
	if signature != "" {
		signed = &llmhub.Part{Signature: signature, SignedBy: Name}
	}
	switch {
	case function != nil:
		return d.function(index, function, signed)
	case inline != nil:
		return d.inline(index, inline, signed)
	case hasText || !other && signed != nil:
		d.said(index, text, thought, signed)
	case other:
		d.whole(index, &llmhub.Part{Kind: llmhub.PartOther, Origin: llmhub.Origin{Dialect: Name, JSON: bytes.Clone(b)}}, "", signed)
	}
	return nil
}

// said continues the text or the thought that is open, or begins one. A
// signature closes it: the last piece of a part carries it, even an empty one.
func (d *decoder) said(index int, text string, thought bool, signed *llmhub.Part) {
	if text == "" && signed == nil {
		return
	}
	kind := llmhub.PartText
	if thought {
		kind = llmhub.PartReasoning
	}
	ch := &d.choices[index]
	if ch.kind != kind {
		d.close(index, nil)
		d.open(index, &llmhub.Part{Kind: kind})
	}
	if text != "" {
		d.add(llmhub.Event{Kind: llmhub.EventDelta, Index: d.choices[index].index, Delta: text})
	}
	if signed != nil {
		d.close(index, signed)
	}
}

// whole is a part that comes in one piece.
func (d *decoder) whole(index int, p *llmhub.Part, delta string, signed *llmhub.Part) {
	d.close(index, nil)
	d.open(index, p)
	if delta != "" {
		d.add(llmhub.Event{Kind: llmhub.EventDelta, Index: d.choices[index].index, Delta: delta})
	}
	d.close(index, signed)
}

func (d *decoder) function(index int, b []byte, signed *llmhub.Part) error {
	p := &llmhub.Part{Kind: llmhub.PartToolCall}
	args := "{}"
	c := scan.New(b)
	for c.Enter('{'); c.Member(); {
		switch string(c.Key) {
		case "id":
			p.ID = c.Text()
		case "name":
			p.Name = c.Text()
		case "args":
			raw := c.Raw()
			if string(raw) == "null" {
				continue
			}
			var err error
			if args, err = compact(raw); err != nil {
				return malformed(err)
			}
		default:
			c.Skip()
		}
	}
	if c.Err != nil {
		return malformed(c.Err)
	}
	if p.Name == "" { // arguments in pieces (willContinue) come only when asked for
		return malformed(nil)
	}
	if p.ID == "" {
		p.ID = d.callID()
	}
	d.calls++
	d.choices[index].tools = true
	d.whole(index, p, args, signed)
	return nil
}

// compact takes the white space out of JSON.
func compact(b []byte) (string, error) {
	var buf bytes.Buffer
	if err := json.Compact(&buf, b); err != nil {
		return "", err
	}
	return buf.String(), nil
}

// callID makes an id for a call that has none: the same for the same answer and
// place in it, and never the same in two answers.
func (d *decoder) callID() string {
	answer := d.id
	if answer == "" {
		if d.call.ID.IsZero() {
			return "call_" + rand.Text()[:24]
		}
		answer = d.call.ID.String() + "/" + strconv.Itoa(d.call.Attempt)
	}
	sum := sha256.Sum256([]byte(answer + "#" + strconv.Itoa(d.calls)))
	return "call_" + hex.EncodeToString(sum[:12])
}

// inline is an image or a sound in the answer.
func (d *decoder) inline(index int, b []byte, signed *llmhub.Part) error {
	m := &llmhub.Media{}
	c := scan.New(b)
	for c.Enter('{'); c.Member(); {
		switch string(c.Key) {
		case "mimeType":
			m.MIME = c.Text()
		case "data":
			m.Data = c.Text()
		default:
			c.Skip()
		}
	}
	if c.Err != nil {
		return malformed(c.Err)
	}
	p := &llmhub.Part{Kind: llmhub.PartDocument, Media: m}
	switch {
	case len(m.MIME) > 6 && m.MIME[:6] == "image/":
		p.Kind = llmhub.PartImage
	case len(m.MIME) > 6 && m.MIME[:6] == "audio/":
		p.Kind = llmhub.PartAudio
	}
	d.whole(index, p, "", signed)
	return nil
}

func (d *decoder) open(index int, p *llmhub.Part) {
	d.start()
	p.Choice = index
	ch := &d.choices[index]
	ch.kind, ch.index = p.Kind, d.next
	d.next++
	d.add(llmhub.Event{Kind: llmhub.EventOpen, Index: ch.index, Part: p})
}

func (d *decoder) close(index int, signed *llmhub.Part) {
	ch := &d.choices[index]
	if ch.kind == "" {
		return
	}
	ch.kind = ""
	d.add(llmhub.Event{Kind: llmhub.EventClose, Index: ch.index, Part: signed})
}

// start says who answers, before the first part.
func (d *decoder) start() {
	if d.started {
		return
	}
	d.started = true
	ev := llmhub.Event{Kind: llmhub.EventStart, Start: &llmhub.Start{ID: d.id, Model: d.model}}
	if d.metered {
		u := d.usage
		ev.Usage, d.reported = &u, u
	}
	d.add(ev)
}

// note tells the usage so far.
func (d *decoder) note() {
	u := d.usage
	d.reported = u
	d.add(llmhub.Event{Kind: llmhub.EventNote, Usage: &u})
}

func (d *decoder) add(ev llmhub.Event) {
	if !d.gone {
		d.gone = !d.out.Add(ev)
	}
}

// complete reports whether every choice has said why it stopped, or the prompt
// was blocked.
func (d *decoder) complete() bool {
	if len(d.choices) == 0 {
		return d.blocked
	}
	for i := range d.choices {
		if d.choices[i].stop == "" {
			return false
		}
	}
	return true
}

// finish ends the answer after its last byte.
func (d *decoder) finish() {
	if !d.complete() {
		d.out.Fail(broken(io.EOF))
		return
	}
	d.start()
	for i := range d.choices { // what came behind a finish reason is still open
		d.close(i, nil)
	}
	end := &llmhub.End{Stop: llmhub.StopFilter}
	for i := range d.choices {
		stop := d.choices[i].stop
		if stop == llmhub.StopEnd && d.choices[i].tools {
			stop = llmhub.StopTools // STOP is said for function calls too
		}
		if i == 0 {
			end.Stop = stop
		} else {
			end.Stops = append(end.Stops, stop)
		}
	}
	ev := llmhub.Event{Kind: llmhub.EventEnd, End: end}
	if d.metered {
		u := d.usage
		ev.Usage = &u
	}
	d.add(ev)
	d.flush()
}

func stopReason(finish string) llmhub.StopReason {
	if s, ok := stopReasons[finish]; ok {
		return s
	}
	return llmhub.StopOther
}

var stopReasons = map[string]llmhub.StopReason{
	"STOP":                     llmhub.StopEnd,
	"MAX_TOKENS":               llmhub.StopLength,
	"SAFETY":                   llmhub.StopFilter,
	"RECITATION":               llmhub.StopFilter,
	"BLOCKLIST":                llmhub.StopFilter,
	"PROHIBITED_CONTENT":       llmhub.StopFilter,
	"SPII":                     llmhub.StopFilter,
	"MODEL_ARMOR":              llmhub.StopFilter,
	"IMAGE_SAFETY":             llmhub.StopFilter,
	"IMAGE_PROHIBITED_CONTENT": llmhub.StopFilter,
	"IMAGE_RECITATION":         llmhub.StopFilter,
}

// spoiled are the reasons to stop that leave no answer to use.
var spoiled = map[string]bool{
	"MALFORMED_FUNCTION_CALL":   true,
	"MALFORMED_RESPONSE":        true,
	"UNEXPECTED_TOOL_CALL":      true,
	"TOO_MANY_TOOL_CALLS":       true,
	"MISSING_THOUGHT_SIGNATURE": true,
}

// keep reads a text into s, without allocating when it says the same again.
func keep(s *string, c *scan.Cursor) {
	raw := c.Raw()
	if len(raw) >= 2 && string(raw[1:len(raw)-1]) == *s {
		return
	}
	if t, ok := scan.Unquote(raw); ok {
		*s = t
	}
}
