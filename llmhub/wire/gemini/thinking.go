package gemini

import (
	"strings"

	"github.com/llmhubd/llmhub/llmhub"
)

// generation is how a model is told to think.
type generation uint8

const (
	unthinking generation = iota // it does not think, or cannot be told how much
	budgeted                     // by a number of tokens (2.5)
	levelled                     // by a word (3 and later)
)

// family splits a model's name into its generation and whether it is the large
// or the smallest sort. Names without a number ("gemini-flash-latest") are the
// newest.
func family(model string) (g generation, pro, lite bool) {
	model = strings.TrimPrefix(model, "models/")
	pro, lite = strings.Contains(model, "-pro"), strings.Contains(model, "-lite")
	rest, ok := strings.CutPrefix(model, "gemini-")
	switch {
	case !ok, strings.HasPrefix(rest, "1"), strings.HasPrefix(rest, "2.0"), strings.HasPrefix(rest, "2-"):
		return unthinking, pro, lite
	case strings.HasPrefix(rest, "2.5"), strings.HasPrefix(rest, "robotics"):
		return budgeted, pro, lite
	}
	return levelled, pro, lite
}

// signs reports whether a model refuses function calls that come back without
// their thought signature.
func signs(model string) bool {
	g, _, _ := family(model)
	return g == levelled
}

// thinking renders what the caller said about reasoning.
func thinking(w *writer, call *llmhub.Call, r *llmhub.Reasoning) {
	if r == nil {
		return
	}
	g, pro, lite := family(call.Target.Model)
	if g == unthinking {
		if r.Budget > 0 || r.Effort != "" && r.Effort != "none" {
			warn(call, "reasoning_effort")
		}
		return
	}
	show := r.Show != nil && *r.Show
	if r.Budget == 0 && r.Effort == "" && !show {
		return
	}
	w.key("thinkingConfig")
	w.open('{')
	if r.Budget != 0 || r.Effort != "" {
		if r.Effort == "none" && r.Budget == 0 && pro {
			warn(call, "reasoning_effort") // a pro model cannot be told not to think
		}
		if g == budgeted {
			w.int("thinkingBudget", int64(budget(r, pro, lite)))
		} else {
			w.text("thinkingLevel", level(r, call.Target.Model, pro))
		}
	}
	if show {
		w.bool("includeThoughts", true)
	}
	w.close('}')
}

// budget is the number of tokens for a model of generation 2.5.
func budget(r *llmhub.Reasoning, pro, lite bool) int {
	least, most := 1, 24576
	switch {
	case pro:
		least, most = 128, 32768
	case lite:
		least = 512
	}
	n := r.Budget
	if n == 0 {
		switch r.Effort {
		case "none":
			if !pro {
				return 0
			}
		case "minimal":
			n = 512
		case "low":
			n = 1024
		case "medium":
			n = 8192
		case "high":
			n = 24576
		default:
			n = most
		}
	}
	return min(max(n, least), most)
}

// level is the word for a model of generation 3.
func level(r *llmhub.Reasoning, model string, pro bool) string {
	effort := r.Effort
	if r.Budget > 0 {
		switch {
		case r.Budget <= 1024:
			effort = "low"
		case r.Budget <= 8192:
			effort = "medium"
		default:
			effort = "high"
		}
	}
	switch effort {
	case "none", "minimal":
		if pro {
			return "low"
		}
		return "minimal"
	case "low":
		return "low"
	case "medium":
		if strings.Contains(model, "gemini-3-pro") {
			return "high" // it knows low and high only
		}
		return "medium"
	}
	return "high"
}
