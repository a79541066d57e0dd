package admin

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/julienschmidt/httprouter"

	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/reply"
	"github.com/llmhubd/llmhub/store"
)

type auditView struct {
	ID      string          `json:"id"`
	Time    time.Time       `json:"time"`
	ActorID string          `json:"actor_id"` // "": the server, or its operator's shell
	IP      string          `json:"ip"`
	Action  string          `json:"action"`
	Target  string          `json:"target"`
	Detail  json.RawMessage `json:"detail"`
}

func viewAudit(a store.Audit) auditView {
	v := auditView{strconv.FormatInt(a.ID, 10), a.Time.UTC(), a.ActorID, a.IP, a.Action, a.Target, json.RawMessage("null")}
	if json.Valid([]byte(a.Detail)) {
		v.Detail = json.RawMessage(a.Detail)
	}
	return v
}

// auditPage is how many records are answered when nothing is said.
const auditPage = 50

func (a *API) listAudit(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
	q := r.URL.Query()
	size, err := number(q.Get("limit"), 1, 200)
	if err != nil {
		a.fail(w, r, reply.Invalid("limit", "The limit must be a number from 1 to 200."))
		return
	}
	if size == 0 {
		size = auditPage
	}
	var before int64
	if c := q.Get("cursor"); c != "" {
		if before, err = strconv.ParseInt(c, 10, 64); err != nil || before < 1 {
			a.fail(w, r, store.ErrCursor)
			return
		}
	}
	rows, err := a.Store.ListAudits(r.Context(), before, size)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	p := pageOf(rows, viewAudit)
	if len(rows) == size {
		p.NextCursor = text(strconv.FormatInt(rows[size-1].ID, 10))
	}
	reply.JSON(w, http.StatusOK, p)
}
