package wire_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/llmhubd/llmhub/llmhub/wire"
)

var policy = []string{"model", "stream", "max_tokens", "n"}

func TestScanHeadRefuses(t *testing.T) {
	for name, body := range map[string]string{
		"a policy key twice":               `{"model":"a","model":"b"}`,
		"a policy key in another case":     `{"Model":"a"}`,
		"an escaped key":                   `{"mod\u0065l":"a"}`,
		"a key outside ASCII":              `{"ſtream":true}`,
		"something behind the object":      `{"model":"a"} {}`,
		"an array":                         `[]`,
		"a missing comma":                  `{"model":"a" "n":1}`,
		"a comma at the end":               `{"model":"a",}`,
		"a byte order mark":                "\ufeff{}",
		"an open string":                   `{"model":"a`,
		"brackets nested too deep":         `{"x":` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `}`,
		"brackets that do not match":       `{"x":[}]}`,
		"a bare value where a key must be": `{1:2}`,
	} {
		t.Run(name, func(t *testing.T) {
			if err := wire.ScanHead([]byte(body), policy, make([]wire.Span, len(policy))); err == nil {
				t.Errorf("ScanHead(%s) accepted it", body)
			}
		})
	}
}

func TestScanHeadSaysThatABodyIsTooDeep(t *testing.T) {
	for _, open := range []string{`{"x":`, `{"model":`} {
		err := wire.ScanHead([]byte(open+strings.Repeat("[", 70)+strings.Repeat("]", 70)+`}`), policy, make([]wire.Span, len(policy)))
		if err == nil || !strings.Contains(err.Error(), "nested deeper than 64") {
			t.Errorf("ScanHead(%s[[…) = %v, want it to say that it is nested too deep", open, err)
		}
	}
}

func TestSpanOfNothing(t *testing.T) {
	if v := (wire.Span{}).Of([]byte("{}")); v != nil {
		t.Errorf("the zero Span's value is %q, want nil", v)
	}
}

func TestPatch(t *testing.T) {
	for _, tt := range []struct{ name, body, want string }{
		{"replaces, removes and adds", `{"model":"a","x":[1,{"n":2}],"n":2}`, `{"max_tokens":7,"model":"z","x":[1,{"n":2}]}`},
		{"removes the first", `{"n":2, "model" : "a"}`, `{"max_tokens":7,"model" : "z"}`},
		{"removes the only one", ` { "n" : 2 } `, ` {"max_tokens":7,"model":"z"} `},
		{"fills an empty object", `{}`, `{"max_tokens":7,"model":"z"}`},
		{"is not fooled by values that look like keys", `{"x":"\"n\":1,","n":3,"y":"model"}`, `{"max_tokens":7,"model":"z","x":"\"n\":1,","y":"model"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := patched(t, []byte(tt.body))
			if !jsonEqual(got, []byte(tt.want)) {
				t.Errorf("patch %s = %s, want %s", tt.body, got, tt.want)
			}
		})
	}
}

// patched sets max_tokens and model, and removes n.
func patched(t *testing.T, body []byte) []byte {
	spans := make([]wire.Span, len(policy))
	if err := wire.ScanHead(body, policy, spans); err != nil {
		t.Fatal(err)
	}
	p := wire.Patch{Body: body}
	p.Set(spans[2], "max_tokens", []byte("7"))
	p.Set(spans[0], "model", []byte(`"z"`))
	p.Remove(spans[3])
	return bytes.Join(p.Parts(), nil)
}

func jsonEqual(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

// FuzzHead holds that policy reads what a strict parser reads, and that the
// patched bytes say what policy decided.
func FuzzHead(f *testing.F) {
	for _, s := range []string{`{"":8E888}`, `{"model":"a","stream":true,"n":1}`, `{"n":1,"messages":[{"role":"user"}]}`, `{ }`, `{"a":"\\\"","model":"\u00e9"}`, `{"model":1,"n":[],"x":{"model":{}}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		spans := make([]wire.Span, len(policy))
		if wire.ScanHead(body, policy, spans) != nil || !json.Valid(body) {
			return
		}
		var strict struct {
			Model, Stream, N any
			MaxTokens        any `json:"max_tokens"`
		}
		if json.Unmarshal(body, &strict) != nil {
			return
		}
		for i, want := range []any{strict.Model, strict.Stream, strict.MaxTokens, strict.N} {
			var got any
			if spans[i].Ok() {
				if err := json.Unmarshal(spans[i].Of(body), &got); err != nil {
					t.Fatalf("%s: value of %s is %q: %v", body, policy[i], spans[i].Of(body), err)
				}
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("%s: %s reads %v, encoding/json reads %v", body, policy[i], got, want)
			}
		}
		before, err := members(body)
		if err != nil {
			return
		}
		after, err := members(patched(t, body))
		if err != nil {
			t.Fatalf("%s patched is %s: %v", body, patched(t, body), err)
		}
		before["model"], before["max_tokens"] = "z", json.Number("7")
		delete(before, "n")
		if !reflect.DeepEqual(before, after) {
			t.Fatalf("%s patched is %s", body, patched(t, body))
		}
	})
}

// members reads an object with its numbers as they are written, however large.
func members(body []byte) (m map[string]any, err error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	err = d.Decode(&m)
	return m, err
}
