package hubtest

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
)

// Upstream is a provider over HTTP that does what its script says. It renders
// answers by the Server half of a dialect, or as Gemini does if that is nil.
// It is safe for concurrent use.
type Upstream struct {
	Server wire.Server
	// Script says what to do with a request. Nil: say hello.
	Script func(Seen) Act
	// Forgetful keeps no requests, for one that runs for long.
	Forgetful bool

	mu   sync.Mutex
	n    int
	seen []Seen
}

// Seen is a request as the provider saw it.
type Seen struct {
	N      int // from 1
	Time   time.Time
	Path   string
	Header http.Header
	Body   []byte
	Key    string        // the credential it carried
	Stream bool          // it wants the answer as it comes
	Gone   chan struct{} // closed when the caller has hung up or the answer is over
}

// Act is what a provider does. The zero Act says hello.
type Act struct {
	Answer *llmhub.Response // nil: Say("hello")
	// Status, when not 0 or 200, is answered with Body as it is.
	Status int
	Header map[string]string
	Body   string

	Hang      bool          // take the request and never answer
	Delay     time.Duration // before the status
	First     time.Duration // between the status and the first event
	Gap       time.Duration // between events
	CutAfter  int           // break the connection after so many events; 0: do not
	StopAfter int           // fall silent after so many events; 0: do not
	Noise     string        // frames put in before the first event of content
	NoEnd     bool          // leave the last event out, and close in good order
	Redirect  string        // answer 302 to this place
}

// Requests are those that have come so far; none of a Forgetful one.
func (u *Upstream) Requests() []Seen {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]Seen(nil), u.seen...)
}

// ServeHTTP plays the script.
func (u *Upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	seen := Seen{Time: time.Now(), Path: r.URL.Path, Header: r.Header.Clone(), Body: body, Key: credential(r.Header), Gone: make(chan struct{})}
	req := u.request(r, body)
	seen.Stream = req.Stream
	u.mu.Lock()
	u.n++
	seen.N = u.n
	if !u.Forgetful {
		u.seen = append(u.seen, seen)
	}
	u.mu.Unlock()
	defer close(seen.Gone)
	act := Act{}
	if u.Script != nil {
		act = u.Script(seen)
	}
	if act.Answer == nil {
		act.Answer = Say("hello")
	}
	u.play(w, r, req, act)
}

func credential(h http.Header) string {
	if key := strings.TrimPrefix(h.Get("Authorization"), "Bearer "); key != "" {
		return key
	}
	return h.Get("X-Api-Key") + h.Get("X-Goog-Api-Key")
}

func (u *Upstream) request(r *http.Request, body []byte) *llmhub.Request {
	if u.Server == nil {
		return &llmhub.Request{Model: geminiModel(r.URL.Path), Stream: strings.Contains(r.URL.Path, ":stream")}
	}
	req, err := u.Server.Request(wire.Incoming{Path: r.URL.Path, Header: r.Header, Body: body})
	if err != nil {
		return &llmhub.Request{}
	}
	return req
}

func (u *Upstream) encoder(req *llmhub.Request, a *llmhub.Response) wire.Encoder {
	as := wire.Identity{ID: a.ID, Model: a.Model, Created: 1700000000}
	if u.Server == nil {
		return &geminiEncoder{stream: req.Stream, as: as}
	}
	return u.Server.Encoder(req, as)
}

func (u *Upstream) play(w http.ResponseWriter, r *http.Request, req *llmhub.Request, act Act) {
	wait := func(d time.Duration) bool {
		if d == 0 {
			return true
		}
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return true
		case <-r.Context().Done():
			return false
		}
	}
	if act.Hang {
		<-r.Context().Done()
		return
	}
	if !wait(act.Delay) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if req.Stream {
		w.Header().Set("Content-Type", "text/event-stream")
	}
	for k, v := range act.Header {
		w.Header().Set(k, v)
	}
	switch {
	case act.Redirect != "":
		http.Redirect(w, r, act.Redirect, http.StatusFound)
		return
	case act.Status != 0 && act.Status != http.StatusOK:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(act.Status)
		io.WriteString(w, act.Body)
		return
	}
	flush := http.NewResponseController(w)
	w.WriteHeader(http.StatusOK)
	flush.Flush()
	if !wait(act.First) {
		return
	}
	enc := u.encoder(req, act.Answer)
	n := 0
	for ev := range act.Answer.Events() {
		if act.NoEnd && ev.Kind == llmhub.EventEnd {
			return
		}
		if act.Noise != "" && ev.Kind == llmhub.EventDelta {
			io.WriteString(w, act.Noise)
			act.Noise = ""
		}
		if ev.Kind == llmhub.EventStart { // some dialects tell the prompt's part at once
			ev.Usage = &llmhub.Usage{Input: act.Answer.Usage.Input}
		}
		w.Write(enc.Append(nil, ev))
		flush.Flush()
		n++
		if act.CutAfter == n {
			panic(http.ErrAbortHandler)
		}
		if act.StopAfter == n {
			<-r.Context().Done()
			return
		}
		if !wait(act.Gap) {
			return
		}
	}
}
