package anthropic

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/llmhubd/llmhub/llmhub"
)

// config renders output_config and thinking; nil if there is nothing to say.
func (r *renderer) config(p *llmhub.Prompt) (config, thinking []byte, err error) {
	thinking, effort := r.thinking(p)
	var ms []member
	if effort != "" {
		ms = append(ms, member{"effort", quoted(effort)})
	}
	if p.Format != nil {
		format, err := r.format(p.Format)
		if err != nil {
			return nil, nil, err
		}
		ms = append(ms, member{"format", format})
	}
	if ms != nil {
		config = object(ms)
	}
	return config, thinking, nil
}

func thinks(thinking []byte) bool {
	return thinking != nil && !bytes.Contains(thinking, []byte(`"disabled"`))
}

// format renders the schema of the answer.
func (r *renderer) format(f *llmhub.Format) ([]byte, error) {
	if !r.traits.Schema {
		return nil, unsupported("response_format", "no schema for answers of this model")
	}
	if absent(f.Schema) {
		return nil, unsupported("response_format", "no JSON answer without a schema")
	}
	schema, err := r.answerSchema(f.Schema)
	if err != nil {
		return nil, err
	}
	return object([]member{{"type", []byte(`"json_schema"`)}, {"schema", schema}}), nil
}

// thinking renders how much to think, in the words that the model takes.
func (r *renderer) thinking(p *llmhub.Prompt) (thinking []byte, effort string) {
	q, t := p.Reasoning, r.traits
	if q == nil {
		return nil, ""
	}
	if q.Effort == "none" {
		return r.noThinking()
	}
	if !t.Adaptive && !t.Budget {
		r.warn("reasoning")
		return nil, t.effort(q.Effort)
	}
	effort = t.effort(q.Effort)
	if effort == "" && q.Budget > 0 && !t.Budget {
		effort = t.effort(effortOf(q.Budget))
	}
	if c := p.Choice; c != nil && (c.Mode == llmhub.ToolRequired || c.Mode == llmhub.ToolNamed) {
		r.warn("reasoning with a tool that must be called")
		return nil, effort
	}
	if t.Adaptive && (q.Budget == 0 || !t.Budget) {
		return object(append([]member{{"type", []byte(`"adaptive"`)}}, display(q)...)), effort
	}
	if r.inUnthoughtLoop(p) {
		r.warn("reasoning, between tool calls that were made without")
		return nil, effort
	}
	budget := r.budget(q)
	if budget < 1024 {
		r.warn("reasoning within so short an answer")
		return nil, effort
	}
	ms := []member{{"type", []byte(`"enabled"`)}, {"budget_tokens", strconv.AppendInt(nil, int64(budget), 10)}}
	return object(append(ms, display(q)...)), effort
}

func (r *renderer) noThinking() (thinking []byte, effort string) {
	switch t := r.traits; {
	case t.Always:
		r.warn("reasoning none")
		return nil, t.effort("low")
	case t.Adaptive || t.Budget:
		return []byte(`{"type":"disabled"}`), ""
	}
	return nil, ""
}

func display(q *llmhub.Reasoning) []member {
	switch {
	case q.Show == nil:
		return nil
	case *q.Show:
		return []member{{"display", []byte(`"summarized"`)}}
	}
	return []member{{"display", []byte(`"omitted"`)}}
}

// budget is how many tokens of thought to allow: below the cap on the answer,
// and half of it where the caller named no number.
func (r *renderer) budget(q *llmhub.Reasoning) int {
	if q.Budget > 0 {
		return min(max(q.Budget, 1024), r.cap-1)
	}
	n, ok := budgets[q.Effort]
	if !ok {
		n = budgets["medium"]
	}
	return min(n, r.cap/2)
}

// inUnthoughtLoop reports whether the last tool calls came without thinking that
// can be sent back: with a budget the API then refuses to think.
func (r *renderer) inUnthoughtLoop(p *llmhub.Prompt) bool {
	for _, m := range slices.Backward(p.Messages) {
		if m.Role != llmhub.RoleAssistant {
			continue
		}
		calls := false
		for _, part := range m.Parts {
			if part.Kind == llmhub.PartReasoning && part.Signature != "" && part.SignedBy == r.client.provider() {
				return false
			}
			calls = calls || part.Kind == llmhub.PartToolCall
		}
		return calls
	}
	return false
}
