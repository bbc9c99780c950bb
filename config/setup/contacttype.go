package setup

import (
	"maps"
	"slices"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/streams/topology"
)

// MaxContactTypes is the greatest number of contact types of an owner.
const MaxContactTypes = 100

// PutContactType creates or replaces a contact type.
func (s *Setup) PutContactType(owner string, t account.ContactType) (Change, error) {
	if err := s.known(owner); err != nil {
		return Change{}, err
	}
	if err := t.Check().Or(); err != nil {
		return Change{}, err
	}
	w := write{bucket: topology.ContactTypes, owner: owner, after: t}
	types := slices.Clone(s.ContactTypes.Types)
	i := slices.IndexFunc(types, func(o account.ContactType) bool { return o.ID == t.ID })
	if i >= 0 {
		w.before = types[i]
		types[i] = t
	} else {
		types = append(types, t)
	}
	if len(types) > MaxContactTypes {
		var r field.Report
		r.Add("", "list.length", "an owner has at most 100 contact types")
		return Change{}, r.Problems()
	}
	w.stored = account.ContactTypes{Types: types}
	return s.change(w)
}

// DeleteContactType deletes a contact type that nothing uses; accounts are the
// ids of accounts that do.
func (s *Setup) DeleteContactType(owner, id string, accounts []string) (Change, error) {
	former, ok := s.ContactTypes.Find(id)
	if !ok {
		return Change{}, notFound("delete contact type", id)
	}
	users := s.usersOfContactType(id)
	for _, a := range accounts {
		users = append(users, "account "+a)
	}
	if len(users) > 0 {
		return Change{}, inUse("delete contact type", id, users)
	}
	rest := slices.DeleteFunc(slices.Clone(s.ContactTypes.Types), func(t account.ContactType) bool { return t.ID == id })
	return s.change(write{
		bucket: topology.ContactTypes, owner: owner,
		stored: account.ContactTypes{Types: rest}, before: *former,
	})
}

func (s *Setup) usersOfContactType(id string) []string {
	var users []string
	for _, e := range s.Emails {
		for _, used := range e.ContactTypes() {
			if used == id {
				users = append(users, "canned email "+e.ID)
				break
			}
		}
	}
	for _, sub := range s.Subscriptions {
		if sub.Deleted || sub.Email == nil {
			continue
		}
		for _, used := range sub.Email.ContactTypes() {
			if used == id {
				users = append(users, "subscription "+sub.ID)
				break
			}
		}
	}
	return users
}

// checkContactTypes wants each mentioned contact type to exist.
func (s *Setup) checkContactTypes(r *field.Report, at string, mentioned map[string]string) {
	for _, pointer := range slices.Sorted(maps.Keys(mentioned)) {
		id := mentioned[pointer]
		if _, ok := s.ContactTypes.Find(id); !ok {
			unknown(r, at+pointer, "contact type", id)
		}
	}
}
