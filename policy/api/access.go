package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
)

// Role is what someone may do. Each may do what those before it may.
type Role uint8

// The roles. The zero Role may do nothing.
const (
	Nobody   Role = iota
	Viewer        // reads usage, calls and outcomes
	Owner         // says how calls turned out
	Approver      // approves what owners ask for
	Finance       // reads the audit
	Admin
)

var roleNames = []string{"nobody", "viewer", "owner", "approver", "finance", "admin"}

func (r Role) String() string { return roleNames[r] }

// ParseRole is the inverse of String. Nobody is no role to give.
func ParseRole(name string) (Role, error) {
	i := slices.Index(roleNames, name)
	if i <= int(Nobody) {
		return Nobody, fmt.Errorf("read role: %q is none of %q", name, roleNames[1:])
	}
	return Role(i), nil
}

// Who asks: a name for the audit, a role, and the one team that is seen and
// changed, or "" for all.
type Who struct {
	Name string
	Role Role
	Team string
}

// Identify finds out who asks. Its error is sent when it is an *Error, and
// otherwise logged.
type Identify func(*http.Request) (Who, error)

// anyone is who asks where nobody is asked for a name.
func anyone(*http.Request) (Who, error) { return Who{Name: "anyone", Role: Admin}, nil }

// whoKey is the key of a Who in a context, which is all that reaches an operation.
type whoKey struct{}

func withWho(ctx context.Context, w Who) context.Context { return context.WithValue(ctx, whoKey{}, w) }

// asking returns who asks, having at least the role.
func asking(ctx context.Context, least Role) (Who, error) {
	w, _ := ctx.Value(whoKey{}).(Who)
	if w.Role < least {
		return w, forbidden("this takes the role %s; %s has %s", least, w.Name, w.Role)
	}
	return w, nil
}

// scope returns the team to ask for: the one that was asked for, or the only one
// that may be.
func (w Who) scope(team string) (string, error) {
	switch {
	case w.Team == "" || team == w.Team:
		return team, nil
	case team == "":
		return w.Team, nil
	}
	return "", forbidden("%s may see team %q only", w.Name, w.Team)
}

// sees reports whether what belongs to a team is for w.
func (w Who) sees(team string) bool { return w.Team == "" || team == w.Team }

func forbidden(format string, args ...any) *Error {
	return &Error{Status: http.StatusForbidden, Code: Forbidden, Message: fmt.Sprintf(format, args...)}
}
