package llmhub_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/hubtest"
)

// bench is a hub whose providers are functions and whose keys are a list.
type bench struct {
	t        *testing.T
	config   llmhub.Config
	keys     []llmhub.KeyID // offered in order, those tried left out
	settled  []llmhub.Outcome
	begun    []llmhub.KeyID // told of by Answers while nothing was settled
	reserved []llmhub.Reservation
	calls    []string // provider/key
	report   *llmhub.Report
}

type answers map[string]func(ctx context.Context, call *llmhub.Call) llmhub.Stream

func newBench(t *testing.T, a answers, route ...string) *bench {
	b := &bench{t: t, keys: []llmhub.KeyID{"k1", "k2", "k3"}}
	b.config = llmhub.Config{Adapters: map[string]llmhub.Adapter{}, Quota: b, Jitter: func() float64 { return 0 }}
	for name, f := range a {
		b.config.Adapters[name] = hubtest.Adapter(func(ctx context.Context, call *llmhub.Call) llmhub.Stream {
			return func(yield func(llmhub.Event, error) bool) {
				b.calls = append(b.calls, name+"/"+string(call.Key.ID))
				for ev, err := range f(ctx, call) {
					if !yield(ev, err) || err != nil {
						return
					}
				}
			}
		})
	}
	b.config.Router = llmhub.RouterFunc(func(_ context.Context, req *llmhub.Request) ([]llmhub.Target, error) {
		var targets []llmhub.Target
		for i, p := range route {
			targets = append(targets, llmhub.Target{Provider: p, Model: fmt.Sprint("m", i), Window: 1000 * (i + 1)})
		}
		return targets, nil
	})
	b.config.Trace.Done = func(r *llmhub.Report) {
		if b.report != nil {
			t.Error("Done was called twice")
		}
		b.report = r
	}
	return b
}

func (b *bench) Reserve(_ context.Context, r llmhub.Reservation) (llmhub.Lease, error) {
	b.reserved = append(b.reserved, r)
	for _, k := range b.keys {
		if !slices.Contains(r.Tried, k) {
			return llmhub.Lease{Reservation: r, Key: k}, nil
		}
	}
	return llmhub.Lease{}, &llmhub.Error{Kind: llmhub.RateLimited, RetryAfter: time.Minute}
}

func (b *bench) Settle(ctx context.Context, _ llmhub.Lease, o llmhub.Outcome) error {
	if ctx.Err() != nil {
		b.t.Error("Settle was called with a context that has ended")
	}
	b.settled = append(b.settled, o)
	return nil
}

func (b *bench) Answers(l llmhub.Lease) {
	if len(b.settled) == 0 {
		b.begun = append(b.begun, l.Key)
	}
}

func (b *bench) ask(ctx context.Context) (*llmhub.Response, error) {
	hub, err := llmhub.New(b.config)
	if err != nil {
		b.t.Fatal(err)
	}
	return hub.Stream(ctx, &llmhub.Request{Model: "smart", Stream: true, Body: llmhub.Text("hi")}).Collect()
}

func say(text string) func(context.Context, *llmhub.Call) llmhub.Stream {
	return func(context.Context, *llmhub.Call) llmhub.Stream { return hubtest.Say(text).Events() }
}

func refuse(err llmhub.Error) func(context.Context, *llmhub.Call) llmhub.Stream {
	return func(context.Context, *llmhub.Call) llmhub.Stream { return llmhub.Fail(&err) }
}

func TestFallback(t *testing.T) {
	for _, tt := range []struct {
		name  string
		first llmhub.Error
		calls string
		err   llmhub.Kind
	}{
		{"429 goes through the keys, then to the next provider", llmhub.Error{Kind: llmhub.RateLimited, Status: 429}, "a/k1 a/k2 a/k3 b/k1", ""},
		{"401 goes through the keys, then to the next provider", llmhub.Error{Kind: llmhub.BadCredential, Status: 401}, "a/k1 a/k2 a/k3 b/k1", ""},
		{"402 goes through the keys, then to the next provider", llmhub.Error{Kind: llmhub.Unfunded, Status: 402}, "a/k1 a/k2 a/k3 b/k1", ""},
		{"404 goes through the keys, then to the next provider", llmhub.Error{Kind: llmhub.ModelNotFound, Status: 404}, "a/k1 a/k2 a/k3 b/k1", ""},
		{"500 is tried once more, then the next provider", llmhub.Error{Kind: llmhub.UpstreamFailed, Status: 500, Sent: true}, "a/k1 a/k1 b/k1", ""},
		{"503 is tried once more, whatever it says", llmhub.Error{Kind: llmhub.Overloaded, Status: 503, Sent: true}, "a/k1 a/k1 b/k1", ""},
		{"504 is tried once more", llmhub.Error{Kind: llmhub.Timeout, Status: 504, Sent: true}, "a/k1 a/k1 b/k1", ""},
		{"529 goes to the next provider at once", llmhub.Error{Kind: llmhub.UpstreamFailed, Status: 529, Sent: true}, "a/k1 b/k1", ""},
		{"an overload goes to the next provider at once", llmhub.Error{Kind: llmhub.Overloaded, Status: 429}, "a/k1 b/k1", ""},
		{"a time-out goes to the next provider at once", llmhub.Error{Kind: llmhub.Timeout, Sent: true}, "a/k1 b/k1", ""},
		{"a dial failure goes to the next provider at once", llmhub.Error{Kind: llmhub.Unreachable}, "a/k1 b/k1", ""},
		{"a break before content takes another key, then the next provider", llmhub.Error{Kind: llmhub.Broken, Sent: true}, "a/k1 a/k2 b/k1", ""},
		{"what the target cannot say goes to the next one", llmhub.Error{Kind: llmhub.Unsupported, Param: "n"}, "a/k1 b/k1", ""},
		{"a prompt too long goes to a larger window", llmhub.Error{Kind: llmhub.ContextLength, Status: 400}, "a/k1 b/k1", ""},
		{"the caller's mistake is asked once", llmhub.Error{Kind: llmhub.InvalidRequest, Status: 400}, "a/k1", llmhub.InvalidRequest},
		{"a policy refusal is asked once", llmhub.Error{Kind: llmhub.ContentPolicy, Status: 400}, "a/k1", llmhub.ContentPolicy},
		{"422 is asked once", llmhub.Error{Kind: llmhub.Unprocessable, Status: 422}, "a/k1", llmhub.Unprocessable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, answers{"a": refuse(tt.first), "b": say("hello")}, "a", "b")
				resp, err := b.ask(t.Context())
				if got := strings.Join(b.calls, " "); got != tt.calls {
					t.Errorf("calls %q, want %q", got, tt.calls)
				}
				if tt.err == "" && (err != nil || resp.Text() != "hello" || resp.From.Target.Provider != "b") {
					t.Errorf("answer %q from %v, error %v", resp.Text(), resp.From, err)
				}
				if tt.err != "" && !errors.Is(err, tt.err) {
					t.Errorf("error %v, want %v", err, tt.err)
				}
				if len(b.settled) != len(b.calls) {
					t.Errorf("%d leases settled after %d calls", len(b.settled), len(b.calls))
				}
				charged := int64(0)
				if tt.first.Sent {
					charged = 1
				}
				if !b.settled[0].Loss {
					t.Error("a failed attempt is the operator's loss")
				}
				if n := len(b.report.Attempts); b.report.Attempts[max(0, n-1)].N != n {
					t.Errorf("the last of %d attempts has number %d", n, b.report.Attempts[n-1].N)
				}
				for i, r := range b.reserved {
					if r.Admitted != (i > 0) {
						t.Errorf("reservation %d: Admitted is %v", i, r.Admitted)
					}
				}
				if got := b.settled[0].Used.Requests; got != charged {
					t.Errorf("the first attempt charged %d, want %d", got, charged)
				}
			})
		})
	}
}

func TestConclusion(t *testing.T) {
	limited := llmhub.Error{Kind: llmhub.RateLimited, Status: 429, RetryAfter: 30 * time.Second}
	for _, tt := range []struct {
		name string
		a, b llmhub.Error
		want llmhub.Kind
	}{
		{"all rate limited is rate limited", limited, limited, llmhub.RateLimited},
		{"all bad keys are no provider, never the caller's credential", llmhub.Error{Kind: llmhub.BadCredential, Status: 401}, llmhub.Error{Kind: llmhub.Unfunded, Status: 402}, llmhub.NoProvider},
		{"time-outs alone are a time-out", llmhub.Error{Kind: llmhub.Timeout, Sent: true}, llmhub.Error{Kind: llmhub.Timeout, Sent: true}, llmhub.Timeout},
		{"a mixture has failed", llmhub.Error{Kind: llmhub.Timeout, Sent: true}, llmhub.Error{Kind: llmhub.Overloaded, Status: 529}, llmhub.AllFailed},
		{"unsupported by all is unsupported", llmhub.Error{Kind: llmhub.Unsupported, Param: "n"}, llmhub.Error{Kind: llmhub.Unsupported, Param: "n"}, llmhub.Unsupported},
		{"unsupported by one has no say", llmhub.Error{Kind: llmhub.Unsupported, Param: "n"}, limited, llmhub.RateLimited},
		{"not found anywhere is not found", llmhub.Error{Kind: llmhub.ModelNotFound, Status: 404}, llmhub.Error{Kind: llmhub.ModelNotFound, Status: 404}, llmhub.ModelNotFound},
		{"a prompt too long for one is the caller's", llmhub.Error{Kind: llmhub.ContextLength, Status: 400}, limited, llmhub.ContextLength},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, answers{"a": refuse(tt.a), "b": refuse(tt.b)}, "a", "b")
			b.keys = b.keys[:1]
			_, err := b.ask(t.Context())
			if !errors.Is(err, tt.want) {
				t.Errorf("%v then %v concluded %v, want %v", tt.a.Kind, tt.b.Kind, err, tt.want)
			}
			if e := llmhub.AsError(err); tt.want == llmhub.RateLimited && e.RetryAfter != 30*time.Second {
				t.Errorf("RetryAfter %v, want the earliest, 30s", e.RetryAfter)
			}
			if b.report == nil || b.report.Err == nil {
				t.Error("the failure was not reported")
			}
		})
	}
}

func TestWhatAProviderSaysOfItsKeyIsNotTold(t *testing.T) {
	for _, kind := range []llmhub.Kind{llmhub.BadCredential, llmhub.Unfunded, llmhub.PermissionDenied} {
		b := newBench(t, answers{"a": refuse(llmhub.Error{Kind: kind, Status: 400, Code: "c", Dialect: "d", Raw: []byte("Your credit balance is too low")})}, "a")
		_, err := b.ask(t.Context())
		if e := llmhub.AsError(err); e.Kind != llmhub.NoProvider || e.Raw != nil || e.Code != "" {
			t.Errorf("400 %s concluded %s with %q %q, want no_provider and none of the provider's words", kind, e.Kind, e.Code, e.Raw)
		}
	}
}

func TestFallbacksAreBounded(t *testing.T) {
	b := newBench(t, answers{"a": say("hello")}, "a")
	hub, _ := llmhub.New(b.config)
	req := &llmhub.Request{Model: "smart", Body: llmhub.Text("hi"), Fallbacks: make([]string, 33)}
	if _, err := hub.Complete(t.Context(), req); !errors.Is(err, llmhub.InvalidRequest) || llmhub.AsError(err).Param != "fallbacks" {
		t.Errorf("33 fallbacks gave %v, want invalid_request for fallbacks", err)
	}
	b.report = nil
	req.Fallbacks = req.Fallbacks[:32]
	if _, err := hub.Complete(t.Context(), req); err != nil {
		t.Errorf("32 fallbacks gave %v, want an answer", err)
	}
}

func TestNothingIsRetriedAfterContent(t *testing.T) {
	broken := &llmhub.Error{Kind: llmhub.Broken, Sent: true}
	b := newBench(t, answers{"a": func(context.Context, *llmhub.Call) llmhub.Stream {
		return hubtest.CutAfter(hubtest.Say("hello").Events(), 3, broken)
	}, "b": say("other")}, "a", "b")
	resp, err := b.ask(t.Context())
	if !errors.Is(err, llmhub.Broken) || resp.Text() != "hello" || len(b.calls) != 1 {
		t.Errorf("got %q, %v after %v; want the error behind what had gone out", resp.Text(), err, b.calls)
	}
	if o := b.settled[0]; o.Used.Requests != 1 || !o.Usage.Estimated || o.Usage.Output != 2 {
		t.Errorf("settled %+v, want one request and 2 estimated tokens", o)
	}
}

func TestALostAnswerCountsWhatWasMade(t *testing.T) {
	early := func(*llmhub.Call) llmhub.Stream { // as Anthropic does: the prompt is told at once, with the first token
		return func(yield func(llmhub.Event, error) bool) {
			_ = yield(llmhub.Event{Kind: llmhub.EventStart, Usage: &llmhub.Usage{Input: 70, CacheRead: 5, Output: 1}}, nil) &&
				yield(llmhub.Event{Kind: llmhub.EventOpen, Part: &llmhub.Part{Kind: llmhub.PartText}}, nil) &&
				yield(llmhub.Event{Kind: llmhub.EventDelta, Delta: strings.Repeat("x", 3000)}, nil) &&
				yield(llmhub.Event{}, &llmhub.Error{Kind: llmhub.Broken, Sent: true})
		}
	}
	b := newBench(t, answers{"a": func(_ context.Context, call *llmhub.Call) llmhub.Stream { return early(call) }}, "a")
	b.ask(t.Context())
	want := llmhub.Usage{Input: 70, CacheRead: 5, Output: 1001, Estimated: true}
	if got := b.settled[0]; got.Usage != want || got.Used.Tokens != 1076 {
		t.Errorf("a stream that broke after 3,000 bytes used %+v, charged %d tokens; want %+v, 1076", got.Usage, got.Used.Tokens, want)
	}
}

func TestADeadlineOfTheCallersPaysAsAHangUp(t *testing.T) {
	for name, end := range map[string]func(context.Context) (context.Context, context.CancelFunc){
		"hang-up": context.WithCancel,
		"deadline": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Second)
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := end(t.Context())
			defer cancel()
			time.AfterFunc(time.Second, cancel)
			b := newBench(t, answers{"a": func(ctx context.Context, _ *llmhub.Call) llmhub.Stream {
				<-ctx.Done()
				return llmhub.Fail(&llmhub.Error{Kind: llmhub.Broken, Sent: true})
			}}, "a")
			b.ask(ctx)
			if o := b.settled[0]; o.Usage.Input == 0 || !o.Usage.Estimated || o.Loss {
				t.Errorf("after a %s the caller pays %+v (loss %v), want the prompt, estimated", name, o.Usage, o.Loss)
			}
		})
	}
}

func TestTheStoreHearsThatAnAnswerBegins(t *testing.T) {
	b := newBench(t, answers{"a": say("hello")}, "a")
	if _, err := b.ask(t.Context()); err != nil || len(b.begun) != 1 || b.begun[0] != "k1" {
		t.Errorf("the store heard of %v before the end, error %v; want k1", b.begun, err)
	}
	b = newBench(t, answers{"a": refuse(llmhub.Error{Kind: llmhub.Overloaded, Status: 529})}, "a")
	if b.ask(t.Context()); len(b.begun) != 0 {
		t.Errorf("the store heard of %v, of an attempt that failed", b.begun)
	}
}

func TestALeaseOutlivesAnAnswerWithoutATimeOut(t *testing.T) {
	for _, timeouts := range []llmhub.Timeouts{{Stream: -1}, {Stream: 48 * time.Hour}} {
		b := newBench(t, answers{"a": say("hello")}, "a")
		b.config.Timeouts = timeouts
		b.ask(t.Context())
		if got := b.reserved[0].TTL; got < max(timeouts.Stream, 24*time.Hour) {
			t.Errorf("with Stream %v the lease lives %v, want longer than the answer may take", timeouts.Stream, got)
		}
	}
}

func TestStartIsHeldUntilContent(t *testing.T) {
	b := newBench(t, answers{"a": func(context.Context, *llmhub.Call) llmhub.Stream {
		return hubtest.CutAfter(hubtest.Say("hello").Events(), 2, &llmhub.Error{Kind: llmhub.Overloaded, Sent: true})
	}, "b": say("other")}, "a", "b")
	resp, err := b.ask(t.Context())
	if err != nil || resp.Text() != "other" || len(resp.Parts) != 1 {
		t.Errorf("got %+v, %v; want the second provider's answer alone", resp, err)
	}
}

func TestHangUpChangesNoKey(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	b := newBench(t, answers{"a": func(ctx context.Context, _ *llmhub.Call) llmhub.Stream {
		cancel()
		<-ctx.Done()
		return llmhub.Fail(&llmhub.Error{Kind: llmhub.Broken, Sent: true, Err: ctx.Err(), Verdict: llmhub.Verdict{State: llmhub.KeyCooling}})
	}, "b": say("other")}, "a", "b")
	_, err := b.ask(ctx)
	if !errors.Is(err, llmhub.Canceled) || len(b.calls) != 1 {
		t.Errorf("got %v after %v, want canceled after one call", err, b.calls)
	}
	if o := b.settled[0]; o.Verdict.State != llmhub.KeyUntold || o.Used.Requests != 1 || o.Loss {
		t.Errorf("settled %+v, want no verdict and one request charged", o)
	}
}

func TestTheCauseOfAnEndIsTold(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	b := newBench(t, answers{"a": func(ctx context.Context, _ *llmhub.Call) llmhub.Stream {
		cancel(&llmhub.Error{Kind: llmhub.Draining})
		<-ctx.Done()
		return llmhub.Fail(ctx.Err())
	}, "b": say("other")}, "a", "b")
	if _, err := b.ask(ctx); !errors.Is(err, llmhub.Draining) || len(b.calls) != 1 {
		t.Errorf("got %v after %v, want draining after one call", err, b.calls)
	}
}

func TestLeavingTheLoopSettles(t *testing.T) {
	b := newBench(t, answers{"a": say("hello")}, "a")
	hub, _ := llmhub.New(b.config)
	for ev, err := range hub.Stream(t.Context(), &llmhub.Request{Model: "smart", Body: llmhub.Text("hi")}) {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Kind == llmhub.EventDelta {
			break
		}
	}
	if len(b.settled) != 1 || b.settled[0].Kind != llmhub.Canceled || b.report == nil {
		t.Errorf("settled %+v, report %v", b.settled, b.report)
	}
}

func TestWaitsForAKeyThatIsReadySoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		n := 0
		b := newBench(t, answers{"a": func(ctx context.Context, c *llmhub.Call) llmhub.Stream {
			if n++; n == 1 {
				return llmhub.Fail(&llmhub.Error{Kind: llmhub.RateLimited, Status: 429, RetryAfter: 2 * time.Second})
			}
			return hubtest.Say("hello").Events()
		}, "b": say("other")}, "a", "b")
		b.keys = b.keys[:1]
		soon := &soonReady{bench: b}
		b.config.Quota = soon
		resp, err := b.ask(t.Context())
		if err != nil || resp.Text() != "hello" || time.Since(began) != 2*time.Second {
			t.Errorf("got %q, %v after %v; want the first choice after 2s", resp.Text(), err, time.Since(began))
		}
	})
}

// soonReady says that a tried key is ready in two seconds.
type soonReady struct{ *bench }

func (s *soonReady) Reserve(ctx context.Context, r llmhub.Reservation) (llmhub.Lease, error) {
	l, err := s.bench.Reserve(ctx, r)
	if err != nil {
		err.(*llmhub.Error).RetryAfter = 2 * time.Second
	}
	return l, err
}

func TestTimeouts(t *testing.T) {
	silent := func(touch bool, first ...llmhub.Event) func(context.Context, *llmhub.Call) llmhub.Stream {
		return func(ctx context.Context, call *llmhub.Call) llmhub.Stream {
			return func(yield func(llmhub.Event, error) bool) {
				if touch {
					call.Touch()
				}
				for _, ev := range first {
					if !yield(ev, nil) {
						return
					}
				}
				<-ctx.Done()
				yield(llmhub.Event{}, &llmhub.Error{Kind: llmhub.Broken, Sent: true, Err: ctx.Err()})
			}
		}
	}
	content := []llmhub.Event{{Kind: llmhub.EventStart}, {Kind: llmhub.EventOpen, Part: &llmhub.Part{Kind: llmhub.PartText}}, {Kind: llmhub.EventDelta, Delta: "hel"}}
	for _, tt := range []struct {
		name   string
		first  func(context.Context, *llmhub.Call) llmhub.Stream
		after  time.Duration
		reason string
		final  bool
	}{
		{"no headers", silent(true), 30 * time.Second, "nothing came", false},
		{"headers, then nothing", silent(true, content[0]), 30 * time.Second, "nothing came", false},
		{"an adapter that does not say what comes has until the first content", silent(false), 120 * time.Second, "no content", false},
		{"a stall after content is final", silent(true, content...), 30 * time.Second, "nothing came", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, answers{"a": tt.first, "b": say("other")}, "a", "b")
				began := time.Now()
				resp, err := b.ask(t.Context())
				if got := time.Since(began); got != tt.after {
					t.Errorf("gave up after %v, want %v", got, tt.after)
				}
				if tt.final != errors.Is(err, llmhub.Timeout) || !tt.final && resp.Text() != "other" {
					t.Errorf("got %q, %v", resp.Text(), err)
				}
				if e := b.report.Attempts[0].Err; e.Kind != llmhub.Timeout || !strings.Contains(e.Message, tt.reason) {
					t.Errorf("the first attempt failed with %v, want a time-out: %s", e, tt.reason)
				}
			})
		})
	}
	t.Run("all attempts of a unary request share its time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			slow := func(d time.Duration) func(context.Context, *llmhub.Call) llmhub.Stream {
				return func(ctx context.Context, _ *llmhub.Call) llmhub.Stream {
					select {
					case <-time.After(d):
						return llmhub.Fail(&llmhub.Error{Kind: llmhub.Overloaded, Status: 529, Sent: true})
					case <-ctx.Done():
						return llmhub.Fail(&llmhub.Error{Kind: llmhub.Broken, Sent: true})
					}
				}
			}
			b := newBench(t, answers{"a": slow(400 * time.Second), "b": slow(time.Hour), "c": say("late")}, "a", "b", "c")
			hub, _ := llmhub.New(b.config)
			began := time.Now()
			_, err := hub.Complete(t.Context(), &llmhub.Request{Model: "smart", Body: llmhub.Text("hi")})
			if got := time.Since(began); err == nil || got != 600*time.Second || len(b.calls) != 2 {
				t.Errorf("ended with %v after %v and calls of %v; want an error after 600s, nobody asked then", err, got, b.calls)
			}
		})
	})
	t.Run("nothing is asked once more when the time is up", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, answers{"a": func(context.Context, *llmhub.Call) llmhub.Stream {
				time.Sleep(599900 * time.Millisecond) // and a pause of 250 ms
				return llmhub.Fail(&llmhub.Error{Kind: llmhub.UpstreamFailed, Status: 500, Sent: true})
			}, "b": say("late")}, "a", "b")
			hub, _ := llmhub.New(b.config)
			if _, err := hub.Complete(t.Context(), &llmhub.Request{Model: "smart", Body: llmhub.Text("hi")}); err == nil || len(b.calls) != 1 {
				t.Errorf("ended with %v after calls of %v, want an error after one", err, b.calls)
			}
		})
	})
	t.Run("a slow reader is not a silent provider", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, answers{"a": func(_ context.Context, call *llmhub.Call) llmhub.Stream {
				call.Touch()
				return hubtest.Say("hello").Events()
			}}, "a")
			hub, _ := llmhub.New(b.config)
			for ev, err := range hub.Stream(t.Context(), &llmhub.Request{Model: "smart", Stream: true, Body: llmhub.Text("hi")}) {
				if err != nil {
					t.Fatal(err)
				}
				if ev.Kind == llmhub.EventDelta {
					time.Sleep(5 * time.Minute)
				}
			}
		})
	})
	t.Run("the caller's own deadline is nobody's fault", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			b := newBench(t, answers{"a": silent(true), "b": say("other")}, "a", "b")
			if _, err := b.ask(ctx); !errors.Is(err, llmhub.DeadlineExceeded) || len(b.calls) != 1 {
				t.Errorf("got %v after %v", err, b.calls)
			}
		})
	})
}

func TestPanicOfAnAdapterFallsBack(t *testing.T) {
	b := newBench(t, answers{"a": func(context.Context, *llmhub.Call) llmhub.Stream { panic("oops") }, "b": say("other")}, "a", "b")
	if resp, err := b.ask(t.Context()); err != nil || resp.Text() != "other" {
		t.Errorf("got %q, %v", resp.Text(), err)
	}
}

func TestPanicOfTheConsumerSettlesAndGoesOn(t *testing.T) {
	b := newBench(t, answers{"a": say("hello")}, "a")
	hub, _ := llmhub.New(b.config)
	defer func() {
		if p := recover(); p != "mine" || len(b.settled) != 1 {
			t.Errorf("recovered %v with %d settled, want the consumer's own panic and 1", p, len(b.settled))
		}
	}()
	for range hub.Stream(t.Context(), &llmhub.Request{Model: "smart", Body: llmhub.Text("hi")}) {
		panic("mine")
	}
}

func TestEndIsReportedBeforeItIsHandedOver(t *testing.T) {
	b := newBench(t, answers{"a": say("hello")}, "a")
	hub, _ := llmhub.New(b.config)
	for ev := range hub.Stream(t.Context(), &llmhub.Request{Model: "smart", Body: llmhub.Text("hi")}) {
		if done := b.report != nil && len(b.settled) == 1; done != (ev.Kind == llmhub.EventEnd) {
			t.Errorf("at event %d settled and reported = %v", ev.Kind, done)
		}
	}
}

func TestUsageThatNobodyToldIsEstimated(t *testing.T) {
	b := newBench(t, answers{"a": func(context.Context, *llmhub.Call) llmhub.Stream {
		return func(yield func(llmhub.Event, error) bool) {
			_ = yield(llmhub.Event{Kind: llmhub.EventDelta, Delta: "123456"}, nil) && yield(llmhub.Event{Kind: llmhub.EventEnd, End: &llmhub.End{Stop: llmhub.StopEnd}}, nil)
		}
	}}, "a")
	resp, err := b.ask(t.Context())
	if err != nil || resp.Usage.Output != 2 || resp.Usage.Input == 0 || !resp.Usage.Estimated || b.settled[0].Usage != resp.Usage {
		t.Errorf("the caller is told %+v, %v; settled %+v", resp.Usage, err, b.settled[0].Usage)
	}
}

func TestStreamWithoutEndIsBroken(t *testing.T) {
	b := newBench(t, answers{"a": func(context.Context, *llmhub.Call) llmhub.Stream {
		return func(yield func(llmhub.Event, error) bool) {
			yield(llmhub.Event{Kind: llmhub.EventDelta, Delta: "x"}, nil)
		}
	}}, "a")
	if _, err := b.ask(t.Context()); !errors.Is(err, llmhub.Broken) {
		t.Errorf("got %v, want a broken stream", err)
	}
}

func TestAttemptsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := refuse(llmhub.Error{Kind: llmhub.UpstreamFailed, Status: 500, Sent: true})
		b := newBench(t, answers{"a": down, "b": down, "c": down, "d": down}, "a", "b", "c", "d")
		_, err := b.ask(t.Context())
		if !errors.Is(err, llmhub.UpstreamFailed) || len(b.calls) != 4 {
			t.Errorf("got %v after %v, want 4 calls", err, b.calls)
		}
		if len(b.report.Skipped) == 0 {
			t.Error("the targets left out are not in the report")
		}
	})
	t.Run("cheap refusals too", func(t *testing.T) {
		b := newBench(t, answers{"a": refuse(llmhub.Error{Kind: llmhub.RateLimited, Status: 429})}, "a")
		for i := range 20 {
			b.keys = append(b.keys, llmhub.KeyID(fmt.Sprint("x", i)))
		}
		b.ask(t.Context())
		if len(b.calls) != 8 {
			t.Errorf("%d calls, want 8", len(b.calls))
		}
	})
}

func TestRestrictedKeysNeedPermission(t *testing.T) {
	b := newBench(t, answers{"a": say("hello")}, "a")
	hub, _ := llmhub.New(b.config)
	req := &llmhub.Request{Model: "smart", Body: llmhub.Text("hi"), Restricted: []string{"store"}}
	if _, err := hub.Complete(t.Context(), req); !errors.Is(err, llmhub.Unsupported) || len(b.calls) > 0 {
		t.Errorf("got %v after %v", err, b.calls)
	}
	b.report = nil
	req.Caller.May = []string{"store"}
	if _, err := hub.Complete(t.Context(), req); err != nil {
		t.Error(err)
	}
}

func TestMiddleware(t *testing.T) {
	var accept string
	b := newBench(t, answers{"a": func(_ context.Context, call *llmhub.Call) llmhub.Stream {
		accept = call.Accept
		p, _ := call.Body.Decode()
		return hubtest.Say(p.Messages[0].Parts[0].Text).Events()
	}}, "a")
	upper := func(next llmhub.StreamFunc) llmhub.StreamFunc {
		return func(ctx context.Context, call *llmhub.Call) llmhub.Stream {
			p, err := call.Edit()
			if err != nil {
				return llmhub.Fail(err)
			}
			p.Messages[0].Parts[0].Text = "changed"
			return next(ctx, call)
		}
	}
	b.config.Middleware = []llmhub.Middleware{{Wrap: upper}}
	hub, _ := llmhub.New(b.config)
	body := llmhub.Text("hi")
	resp, err := hub.Complete(t.Context(), &llmhub.Request{Model: "smart", Body: body, Accept: "openaichat"})
	if err != nil || resp.Text() != "changed" || accept != "" {
		t.Errorf("got %q, %v, accept %q; want the changed text and no raw frames", resp.Text(), err, accept)
	}
	if body.Messages[0].Parts[0].Text != "hi" {
		t.Error("Edit changed the caller's own prompt")
	}
}

func TestSecretNeverPrints(t *testing.T) {
	s := llmhub.NewSecret("sk-canary-0123456789abcdef")
	key := llmhub.Key{ID: "k", Secret: s}
	for _, got := range []string{fmt.Sprint(s), fmt.Sprintf("%+v %#v %q %x %s", key, key, s, s, &s), fmt.Sprintf("%v", &llmhub.Call{Key: key})} {
		if strings.Contains(got, "canary") || strings.Contains(got, "63616e617279") {
			t.Errorf("printed %s", got)
		}
	}
	if s.Masked() != "sk-****cdef" || s.Expose() == "" {
		t.Errorf("masked %q", s.Masked())
	}
}

func Example() {
	hub, err := llmhub.New(llmhub.Config{
		Adapters: map[string]llmhub.Adapter{"demo": hubtest.Adapter(func(context.Context, *llmhub.Call) llmhub.Stream {
			return hubtest.Say("Hello from a scripted provider.").Events()
		})},
		Router: llmhub.RouterFunc(func(context.Context, *llmhub.Request) ([]llmhub.Target, error) {
			return []llmhub.Target{{Provider: "demo", Model: "demo-1"}}, nil
		}),
	})
	if err != nil {
		panic(err)
	}
	answer, err := hub.Complete(context.Background(), &llmhub.Request{Model: "smart", Body: llmhub.Text("hi")})
	fmt.Println(answer.Text(), err)
	// Output: Hello from a scripted provider. <nil>
}
