//go:build !race

package memquota_test

// simDefault is how many steps the model simulation takes.
const simDefault = 200_000
