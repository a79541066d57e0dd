// Package adaptertest holds any adapter that speaks HTTP to the contract of
// [llmhub.Adapter].
package adaptertest

import (
	"testing"

	"github.com/llmhubd/llmhub/llmhub"
)

// An Opener makes an adapter whose provider is at url, with no key of its own.
type Opener func(url string) llmhub.Adapter

// Dialect is how the adapter's provider talks.
type Dialect struct {
	Model  string // a name that the provider would take
	Text   string // what both answers say, and nothing else
	Answer []byte // the whole body of an answer
	Stream []byte // a streamed answer of more than one piece of text, to its last byte
	// Error is the body of an error. words is what it says, where the dialect has
	// words.
	Error func(status int, words string) []byte
}

// Claim is one thing that an adapter must do.
type Claim struct {
	Name  string
	Check func(tb testing.TB, open Opener, d Dialect)
}

// Run checks every claim, each in a subtest with providers of its own.
func Run(t *testing.T, open func(url string) llmhub.Adapter, d Dialect) {
	for _, c := range Claims() {
		t.Run(c.Name, func(t *testing.T) { c.Check(t, open, d) })
	}
}

// Claims returns what Run checks.
func Claims() []Claim {
	var all []Claim
	for _, some := range [][]Claim{asking, answers, failures, leaving} {
		all = append(all, some...)
	}
	return all
}
