package llmhub

import "iter"

// Stream is an answer, produced while it is ranged over: until then nothing is
// sent, so one dropped unread costs nothing. Range over it once; leaving the
// loop or cancelling the context closes the upstream. An error is the last pair;
// if it is also the first, nothing was produced.
type Stream iter.Seq2[Event, error]

// Fail is a Stream of nothing but err.
func Fail(err error) Stream {
	return func(yield func(Event, error) bool) { yield(Event{}, err) }
}

// Collect reads the whole stream into a Response. With an error it returns what
// had come before.
func (s Stream) Collect() (*Response, error) {
	r := &Response{}
	for ev, err := range s {
		if err != nil {
			return r, err
		}
		r.Add(ev)
	}
	return r, nil
}

// Response is a whole answer.
type Response struct {
	ID    string // the provider's
	Model string // the provider's
	Parts []Part // those of several choices one after another; Part.Choice tells
	End
	Usage Usage
	From  *Call // the attempt that answered
}

// Text is the answer's text: the text parts of the first choice together.
func (r *Response) Text() string {
	var s string
	for _, p := range r.Parts {
		if p.Kind == PartText && p.Choice == 0 {
			s += p.Text
		}
	}
	return s
}

// Add takes one event more.
func (r *Response) Add(ev Event) {
	if ev.Usage != nil {
		r.Usage = *ev.Usage
	}
	if ev.From != nil {
		r.From = ev.From
	}
	switch ev.Kind {
	case EventStart:
		if ev.Start != nil {
			r.ID, r.Model = ev.Start.ID, ev.Start.Model
		}
	case EventOpen:
		for len(r.Parts) <= ev.Index {
			r.Parts = append(r.Parts, Part{})
		}
		if ev.Part != nil {
			r.Parts[ev.Index] = *ev.Part
		}
	case EventDelta:
		if ev.Index < len(r.Parts) {
			r.Parts[ev.Index].extend(ev)
		}
	case EventClose:
		if ev.Part != nil && ev.Index < len(r.Parts) {
			r.Parts[ev.Index].Signature, r.Parts[ev.Index].SignedBy = ev.Part.Signature, ev.Part.SignedBy
		}
	case EventEnd:
		if ev.End != nil {
			r.End = *ev.End
		}
	}
}

func (p *Part) extend(ev Event) {
	if p.Kind == PartToolCall {
		p.Args += ev.Delta
		return
	}
	p.Text += ev.Delta
}

// Events plays a whole answer back.
func (r *Response) Events() Stream {
	return func(yield func(Event, error) bool) {
		if !yield(Event{Kind: EventStart, More: true, Start: &Start{ID: r.ID, Model: r.Model}}, nil) {
			return
		}
		for i, p := range r.Parts {
			open := p
			open.Text, open.Args, open.Signature, open.SignedBy = "", "", "", ""
			if p.Redacted {
				open.Signature, open.SignedBy = p.Signature, p.SignedBy
			}
			if !yield(Event{Kind: EventOpen, More: true, Index: i, Part: &open}, nil) {
				return
			}
			delta := p.Text
			if p.Kind == PartToolCall {
				delta = p.Args
			}
			if delta != "" && !yield(Event{Kind: EventDelta, More: true, Index: i, Delta: delta}, nil) {
				return
			}
			var signed *Part
			if p.Signature != "" {
				signed = &Part{Signature: p.Signature, SignedBy: p.SignedBy}
			}
			if !yield(Event{Kind: EventClose, More: true, Index: i, Part: signed}, nil) {
				return
			}
		}
		end, usage := r.End, r.Usage
		yield(Event{Kind: EventEnd, End: &end, Usage: &usage}, nil)
	}
}
