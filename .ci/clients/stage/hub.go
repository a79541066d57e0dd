package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// hub is an llmhubd process and what callers need to use it.
type hub struct {
	dir, addr string
	secrets   *secrets
	*process
	token    string // an admin's
	key      string // of a caller without bounds
	openKey  string // of one who may learn who answered
	smartKey string // of one who may ask for smart only
}

// config has the scripted providers; the five known ones come from the
// environment, as at first use.
const config = `
providers:
  script-chat:     {type: openaicompat, base_url: "%[1]s/chat/v1", keys: [{name: one, value: "env:STAGE_SCRIPT_KEY"}]}
  script-messages: {type: anthropic, base_url: "%[1]s/messages", keys: [{name: one, value: "env:STAGE_SCRIPT_KEY"}]}
  script-generate: {type: gemini, base_url: "%[1]s/generate", keys: [{name: one, value: "env:STAGE_SCRIPT_KEY"}]}
  busy:            {type: openaicompat, base_url: "%[1]s/chat/v1", keys: [{name: one, value: "env:STAGE_SCRIPT_KEY"}]}
models:
  hello-chat:     [script-chat/hello]
  hello-messages: [script-messages/hello]
  hello-generate: [script-generate/hello]
  tool-chat:      [script-chat/tool]
  tool-messages:  [script-messages/tool]
  tool-generate:  [script-generate/tool]
  wrong:          [script-chat/wrong]
  absent:         [script-chat/absent]
  cut:            [script-chat/cut]
  busy:           [busy/busy]
  saved:          [busy/busy, script-messages/hello]
`

func (h *hub) start(binary, replay, scripted string) error {
	file := filepath.Join(h.dir, "llmhub.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, config, scripted), 0o600); err != nil {
		return err
	}
	at := "http://" + replay
	s := h.secrets
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + h.dir,
		"LLMHUB_LISTEN=" + h.addr, "LLMHUB_DATA=" + filepath.Join(h.dir, "data"), "LLMHUB_CONFIG=" + file,
		"LLMHUB_METRICS_LISTEN=", "LLMHUB_LOG_LEVEL=debug", "LLMHUB_ALLOW_DIRECT_MODELS=true",
		"LLMHUB_ADMIN_EMAIL=admin@example.com", "LLMHUB_ADMIN_PASSWORD=" + s.password,
		"OPENAI_API_KEY=" + s.openai, "OPENAI_BASE_URL=" + at + "/openai/v1",
		"ANTHROPIC_API_KEY=" + s.anthropic, "ANTHROPIC_BASE_URL=" + at + "/anthropic",
		"GEMINI_API_KEY=" + s.gemini, "GEMINI_BASE_URL=" + at + "/gemini",
		"DEEPSEEK_API_KEY=" + s.deepseek, "DEEPSEEK_BASE_URL=" + at + "/deepseek",
		"GROQ_API_KEY=" + s.groq, "GROQ_BASE_URL=" + at + "/groq/openai/v1",
		"STAGE_SCRIPT_KEY=" + s.script,
	}
	var err error
	if h.process, err = start(h.log(), env, binary); err != nil {
		return err
	}
	for deadline := time.Now().Add(30 * time.Second); ; {
		resp, err := http.Get("http://" + h.addr + "/readyz")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-h.gone:
			h.printLog(os.Stderr)
			return errors.New("llmhubd ended at start")
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			h.printLog(os.Stderr)
			h.stop()
			return errors.New("llmhubd was not ready within 30 s")
		}
	}
}

func (h *hub) log() string { return filepath.Join(h.dir, "llmhubd.log") }

// printLog prints the end of what the server said.
func (h *hub) printLog(w io.Writer) {
	b, err := os.ReadFile(h.log())
	if err != nil {
		fmt.Fprintln(w, err)
		return
	}
	fmt.Fprintf(w, "--- llmhubd.log (its end)\n%s---\n", b[max(0, len(b)-20_000):])
}

// makeKeys logs in as the admin and makes the callers' keys.
func (h *hub) makeKeys() error {
	var login struct {
		AccessToken string `json:"access_token"`
	}
	if err := h.call("POST", "/v1/auth/login", map[string]any{"email": "admin@example.com", "password": h.secrets.password}, &login); err != nil {
		return err
	}
	h.token = login.AccessToken
	for _, k := range []struct {
		into *string
		body map[string]any
	}{
		{&h.key, map[string]any{"name": "clients"}},
		{&h.openKey, map[string]any{"name": "open", "disclose": true}},
		{&h.smartKey, map[string]any{"name": "smart only", "models": []string{"smart"}}},
	} {
		var made struct {
			Key string `json:"key"`
		}
		if err := h.call("POST", "/v1/admin/virtual-keys", k.body, &made); err != nil {
			return err
		}
		if !strings.HasPrefix(made.Key, "lh_") {
			return fmt.Errorf("a virtual key begins with %.3q, want lh_", made.Key)
		}
		*k.into = made.Key
	}
	return nil
}

// checkLog looks at the usage log: there are rows, whole and with a provider.
func (h *hub) checkLog() error {
	var page struct {
		Data []struct {
			ID, Outcome, Provider string
			Attempts              int
		}
	}
	if err := h.call("GET", "/v1/admin/logs?limit=100", nil, &page); err != nil {
		return err
	}
	ok := 0
	for _, row := range page.Data {
		if row.Outcome == "ok" && row.Provider != "" && row.Attempts > 0 {
			ok++
		}
	}
	fmt.Printf("usage log: %d rows on the first page, %d of them ok\n", len(page.Data), ok)
	if ok == 0 {
		return errors.New("has no row of a request that went well")
	}
	return nil
}

func (h *hub) call(method, path string, body, into any) error {
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, "http://"+h.addr+path, in)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if h.token != "" {
		req.Header.Set("Authorization", "Bearer "+h.token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s answered %s", method, path, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}
