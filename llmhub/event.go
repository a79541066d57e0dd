package llmhub

// Event is one step of an answer: one start, then open / deltas / close for each
// part, then one end. All of it may be kept but Raw.
type Event struct {
	Kind EventKind
	// More promises that another event is already at hand, so that a writer
	// need not flush. Zero is always right.
	More  bool
	Index int    // open, delta, close: the part meant, from 0, unique in the answer
	Delta string // delta: text, reasoning, refusal or tool arguments; JSON unescaped
	// Part, of an open event: kind, choice and, of a tool call, id and name. Of a
	// close event, where the part was signed: Signature and SignedBy. Of a delta:
	// Logprobs, where there are any. Else nil.
	Part  *Part
	Start *Start // start
	End   *End   // end
	// Usage so far: of the end event and, where the provider tells it earlier, of
	// start and note events. Each one replaces the one before.
	Usage *Usage
	// From, of the first event out of a Hub: the attempt that answers.
	From *Call
	// Raw is this event in the dialect the call accepts, as the provider sent it:
	// whole frames, or the whole body of a unary answer, which then is a single
	// end event. Good until the next event. In a stream that has it every event
	// does; an empty one is covered by the bytes of a neighbour.
	Raw []byte
}

// EventKind says what an [Event] is.
type EventKind uint8

// The kinds of events. EventNote belongs to no part: usage so far, a ping, bytes
// with no meaning of their own.
const (
	EventStart EventKind = iota + 1
	EventOpen
	EventDelta
	EventClose
	EventNote
	EventEnd
)

// Start is what an answer says of itself before it begins.
type Start struct {
	ID    string // the provider's
	Model string // the provider's
}

// End is how an answer ended.
type End struct {
	Stop     StopReason
	Sequence string       // with StopSequence: which one, where the provider tells
	Stops    []StopReason // of the choices after the first, in order
}

// StopReason is why a model stopped.
type StopReason string

// The reasons to stop. A provider's word that nobody knows becomes StopOther.
const (
	StopEnd      StopReason = "end"      // it had said all
	StopLength   StopReason = "length"   // the cap on the answer
	StopContext  StopReason = "context"  // the context window is full
	StopSequence StopReason = "sequence" // one of the caller's stop sequences
	StopTools    StopReason = "tools"    // it calls tools
	StopFilter   StopReason = "filter"   // the provider cut it off
	StopRefusal  StopReason = "refusal"  // the model declined
	StopPause    StopReason = "pause"    // a long turn, to be continued by sending it back
	StopOther    StopReason = "other"
)

// Usage counts tokens in disjoint buckets: their sum is what was processed.
// What a provider does not tell apart is in Input and Output.
type Usage struct {
	Input        int64 // prompt tokens neither read from nor written to a cache
	CacheRead    int64
	CacheWrite5m int64 // written to live 5 minutes, or for the provider's only time
	CacheWrite1h int64
	Output       int64 // without Reasoning
	Reasoning    int64 // thought before or between the answer, where told apart
	AudioInput   int64
	AudioOutput  int64
	Estimated    bool // counted by us, for the provider did not say
}

// Prompt is all that went in.
func (u *Usage) Prompt() int64 {
	return u.Input + u.CacheRead + u.CacheWrite5m + u.CacheWrite1h + u.AudioInput
}

// Completion is all that came out, reasoning included.
func (u *Usage) Completion() int64 { return u.Output + u.Reasoning + u.AudioOutput }

// Total is Prompt and Completion together.
func (u *Usage) Total() int64 { return u.Prompt() + u.Completion() }
