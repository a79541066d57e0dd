package llmhub_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/llmhubd/llmhub/"

// house says what each room may import, besides the standard library and what
// lies below itself; the longest prefix that fits a package rules. "…" at the
// end means everything below.
var house = map[string][]string{
	"llmhub":                 {},
	"llmhub/wire":            {"llmhub", "llmhub/wire/scan"},
	"llmhub/wire/scan":       {},
	"llmhub/wire/wiretest":   {"llmhub"},
	"llmhub/httpapi":         {"llmhub", "llmhub/wire"},
	"llmhub/routers":         {"llmhub"},
	"llmhub/hubtest":         {"llmhub", "llmhub/wire"},
	"adapters":               {"llmhub", "llmhub/wire…", "adapters/internal…"},
	"adapters/adaptertest":   {"llmhub", "llmhub/wire…", "llmhub/hubtest"},
	"quota":                  {"llmhub"},
	"store":                  {"llmhub"},
	"store/sqlstore":         {"llmhub", "store", "database", "github.com/pressly/goose/v3…", "modernc.org/sqlite…"},
	"store/seal":             {"llmhub", "golang.org/x/crypto/chacha20poly1305", "golang.org/x/crypto/hkdf"},
	"store/storetest":        {"llmhub", "store"},
	"store/usagelog":         {"llmhub", "store"},
	"cmd":                    {"llmhub…", "adapters…", "quota…", "store…", "ui…", "cmd…", "github.com/…", "golang.org/x/…"},
	"examples":               {"llmhub…", "adapters…", "quota…"},
	"ui":                     {},
	"llmhub/wire/openaichat": {"llmhub", "llmhub/wire", "llmhub/wire/scan"},
	"llmhub/wire/anthropic":  {"llmhub", "llmhub/wire", "llmhub/wire/scan"},
	"llmhub/wire/gemini":     {"llmhub", "llmhub/wire", "llmhub/wire/scan"},
}

func TestImportsPointOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Standard", "-deps", module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	type pkg struct {
		ImportPath string
		Imports    []string
		Standard   bool
	}
	standard := map[string]bool{}
	var ours []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		standard[p.ImportPath] = p.Standard
		if strings.HasPrefix(p.ImportPath, module) {
			ours = append(ours, p)
		}
	}
	if len(ours) < 10 {
		t.Fatalf("go list found %d packages", len(ours))
	}
	for _, p := range ours {
		name := strings.TrimPrefix(p.ImportPath, module)
		room := roomOf(name)
		if room == "" {
			t.Errorf("%s is in no room of the house", name)
			continue
		}
		for _, imp := range p.Imports {
			if standard[imp] || imp == "C" {
				continue
			}
			if to := strings.TrimPrefix(imp, module); !allowed(room, name, to) {
				t.Errorf("%s imports %s, which its room (%s) may not", name, to, room)
			}
		}
	}
}

func roomOf(name string) string {
	best := ""
	for room := range house {
		if (name == room || strings.HasPrefix(name, room+"/")) && len(room) > len(best) {
			best = room
		}
	}
	return best
}

func allowed(room, from, to string) bool {
	if to == room && from != room { // what lies below a room stands on it
		return true
	}
	for _, a := range house[room] {
		if prefix, all := strings.CutSuffix(a, "…"); all && strings.HasPrefix(to, prefix) || to == a {
			return true
		}
	}
	return false
}
