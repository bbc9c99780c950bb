package suppression_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/config/suppression"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/topology"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T) *suppression.List {
	t.Helper()
	js := natstest.Start(t).JetStream(t)
	for _, c := range topology.Buckets(topology.Defaults()) {
		if c.Name == topology.BucketStream(topology.Suppressions) {
			if _, err := js.CreateStream(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
	}
	return suppression.Open(js)
}

func has(t *testing.T, l *suppression.List, owner, addr string) bool {
	t.Helper()
	ok, err := l.Has(t.Context(), owner, addr)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

var at = time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)

func TestAnAddressIsOnTheListOfOneOwnerHoweverItIsSpelt(t *testing.T) {
	l := open(t)
	added, err := l.Add(t.Context(), "acme", suppression.Entry{Address: "Ada@Bücher.Example", By: suppression.Reader, Since: at})
	if err != nil || !added {
		t.Fatal(added, err)
	}
	for _, spelt := range []string{"ada@bücher.example", "ADA@xn--bcher-kva.example", "aDa@BÜCHER.example"} {
		if !has(t, l, "acme", spelt) {
			t.Errorf("%s is not on the list", spelt)
		}
	}
	if has(t, l, "other", "ada@bücher.example") || has(t, l, "acme", "ada@example.com") {
		t.Error("more is on the list than was put there")
	}
	added, err = l.Add(t.Context(), "acme", suppression.Entry{Address: "ada@bücher.example", By: suppression.Operator, Since: at.Add(1)})
	if err != nil || added {
		t.Errorf("added twice: %v, %v", added, err)
	}
	if _, err := l.Add(t.Context(), "acme", suppression.Entry{Address: "a@example.com", By: suppression.Operator, Since: at}); err != nil {
		t.Fatal(err)
	}
	all, err := l.All(t.Context(), "acme")
	want := []suppression.Entry{
		{Address: "a@example.com", By: suppression.Operator, Since: at},
		{Address: "ada@xn--bcher-kva.example", By: suppression.Reader, Since: at},
	}
	if d := cmp.Diff(want, all); d != "" || err != nil {
		t.Errorf("%v\n%s", err, d)
	}
	for _, want := range []bool{true, false} {
		if removed, err := l.Remove(t.Context(), "acme", "Ada@BÜCHER.example"); removed != want || err != nil {
			t.Errorf("removed %v, want %v: %v", removed, want, err)
		}
	}
	if has(t, l, "acme", "ada@bücher.example") {
		t.Error("still on the list")
	}
	if added, err := l.Add(t.Context(), "acme", suppression.Entry{Address: "ada@bücher.example", Since: at}); err != nil || !added {
		t.Errorf("not put back: %v, %v", added, err)
	}
}

func TestOfManyWhoPutAnAddressOnTheListOneDoes(t *testing.T) {
	l := open(t)
	var adders sync.WaitGroup
	var first atomic.Int32
	for range 8 {
		adders.Go(func() {
			added, err := l.Add(context.Background(), "acme", suppression.Entry{Address: "ada@example.com", Since: at})
			if err != nil {
				t.Error(err)
			}
			if added {
				first.Add(1)
			}
		})
	}
	adders.Wait()
	if first.Load() != 1 {
		t.Errorf("%d added it", first.Load())
	}
}

func TestWhatNamesNobodyIsRefused(t *testing.T) {
	l := open(t)
	for _, c := range [][2]string{{"*", "ada@example.com"}, {"a.b", "ada@example.com"}, {"acme", "ada"}, {"acme", "*@*"}, {"", "ada@example.com"}} {
		_, added := l.Add(t.Context(), c[0], suppression.Entry{Address: c[1]})
		_, removed := l.Remove(t.Context(), c[0], c[1])
		_, found := l.Has(t.Context(), c[0], c[1])
		for _, err := range []error{added, removed, found} {
			if fault.KindOf(err) != fault.Invalid {
				t.Errorf("%s: %v", c, err)
			}
		}
	}
	if _, err := l.All(t.Context(), ">"); fault.KindOf(err) != fault.Invalid {
		t.Errorf("all of everybody: %v", err)
	}
}

func TestTheNormalFormIsOneAddressAndStays(t *testing.T) {
	label := rapid.StringMatching(`[a-zA-Z0-9]{1,20}`)
	rapid.Check(t, func(t *rapid.T) {
		addr := label.Draw(t, "local") + "@" + label.Draw(t, "name") + "." + rapid.StringMatching(`[a-zA-Z]{2,6}`).Draw(t, "top")
		normal, err := suppression.Normal(addr)
		if err != nil {
			t.Skip(err) // a label that IDNA refuses
		}
		again, err := suppression.Normal(normal)
		upper, upperErr := suppression.Normal(strings.ToUpper(addr))
		if err != nil || upperErr != nil || again != normal || upper != normal {
			t.Fatalf("%s: %s, %s, %s, %v, %v", addr, normal, again, upper, err, upperErr)
		}
	})
}

func TestPagesTogetherHaveTheWholeListOnce(t *testing.T) {
	l := open(t)
	const n = 25
	for i := range n {
		for _, owner := range []string{"acme", "other"} {
			if _, err := l.Add(t.Context(), owner, suppression.Entry{Address: fmt.Sprintf("r%02d@%s.example", i, owner), By: suppression.Reader, Since: at}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := l.Remove(t.Context(), "acme", "r03@acme.example"); err != nil {
		t.Fatal(err)
	}
	var got []string
	for after := uint64(0); ; {
		p, err := l.Page(t.Context(), "acme", after, 4)
		if err != nil || len(p.Entries) > 4 || p.Last <= after {
			t.Fatalf("%+v %v", p, err)
		}
		for _, e := range p.Entries {
			got = append(got, e.Address)
		}
		if after = p.Last; !p.More {
			break
		}
	}
	if len(got) != n-1 || got[0] != "r00@acme.example" || slices.Contains(got, "r03@acme.example") || got[n-2] != "r24@acme.example" {
		t.Errorf("%d: %v", len(got), got)
	}
	e, err := l.Get(t.Context(), "acme", "R04@acme.example")
	if err != nil || e.Address != "r04@acme.example" || e.By != suppression.Reader || !e.Since.Equal(at) {
		t.Errorf("%+v %v", e, err)
	}
	for owner, addr := range map[string]string{"acme": "r03@acme.example", "other": "r04@acme.example"} {
		if _, err := l.Get(t.Context(), owner, addr); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s of %s: %v", addr, owner, err)
		}
	}
}
