// Package llmhub sends a model request to the best provider key that has quota
// left, falls back when that fails, and accounts for every token.
//
// A [Request] goes in, [Event]s come out. A [Hub] asks its [Router] where a
// request may go, takes room for it on a provider key from its [QuotaStore],
// and has an [Adapter] speak to the provider. The first error before any
// content moves the request to the next key or target; once content has gone
// out nothing is tried again. Package llmhub imports the standard library only.
package llmhub
