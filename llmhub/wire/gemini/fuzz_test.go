package gemini_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire/gemini"
	"github.com/llmhubd/llmhub/llmhub/wire/wiretest"
)

// seeds adds recorded answers, and some that are always at hand.
func seeds(f *testing.F, stream bool) {
	for _, s := range []string{
		stream3, `{"promptFeedback":{"blockReason":"SAFETY"}}`, `[{"candidates":[]},{}]`, `[,]`,
		`{"error":{"code":429,"details":[{"violations":[{"quotaId":"PerDay"}]}]}}`, `{"candidates":[{"finishReason":"STOP"}]}`,
	} {
		f.Add([]byte(s), uint64(1))
	}
	dir := os.Getenv("LLMHUB_CORPUS")
	if dir == "" {
		return
	}
	all, err := wiretest.Load(dir)
	if err != nil {
		f.Fatal(err)
	}
	for _, x := range all {
		if generate(x) && x.Stream == stream && len(x.Response) < 20000 {
			f.Add(x.Response, uint64(len(x.Response)))
		}
	}
}

const stream3 = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\\u00e9\"}]}}],\"usageMetadata\":{\"promptTokenCount\":3}}\r\n\r\n" +
	"data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\",\"args\":{\"a\":[1]}},\"thoughtSignature\":\"s\"}]},\"finishReason\":\"STOP\"}]}\r\n\r\n"

// afterword goes on behind its finish reason, and does not give another.
const afterword = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"finishReason\":\"STOP\"}]}\r\n\r\n" +
	"data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"b\"}]}}]}\r\n\r\n"

func TestPartsBehindAFinishReasonAreClosed(t *testing.T) {
	if r := run(t, []byte(afterword), 1); r.Text() != "ab" || r.Stop != llmhub.StopEnd {
		t.Errorf("read %q, stop %s", r.Text(), r.Stop)
	}
}

// run reads an answer and holds what every stream must: one start, parts opened
// before they grow and closed once, one end and nothing behind it.
func run(t *testing.T, body []byte, seed uint64) *llmhub.Response {
	r := &llmhub.Response{}
	open := map[int]bool{}
	started, ended, events := false, false, 0
	for ev, err := range (&gemini.Client{}).Events(&llmhub.Call{}, wiretest.Cut(body, seed), -1) {
		if ended {
			t.Fatalf("%q: something came after the end", body)
		}
		if err != nil {
			ended = true
			continue
		}
		events++
		if (ev.Kind == llmhub.EventStart) != (events == 1) {
			t.Fatalf("%q: event %d is of kind %d", body, events, ev.Kind)
		}
		switch ev.Kind {
		case llmhub.EventStart:
			started = true
		case llmhub.EventOpen:
			if open[ev.Index] {
				t.Fatalf("%q: part %d opened twice", body, ev.Index)
			}
			open[ev.Index] = true
		case llmhub.EventDelta, llmhub.EventClose:
			if !open[ev.Index] {
				t.Fatalf("%q: part %d is not open", body, ev.Index)
			}
			open[ev.Index] = ev.Kind == llmhub.EventDelta
		case llmhub.EventEnd:
			ended = true
			for i, o := range open {
				if o {
					t.Fatalf("%q: part %d is open at the end", body, i)
				}
			}
		}
		r.Add(ev)
	}
	if started && !ended || !ended {
		t.Fatalf("%q: the stream has neither end nor error", body)
	}
	return r
}

// FuzzStream holds that where a stream is cut makes no difference, and that its
// events are in order.
func FuzzStream(f *testing.F) {
	seeds(f, true)
	f.Fuzz(func(t *testing.T, body []byte, seed uint64) {
		a, b := run(t, body, seed), run(t, body, seed+1)
		if a.Text() != b.Text() || a.Stop != b.Stop || len(a.Parts) != len(b.Parts) || a.Usage != b.Usage {
			t.Fatalf("%q cut in two ways gave %+v and %+v", body, a, b)
		}
	})
}

// FuzzAnswer holds the same of whole bodies, and that an error is classified
// whatever it says.
func FuzzAnswer(f *testing.F) {
	seeds(f, false)
	f.Fuzz(func(t *testing.T, body []byte, seed uint64) {
		run(t, body, seed)
		keep := bytes.Clone(body)
		e := (&gemini.Client{}).Error(&llmhub.Call{}, 400+int(seed%200), nil, body)
		if e.Kind == "" || !bytes.Equal(keep, body) {
			t.Fatalf("Error(%q) = %+v, body afterwards %q", keep, e, body)
		}
		if e.RetryAfter < 0 {
			t.Fatalf("Error(%q) waits for %v", keep, e.RetryAfter)
		}
	})
}

func BenchmarkChunk(b *testing.B) {
	chunk := []byte("data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \", tell it to find patterns, and then it pretends to be smart\"}],\"role\": \"model\"},\"index\": 0}],\"usageMetadata\": {\"promptTokenCount\": 21,\"totalTokenCount\": 21,\"promptTokensDetails\": [{\"modality\": \"TEXT\",\"tokenCount\": 21}]},\"modelVersion\": \"gemini-2.0-flash\",\"responseId\": \"za9caLp-rJ_Psg-Ou6T4BA\"}\r\n\r\n")
	body := bytes.Repeat(chunk, 1000)
	b.ReportAllocs()
	for b.Loop() {
		for range (&gemini.Client{}).Events(&llmhub.Call{}, bytes.NewReader(body), -1) {
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/chunk")
}
