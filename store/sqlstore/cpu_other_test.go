//go:build !unix

package sqlstore_test

import (
	"testing"
	"time"
)

// processCPU is not known here.
func processCPU(testing.TB) time.Duration { return 0 }
