package setup

import "github.com/billhook/billhook/shared/secret"

// keepSecret replaces a kept secret by a given one, sealed for its place, and
// reports whether that is another. Nil keeps it, an empty text removes it.
func keepSecret(sealer *secret.Sealer, place secret.Place, kept *secret.Sealed, given *secret.Text) (changed bool, err error) {
	if given == nil {
		return false, nil
	}
	if given.Empty() {
		changed, *kept = *kept != "", ""
		return changed, nil
	}
	if *kept != "" && !sealer.Stale(*kept) {
		if old, err := sealer.Open(place, *kept); err == nil && old.Equal(*given) {
			return false, nil
		}
	}
	*kept, err = sealer.Seal(place, *given)
	return true, err
}
