// Package guard keeps what a tenant can steer away from the operator's own
// networks (server-side request forgery). It judges twice: what a tenant types
// when it is saved ([CheckURL], [CheckHost], [CheckSMTP], [CheckPath]), and the
// address that is really connected to at every dial ([Policy]), since a name
// may lead elsewhere by then. The same two serve webhooks, mail, and every
// other address of a tenant.
//
// It refuses exceptions made by tenants: only the operator's [Policy] has
// them, and some addresses no policy allows. It follows no redirect and speaks
// no protocol.
//
// Beside x/net/idna for names it depends on code.dny.dev/ssrf for the tables
// of special addresses, which follow the IANA registries.
package guard
