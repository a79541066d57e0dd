package admin

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/julienschmidt/httprouter"

	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/reply"
)

// exportPage is how many rows are read in one transaction.
const exportPage = 200

// exportLogs streams all requests of a filter, newest first. It reads up to a
// time fixed at the start, so that what is added meanwhile does not show; when
// something fails on the way the answer breaks off, so that half an export is
// not taken for a whole one.
func (a *API) exportLogs(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	f, err := filter(r.URL.Query(), "format")
	if err != nil {
		a.fail(w, r, err)
		return
	}
	var out rowWriter
	switch format := r.URL.Query().Get("format"); format {
	case "csv", "":
		out = &csvRows{csv.NewWriter(w)}
	case "ndjson":
		out = jsonRows{json.NewEncoder(w)}
	default:
		a.fail(w, r, reply.Invalid("format", "The format must be csv or ndjson."))
		return
	}
	if now := a.Now(); f.Until.IsZero() || now.Before(f.Until) {
		f.Until = now
	}
	f.Limit = exportPage
	rows, next, err := a.Store.ListRequests(r.Context(), f)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	out.begin(w.Header())
	for {
		for _, row := range rows {
			if err := out.row(viewLog(row)); err != nil {
				return // whoever asked has gone
			}
		}
		if err := out.flush(); err != nil || next == "" {
			return
		}
		http.NewResponseController(w).Flush() //nolint:errcheck // a writer that cannot flush still gets all of it
		f.Cursor = next
		if rows, next, err = a.Store.ListRequests(r.Context(), f); err != nil {
			a.Log.Error("export broke off", "err", err)
			panic(http.ErrAbortHandler)
		}
	}
}

type rowWriter interface {
	begin(http.Header)
	row(logView) error
	flush() error
}

type jsonRows struct{ *json.Encoder }

func (j jsonRows) begin(h http.Header) {
	h.Set("Content-Type", "application/x-ndjson")
	h.Set("Content-Disposition", `attachment; filename="llmhub-log.ndjson"`)
}
func (j jsonRows) row(v logView) error { return j.Encode(v) }
func (j jsonRows) flush() error        { return nil }

type csvRows struct{ *csv.Writer }

func (c *csvRows) begin(h http.Header) {
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="llmhub-log.csv"`)
	//nolint:errcheck // kept by the writer until flush
	c.Write([]string{"id", "time", "user_id", "virtual_key_id", "client_request_id", "dialect", "model", "served_model", "provider", "key_id", "status", "outcome",
		"error_code", "stream", "attempts", "prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "reasoning_tokens", "estimated", "cost_usd",
		"ttft_ms", "duration_ms", "demo"})
}

func (c *csvRows) row(v logView) error {
	n := func(i int64) string { return strconv.FormatInt(i, 10) }
	f := func(x *float64) string {
		if x == nil {
			return ""
		}
		return strconv.FormatFloat(*x, 'f', -1, 64)
	}
	cells := []string{v.ID, v.Time.Format(time.RFC3339Nano), v.UserID, v.VirtualKeyID, v.ClientRequestID, v.Dialect, v.Model, v.ServedModel, v.Provider, v.KeyID,
		strconv.Itoa(v.Status), v.Outcome, v.ErrorCode, strconv.FormatBool(v.Stream), strconv.Itoa(v.Attempts), n(v.PromptTokens), n(v.CompletionTokens),
		n(v.TotalTokens), n(v.CachedTokens), n(v.ReasoningTokens), strconv.FormatBool(v.Estimated), f(v.CostUSD), f(v.TTFTMS), f(&v.DurationMS), strconv.FormatBool(v.Demo)}
	for i, cell := range cells {
		cells[i] = harmless(cell)
	}
	return c.Write(cells)
}

func (c *csvRows) flush() error {
	c.Flush()
	return c.Error()
}

// harmless keeps a spreadsheet from taking what a caller wrote for a formula.
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
