package guard

import "errors"

// ErrAddressNotAllowed says that a connection was refused because of where it
// would lead. Its text is all that a tenant may learn; [Detail] has the rest.
var ErrAddressNotAllowed = errors.New("address not allowed")

// denied is one refusal. It shows tenants the sentinel's text only.
type denied struct{ detail string }

func (d *denied) Error() string { return ErrAddressNotAllowed.Error() }

func (d *denied) Is(target error) bool { return target == ErrAddressNotAllowed }

// Detail returns, for the operator's log, which address was refused and why;
// "" where err is no refusal of this package.
func Detail(err error) string {
	var d *denied
	if errors.As(err, &d) {
		return d.detail
	}
	return ""
}
