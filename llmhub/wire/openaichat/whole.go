package openaichat

import (
	"bytes"
	"io"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/llmhub/wire/scan"
)

// whole decodes an answer that came as one body.
func (d *decoder) whole(f *wire.Frames) {
	b, err := f.Rest()
	if err != nil && err != io.EOF {
		d.broken(err)
		return
	}
	b = bytes.TrimSpace(b)
	var ch chunk
	switch ok := ch.read(b); {
	case len(b) > 0 && b[0] == '[', ch.fault != nil:
		d.batch.Fail(d.failure(b))
		return
	case !ok:
		d.fail(llmhub.Broken, "the answer is not whole", nil)
		return
	case ch.empty:
		d.fail(llmhub.Malformed, "the answer has no choices", nil)
		return
	case ch.starved():
		d.fail(llmhub.Overloaded, "the provider ran out of resources", nil)
		return
	}
	if d.call.Accept == Name && !d.call.Stream {
		d.silent(b, &ch)
		return
	}
	d.play(&ch)
}

// play hands a whole answer on as events.
func (d *decoder) play(ch *chunk) {
	on := d.chunk(ch, nil)
	switch {
	case d.err != nil:
		d.batch.Fail(d.err)
	case d.bad > 0:
		d.fail(llmhub.Malformed, "the answer is not valid JSON", nil)
	case on:
		d.end(nil)
	}
}

// silent hands a whole answer on as its own bytes: one event that ends it. It is
// decoded all the same, for what the end says and to see that it is whole.
func (d *decoder) silent(raw []byte, ch *chunk) {
	out := d.batch
	var end llmhub.Event
	var failed error
	start := &llmhub.Start{ID: ch.text(ch.id), Model: ch.text(ch.model)}
	d.batch = wire.NewBatch(func(ev llmhub.Event, err error) bool {
		end, failed = ev, err
		return true
	})
	d.play(ch)
	d.batch = out
	if failed != nil {
		d.batch.Fail(failed)
		return
	}
	end.Start, end.Raw, end.More = start, raw, false
	if d.batch.Add(end) {
		d.batch.Flush()
	}
}

// starved reports whether a provider without resources made the answer.
func (ch *chunk) starved() bool {
	c := scan.New(ch.choices)
	for c.Enter('['); c.Elem(); {
		var m delta
		if m.read(&c); string(m.finish) == `"insufficient_system_resource"` {
			return true
		}
	}
	return false
}
