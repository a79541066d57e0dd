package auth

import (
	"errors"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// What an access token says and for how long.
const (
	issuer     = "llmhub"
	audience   = "llmhub"
	accessLife = 10 * time.Minute
	leeway     = 30 * time.Second
	maxToken   = 4096 // bytes
)

// claims of an access token. What its holder may do is not among them: that is
// looked up.
type claims struct {
	jwt.RegisteredClaims
	Session string `json:"sid"`
	Epoch   int64  `json:"epoch"`
}

var errToken = errors.New("access token is not valid")

// sign makes an access token.
func (k *keyring) sign(user, session string, epoch int64) (string, error) {
	now := k.now()
	s := k.signs()
	t := jwt.NewWithClaims(jwt.SigningMethodHS256, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: issuer, Audience: jwt.ClaimStrings{audience}, Subject: user,
			IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(accessLife)),
		},
		Session: session, Epoch: epoch,
	})
	t.Header["kid"] = s.ID
	return t.SignedString(s.Key)
}

// verify reads an access token.
func (k *keyring) verify(token string) (claims, error) {
	if len(token) > maxToken {
		return claims{}, errToken
	}
	var c claims
	_, err := jwt.ParseWithClaims(token, &c, k.keyOf,
		jwt.WithValidMethods([]string{"HS256"}), jwt.WithIssuer(issuer), jwt.WithAudience(audience),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(leeway), jwt.WithTimeFunc(k.now), jwt.WithStrictDecoding())
	// The library takes a token that leaves these out.
	if err != nil || c.Subject == "" || c.Session == "" || c.IssuedAt == nil || c.NotBefore == nil || c.ExpiresAt.Sub(c.IssuedAt.Time) > accessLife {
		return claims{}, errToken
	}
	return c, nil
}

// keyOf finds a token's key by its id, which is looked up and nothing else.
func (k *keyring) keyOf(t *jwt.Token) (any, error) {
	id, ok := t.Header["kid"].(string)
	if !ok || !isKeyID(id) {
		return nil, errToken
	}
	key, ok := k.verifies(id)
	if !ok {
		return nil, errToken
	}
	return key, nil
}

// isKeyID matches ^[a-z0-9]{8,32}$.
func isKeyID(s string) bool {
	if len(s) < 8 || len(s) > 32 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if (s[i] < 'a' || s[i] > 'z') && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return true
}
