package llmhub

// meter is what the attempt used. What the provider did not tell is estimated
// when it did work: the prompt, and a token for three bytes of the answer that came
// after it last told; a model that thinks unseen is taken to have used all that
// was reserved.
func (a *attempt) meter(err *Error) Usage {
	told := a.usage.Completion() > 0 && a.counted > 0 && a.counted == a.bytes
	if a.metered && (err == nil || told) {
		return a.usage
	}
	made := err == nil || a.bytes > 0 || err.Sent && (err.Kind == Canceled || err.Kind == DeadlineExceeded)
	if !made {
		return a.usage
	}
	u := a.usage
	if u.Prompt() == 0 {
		u.Input = a.run.tokens
	}
	u.Output += (a.bytes - a.counted + 2) / 3
	if err != nil && a.call.Target.Reasons {
		u.Output = max(u.Output, a.lease.Amount.Tokens-u.Prompt())
	}
	u.Estimated = true
	return u
}
