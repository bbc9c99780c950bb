package secret

import "errors"

var (
	// ErrMalformed says that a text has not the form of a sealed one.
	ErrMalformed = errors.New("not a sealed text")
	// ErrUnknownKey says that a text was sealed with a key that this process
	// does not have: the operator must add it.
	ErrUnknownKey = errors.New("sealed with a key that is not configured")
	// ErrRefused says that a sealed text was changed, or moved from the place
	// it was sealed for. Which of the two cannot be told.
	ErrRefused = errors.New("changed, or sealed for another place")
	// ErrNoKey says that a sealer was asked for without any key.
	ErrNoKey = errors.New("no sealing key")
	// ErrExposed says that others than its owner may read or write a key file.
	ErrExposed = errors.New("key file is open to others than its owner; its mode must be 0600")

	errManyKeys = errors.New("too many keys: drop those that seal nothing any more")
	errKeyForm  = errors.New("a key is base64 of exactly 32 bytes")
)
