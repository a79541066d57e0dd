package sqlstore

import (
	"context"

	"github.com/llmhubd/llmhub/store"
)

// usageColumns are in the order of usageValues and scanAttempt.
const usageColumns = `request_id, n, final, time, user_id, virtual_key_id, client_request_id, dialect, model, stream,
request_status, request_outcome, request_error, attempts, request_ttft, request_duration, skipped,
provider, served_model, key_id, started_at, ttft, duration, status, outcome, error_code, error, why_chosen, why_left, warnings,
charged, ambiguous, demo, input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, audio_input, audio_output, estimated`

const usageWidth = 42

func usageValues(to []any, a *store.Attempt) []any {
	return append(to, a.RequestID, int64(a.N), bit(a.Final), nanos(a.Time), text(a.UserID), text(a.VirtualKeyID), text(a.ClientRequestID), text(a.Dialect), text(a.Model), bit(a.Stream),
		int64(a.RequestStatus), text(a.RequestOutcome), text(a.RequestError), int64(a.Attempts), int64(a.RequestTTFT), int64(a.RequestDuration), listText(a.Skipped),
		text(a.Provider), text(a.ServedModel), text(a.KeyID), nanos(a.StartedAt), int64(a.TTFT), int64(a.Duration), int64(a.Status), text(a.Outcome), text(a.ErrorCode), text(a.Error), text(a.WhyChosen), text(a.WhyLeft), listText(a.Warnings),
		a.Charged, bit(a.Ambiguous), bit(a.Demo), a.Input, a.CacheRead, a.CacheWrite5m, a.CacheWrite1h, a.Output, a.Reasoning, a.AudioInput, a.AudioOutput, bit(a.Estimated))
}

func scanAttempt(r scanner) (a store.Attempt, err error) {
	err = r.Scan(&a.RequestID, &a.N, &a.Final, instant{&a.Time}, textOf{&a.UserID}, textOf{&a.VirtualKeyID}, textOf{&a.ClientRequestID}, textOf{&a.Dialect}, textOf{&a.Model}, &a.Stream,
		&a.RequestStatus, textOf{&a.RequestOutcome}, textOf{&a.RequestError}, &a.Attempts, &a.RequestTTFT, &a.RequestDuration, listOf[store.Skip]{&a.Skipped},
		textOf{&a.Provider}, textOf{&a.ServedModel}, textOf{&a.KeyID}, instant{&a.StartedAt}, &a.TTFT, &a.Duration, &a.Status, textOf{&a.Outcome}, textOf{&a.ErrorCode}, textOf{&a.Error}, textOf{&a.WhyChosen}, textOf{&a.WhyLeft}, listOf[string]{&a.Warnings},
		&a.Charged, &a.Ambiguous, &a.Demo, &a.Input, &a.CacheRead, &a.CacheWrite5m, &a.CacheWrite1h, &a.Output, &a.Reasoning, &a.AudioInput, &a.AudioOutput, &a.Estimated)
	return a, err
}

// RequestLog returns all rows of a request by N.
func (s *Store) RequestLog(ctx context.Context, requestID string) ([]store.Attempt, error) {
	const ofRequest = `SELECT ` + usageColumns + ` FROM usage_log WHERE request_id = $1 ORDER BY n`
	rows, err := list(ctx, s, "read request log", scanAttempt, ofRequest, requestID)
	if err == nil && len(rows) == 0 {
		err = s.fail("read request log", store.ErrNotFound)
	}
	return rows, err
}
