// Package routers holds ready Routers.
package routers

import (
	"context"
	"strings"

	"github.com/llmhubd/llmhub/llmhub"
)

// Table routes logical models to their targets in the order written. It must not
// change while it is used.
type Table struct {
	Models map[string][]llmhub.Target
	// Direct resolves a concrete "provider/model" for a caller who may name one.
	// It fails with llmhub.ModelNotFound or llmhub.PermissionDenied. Nil: there
	// are only logical models.
	Direct func(req *llmhub.Request, provider, model string) (llmhub.Target, error)
}

var _ llmhub.Router = (*Table)(nil)

// Route returns the targets of req.Model.
func (t *Table) Route(_ context.Context, req *llmhub.Request) ([]llmhub.Target, error) {
	if targets, ok := t.Models[req.Model]; ok {
		return targets, nil
	}
	if provider, model, ok := strings.Cut(req.Model, "/"); ok && t.Direct != nil {
		target, err := t.Direct(req, provider, model)
		if err != nil {
			return nil, err
		}
		return []llmhub.Target{target}, nil
	}
	return nil, &llmhub.Error{Kind: llmhub.ModelNotFound, Param: "model", Message: "there is no model " + req.Model + " here; GET /v1/models lists those there are"}
}

// Logical reports whether model is one of the logical ones.
func (t *Table) Logical(model string) bool {
	_, ok := t.Models[model]
	return ok
}
