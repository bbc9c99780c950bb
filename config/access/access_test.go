package access_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/id"
)

var update = flag.Bool("update", false, "write the golden anew")

// matrix writes every right in words: one line for each resource and role.
func matrix() string {
	var b strings.Builder
	for _, on := range access.Resources() {
		for _, role := range apikey.Roles() {
			var verbs []string
			for _, v := range access.Verbs() {
				if access.Allowed(role, v, on) {
					verbs = append(verbs, string(v))
				}
			}
			fmt.Fprintln(&b, strings.TrimRight(fmt.Sprintf("%-14s %-11s %s", on, role, strings.Join(verbs, " ")), " "))
		}
	}
	return b.String()
}

func TestTheWholeMatrixIsAsReviewed(t *testing.T) {
	golden := filepath.Join("testdata", "matrix.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(matrix()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), matrix()); diff != "" {
		t.Errorf("rights differ from %s (-want +got):\n%s", golden, diff)
	}
}

// each visits every resource and verb.
func each(visit func(on access.Resource, v access.Verb)) {
	for _, on := range access.Resources() {
		for _, v := range access.Verbs() {
			visit(on, v)
		}
	}
}

func TestAHigherRoleMayAllThatALowerOneMay(t *testing.T) {
	ladder := []apikey.Role{apikey.Operator, apikey.Admin, apikey.Editor, apikey.Viewer}
	each(func(on access.Resource, v access.Verb) {
		for i, lower := range ladder[1:] {
			if access.Allowed(lower, v, on) && !access.Allowed(ladder[i], v, on) {
				t.Errorf("%s may %s %s, %s may not", lower, v, on, ladder[i])
			}
		}
		for _, side := range []apikey.Role{apikey.Publisher, apikey.Subscriber} {
			if access.Allowed(side, v, on) && !access.Allowed(apikey.Editor, v, on) {
				t.Errorf("%s may %s %s, an editor may not", side, v, on)
			}
		}
	})
}

func TestWhatRolesArePromised(t *testing.T) {
	each(func(on access.Resource, v access.Verb) {
		for _, role := range apikey.Roles() {
			may := access.Allowed(role, v, on)
			switch {
			case !may || role == apikey.Operator:
			case on == access.APIKeys && role != apikey.Admin:
				t.Errorf("%s may %s keys", role, v)
			case on == access.Owners && (v == access.Create || v == access.Delete):
				t.Errorf("%s may %s owners", role, v)
			case role == apikey.Viewer && v != access.Read:
				t.Errorf("a viewer may %s %s", v, on)
			case role == apikey.Publisher && on != access.Catalogue && v != access.Publish:
				t.Errorf("a publisher may %s %s", v, on)
			}
			if may && on == access.Audit && v != access.Read {
				t.Errorf("%s may %s the audit", role, v)
			}
		}
	})
}

func TestWhatIsUnknownIsNotAllowed(t *testing.T) {
	each(func(on access.Resource, v access.Verb) {
		if access.Allowed("root", v, on) || access.Allowed("", v, on) {
			t.Errorf("an unknown role may %s %s", v, on)
		}
	})
	for _, role := range apikey.Roles() {
		for _, v := range append(access.Verbs(), "", "erase", " ") {
			if access.Allowed(role, v, "secrets") || access.Allowed(role, v, "") {
				t.Errorf("%s may %s the unknown", role, v)
			}
		}
		for _, on := range access.Resources() {
			if access.Allowed(role, "erase", on) || access.Allowed(role, "", on) || access.Allowed(role, " ", on) {
				t.Errorf("%s may do the unknown with %s", role, on)
			}
		}
	}
}

func TestAKeyActsForItsOwnerAndAnOperatorsForAll(t *testing.T) {
	for _, role := range apikey.Roles() {
		k := &apikey.Key{Owner: "acme", Role: role}
		want := role != apikey.Operator // no such key is made
		if access.ActsFor(k, "acme") != want {
			t.Errorf("a key of acme, %s, acts for acme: %v", role, !want)
		}
		for _, foreign := range []string{"other", "", "acme2", "acm", ">", id.Installation} {
			if access.ActsFor(k, foreign) {
				t.Errorf("a key of acme, %s, acts for %q", role, foreign)
			}
		}
		if access.ActsFor(&apikey.Key{Role: role}, "acme") != (role == apikey.Operator) {
			t.Errorf("a key of nobody, %s, acts for acme", role)
		}
		if access.ActsFor(&apikey.Key{Role: role}, "") || access.ActsFor(&apikey.Key{Role: role}, "a.b") {
			t.Errorf("a key of nobody, %s, acts for what is no owner", role)
		}
	}
}

func TestASubscriberReachesWhatItIsBoundToAlone(t *testing.T) {
	k := &apikey.Key{Owner: "acme", Role: apikey.Subscriber, Endpoints: []string{"crm", "erp"}, Queues: []string{"erp", "ledger"}}
	reached := map[access.Resource][]string{access.Endpoints: {"crm", "erp"}, access.Queues: {"erp", "ledger"}}
	for _, on := range access.Resources() {
		for _, thing := range []string{"crm", "erp", "ledger", "other", ""} {
			if got, want := access.Own(k, on, thing), slices.Contains(reached[on], thing); got != want {
				t.Errorf("a subscriber reaches %q of %s: %v", thing, on, got)
			}
		}
	}
	for _, role := range apikey.Roles() {
		if role != apikey.Subscriber && !access.Own(&apikey.Key{Owner: "acme", Role: role}, access.Endpoints, "crm") {
			t.Errorf("%s is bound to endpoints", role)
		}
	}
}

// SMTP settings may have the id of an endpoint, and are no subscriber's.
func TestASubscriberReachesWhatWasSentToItsEndpointsAlone(t *testing.T) {
	k := &apikey.Key{Owner: "acme", Role: apikey.Subscriber, Endpoints: []string{"main"}, Queues: []string{"ledger"}}
	if !access.OwnTarget(k, delivery.Webhook, "main") || access.OwnTarget(k, delivery.Webhook, "ledger") {
		t.Error("of webhooks it reaches what it should not, or not what it should")
	}
	if access.OwnTarget(k, delivery.Email, "main") || access.OwnTarget(k, "", "main") {
		t.Error("it reaches mails that were sent by settings of its endpoint's id")
	}
	if !access.OwnTarget(&apikey.Key{Owner: "acme", Role: apikey.Viewer}, delivery.Email, "main") {
		t.Error("a viewer does not reach mails")
	}
}

func TestWhoMayTakeEventsOfAQueue(t *testing.T) {
	for role, want := range map[apikey.Role]bool{
		apikey.Operator: true, apikey.Admin: true, apikey.Editor: true, apikey.Viewer: false, apikey.Publisher: false, apikey.Subscriber: true,
	} {
		if got := access.Allowed(role, access.Take, access.Queues); got != want {
			t.Errorf("%s may take: %v", role, got)
		}
	}
}
