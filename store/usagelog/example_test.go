package usagelog_test

import (
	"context"
	"fmt"

	"github.com/llmhubd/llmhub/store"
	"github.com/llmhubd/llmhub/store/usagelog"
)

func ExampleLog() {
	l := usagelog.New(discard{}, usagelog.Config{})
	if err := l.Ready(); err != nil { // before a request is dispatched
		fmt.Println(err)
	}
	if err := l.Append(store.Attempt{RequestID: "01a0", N: 1, Final: true}); err != nil {
		fmt.Println(err)
	}
	fmt.Println(l.Close(context.Background()), l.Stats().Written)
	// Output: <nil> 1
}
