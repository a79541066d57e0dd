// Llmhubd is the LLM Hub gateway: one endpoint in front of many model providers.
//
// Copy this file to build your own with providers of your own:
//
//	types := daemon.Types()
//	types["mine"] = daemon.Type{New: func(u daemon.Upstream) llmhub.Adapter { … }}
package main

import (
	"os"

	"github.com/llmhubd/llmhub/cmd/llmhubd/daemon"
)

func main() {
	os.Exit(daemon.Main(os.Args[1:], daemon.Types()))
}
