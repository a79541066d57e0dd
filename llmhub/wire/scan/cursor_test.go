package scan_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/llmhubd/llmhub/llmhub/wire/scan"
)

func TestCursorReadsAnObject(t *testing.T) {
	c := scan.New([]byte(` { "a" : "x\"\u00e9\n" , "b":[1,-2,3e2,{"c":true}], "d":null, "e":12345678901234567890 } `))
	var a string
	var b []int64
	var inner bool
	for c.Enter('{'); c.Member(); {
		switch string(c.Key) {
		case "a":
			a = c.Text()
		case "b":
			for c.Enter('['); c.Elem(); {
				if c.Peek() != '{' {
					b = append(b, c.Int())
					continue
				}
				for c.Enter('{'); c.Member(); {
					inner = c.Bool()
				}
			}
		default:
			c.Skip()
		}
	}
	if !c.End() || a != "x\"é\n" || !reflect.DeepEqual(b, []int64{1, -2, 300}) || !inner {
		t.Errorf("read %q %v %v, end %v, error %v", a, b, inner, c.End(), c.Err)
	}
}

func TestCursorSkipsWhatIsNoObject(t *testing.T) {
	for _, in := range []string{`"x"`, `null`, `[1,2]`, `7`} {
		c := scan.New([]byte(`{"a":` + in + `,"b":"after"}`))
		got := ""
		for c.Enter('{'); c.Member(); {
			if string(c.Key) == "a" {
				for c.Enter('{'); c.Member(); {
					t.Errorf("%s has a member", in)
				}
				continue
			}
			got = c.Text()
		}
		if got != "after" || c.Err != nil {
			t.Errorf("after %s read %q, %v", in, got, c.Err)
		}
	}
}

func TestCursorBoundsDepth(t *testing.T) {
	deep := strings.Repeat("[", scan.MaxDepth+1) + strings.Repeat("]", scan.MaxDepth+1)
	c := scan.New([]byte(deep))
	if c.Skip(); c.Err == nil {
		t.Error("skipped brackets nested too deep")
	}
	c = scan.New([]byte(deep))
	for c.Enter('[') && c.Elem() {
	}
	if c.Err == nil {
		t.Error("entered brackets nested too deep")
	}
}

// FuzzCursor holds that a document encoding/json takes reads the same.
func FuzzCursor(f *testing.F) {
	for _, s := range []string{`{"a":[1,"\\\"",{"b":null}],"c":true}`, `[[],{},""]`, `"\ud800"`, `-1.5e3`, `{"a":1,}`, ` [1 2]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		c := scan.New(in)
		got, ok := walk(&c)
		ok = ok && c.End()
		var want any
		if err := json.Unmarshal(in, &want); err != nil {
			return // the cursor is more lenient, but must not panic or hang
		}
		if deepest(want) > scan.MaxDepth {
			return
		}
		if !ok || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s read as %v (%v), want %v", in, got, c.Err, want)
		}
	})
}

func walk(c *scan.Cursor) (any, bool) {
	switch c.Peek() {
	case '{':
		m := map[string]any{}
		for c.Enter('{'); c.Member(); {
			key, _ := scan.Unquote(append(append([]byte{'"'}, c.Key...), '"'))
			v, ok := walk(c)
			if !ok {
				return nil, false
			}
			m[key] = v
		}
		return m, c.Err == nil
	case '[':
		l := []any{}
		for c.Enter('['); c.Elem(); {
			v, ok := walk(c)
			if !ok {
				return nil, false
			}
			l = append(l, v)
		}
		return l, c.Err == nil
	case '"':
		return c.Text(), c.Err == nil
	}
	var v any
	err := json.Unmarshal(c.Raw(), &v)
	return v, err == nil
}

func deepest(v any) int {
	n := 0
	switch v := v.(type) {
	case map[string]any:
		for _, x := range v {
			n = max(n, 1+deepest(x))
		}
		n = max(n, 1)
	case []any:
		for _, x := range v {
			n = max(n, 1+deepest(x))
		}
		n = max(n, 1)
	}
	return n
}
