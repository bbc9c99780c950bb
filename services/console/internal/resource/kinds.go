package resource

import (
	"context"
	"iter"
	"reflect"
	"slices"
	"strings"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/smtp"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/services/console/internal/api"
	"github.com/billhook/billhook/services/console/internal/page"
)

// Deps are what the resources are read and saved with.
type Deps struct {
	Store     *store.Store
	Directory *directory.Directory
	// Accounts is the bucket of accounts.
	Accounts *bucket.Bucket
}

const (
	root     = "/v1/owners"
	ofOwner  = root + "/{owner}"
	contacts = ofOwner + "/accounts/{account}/contacts"
)

// Routes returns the operations of every kind of resource.
func Routes(d Deps) []api.Route {
	return slices.Concat(
		routes(owners(d)), routes(accounts(d)), routes(contactsOf(d)), routes(contactTypes(d)),
		routes(smtpSettings(d)), routes(cannedEmails(d)), routes(endpoints(d)), routes(subscriptions(d)),
		routes(queues(d)),
	)
}

// read turns what the store finds into what the API shows.
func read[T any](f store.Found[T], err error) (found, error) {
	return found{document: f.Document, revision: f.Revision}, err
}

func owners(d Deps) kind[owner.Owner] {
	return kind[owner.Owner]{
		one: "Owner", many: "Owners", noun: "owner", path: root, id: "owner", on: access.Owners,
		read: reflect.TypeFor[owner.Owner](), sorts: named(), filters: []api.Param{nameFilter()},
		list: func(_ context.Context, _ at, a page.Ask) (page.Page, error) {
			return page.Select(func(yield func(page.Item) bool) {
				for id, s := range d.Directory.Owners() {
					if o := s.Owner; o != nil && strings.HasPrefix(o.Name, a.Filters[startsWith]) && !yield(page.Item{ID: id, Name: o.Name, Document: *o}) {
						return
					}
				}
			}, a)
		},
		find: func(ctx context.Context, w at) (found, error) { return read(d.Store.FindOwner(ctx, w.id)) },
		put: func(ctx context.Context, s *store.Store, _ at, o owner.Owner) (setup.Change, error) {
			return s.PutOwner(ctx, o)
		},
		example: `{"id": "acme", "name": "Acme", "time_zone": "Europe/Paris", "quotas": {"events_per_second": 500}}`,
		shown:   `{"id": "acme", "name": "Acme", "time_zone": "Europe/Paris", "quotas": {"events_per_second": 500}}`,
	}
}

func accounts(d Deps) kind[account.Account] {
	return kind[account.Account]{
		one: "Account", many: "Accounts", noun: "account", path: ofOwner + "/accounts", id: "account", on: access.Accounts,
		read: reflect.TypeFor[account.Account](),
		filters: []api.Param{
			nameFilter(), {Name: "status", About: "only those of this status"},
			{Name: "currency", About: "only those of this currency, such as EUR"},
		},
		list: accountList(d.Accounts),
		find: func(ctx context.Context, w at) (found, error) { return read(d.Store.FindAccount(ctx, w.owner, w.id)) },
		put: func(ctx context.Context, s *store.Store, w at, a account.Account) (setup.Change, error) {
			return s.PutAccount(ctx, w.owner, a)
		},
		remove: func(ctx context.Context, s *store.Store, w at) (setup.Change, error) {
			return s.DeleteAccount(ctx, w.owner, w.id)
		},
		example: `{"id": "A-1001", "name": "Northwind", "currency": "EUR", "time_zone": "Europe/Berlin", "bill_day": 1, "balance": "120.50", "company": {"name": "Northwind GmbH", "city": "Berlin", "country": "DE"}}`,
		shown:   `{"id": "A-1001", "name": "Northwind", "currency": "EUR", "time_zone": "Europe/Berlin", "bill_day": 1, "balance": "120.50", "company": {"name": "Northwind GmbH", "city": "Berlin", "country": "DE"}}`,
	}
}

// ContactDocument is a contact as it is written below its account.
type ContactDocument struct {
	account.Contact
	// Replace lets the contact take the place of another one of its type.
	Replace bool `json:"replace,omitempty"`
}

func contactsOf(d Deps) kind[ContactDocument] {
	return kind[ContactDocument]{
		one: "Contact", many: "Contacts", noun: "contact of an account", path: contacts, id: "contact", on: access.Contacts,
		read: reflect.TypeFor[account.Contact](), sorts: []string{page.ByID},
		list: func(ctx context.Context, w at, a page.Ask) (page.Page, error) {
			f, err := d.Store.FindAccount(ctx, w.owner, w.account)
			if err != nil {
				return page.Page{}, unknown(err)
			}
			return page.Select(func(yield func(page.Item) bool) {
				for _, c := range f.Document.Contacts {
					if !yield(page.Item{ID: c.ID, Document: c}) {
						return
					}
				}
			}, a)
		},
		find: func(ctx context.Context, w at) (found, error) { return read(d.Store.FindContact(ctx, w.contact())) },
		put: func(ctx context.Context, s *store.Store, w at, c ContactDocument) (setup.Change, error) {
			// Without its account the address is unknown: it is no member here.
			if _, err := d.Store.FindAccount(ctx, w.owner, w.account); err != nil {
				return setup.Change{}, unknown(err)
			}
			return s.PutContact(ctx, w.owner, account.ContactDocument{Contact: c.Contact, Account: w.account, Replace: c.Replace})
		},
		remove: func(ctx context.Context, s *store.Store, w at) (setup.Change, error) {
			return s.DeleteContact(ctx, w.contact())
		},
		example: `{"id": "c-1", "type": "billing", "first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.org"}`,
		shown:   `{"id": "c-1", "type": "billing", "first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.org"}`,
	}
}

func (w at) contact() store.ContactPlace {
	return store.ContactPlace{Owner: w.owner, Account: w.account, Contact: w.id}
}

func contactTypes(d Deps) kind[account.ContactType] {
	return kind[account.ContactType]{
		one: "ContactType", many: "ContactTypes", noun: "contact type", path: ofOwner + "/contact-types", id: "contact_type",
		on: access.ContactTypes, read: reflect.TypeFor[account.ContactType](), sorts: named(), filters: []api.Param{nameFilter()},
		list: snapshotList(d.Directory, func(s *directory.Snapshot) iter.Seq[page.Item] {
			return func(yield func(page.Item) bool) {
				for _, t := range s.ContactTypes.Types {
					if !yield(page.Item{ID: t.ID, Name: t.Name, Document: t}) {
						return
					}
				}
			}
		}),
		find: func(ctx context.Context, w at) (found, error) {
			return read(d.Store.FindContactType(ctx, w.owner, w.id))
		},
		put: func(ctx context.Context, s *store.Store, w at, t account.ContactType) (setup.Change, error) {
			return s.PutContactType(ctx, w.owner, t)
		},
		remove: func(ctx context.Context, s *store.Store, w at) (setup.Change, error) {
			return s.DeleteContactType(ctx, w.owner, w.id)
		},
		example: `{"id": "billing", "name": "Billing", "base": "billing"}`,
		shown:   `{"id": "billing", "name": "Billing", "base": "billing"}`,
	}
}

func smtpSettings(d Deps) kind[smtp.Document] {
	return kind[smtp.Document]{
		one: "SMTPSettings", many: "AllSMTPSettings", noun: "set of SMTP settings", path: ofOwner + "/smtp-settings", id: "smtp_settings",
		on: access.SMTPSettings, read: reflect.TypeFor[smtp.Document](), issues: true, sorts: named(), filters: []api.Param{nameFilter()},
		list: snapshotList(d.Directory, func(s *directory.Snapshot) iter.Seq[page.Item] {
			return func(yield func(page.Item) bool) {
				for i := range s.SMTP.Sets {
					shown, _ := s.SMTPSettings(s.SMTP.Sets[i].ID)
					if !yield(page.Item{ID: shown.ID, Name: shown.Name, Document: shown}) {
						return
					}
				}
			}
		}),
		find: func(ctx context.Context, w at) (found, error) { return read(d.Store.FindSMTP(ctx, w.owner, w.id)) },
		put: func(ctx context.Context, s *store.Store, w at, v smtp.Document) (setup.Change, error) {
			return s.PutSMTP(ctx, w.owner, v)
		},
		remove: func(ctx context.Context, s *store.Store, w at) (setup.Change, error) {
			return s.DeleteSMTP(ctx, w.owner, w.id)
		},
		example: `{"id": "main", "name": "Our relay", "host": "mail.example.com", "port": 587, "from_address": "billing@example.com", "username": "billhook", "password": "the-password"}`,
		shown:   `{"id": "main", "name": "Our relay", "host": "mail.example.com", "port": 587, "from_address": "billing@example.com", "username": "billhook", "tls": "mandatory", "default": true}`,
	}
}

func cannedEmails(d Deps) kind[email.Spec] {
	return kind[email.Spec]{
		one: "CannedEmail", many: "CannedEmails", noun: "canned email", path: ofOwner + "/canned-emails", id: "canned_email",
		on: access.CannedEmails, read: reflect.TypeFor[email.Spec](), sorts: named(), filters: []api.Param{nameFilter(), activeFilter()},
		list: many[email.Canned]{
			in: (*directory.Snapshot).ListEmails,
			which: func(a page.Ask) func(*email.Canned) bool {
				active := flag(a, "active")
				return func(e *email.Canned) bool { return active.is(e.Enabled()) }
			},
			shown: func(e *email.Canned) any { return &e.Spec },
		}.list(d.Directory),
		find: func(ctx context.Context, w at) (found, error) { return read(d.Store.FindEmail(ctx, w.owner, w.id)) },
		put: func(ctx context.Context, s *store.Store, w at, e email.Spec) (setup.Change, error) {
			return s.PutEmail(ctx, w.owner, e)
		},
		remove: func(ctx context.Context, s *store.Store, w at) (setup.Change, error) {
			return s.DeleteEmail(ctx, w.owner, w.id)
		},
		example: `{"id": "invoice", "name": "Invoice", "subject": "Invoice {{Invoice.Number}}", "text": "Your invoice is {{Invoice.Total}}.", "to": [{"address": "accounting@example.org"}]}`,
		shown:   `{"id": "invoice", "name": "Invoice", "subject": "Invoice {{Invoice.Number}}", "text": "Your invoice is {{Invoice.Total}}.", "to": [{"address": "accounting@example.org"}]}`,
	}
}

func endpoints(d Deps) kind[endpoint.Document] {
	return kind[endpoint.Document]{
		one: "Endpoint", many: "Endpoints", noun: "endpoint", path: ofOwner + "/endpoints", id: "endpoint", on: access.Endpoints,
		read: reflect.TypeFor[endpoint.Spec](), issues: true, sorts: named(),
		filters: []api.Param{nameFilter(), {Name: "disabled", About: "only those that are disabled, or are not", Kind: api.Flag}},
		list: many[endpoint.Endpoint]{
			in: (*directory.Snapshot).ListEndpoints,
			which: func(a page.Ask) func(*endpoint.Endpoint) bool {
				disabled := flag(a, "disabled")
				return func(e *endpoint.Endpoint) bool { return disabled.is(e.Disabled) }
			},
			shown: func(e *endpoint.Endpoint) any { return &e.Spec },
		}.list(d.Directory),
		find: func(ctx context.Context, w at) (found, error) { return read(d.Store.FindEndpoint(ctx, w.owner, w.id)) },
		put: func(ctx context.Context, s *store.Store, w at, e endpoint.Document) (setup.Change, error) {
			return s.PutEndpoint(ctx, w.owner, e)
		},
		remove: func(ctx context.Context, s *store.Store, w at) (setup.Change, error) {
			return s.DeleteEndpoint(ctx, w.owner, w.id)
		},
		example: `{"id": "erp", "name": "ERP", "url": "https://hooks.example.com/billing", "in_flight": 8, "retry": ["0s", "5s", "5m", "1h"]}`,
		shown:   `{"id": "erp", "name": "ERP", "url": "https://hooks.example.com/billing", "in_flight": 8, "retry": ["0s", "5s", "5m", "1h"]}`,
	}
}

func subscriptions(d Deps) kind[subscription.Spec] {
	return kind[subscription.Spec]{
		one: "Subscription", many: "Subscriptions", noun: "subscription", path: ofOwner + "/subscriptions", id: "subscription",
		on: access.Subscriptions, read: reflect.TypeFor[subscription.Spec](), sorts: named(),
		filters: []api.Param{
			nameFilter(), activeFilter(), {Name: "channel", About: "only those of this channel", Enum: []string{"webhook", "email"}},
			{Name: "event", About: "only those of this event type"}, {Name: "endpoint", About: "only those to this endpoint"},
			{Name: "canned_email", About: "only those that send this canned email"},
		},
		list: many[subscription.Subscription]{
			in: (*directory.Snapshot).ListSubscriptions, which: wanted,
			shown: func(s *subscription.Subscription) any { return &s.Spec },
		}.list(d.Directory),
		find: func(ctx context.Context, w at) (found, error) {
			return read(d.Store.FindSubscription(ctx, w.owner, w.id))
		},
		put: func(ctx context.Context, s *store.Store, w at, v subscription.Spec) (setup.Change, error) {
			return s.PutSubscription(ctx, w.owner, v)
		},
		remove: func(ctx context.Context, s *store.Store, w at) (setup.Change, error) {
			return s.DeleteSubscription(ctx, w.owner, w.id)
		},
		example: `{"id": "invoices", "name": "Invoices", "events": ["invoice.posted"], "filter": {"Invoice.Total": [{"numeric": [">=", 100]}]}, "channel": "webhook", "webhook": {"endpoint": "erp", "parameters": [{"name": "number", "token": "Invoice.Number"}]}}`,
		shown:   `{"id": "invoices", "name": "Invoices", "events": ["invoice.posted"], "filter": {"Invoice.Total": [{"numeric": [">=", 100]}]}, "channel": "webhook", "webhook": {"endpoint": "erp", "parameters": [{"name": "number", "in": "body", "token": "Invoice.Number"}]}, "order": "unordered"}`,
	}
}

// wanted are the filters of subscriptions. They are read once, since they may be
// asked of a hundred thousand.
func wanted(a page.Ask) func(*subscription.Subscription) bool {
	f, active := a.Filters, flag(a, "active")
	channel, event, endpointID, emailID := f["channel"], f["event"], f["endpoint"], f["canned_email"]
	return func(s *subscription.Subscription) bool {
		return !s.Deleted && active.is(s.Enabled()) && asked(channel, string(s.Channel)) &&
			(endpointID == "" || s.Webhook != nil && s.Webhook.Endpoint == endpointID) &&
			(emailID == "" || s.Email != nil && s.Email.CannedEmail == emailID) &&
			(event == "" || slices.Contains(s.Events, event))
	}
}

func activeFilter() api.Param {
	return api.Param{Name: "active", About: "only those that are active, or are not", Kind: api.Flag}
}

// wish is what a flag must be.
type wish struct{ any, value bool }

func flag(a page.Ask, name string) wish {
	return wish{any: a.Filters[name] == "", value: a.Filters[name] == "true"}
}

func (w wish) is(value bool) bool { return w.any || w.value == value }
