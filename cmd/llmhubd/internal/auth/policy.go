package auth

import (
	"slices"
	"strings"

	"github.com/julienschmidt/httprouter"

	"github.com/llmhubd/llmhub/store"
)

// Policy is who may use a route of the control plane. The zero Policy lets
// nobody in.
type Policy struct {
	public   bool
	signedIn bool
	roles    []store.Role
}

// Public lets everybody in.
func Public() Policy { return Policy{public: true} }

// SignedIn lets in whoever has an account, whatever its role.
func SignedIn() Policy { return Policy{signedIn: true} }

// Only lets in accounts of these roles.
func Only(roles ...store.Role) Policy { return Policy{roles: roles} }

// Public reports whether nobody is asked who he is.
func (p Policy) Public() bool { return p.public }

// Allows reports whether an account of this role is let in.
func (p Policy) Allows(role store.Role) bool {
	return p.public || p.signedIn || slices.Contains(p.roles, role)
}

// String names who is let in.
func (p Policy) String() string {
	switch {
	case p.public:
		return "everybody"
	case p.signedIn:
		return "every account"
	case len(p.roles) == 0:
		return "nobody"
	}
	names := make([]string, len(p.roles))
	for i, r := range p.roles {
		names[i] = string(r)
	}
	return strings.Join(names, ", ")
}

// Route is an address of the control plane. [Service.Guard] enforces its
// Policy.
type Route struct {
	Method string
	Path   string // as httprouter reads it: "/v1/admin/keys/:id"
	Policy Policy
	Handle httprouter.Handle
}
