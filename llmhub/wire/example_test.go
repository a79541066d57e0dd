package wire_test

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/llmhubd/llmhub/llmhub/wire"
)

func ExampleFrames() {
	f := wire.NewFrames(strings.NewReader("event: greeting\ndata: hello\n\ndata: bye\r\n\r\n"))
	defer f.Close()
	for {
		frame, err := f.Next()
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s: %s\n", frame.Event, frame.Data)
	}
	// Output:
	// greeting: hello
	// : bye
	// EOF
}

func ExamplePatch() {
	body := []byte(`{"model":"smart","n":1,"messages":[]}`)
	spans := make([]wire.Span, 2)
	if err := wire.ScanHead(body, []string{"model", "n"}, spans); err != nil {
		panic(err)
	}
	p := wire.Patch{Body: body}
	p.Set(spans[0], "model", []byte(`"gpt-5.5"`))
	p.Remove(spans[1])
	fmt.Printf("%s\n", bytes.Join(p.Parts(), nil))
	// Output: {"model":"gpt-5.5","messages":[]}
}
