package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// secrets are those that must not come out anywhere, new ones at each run.
type secrets struct {
	openai, anthropic, gemini, deepseek, groq, script, password string
}

func newSecrets() *secrets {
	one := func(prefix string) string {
		b := make([]byte, 20)
		rand.Read(b) // never fails
		return prefix + hex.EncodeToString(b)
	}
	return &secrets{
		openai: one("sk-proj-"), anthropic: one("sk-ant-api03-"), gemini: one("AIza"), deepseek: one("sk-"),
		groq: one("gsk_"), script: one("script-"), password: one("Correct-Horse-"),
	}
}

func (s *secrets) byName() map[string]string {
	return map[string]string{"openai": s.openai, "anthropic": s.anthropic, "gemini": s.gemini, "deepseek": s.deepseek,
		"groq": s.groq, "script": s.script, "admin password": s.password}
}

// search looks for the secrets in everything that the server has left behind:
// its log, its data and its answers.
func search(dir string, s *secrets, h *hub, up *scripted) error {
	if err := up.check(s.script); err != nil {
		return err
	}
	wanted := s.byName()
	if err := selfTest(dir, wanted); err != nil {
		return err
	}
	wanted["virtual key"], wanted["open virtual key"], wanted["smart virtual key"] = h.key, h.openKey, h.smartKey
	wanted["access token"] = h.token
	var hits []string
	files, size := 0, int64(0)
	for _, place := range []string{h.log(), filepath.Join(dir, "answers.log"), filepath.Join(dir, "data")} {
		found, n, bytes, err := hitsIn(place, wanted)
		if err != nil {
			return err
		}
		hits, files, size = append(hits, found...), files+n, size+bytes
	}
	fmt.Printf("secrets: looked for %d of them in %d files of %d bytes: %d hits\n", len(wanted), files, size, len(hits))
	if len(hits) > 0 {
		return errors.New("secrets came out:\n  " + strings.Join(hits, "\n  "))
	}
	if size < 10_000 {
		return fmt.Errorf("only %d bytes were searched, which is no proof", size)
	}
	return nil
}

// selfTest plants every secret, plain and encoded with something around it, and
// expects the search to find each.
func selfTest(dir string, wanted map[string]string) error {
	file := filepath.Join(dir, "planted")
	defer os.Remove(file)
	for name, secret := range wanted {
		for i, around := range []string{"", "k", "ke", `{"key":"`} {
			told := []byte(around + secret + `"}`)
			for spelling, planted := range map[string]string{
				"plain": string(told), "hex": hex.EncodeToString(told),
				"base64": base64.StdEncoding.EncodeToString(told), "base64url": base64.RawURLEncoding.EncodeToString(told),
			} {
				if err := os.WriteFile(file, []byte("\x00\x01"+planted+"\xff"), 0o600); err != nil {
					return err
				}
				found, _, _, err := hitsIn(file, map[string]string{name: secret})
				if err != nil {
					return err
				}
				if len(found) == 0 {
					return fmt.Errorf("the search did not find a planted %s in %s (%d)", name, spelling, i)
				}
			}
		}
	}
	return nil
}

// hitsIn returns what of wanted stands in the files below place.
func hitsIn(place string, wanted map[string]string) (hits []string, files int, size int64, err error) {
	err = filepath.WalkDir(place, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files, size = files+1, size+int64(len(b))
		for name, secret := range wanted {
			for spelling, s := range spellings(secret) {
				if bytes.Contains(b, []byte(s)) {
					hits = append(hits, fmt.Sprintf("%s, in %s, in %s", name, spelling, path))
				}
			}
		}
		return nil
	})
	return hits, files, size, err
}

// spellings are how a secret may be written down. Base64 of it inside something
// longer has three forms; the ends, which depend on the neighbours, are cut off.
func spellings(secret string) map[string]string {
	all := map[string]string{"plain": secret, "hex": hex.EncodeToString([]byte(secret))}
	for shift := range 3 {
		for name, enc := range map[string]*base64.Encoding{"base64": base64.StdEncoding, "base64url": base64.URLEncoding} {
			s := enc.EncodeToString(append(make([]byte, shift), secret...))
			all[fmt.Sprintf("%s at %d", name, shift)] = s[4 : len(s)-4]
		}
	}
	return all
}
