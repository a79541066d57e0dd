package httpapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
)

// Model is a name that a caller may ask for.
type Model struct {
	ID      string
	Created time.Time
	Owner   string // "llmhub" of a logical name, else the provider's
}

// Models lists what a caller may ask for, in a shape that OpenAI's and
// Anthropic's clients both read. It serves GET …/models and …/models/{id}.
type Models struct {
	// Caller says who asks, as Config.Caller. Nil: everybody.
	Caller func(*http.Request) (llmhub.Caller, error)
	List   func(llmhub.Caller) []Model
	Server wire.Server // words errors
}

type modelJSON struct {
	ID          string `json:"id"`
	Object      string `json:"object"`
	Type        string `json:"type"`
	Created     int64  `json:"created"`
	CreatedAt   string `json:"created_at"`
	OwnedBy     string `json:"owned_by"`
	DisplayName string `json:"display_name"`
}

type modelsJSON struct {
	Object  string      `json:"object"`
	Data    []modelJSON `json:"data"`
	HasMore bool        `json:"has_more"`
	FirstID string      `json:"first_id"`
	LastID  string      `json:"last_id"`
}

// ServeHTTP answers with the list or, with an id in the path, one entry.
func (m *Models) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := llmhub.NewID(time.Now())
	as := wire.Identity{ID: id.String()}
	identify(w.Header(), as.ID)
	var caller llmhub.Caller
	if m.Caller != nil {
		var err error
		if caller, err = m.Caller(r); err != nil {
			m.refuse(w, llmhub.AsError(err), as)
			return
		}
	}
	list := modelsJSON{Object: "list", Data: []modelJSON{}}
	for _, x := range m.List(caller) {
		if caller.Allows(x.ID) {
			list.Data = append(list.Data, modelJSON{ID: x.ID, Object: "model", Type: "model", Created: x.Created.Unix(),
				CreatedAt: x.Created.UTC().Format(time.RFC3339), OwnedBy: x.Owner, DisplayName: x.ID})
		}
	}
	if _, name, ok := strings.Cut(r.URL.Path, "/models/"); ok && name != "" {
		for _, x := range list.Data {
			if x.ID == name {
				reply(w, http.StatusOK, x)
				return
			}
		}
		m.refuse(w, &llmhub.Error{Kind: llmhub.ModelNotFound, Param: "model"}, as)
		return
	}
	if n := len(list.Data); n > 0 {
		list.FirstID, list.LastID = list.Data[0].ID, list.Data[n-1].ID
	}
	reply(w, http.StatusOK, list)
}

func (m *Models) refuse(w http.ResponseWriter, err *llmhub.Error, as wire.Identity) {
	status, body := m.Server.Error(err, as)
	mark(w.Header(), err, status, len(body))
	w.WriteHeader(status)
	w.Write(body)
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header()["Content-Type"] = jsonType
	w.Header()["Cache-Control"] = noStore
	w.WriteHeader(status)
	// An error means that the caller has gone away.
	_ = json.NewEncoder(w).Encode(v)
}
