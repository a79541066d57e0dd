// Package storetest is the kit that every [store.Store] passes.
package storetest

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/llmhubd/llmhub/store"
)

// Run checks the claims of package store. Each one opens a new, empty store; open
// closes it by t.Cleanup. The store's clock is the wall clock.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, c := range [][]claim{users, sessions, providerKeys, virtualKeys, usage, settings, audits} {
		for _, c := range c {
			t.Run(c.name, func(t *testing.T) { c.check(t, open(t)) })
		}
	}
	t.Run("of many first admins at once one is made, 50 times", func(t *testing.T) {
		for range 50 { // until luck is no excuse
			oneFirstAdmin(t, open(t))
		}
	})
}

// claim is one thing that holds of a store.
type claim struct {
	name  string
	check func(t *testing.T, s store.Store)
}

// now is the time of the rows in the kit, to the nanosecond.
var now = time.Date(2026, 11, 23, 9, 30, 15, 123456789, time.UTC)

// want fails the test unless err is the one wanted, nil for none.
func want(t *testing.T, what string, err, wanted error) {
	t.Helper()
	if !errors.Is(err, wanted) || wanted == nil && err != nil {
		t.Errorf("%s = %v, want %v", what, err, wanted)
	}
}

// must ends the test unless err is nil.
func must(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s = %v, want nil", what, err)
	}
}

// same fails the test unless got and wanted are deeply equal.
func same(t *testing.T, what string, got, wanted any) {
	t.Helper()
	if !reflect.DeepEqual(got, wanted) {
		t.Errorf("%s =\n%+v, want\n%+v", what, got, wanted)
	}
}

// atOnce runs n calls together and counts those that returned nil. Those that
// did not must have failed with wanted.
func atOnce(t *testing.T, what string, n int, wanted error, call func(i int) error) (succeeded int) {
	t.Helper()
	start, errs := make(chan struct{}), make(chan error, n)
	for i := range n {
		go func() {
			<-start
			errs <- call(i)
		}()
	}
	close(start)
	for range n {
		switch err := <-errs; {
		case err == nil:
			succeeded++
		case !errors.Is(err, wanted):
			t.Errorf("%s among %d at once = %v, want nil or %v", what, n, err, wanted)
		}
	}
	return succeeded
}
