//go:build race

package memquota_test

// simDefault is how many steps the model simulation takes: fewer where each is
// watched for races.
const simDefault = 20_000
