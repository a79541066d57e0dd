package seal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/store/seal"
)

// settings is a seal.Settings in memory.
type settings struct {
	mu  sync.Mutex
	all map[string][]byte
	err error // of the next put
}

func (s *settings) PutSetting(_ context.Context, name string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	s.all[name] = value
	return nil
}

func (s *settings) InitSetting(_ context.Context, name string, value []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[string][]byte{}
	}
	if _, ok := s.all[name]; !ok {
		s.all[name] = value
	}
	return s.all[name], nil
}

var (
	master = bytes.Repeat([]byte{7}, seal.KeySize)
	other  = bytes.Repeat([]byte{8}, seal.KeySize)
	ctx    = context.Background()
	bind   = seal.ProviderKey("openai", "key-1", "https://api.openai.com")
)

const credential = "sk-canary-0123456789-0123456789"

func open(tb testing.TB, s seal.Settings, master []byte) *seal.Ring {
	tb.Helper()
	r, err := seal.Open(ctx, s, master)
	if err != nil {
		tb.Fatalf("Open = %v, want a ring", err)
	}
	return r
}

func TestRoundTrip(t *testing.T) {
	s := &settings{}
	r := open(t, s, master)
	for _, n := range []int{0, 1, 31, 4096} {
		plain := bytes.Repeat([]byte{'x'}, n)
		sealed := r.Seal(plain, bind)
		if n > 8 && bytes.Contains(sealed, plain[:8]) {
			t.Errorf("Seal of %d bytes shows its text", n)
		}
		if got, err := r.Open(sealed, bind); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("Open(Seal(%d bytes)) = %d bytes, %v, want the same", n, len(got), err)
		}
		if got, err := open(t, s, master).Open(sealed, bind); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("after another start Open(Seal(%d bytes)) = %d bytes, %v, want the same", n, len(got), err)
		}
		if bytes.Equal(sealed, r.Seal(plain, bind)) {
			t.Errorf("Seal twice gave the same bytes")
		}
	}
	secret, err := r.OpenSecret(r.SealSecret(llmhub.NewSecret(credential), bind), bind)
	if err != nil || secret.Expose() != credential {
		t.Errorf("OpenSecret(SealSecret) = %v, %v, want the same secret", secret, err)
	}
	for name, value := range s.all {
		if bytes.Contains(value, master) {
			t.Errorf("setting %s holds the master key", name)
		}
	}
}

func TestAnyOtherBindFails(t *testing.T) {
	r := open(t, &settings{}, master)
	sealed := r.Seal([]byte(credential), bind)
	for name, b := range map[string]seal.Bind{
		"another purpose":          {Purpose: "llmhub/pk/v2", Provider: bind.Provider, ID: bind.ID, Origin: bind.Origin},
		"another provider":         seal.ProviderKey("groq", bind.ID, bind.Origin),
		"another row":              seal.ProviderKey(bind.Provider, "key-2", bind.Origin),
		"another origin":           seal.ProviderKey(bind.Provider, bind.ID, "https://attacker.example"),
		"no origin":                seal.ProviderKey(bind.Provider, bind.ID, ""),
		"a byte moved to the left": seal.ProviderKey("openaik", "ey-1", bind.Origin),
		"fields swapped":           seal.ProviderKey(bind.ID, bind.Provider, bind.Origin),
	} {
		got, err := r.Open(sealed, b)
		if !errors.Is(err, seal.ErrSealed) || got != nil {
			t.Errorf("%s: Open = %d bytes, %v, want %v", name, len(got), err, seal.ErrSealed)
		}
		if err := r.Verify(sealed, b); !errors.Is(err, seal.ErrSealed) {
			t.Errorf("%s: Verify = %v, want %v", name, err, seal.ErrSealed)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: error names the secret", name)
		}
	}
	if err := r.Verify(sealed, bind); err != nil {
		t.Errorf("Verify = %v, want nil", err)
	}
}

// TestBindsNeverCollide moves random bytes over the borders between fields: two
// binds that differ never open one another's values.
func TestBindsNeverCollide(t *testing.T) {
	r := open(t, &settings{}, master)
	rng := rand.New(rand.NewPCG(3, 4))
	text := func() string {
		b := make([]byte, rng.IntN(4))
		for i := range b {
			b[i] = "ab|\x00"[rng.IntN(4)]
		}
		return string(b)
	}
	for range 3000 {
		a := seal.Bind{Purpose: text(), Provider: text(), ID: text(), Origin: text()}
		b := seal.Bind{Purpose: a.Purpose, Provider: text(), ID: text(), Origin: a.Origin}
		err := r.Verify(r.Seal(nil, a), b)
		if (err == nil) != (a == b) {
			t.Fatalf("sealed for %q, opened for %q: %v", a, b, err)
		}
	}
}

func TestAnyChangedByteFails(t *testing.T) {
	r := open(t, &settings{}, master)
	sealed := r.Seal([]byte(credential), bind)
	for i := range sealed {
		for bit := range 8 {
			changed := bytes.Clone(sealed)
			changed[i] ^= 1 << bit
			if _, err := r.Open(changed, bind); !errors.Is(err, seal.ErrSealed) {
				t.Errorf("byte %d bit %d changed: Open = %v, want %v", i, bit, err, seal.ErrSealed)
			}
		}
		if _, err := r.Open(sealed[:i], bind); !errors.Is(err, seal.ErrSealed) {
			t.Errorf("cut to %d bytes: Open = %v, want %v", i, err, seal.ErrSealed)
		}
	}
	if _, err := r.Open(append(sealed, 0), bind); !errors.Is(err, seal.ErrSealed) {
		t.Errorf("a byte longer: Open = %v, want %v", err, seal.ErrSealed)
	}
	if _, err := open(t, &settings{}, master).Open(sealed, bind); !errors.Is(err, seal.ErrSealed) {
		t.Errorf("in another database: Open = %v, want %v", err, seal.ErrSealed)
	}
}

func TestRotation(t *testing.T) {
	s := &settings{}
	r := open(t, s, master)
	secret := llmhub.NewSecret(credential)
	print := r.Fingerprint(secret)
	old := r.Seal([]byte(credential), bind)
	if err := r.NewDEK(ctx, other); !errors.Is(err, seal.ErrMasterKey) {
		t.Errorf("NewDEK(another master key) = %v, want %v", err, seal.ErrMasterKey)
	}
	if err := r.NewDEK(ctx, master); err != nil {
		t.Fatal(err)
	}
	if !r.Stale(old) {
		t.Error("Stale(sealed before the rotation) = false, want true")
	}
	if err := r.Verify(old, bind); err != nil {
		t.Errorf("Verify(sealed before the rotation) = %v, want nil", err)
	}
	fresh, err := r.Reseal(old, bind)
	if err != nil || r.Stale(fresh) {
		t.Errorf("Reseal = stale %v, %v, want fresh", r.Stale(fresh), err)
	}
	again := open(t, s, master)
	for name, sealed := range map[string][]byte{"old": old, "fresh": fresh} {
		if err := again.Verify(sealed, bind); err != nil {
			t.Errorf("after another start Verify(%s) = %v, want nil", name, err)
		}
	}
	if got := again.Fingerprint(secret); got != print {
		t.Errorf("Fingerprint after a rotation = %s, want %s", got, print)
	}
	if got := again.Fingerprint(llmhub.NewSecret(credential + "x")); got == print {
		t.Error("Fingerprint of another credential is the same")
	}
	if got := open(t, &settings{}, master).Fingerprint(secret); got == print {
		t.Error("Fingerprint in another database is the same")
	}
}

func TestRewrap(t *testing.T) {
	s := &settings{}
	r := open(t, s, master)
	if err := r.NewDEK(ctx, master); err != nil {
		t.Fatal(err)
	}
	sealed := r.Seal([]byte(credential), bind)
	s.err = errors.New("disk full")
	if err := r.Rewrap(ctx, other); !errors.Is(err, s.err) {
		t.Errorf("Rewrap = %v, want %v", err, s.err)
	}
	open(t, s, master) // nothing has changed
	s.err = nil
	if err := r.Rewrap(ctx, other); err != nil {
		t.Fatal(err)
	}
	if err := open(t, s, other).Verify(sealed, bind); err != nil {
		t.Errorf("Verify under the new master key = %v, want nil", err)
	}
	if err := r.NewDEK(ctx, other); err != nil {
		t.Errorf("NewDEK(new master key) = %v, want nil", err)
	}
	if _, err := seal.Open(ctx, s, master); !errors.Is(err, seal.ErrMasterKey) {
		t.Errorf("Open(old master key) = %v, want %v", err, seal.ErrMasterKey)
	}
}

func TestOpenRefuses(t *testing.T) {
	made := &settings{}
	open(t, made, master)
	for name, tt := range map[string]struct {
		settings *settings
		master   []byte
	}{
		"a wrong master key":   {made, other},
		"a short master key":   {&settings{}, master[1:]},
		"no master key":        {&settings{}, nil},
		"a damaged ring":       {&settings{all: map[string][]byte{"seal.ring": []byte(`{`)}}, master},
		"a ring without a key": {&settings{all: map[string][]byte{"seal.ring": []byte(`{}`)}}, master},
	} {
		if _, err := seal.Open(ctx, tt.settings, tt.master); err == nil {
			t.Errorf("Open with %s = nil, want an error", name)
		}
	}
}

func TestStartsAtOnceShareOneRing(t *testing.T) {
	s := &settings{}
	rings := make([]*seal.Ring, 8)
	var wg sync.WaitGroup
	for i := range rings {
		wg.Go(func() { rings[i], _ = seal.Open(ctx, s, master) })
	}
	wg.Wait()
	sealed := rings[0].Seal([]byte(credential), bind)
	for i, r := range rings {
		if err := r.Verify(sealed, bind); err != nil {
			t.Errorf("ring %d: Verify = %v, want nil", i, err)
		}
	}
}

func TestUseWhileRotating(t *testing.T) {
	r := open(t, &settings{}, master)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				if err := r.Verify(r.Seal([]byte(credential), bind), bind); err != nil {
					t.Errorf("Verify(Seal) = %v, want nil", err)
				}
			}
		})
	}
	for range 20 {
		if err := r.NewDEK(ctx, master); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
}

func TestOrigin(t *testing.T) {
	for in, want := range map[string]string{
		"https://api.openai.com/v1":       "https://api.openai.com",
		"HTTPS://API.OpenAI.com:443/":     "https://api.openai.com",
		"https://api.openai.com.:443":     "https://api.openai.com",
		"https://api.openai.com:8443/v1":  "https://api.openai.com:8443",
		"http://127.0.0.1:9000/v1?x=1#y":  "http://127.0.0.1:9000",
		"http://[::1]:80":                 "http://[::1]",
		"http://[0:0::1]:8080/":           "http://[::1]:8080",
		"https://user:pw@api.openai.com/": "",
		"ftp://api.openai.com":            "",
		"api.openai.com":                  "",
		"https:///v1":                     "",
		"":                                "",
		"https://bad host/":               "",
	} {
		got, err := seal.Origin(in)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("Origin(%q) = %q, %v, want %q", in, got, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "pw") {
			t.Errorf("Origin(%q): error shows the URL", in)
		}
	}
}

func FuzzOpen(f *testing.F) {
	r := open(f, &settings{}, master)
	sealed := r.Seal([]byte(credential), bind)
	f.Add([]byte{}, "p", "i", "o")
	f.Add(sealed[:len(sealed)-1], bind.Provider, bind.ID, bind.Origin)
	f.Add(sealed[:20], "", "", "")
	f.Fuzz(func(t *testing.T, value []byte, provider, id, origin string) {
		if got, err := r.Open(value, seal.ProviderKey(provider, id, origin)); err == nil {
			t.Errorf("Open(%x) = %d bytes, want an error: nobody sealed that", value, len(got))
		}
		b := seal.ProviderKey(provider, id, origin)
		if got, err := r.Open(r.Seal(value, b), b); err != nil || !bytes.Equal(got, value) {
			t.Errorf("Open(Seal(%x)) = %x, %v, want the same", value, got, err)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	r := open(b, &settings{}, master)
	sealed := r.Seal([]byte(credential), bind)
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Verify(sealed, bind); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleRing() {
	r, err := seal.Open(context.Background(), &settings{}, bytes.Repeat([]byte{1}, seal.KeySize))
	if err != nil {
		fmt.Println(err)
		return
	}
	b := seal.ProviderKey("openai", "key-1", "https://api.openai.com")
	sealed := r.SealSecret(llmhub.NewSecret("sk-0123456789abcdef1234"), b)
	secret, err := r.OpenSecret(sealed, b)
	fmt.Println(secret, err)
	b.Origin = "https://elsewhere.example"
	_, err = r.OpenSecret(sealed, b)
	fmt.Println(err)
	// Output:
	// sk-****1234 <nil>
	// sealed value was changed or belongs elsewhere
}
