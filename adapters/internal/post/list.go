package post

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/llmhubd/llmhub/llmhub"
)

// List fetches path and returns the field of each object in its array.
func (p *Post) List(ctx context.Context, key llmhub.Key, path, array, field string) ([]string, error) {
	b, err := p.Get(ctx, key, path)
	if err != nil {
		return nil, err
	}
	var page map[string]json.RawMessage
	var items []map[string]json.RawMessage
	if json.Unmarshal(b, &page) != nil || json.Unmarshal(page[array], &items) != nil {
		return nil, &llmhub.Error{Kind: llmhub.Malformed, Provider: p.Provider, Status: 200, Message: "a list of models that is none"}
	}
	names := make([]string, 0, len(items))
	for _, item := range items {
		var name string
		if json.Unmarshal(item[field], &name) == nil && name != "" {
			names = append(names, strings.TrimPrefix(name, "models/"))
		}
	}
	return names, nil
}
