package daemon

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// tuneGC trades memory for CPU while there is little of it in use: a heap of a
// few megabytes may grow fourfold between collections, one that holds thousands
// of streams doubles as usual. GOGC in the environment overrides it. It returns
// when ctx ends.
func tuneGC(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	const small, eager, lazy = 32 << 20, 100, 800
	percent := lazy
	debug.SetGCPercent(percent)
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		metrics.Read(live)
		next := lazy
		if live[0].Value.Kind() == metrics.KindUint64 && live[0].Value.Uint64() > small {
			next = eager
		}
		if next != percent {
			percent = next
			debug.SetGCPercent(percent)
		}
	}
}
