package sqlstore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/llmhubd/llmhub/store/sqlstore"
)

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "llmhub-data-*")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	s, err := sqlstore.Open(context.Background(), sqlstore.Config{URL: "sqlite://" + filepath.Join(dir, "hub.db")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	fmt.Println(s.HasAdmin(context.Background()))
	// Output: false <nil>
}
