package llmhub

// meter is what the attempt used. What the provider did not tell is estimated
// when it did work: the prompt, and a token for three bytes of answer; a model
// that thinks unseen is taken to have used all that was reserved.
func (a *attempt) meter(err *Error) Usage {
	if a.metered && (err == nil || a.usage.Completion() > 0) {
		return a.usage
	}
	made := err == nil || a.bytes > 0 || err.Kind == Canceled && err.Sent
	if !made {
		return a.usage
	}
	u := a.usage
	if u.Prompt() == 0 {
		u.Input = a.run.tokens
	}
	u.Output = (a.bytes + 2) / 3
	if err != nil && a.call.Target.Reasons {
		u.Output = max(u.Output, a.lease.Amount.Tokens-u.Prompt())
	}
	u.Estimated = true
	return u
}
