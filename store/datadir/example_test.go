package datadir_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/llmhubd/llmhub/store/datadir"
)

func ExampleOpen() {
	parent, err := os.MkdirTemp("", "example-*")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(parent)
	d, err := datadir.Open(filepath.Join(parent, "llmhub-data"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer d.Close()
	_, err = datadir.Open(d.Path())
	fmt.Println(filepath.Base(d.Path("hub.db")), errors.Is(err, datadir.ErrLocked))
	// Output: hub.db true
}
