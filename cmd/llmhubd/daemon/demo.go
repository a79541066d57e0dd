package daemon

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/hubtest"
	"github.com/llmhubd/llmhub/llmhub/wire/anthropic"
	"github.com/llmhubd/llmhub/llmhub/wire/openaichat"
)

// demoProvider is a built-in provider that answers without a network, so that
// everything else is the real thing: dialects, keys, cooldowns, fallback, log.
type demoProvider struct {
	name, typ string
	upstream  *hubtest.Upstream
}

const (
	demoPrefix = "demo-"
	demoCaller = "demo" // the id of the key that demo mode prints
)

func isDemo(provider string) bool { return strings.HasPrefix(provider, demoPrefix) }

// demoProviders are one that is quick and now and then rate limited, one that
// is slower and now and then down, and one that always works.
func demoProviders() []demoProvider {
	const (
		busy = `{"error":{"message":"Rate limit reached (demo).","type":"requests","param":null,"code":"rate_limit_exceeded"}}`
		down = `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded (demo)"}}`
	)
	return []demoProvider{
		{demoPrefix + "a", "openaicompat", &hubtest.Upstream{Server: openaichat.Server{}, Forgetful: true, Script: func(s hubtest.Seen) hubtest.Act {
			if s.N%5 == 0 {
				return hubtest.Act{Status: 429, Body: busy, Header: map[string]string{"Retry-After": "20"}}
			}
			return hubtest.Act{Answer: demoAnswer(demoPrefix+"a", s), Gap: 15 * time.Millisecond}
		}}},
		{demoPrefix + "b", "anthropic", &hubtest.Upstream{Server: anthropic.Server{}, Forgetful: true, Script: func(s hubtest.Seen) hubtest.Act {
			if s.N%9 == 0 {
				return hubtest.Act{Status: 529, Body: down}
			}
			return hubtest.Act{Answer: demoAnswer(demoPrefix+"b", s), First: 120 * time.Millisecond, Gap: 30 * time.Millisecond}
		}}},
		{demoPrefix + "c", "gemini", &hubtest.Upstream{Forgetful: true, Script: func(s hubtest.Seen) hubtest.Act {
			return hubtest.Act{Answer: demoAnswer(demoPrefix+"c", s), Gap: 25 * time.Millisecond}
		}}},
	}
}

// demoAnswer is canned, says so, and is the same for the same prompt.
func demoAnswer(name string, s hubtest.Seen) *llmhub.Response {
	closings := []string{
		"Add a provider key and the same request is answered by a real model.",
		"Ask again a few times: now and then a demo provider is rate limited, and the next one answers.",
		"The usage log has a row for every attempt behind this answer.",
	}
	h := fnv.New32a()
	h.Write(s.Body)
	text := "This is a demo answer: no provider key is configured, so a built-in provider made it up. " + closings[h.Sum32()%uint32(len(closings))]
	return &llmhub.Response{
		ID: fmt.Sprint(name, "-", s.N), Model: name + "-1",
		Parts: []llmhub.Part{{Kind: llmhub.PartText, Text: text}},
		End:   llmhub.End{Stop: llmhub.StopEnd},
		Usage: llmhub.Usage{Input: int64(len(s.Body)) / 4, Output: int64(len(text)) / 4},
	}
}

// demoModels are the targets of the logical models while there is no key.
func demoModels() map[string][]llmhub.Target {
	a, b, c := demoTarget("a"), demoTarget("b"), demoTarget("c")
	return map[string][]llmhub.Target{"smart": {b, a, c}, "fast": {a, c, b}, "cheap": {c, a, b}, "any": {a, b, c}}
}

func demoTarget(letter string) llmhub.Target {
	return llmhub.Target{Provider: demoPrefix + letter, Model: demoPrefix + letter + "-1", NoWait: true}
}
