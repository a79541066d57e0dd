package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/llmhubd/llmhub/store"
)

// How long a login lasts.
const (
	idleLife     = 14 * 24 * time.Hour
	absoluteLife = 30 * 24 * time.Hour
	grace        = 10 * time.Second
)

var (
	errSession = errors.New("session is not valid")
	errReused  = errors.New("session token was used again")
)

// refreshToken derives the token of a family's generation: the same two give
// the same token, so a repeat can be answered without keeping tokens.
func (k *keyring) refreshToken(family string, generation int64) string {
	name := family + "." + strconv.FormatInt(generation, 10)
	return name + "." + base64.RawURLEncoding.EncodeToString(k.refreshMAC(name))
}

func (k *keyring) refreshMAC(name string) []byte {
	m := hmac.New(sha256.New, k.refresh())
	m.Write([]byte("llmhub/refresh/v1\x00" + name))
	return m.Sum(nil)
}

// parseRefresh reads a token that refreshToken made.
func (k *keyring) parseRefresh(token string) (family string, generation int64, err error) {
	if len(token) > 256 {
		return "", 0, errSession
	}
	dot := strings.LastIndexByte(token, '.')
	if dot < 0 {
		return "", 0, errSession
	}
	mac, err := base64.RawURLEncoding.Strict().DecodeString(token[dot+1:])
	if err != nil || !hmac.Equal(mac, k.refreshMAC(token[:dot])) {
		return "", 0, errSession
	}
	family, number, _ := strings.Cut(token[:dot], ".")
	if generation, err = strconv.ParseInt(number, 10, 64); err != nil {
		return "", 0, errSession
	}
	return family, generation, nil
}

// newSession is a login at now.
func newSession(user store.User, userAgent, ip string, now time.Time) store.Session {
	return store.Session{
		ID: NewID("ses_"), UserID: user.ID, UserAgent: clip(userAgent, 256), IP: ip,
		CreatedAt: now, RotatedAt: now, ExpiresAt: now.Add(idleLife),
	}
}

// rotate gives the successor of a token. A token that has a successor already
// gives it again for 10 s while nobody has used it; otherwise two hold tokens
// of this login, one of them a thief, and it ends for both.
func (s *Service) rotate(ctx context.Context, token string) (store.Session, string, error) {
	return s.present(ctx, token, func(v *store.Session, old bool) error {
		now := s.now()
		if old {
			if v.Used || now.Sub(v.RotatedAt) > grace {
				return errReused
			}
			return nil
		}
		v.Generation++
		v.Used = false
		v.RotatedAt = now
		v.ExpiresAt = now.Add(idleLife)
		if end := v.CreatedAt.Add(absoluteLife); end.Before(v.ExpiresAt) {
			v.ExpiresAt = end
		}
		return nil
	})
}

// use takes a token as a proof of login, without replacing it.
func (s *Service) use(ctx context.Context, token string) (store.Session, error) {
	family, generation, err := s.keys.parseRefresh(token)
	if err != nil {
		return store.Session{}, err
	}
	v, err := s.store.Session(ctx, family)
	if err == nil && v.Generation == generation && v.Used && s.now().Before(v.ExpiresAt) {
		return v, nil // nothing to write
	}
	v, _, err = s.present(ctx, token, func(v *store.Session, old bool) error {
		if old { // sent before the successor had arrived
			if s.now().Sub(v.RotatedAt) > grace {
				return errReused
			}
			return nil
		}
		v.Used = true
		return nil
	})
	return v, err
}

// present runs change on the session of a token, telling it whether the token
// is the one before the newest, and returns the newest. It ends the session
// when the token is older, or change fails with errReused.
func (s *Service) present(ctx context.Context, token string, change func(v *store.Session, old bool) error) (store.Session, string, error) {
	family, generation, err := s.keys.parseRefresh(token)
	if err != nil {
		return store.Session{}, "", err
	}
	v, err := s.store.UpdateSession(ctx, family, func(v *store.Session) error {
		switch {
		case !s.now().Before(v.ExpiresAt), generation > v.Generation:
			return errSession
		case generation < v.Generation-1:
			return errReused
		}
		return change(v, generation < v.Generation)
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return store.Session{}, "", errSession
	case errors.Is(err, errReused):
		s.log.Warn("session token was used again: session ended", "session", family)
		s.end(family)
		if err := s.store.DeleteSession(ctx, family); err != nil && !errors.Is(err, store.ErrNotFound) {
			return store.Session{}, "", err
		}
		return store.Session{}, "", errSession
	case err != nil:
		return store.Session{}, "", err
	}
	return v, s.keys.refreshToken(family, v.Generation), nil
}

// clip cuts what came from outside to a length.
func clip(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}
