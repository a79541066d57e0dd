package main

import (
	"encoding/binary"
	"encoding/json"
	"hash/fnv"
	"net/http"
	"regexp"
	"strings"

	"github.com/llmhubd/llmhub/adapters/adaptertest/replay"
	"github.com/llmhubd/llmhub/llmhub/wire/wiretest"
)

// providers serves each provider's recordings below its name.
func providers(recorded []*wiretest.Exchange, seed uint64, failures bool) http.Handler {
	byName := map[string][]*wiretest.Exchange{}
	for _, x := range recorded {
		if x.Status == http.StatusOK || failures {
			byName[x.Provider] = append(byName[x.Provider], x)
		}
	}
	mux := http.NewServeMux()
	for name, all := range byName {
		mux.Handle("/"+name+"/", replay.New(replay.Config{Seed: seed, Fallback: similar(all, seed)}, all))
	}
	return mux
}

// similar chooses an answer to a request that nobody has recorded: one that was
// recorded at the same address, streamed or not as this one is to be, with tools
// or without as this one has them, with as many choices. The same request gets
// the same one.
func similar(all []*wiretest.Exchange, seed uint64) func(replay.Asked) *wiretest.Exchange {
	byKind := map[kind][]*wiretest.Exchange{}
	for _, x := range all {
		if x.Status == http.StatusOK && x.Request != nil && !cut.Match(x.Response) && usage.Match(x.Response) {
			k := kindOf(x.Endpoint, x.Stream, x.Request)
			byKind[k] = append(byKind[k], x)
		}
	}
	return func(a replay.Asked) *wiretest.Exchange {
		fit := byKind[kindOf(endpoint(a.Path), a.Stream, a.Body)]
		if len(fit) == 0 {
			return nil
		}
		return fit[choice(seed, a.Body)%uint64(len(fit))]
	}
}

// An answer may stand for others when it is not cut off at a cap and tells what
// it used.
var (
	cut   = regexp.MustCompile(`"(finish_reason|stop_reason|finishReason)": ?"(length|max_tokens|MAX_TOKENS)"`)
	usage = regexp.MustCompile(`"(usage|usageMetadata)": ?\{`)
)

// kind is what answers have in common that may stand for one another.
type kind struct {
	endpoint      string
	stream, tools bool
	choices       int
}

func kindOf(endpoint string, stream bool, body []byte) kind {
	var b struct {
		Tools []json.RawMessage
		N     int
	}
	_ = json.Unmarshal(body, &b) // a body that is no JSON has no tools
	return kind{endpoint, stream, len(b.Tools) > 0, max(b.N, 1)}
}

// endpoint is the corpus's word for an address; "" of one that has no answers to
// stand in for others.
func endpoint(path string) string {
	for end, name := range map[string]string{
		"/chat/completions": "chat", "/messages": "messages", ":generateContent": "generate", ":streamGenerateContent": "stream",
	} {
		if strings.HasSuffix(path, end) {
			return name
		}
	}
	return ""
}

func choice(seed uint64, body []byte) uint64 {
	h := fnv.New64a()
	h.Write(binary.LittleEndian.AppendUint64(nil, seed))
	h.Write(body)
	return h.Sum64()
}
