package post

import (
	"context"
	"io"
	"net/http"

	"github.com/llmhubd/llmhub/llmhub"
)

// maxList bounds a list of models, in bytes.
const maxList = 8 << 20

// Get fetches path with key, whole. Its errors are those of Stream.
func (p *Post) Get(ctx context.Context, key llmhub.Key, path string) ([]byte, error) {
	if ctx.Err() != nil {
		return nil, interrupted(ctx, false)
	}
	req, err := p.request(ctx, key, http.MethodGet, path, nil, nil)
	if err != nil {
		return nil, err
	}
	resp, err := p.transport().RoundTrip(req)
	if err != nil {
		return nil, unanswered(ctx, p.Provider, err, false)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, p.refused(&llmhub.Call{Key: key}, resp)
	}
	a := answer{ctx: ctx, call: &llmhub.Call{}, body: resp.Body, left: maxList, provider: p.Provider}
	b, err := io.ReadAll(&a)
	if err != nil {
		return nil, err
	}
	return b, nil
}
