// Package apikey is the credential of a program: its text, its hash and its
// role. It refuses to keep the text.
package apikey

import "time"

// Role says what a key may do.
type Role string

// The roles.
//
//	admin       everything of its owner, keys included
//	editor      every resource, but no keys
//	viewer      reading
//	publisher   publishing events, nothing else
//	subscriber  its own endpoints and queues
const (
	Admin      Role = "admin"
	Editor     Role = "editor"
	Viewer     Role = "viewer"
	Publisher  Role = "publisher"
	Subscriber Role = "subscriber"
)

// Key is a stored API key.
type Key struct {
	Owner string `json:"owner"`
	ID    string `json:"id"`
	Name  string `json:"name,omitempty"`
	Role  Role   `json:"role"`
	// Hash is the SHA-256 of the key's text. The text has 256 random bits, so
	// a plain hash is enough.
	Hash      []byte    `json:"hash"`
	CreatedAt time.Time `json:"created_at"`
	// RevokedAt is zero while the key is valid.
	RevokedAt time.Time `json:"revoked_at,omitzero"`
}

// Publishes reports whether a key of the role may publish events.
func (r Role) Publishes() bool { return r == Publisher || r == Editor || r == Admin }
