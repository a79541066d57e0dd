package admin

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/julienschmidt/httprouter"

	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/reply"
	"github.com/llmhubd/llmhub/store"
)

// logView is a request of the usage log.
type logView struct {
	ID               string    `json:"id"`
	Time             time.Time `json:"time"`
	UserID           string    `json:"user_id"`
	VirtualKeyID     string    `json:"virtual_key_id"`
	ClientRequestID  string    `json:"client_request_id"`
	Dialect          string    `json:"dialect"`
	Model            string    `json:"model"`        // as asked
	ServedModel      string    `json:"served_model"` // provider/model
	Provider         string    `json:"provider"`
	KeyID            string    `json:"key_id"`
	Status           int       `json:"status"`
	Outcome          string    `json:"outcome"`
	ErrorCode        string    `json:"error_code"`
	Stream           bool      `json:"stream"`
	Attempts         int       `json:"attempts"`
	PromptTokens     int64     `json:"prompt_tokens"`
	CompletionTokens int64     `json:"completion_tokens"`
	TotalTokens      int64     `json:"total_tokens"`
	CachedTokens     int64     `json:"cached_tokens"`
	ReasoningTokens  int64     `json:"reasoning_tokens"`
	Estimated        bool      `json:"estimated"`
	CostUSD          *float64  `json:"cost_usd"` // null: not known
	TTFTMS           *float64  `json:"ttft_ms"`  // null: there was no content
	DurationMS       float64   `json:"duration_ms"`
	Demo             bool      `json:"demo"`
}

func viewLog(r store.Attempt) logView {
	u := usageOf(r)
	return logView{
		ID: r.RequestID, Time: r.Time.UTC(), UserID: r.UserID, VirtualKeyID: r.VirtualKeyID, ClientRequestID: r.ClientRequestID,
		Dialect: r.Dialect, Model: r.Model, ServedModel: served(r), Provider: r.Provider, KeyID: r.KeyID,
		Status: r.RequestStatus, Outcome: r.RequestOutcome, ErrorCode: r.RequestError, Stream: r.Stream, Attempts: r.Attempts,
		PromptTokens: u.Prompt, CompletionTokens: u.Completion, TotalTokens: u.Total, CachedTokens: u.Cached, ReasoningTokens: u.Reasoning,
		Estimated: r.Estimated, TTFTMS: elapsed(r.RequestTTFT), DurationMS: ms(r.RequestDuration), Demo: r.Demo,
	}
}

func served(r store.Attempt) string {
	if r.Provider == "" {
		return ""
	}
	return r.Provider + "/" + r.ServedModel
}

type usageView struct {
	Prompt       int64 `json:"prompt_tokens"`
	Completion   int64 `json:"completion_tokens"`
	Total        int64 `json:"total_tokens"`
	Cached       int64 `json:"cached_tokens"`
	CacheWrite5m int64 `json:"cache_write_5m_tokens"`
	CacheWrite1h int64 `json:"cache_write_1h_tokens"`
	Reasoning    int64 `json:"reasoning_tokens"`
	Estimated    bool  `json:"estimated"`
}

// usageOf adds the disjoint buckets up to what people expect.
func usageOf(r store.Attempt) usageView {
	u := usageView{
		Prompt:     r.Input + r.CacheRead + r.CacheWrite5m + r.CacheWrite1h + r.AudioInput,
		Completion: r.Output + r.Reasoning + r.AudioOutput,
		Cached:     r.CacheRead, CacheWrite5m: r.CacheWrite5m, CacheWrite1h: r.CacheWrite1h, Reasoning: r.Reasoning, Estimated: r.Estimated,
	}
	u.Total = u.Prompt + u.Completion
	return u
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func elapsed(d time.Duration) *float64 {
	if d == 0 {
		return nil
	}
	v := ms(d)
	return &v
}

func (a *API) listLogs(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	f, err := filter(r.URL.Query(), "limit", "cursor")
	var rows []store.Attempt
	var next string
	if err == nil {
		rows, next, err = a.Store.ListRequests(r.Context(), f)
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	reply.JSON(w, http.StatusOK, struct {
		Data       []logView `json:"data"`
		NextCursor *string   `json:"next_cursor"`
	}{pageOf(rows, viewLog).Data, text(next)})
}

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// filter reads the query of a list of requests; more are names that this list
// knows beside the filters.
func filter(q url.Values, more ...string) (f store.UsageFilter, err error) {
	known := append([]string{"status", "outcome", "provider", "model", "key_id", "user_id", "virtual_key_id", "since", "until", "q"}, more...)
	for name, values := range q {
		if !slices.Contains(known, name) {
			return f, reply.Invalid(name, "There is no parameter "+name+" here; take it out.")
		}
		if len(values) > 1 {
			return f, reply.Invalid(name, "The parameter "+name+" is there more than once.")
		}
	}
	f = store.UsageFilter{
		Outcome: q.Get("outcome"), Provider: q.Get("provider"), Model: q.Get("model"), KeyID: q.Get("key_id"),
		UserID: q.Get("user_id"), VirtualKeyID: q.Get("virtual_key_id"), Query: q.Get("q"), Cursor: q.Get("cursor"),
	}
	outcomes := []string{"ok", "error", "cancelled", "lost"}
	status := q.Get("status")
	if slices.Contains(outcomes, status) && f.Outcome == "" { // what people type there
		f.Outcome, status = status, ""
	}
	if f.Outcome != "" && !slices.Contains(outcomes, f.Outcome) {
		return f, reply.Invalid("outcome", "The outcome must be ok, error, cancelled or lost.")
	}
	if f.Status, err = number(status, 100, 599); err != nil {
		return f, reply.Invalid("status", "The status must be a number from 100 to 599, such as 503.")
	}
	if f.Limit, err = number(q.Get("limit"), 1, 200); err != nil {
		return f, reply.Invalid("limit", "The limit must be a number from 1 to 200.")
	}
	if f.Since, err = instant(q.Get("since")); err != nil {
		return f, reply.Invalid("since", "The time must be written as 2026-01-02T15:04:05Z.")
	}
	if f.Until, err = instant(q.Get("until")); err != nil {
		return f, reply.Invalid("until", "The time must be written as 2026-01-02T15:04:05Z.")
	}
	return f, nil
}

// number reads a number in a range; "" is 0.
func number(s string, low, high int) (int, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err == nil && (n < low || n > high) {
		err = strconv.ErrRange
	}
	return n, err
}

func instant(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339, s)
}

type attemptView struct {
	N          int        `json:"n"`
	Provider   string     `json:"provider"`
	Model      string     `json:"model"`
	KeyID      string     `json:"key_id"`
	StartedAt  *time.Time `json:"started_at"`
	TTFTMS     *float64   `json:"ttft_ms"`
	DurationMS float64    `json:"duration_ms"`
	Status     int        `json:"status"`
	Outcome    string     `json:"outcome"`
	ErrorCode  string     `json:"error_code"`
	Error      string     `json:"error"`
	WhyChosen  string     `json:"why_chosen"`
	WhyLeft    string     `json:"why_left"`
	Warnings   []string   `json:"warnings"`
	Charged    int64      `json:"charged"`
	Ambiguous  bool       `json:"ambiguous"`
	Usage      usageView  `json:"usage"`
}

func viewAttempt(r store.Attempt) attemptView {
	return attemptView{
		N: r.N, Provider: r.Provider, Model: r.ServedModel, KeyID: r.KeyID, StartedAt: moment(r.StartedAt), TTFTMS: elapsed(r.TTFT), DurationMS: ms(r.Duration),
		Status: r.Status, Outcome: r.Outcome, ErrorCode: r.ErrorCode, Error: r.Error, WhyChosen: r.WhyChosen, WhyLeft: r.WhyLeft,
		Warnings: append([]string{}, r.Warnings...), Charged: r.Charged, Ambiguous: r.Ambiguous, Usage: usageOf(r),
	}
}

func (a *API) readLog(w http.ResponseWriter, r *http.Request, p httprouter.Params) {
	rows, err := a.Store.RequestLog(r.Context(), p.ByName("id"))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	last := rows[len(rows)-1]
	out := struct {
		logView
		AttemptLog []attemptView `json:"attempt_log"`
		Skipped    []store.Skip  `json:"skipped"`
	}{AttemptLog: []attemptView{}}
	for _, row := range rows {
		if row.Final {
			last = row
		}
		if row.N > 0 { // 0 is a request that sent nothing
			out.AttemptLog = append(out.AttemptLog, viewAttempt(row))
		}
	}
	out.logView = viewLog(last)
	out.Skipped = append([]store.Skip{}, last.Skipped...)
	reply.JSON(w, http.StatusOK, out)
}
