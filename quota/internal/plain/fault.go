package plain

// Fault is one thing that a Store gets wrong.
type Fault string

// The faults. Each is a mistake that a quota store could make.
const (
	Silent       Fault = "a lease does not say why, nor when it ends"
	AnyProvider  Fault = "a key serves any provider"
	UsesDisabled Fault = "a disabled key serves"
	AnyModel     Fault = "a key serves any model"
	NoPriority   Fault = "priorities are not looked at"
	NoHeadroom   Fault = "headroom is not looked at"
	NoTurns      Fault = "keys do not take turns"
	TriesAgain   Fault = "a key that has answered is chosen again"
	ForgetsTried Fault = "a key that has answered does not say when it recovers"
	NoPassed     Fault = "keys that could not serve are not named"
	OwnScopes    Fault = "scopes are not shared"
	GlobalScopes Fault = "scopes are shared by providers"
	NoRetryAfter Fault = "no wait is told"

	HoldsNothing   Fault = "reservations are not held"
	SettlesAgain   Fault = "a lease is settled as often as one likes"
	JudgesAgain    Fault = "the verdict of a second settle is heard"
	EndsAnother    Fault = "a settle that finds no lease ends another"
	ChargesAll     Fault = "a lease is charged as reserved"
	ChargesNone    Fault = "a lease is charged nothing"
	ChargesAsTold  Fault = "an outcome is not checked"
	CapsTokens     Fault = "tokens above the reservation are dropped"
	KeepsTokens    Fault = "tokens that were not used are kept"
	NeverExpires   Fault = "leases never expire"
	ExpiresFree    Fault = "an expired lease is charged nothing"
	LateIsInTime   Fault = "a late settle is as one in time"
	NeverTooLarge  Fault = "nothing is too large"
	AllMayTry      Fault = "all may try a key that has rested"
	KeepsTrying    Fault = "the one that tries a key never stops"
	NeverCools     Fault = "keys never cool"
	LastWordRules  Fault = "the last cooldown rules"
	FirstWordRules Fault = "the first cooldown rules"
	IgnoresTimes   Fault = "the provider's times are ignored"
	TakesAnyTime   Fault = "any time is believed"
	CoolsAnHour    Fault = "the default cooldown is an hour"
	NeverDoubles   Fault = "cooldowns are not doubled"
	AlwaysDoubles  Fault = "every cooldown is doubled"
	KeepsDoubling  Fault = "a success does not make cooldowns small again"
	SpentForGood   Fault = "an exhausted key waits for a year"
	ModelIsKey     Fault = "a verdict on a model is one on the key"
	ModelsAlike    Fault = "a model is closed for half an hour"
	BlamesKeys     Fault = "a model that is nowhere is a matter of keys"
	AllAreKeys     Fault = "any failure cools the key"
	Deaf           Fault = "no verdict is heard"

	BelievesAll     Fault = "any 401 makes a key invalid"
	BelievesNone    Fault = "no 401 makes a key invalid"
	FlightConfirms  Fault = "a call in flight confirms a 401"
	LongMemory      Fault = "a 401 is confirmed by one much later"
	KeepsDoubt      Fault = "a success does not clear a key"
	LastMayGo       Fault = "the last key becomes invalid at once"
	MassMayGo       Fault = "all keys may become invalid at once"
	UnfundedForGood Fault = "a key without money is not tried again"

	FreeCallers      Fault = "callers have no limits"
	HoldsWhenRefused Fault = "a refusal holds"
	NamesAlone       Fault = "limits are not shared"
	NamelessLimits   Fault = "a refusal does not name the limit"
	CountsAttempts   Fault = "each attempt counts as a request of the caller"
	RefundsRequests  Fault = "a free refusal gives the caller's request back"
	RefusesAdmitted  Fault = "an admitted request may lose its slot"
	BillsLoss        Fault = "the caller pays for the operator's loss"
	MoneyIsQuota     Fault = "money is a quota like any other"
	KeepsSlots       Fault = "slots in flight are not given back"

	NoDays       Fault = "days have no limit"
	NoMinutes    Fault = "minutes have no limit"
	NeverRolls   Fault = "windows never roll"
	NoMinuteRoll Fault = "minutes never roll"
	ClockIsGod   Fault = "a clock that goes back opens a window again"
	BooksToday   Fault = "a lease of yesterday is charged today"
	MidnightDays Fault = "all days begin at midnight"
	UTCDays      Fault = "all zones are UTC"
	FlatDays     Fault = "all days have 24 hours"
)

// Faults are all of them.
var Faults = [...]Fault{
	Silent, AnyProvider, UsesDisabled, AnyModel, NoPriority, NoHeadroom, NoTurns, TriesAgain, ForgetsTried, NoPassed, OwnScopes, GlobalScopes, NoRetryAfter,
	HoldsNothing, SettlesAgain, JudgesAgain, EndsAnother, ChargesAll, ChargesNone, ChargesAsTold, CapsTokens, KeepsTokens, NeverExpires,
	ExpiresFree, LateIsInTime, NeverTooLarge, AllMayTry, KeepsTrying, NeverCools, LastWordRules, FirstWordRules, IgnoresTimes, TakesAnyTime,
	CoolsAnHour, NeverDoubles, AlwaysDoubles, KeepsDoubling, SpentForGood, ModelIsKey, ModelsAlike, BlamesKeys, AllAreKeys, Deaf,
	BelievesAll, BelievesNone, FlightConfirms, LongMemory, KeepsDoubt, LastMayGo, MassMayGo, UnfundedForGood,
	FreeCallers, HoldsWhenRefused, NamesAlone, NamelessLimits, CountsAttempts, RefundsRequests, RefusesAdmitted, BillsLoss, MoneyIsQuota,
	KeepsSlots, NoDays, NoMinutes, NeverRolls, NoMinuteRoll, ClockIsGod, BooksToday, MidnightDays, UTCDays, FlatDays,
}
