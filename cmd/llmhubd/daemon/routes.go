package daemon

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/julienschmidt/httprouter"

	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/auth"
	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/reply"
	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/httpapi"
	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/llmhub/wire/anthropic"
	"github.com/llmhubd/llmhub/llmhub/wire/openaichat"
	"github.com/llmhubd/llmhub/ui"
)

// dataRoute is an address of the data plane: callers prove themselves there by
// virtual key or access token.
type dataRoute struct {
	method, path string
	handler      http.Handler
}

// routes makes the one table of all addresses, and the handler that serves it.
func (d *daemon) routes() http.Handler {
	r := httprouter.New()
	r.RedirectTrailingSlash, r.RedirectFixedPath, r.HandleOPTIONS = false, false, false
	for _, rt := range d.controlPlane() {
		r.Handle(rt.Method, rt.Path, d.auth.Guard(rt))
	}
	browsers := cors{d.cfg.Server.CORSOrigins}
	for _, rt := range d.dataPlane() {
		h := browsers.wrap(rt.handler)
		r.Handle(rt.method, rt.path, func(w http.ResponseWriter, req *http.Request, _ httprouter.Params) { h.ServeHTTP(w, req) })
		if len(browsers.origins) > 0 {
			r.Handler(http.MethodOptions, rt.path, browsers.preflight(rt.method))
		}
	}
	r.NotFound = d.notFound(ui.Handler())
	r.MethodNotAllowed = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		reply.Fail(w, &reply.Error{Status: http.StatusMethodNotAllowed, Code: "invalid_request", Message: req.Method + " is not for " + req.URL.Path + "; it takes " + strings.TrimPrefix(w.Header().Get("Allow"), "OPTIONS, ") + "."})
	})
	r.PanicHandler = d.panicked
	return r
}

func (d *daemon) dataPlane() []dataRoute {
	inFlight := httpapi.NewInFlight(512 << 20)
	model := func(server wire.Server, logicalOnly bool) http.Handler {
		return httpapi.New(httpapi.Config{
			Hub: d.gateway, Server: server, Caller: d.caller, Logical: d.gateway.Logical, LogicalOnly: logicalOnly, Sealer: d.sealer,
			Header: d.disclose, Refused: d.refused, MaxBody: d.cfg.Server.BodyLimit, InFlight: inFlight, Log: d.log,
		})
	}
	chat, messages := openaichat.Server{}, anthropic.Server{}
	list := func(server wire.Server) http.Handler {
		return &httpapi.Models{Caller: d.caller, List: d.gateway.Models, Server: server}
	}
	models := byVersion{list(messages), list(chat)}
	return []dataRoute{
		{http.MethodPost, "/v1/chat", model(chat, true)},
		{http.MethodPost, "/v1/chat/completions", model(chat, false)},
		{http.MethodPost, "/v1/messages", model(messages, false)},
		{http.MethodGet, "/v1/models", models},
		{http.MethodGet, "/v1/models/*id", models},
	}
}

// byVersion serves clients of Anthropic's API, which name its version, and others.
type byVersion struct{ anthropic, others http.Handler }

func (v byVersion) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Anthropic-Version") != "" {
		v.anthropic.ServeHTTP(w, r)
		return
	}
	v.others.ServeHTTP(w, r)
}

func (d *daemon) controlPlane() []auth.Route {
	public := func(path string, h http.HandlerFunc) auth.Route {
		return auth.Route{Method: http.MethodGet, Path: path, Policy: auth.Public(), Handle: func(w http.ResponseWriter, r *http.Request, _ httprouter.Params) { h(w, r) }}
	}
	routes := []auth.Route{public("/livez", d.alive), public("/healthz", d.alive), public("/readyz", d.ready)}
	routes = append(routes, d.auth.Routes()...)
	return append(routes, d.admin.Routes()...)
}

// caller says who makes a model call. In demo mode the printed key counts too;
// it lives in memory, and nothing but demo providers answers it.
func (d *daemon) caller(r *http.Request) (llmhub.Caller, error) {
	if d.draining() {
		return llmhub.Caller{}, &llmhub.Error{Kind: llmhub.Draining, RetryAfter: time.Second}
	}
	if d.gateway.Demo() {
		if c, err := auth.Credential(r.Header); err == nil && c == d.demoKey.Expose() {
			return llmhub.Caller{Key: demoCaller}, nil
		}
	}
	return d.auth.Caller(r)
}

// refused logs a request of a known caller that sent nothing upstream.
func (d *daemon) refused(req *llmhub.Request, err *llmhub.Error) {
	row := requestRow(req)
	row.Time = time.Now()
	d.gateway.recorder.refused(row, err)
}

// disclose adds the headers that say who answered, for those who may know, and
// marks what demo providers made up.
func (d *daemon) disclose(h http.Header, req *llmhub.Request, from *llmhub.Call) {
	if req != nil {
		d.limits(h, req.Caller.Limits)
	}
	if from == nil {
		return
	}
	if isDemo(from.Target.Provider) {
		h.Set("X-Llmhub-Demo", "true")
	}
	if req == nil || !req.Caller.Disclose {
		return
	}
	h.Set("X-Llmhub-Attempts", strconv.Itoa(from.Attempt))
	h.Set("X-Llmhub-Provider", from.Target.Provider)
	h.Set("X-Llmhub-Model", from.Target.Model)
	h.Set("X-Llmhub-Key", d.gateway.KeyName(from.Key.ID))
	if w := from.Warnings(); len(w) > 0 {
		h.Set("X-Llmhub-Warnings", headerText(strings.Join(w, "; ")))
	}
}

// limits tells a caller how far it is from its own limits, in the headers of
// OpenAI's API and in those of draft-ietf-httpapi-ratelimit-headers-11.
func (d *daemon) limits(h http.Header, limits []llmhub.Limit) {
	for _, l := range limits {
		if l.Per == 0 {
			continue
		}
		st := d.gateway.quota.Limit(l)
		reset := max(0, time.Until(st.ResetsAt)).Round(time.Second)
		for _, x := range [...]struct {
			name             string
			most, used, held int64
		}{{"Requests", l.Max.Requests, st.Used.Requests, st.Reserved.Requests}, {"Tokens", l.Max.Tokens, st.Used.Tokens, st.Reserved.Tokens}} {
			if x.most == 0 {
				continue
			}
			left := max(0, x.most-x.used-x.held)
			h.Set("X-Ratelimit-Limit-"+x.name, strconv.FormatInt(x.most, 10))
			h.Set("X-Ratelimit-Remaining-"+x.name, strconv.FormatInt(left, 10))
			h.Set("X-Ratelimit-Reset-"+x.name, reset.String())
			name := strings.ToLower(x.name)
			h.Add("Ratelimit-Policy", fmt.Sprintf("%q;q=%d;w=%d", name, x.most, int(l.Per.Seconds())))
			h.Add("Ratelimit", fmt.Sprintf("%q;r=%d;t=%d", name, left, int(reset.Seconds())))
		}
	}
}

// alive says that the process runs.
func (d *daemon) alive(w http.ResponseWriter, _ *http.Request) {
	reply.JSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

// ready says whether requests should come here.
func (d *daemon) ready(w http.ResponseWriter, r *http.Request) {
	switch {
	case d.leaving() || d.draining():
		reply.JSON(w, http.StatusServiceUnavailable, map[string]string{"status": "draining"})
	case d.store.Ping(r.Context()) != nil:
		reply.JSON(w, http.StatusServiceUnavailable, map[string]string{"status": "database does not answer"})
	case d.usage.Ready() != nil:
		reply.JSON(w, http.StatusServiceUnavailable, map[string]string{"status": "usage log is full"})
	default:
		reply.JSON(w, http.StatusOK, map[string]string{"status": "ok"})
	}
}

// notFound serves the pages, and answers what is none of them.
func (d *daemon) notFound(pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/v1") && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			pages.ServeHTTP(w, r)
			return
		}
		hint := "GET /v1/models lists the models; the addresses are /v1/chat, /v1/chat/completions and /v1/messages."
		if strings.HasPrefix(r.URL.Path, "/v1/v1/") {
			hint = "Your base URL ends in /v1 already; leave one of them out."
		}
		reply.Fail(w, &reply.Error{Status: http.StatusNotFound, Code: "not_found", Message: "There is nothing at " + r.Method + " " + r.URL.Path + ". " + hint})
	})
}

// panicked answers a request whose handler has panicked.
func (d *daemon) panicked(w http.ResponseWriter, r *http.Request, p any) {
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(p) // it is meant: net/http cuts the connection
	}
	d.log.Error("handler panics", "method", r.Method, "path", r.URL.Path, "panic", p)
	reply.Fail(w, errors.New("panic"))
}

// headerText is s without what may not stand in a header.
func headerText(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}
