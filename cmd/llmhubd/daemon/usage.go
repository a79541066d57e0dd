package daemon

import (
	"context"
	"strings"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/store"
)

// rowLog is where usage rows go.
type rowLog interface {
	Append(rows ...store.Attempt) error
	Ready() error
}

// recorder writes down how requests went.
type recorder struct {
	log  rowLog
	demo func(provider string) bool
}

// done turns a report into rows: one an attempt, or one for a request that sent
// nothing.
func (r *recorder) done(rep *llmhub.Report) {
	head := requestRow(rep.Request)
	head.Time = rep.Started
	final := head
	final.Final = true
	final.RequestStatus, final.RequestOutcome, final.RequestError = told(rep.Err)
	final.Attempts, final.RequestTTFT, final.RequestDuration = len(rep.Attempts), rep.TTFT, rep.Took
	for _, s := range rep.Skipped {
		final.Skipped = append(final.Skipped, store.Skip{Provider: s.Target.Provider, Model: s.Target.Model, KeyID: string(s.Key), Reason: s.Reason})
	}
	if len(rep.Attempts) == 0 {
		r.refused(final, rep.Err)
		return
	}
	rows := make([]store.Attempt, len(rep.Attempts))
	for i := range rep.Attempts {
		rows[i] = head
		if i == len(rows)-1 {
			rows[i] = final
		}
		r.attempt(&rows[i], &rep.Attempts[i])
	}
	// A full log has been noticed before dispatch; what is lost beyond that is
	// counted by the log itself.
	_ = r.log.Append(rows...)
}

func requestRow(req *llmhub.Request) store.Attempt {
	return store.Attempt{
		RequestID: req.ID.String(), UserID: req.Caller.User, VirtualKeyID: req.Caller.Key, ClientRequestID: req.Caller.ClientID,
		Dialect: req.Dialect, Model: clip(req.Model, 256), Stream: req.Stream,
	}
}

// clip is as much of s as most bytes hold: a row does not grow with what a
// caller or a provider says.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}

const maxErrorText = 2000

func (r *recorder) attempt(row *store.Attempt, a *llmhub.AttemptReport) {
	row.N, row.Provider, row.ServedModel, row.KeyID = a.N, a.Target.Provider, a.Target.Model, string(a.Key)
	row.StartedAt, row.TTFT, row.Duration, row.Status = a.Started, a.Outcome.TTFT, a.Outcome.Took, a.Outcome.Status
	_, row.Outcome, row.ErrorCode = told(a.Err)
	if a.Err != nil {
		row.ErrorCode, row.Error = string(a.Err.Kind), clip(a.Err.Error(), maxErrorText)
		row.Ambiguous = a.Err.Kind == llmhub.Timeout && a.Err.Sent
	}
	row.WhyChosen, row.WhyLeft, row.Warnings = a.WhyChosen, a.WhyLeft, a.Warnings
	row.Charged, row.Demo = a.Outcome.Used.Requests, r.demo(a.Target.Provider)
	u := &a.Outcome.Usage
	row.Input, row.CacheRead, row.CacheWrite5m, row.CacheWrite1h = u.Input, u.CacheRead, u.CacheWrite5m, u.CacheWrite1h
	row.Output, row.Reasoning, row.AudioInput, row.AudioOutput = u.Output, u.Reasoning, u.AudioInput, u.AudioOutput
	row.Estimated = u.Estimated
}

// refused writes the one row of a request that sent nothing.
func (r *recorder) refused(row store.Attempt, err *llmhub.Error) {
	row.Final = true
	row.RequestStatus, row.RequestOutcome, row.RequestError = told(err)
	row.Outcome, row.StartedAt = row.RequestOutcome, row.Time
	if err != nil {
		row.ErrorCode, row.Error = string(err.Kind), clip(err.Error(), maxErrorText)
	}
	_ = r.log.Append(row)
}

// told is what the caller got: status, outcome and error code.
func told(err *llmhub.Error) (status int, outcome, code string) {
	if err == nil {
		return 200, "ok", ""
	}
	class := wire.ClassOf(err.Kind)
	if err.Kind == llmhub.Canceled {
		return class.Status, "cancelled", class.Code
	}
	return class.Status, "error", class.Code
}

// accounted is a QuotaStore that takes no request whose usage could not be
// written down.
type accounted struct {
	llmhub.QuotaStore
	log rowLog
}

var _ llmhub.Observer = accounted{}

// Answers passes on that an answer has begun.
func (a accounted) Answers(l llmhub.Lease) {
	if o, ok := a.QuotaStore.(llmhub.Observer); ok {
		o.Answers(l)
	}
}

func (a accounted) Reserve(ctx context.Context, r llmhub.Reservation) (llmhub.Lease, error) {
	if err := a.log.Ready(); err != nil {
		return llmhub.Lease{}, &llmhub.Error{Kind: llmhub.NoAccounting, Err: err}
	}
	return a.QuotaStore.Reserve(ctx, r)
}
