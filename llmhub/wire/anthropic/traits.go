package anthropic

import "strings"

// Traits are what a model takes and others do not.
type Traits struct {
	Adaptive bool     // thinking of type adaptive
	Budget   bool     // thinking of type enabled, with a budget
	Always   bool     // it cannot be told not to think
	Efforts  []string // the values of output_config.effort; nil: it has none
	Sampling bool     // temperature, top_p and top_k
	OneOf    bool     // of temperature and top_p only one
	Schema   bool     // output_config.format, and strict tools
}

var (
	threeEfforts = []string{"low", "medium", "high"}
	fourEfforts  = []string{"low", "medium", "high", "max"}
	allEfforts   = []string{"low", "medium", "high", "xhigh", "max"}
)

// generations are models by how their names begin, the more special first.
var generations = []struct {
	prefix string
	traits Traits
}{
	{"claude-3-7", Traits{Budget: true, Sampling: true}},
	{"claude-3", Traits{Sampling: true}},
	{"claude-opus-4-0", Traits{Budget: true, Sampling: true}},
	{"claude-opus-4-2025", Traits{Budget: true, Sampling: true}},
	{"claude-sonnet-4-0", Traits{Budget: true, Sampling: true}},
	{"claude-sonnet-4-2025", Traits{Budget: true, Sampling: true}},
	{"claude-opus-4-1", Traits{Budget: true, Sampling: true, OneOf: true, Schema: true}},
	{"claude-opus-4-5", Traits{Budget: true, Efforts: threeEfforts, Sampling: true, OneOf: true, Schema: true}},
	{"claude-sonnet-4-5", Traits{Budget: true, Sampling: true, OneOf: true, Schema: true}},
	{"claude-haiku-4-5", Traits{Budget: true, Sampling: true, OneOf: true, Schema: true}},
	{"claude-opus-4-6", Traits{Adaptive: true, Budget: true, Efforts: fourEfforts, Sampling: true, OneOf: true, Schema: true}},
	{"claude-sonnet-4-6", Traits{Adaptive: true, Budget: true, Efforts: fourEfforts, Sampling: true, OneOf: true, Schema: true}},
	{"claude-fable", Traits{Adaptive: true, Always: true, Efforts: allEfforts, Schema: true}},
	{"claude-mythos", Traits{Adaptive: true, Always: true, Efforts: allEfforts, Schema: true}},
	{"", Traits{Adaptive: true, Efforts: allEfforts, Schema: true}},
}

// TraitsOf are the traits of an Anthropic model; those of a name that nobody
// knows are the newest generation's.
func TraitsOf(model string) Traits {
	for _, g := range generations {
		if strings.HasPrefix(model, g.prefix) {
			return g.traits
		}
	}
	return Traits{}
}

// effort is the model's word that is nearest to a neutral one, "" if it has none.
func (t *Traits) effort(word string) string {
	if len(t.Efforts) == 0 || word == "" || word == "none" {
		return ""
	}
	for _, e := range t.Efforts {
		if e == word {
			return e
		}
	}
	if word == "minimal" {
		return "low"
	}
	return "high" // xhigh and max, where they are not known
}

// budgets are how many tokens of thought an effort is worth.
var budgets = map[string]int{"minimal": 1024, "low": 4096, "medium": 10_000, "high": 24_000, "xhigh": 32_000, "max": 48_000}

// effortOf is the effort that a budget is worth.
func effortOf(budget int) string {
	switch {
	case budget <= 4096:
		return "low"
	case budget <= 16_000:
		return "medium"
	}
	return "high"
}
