package ledger

import "errors"

var (
	errOvertaken = errors.New("another writer was first")
	errBusy      = errors.New("others changed it at the same time, again and again; try again")
	errTooLarge  = errors.New("more than 512 KiB")
	errBehind    = errors.New("the answering replica stays behind")
)
