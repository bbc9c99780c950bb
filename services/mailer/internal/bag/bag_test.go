package bag_test

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/services/mailer/internal/bag"
	"github.com/billhook/billhook/services/mailer/internal/letter"
	"github.com/billhook/billhook/services/mailer/internal/smtp"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
)

func TestEveryRecipientIsJudgedAlone(t *testing.T) {
	taken := smtp.Reply{Address: "a", Code: 250}
	failure := func(c smtp.Class) *smtp.Failure {
		return &smtp.Failure{Class: c, Stage: "data", Code: 554, Err: errors.New("x")}
	}
	for _, c := range []struct {
		name    string
		replies []smtp.Reply
		failure *smtp.Failure
		want    delivery.Result
		status  int
	}{
		{"taken", []smtp.Reply{taken}, nil, delivery.Delivered, 250},
		{"refused for now", []smtp.Reply{{Address: "a", Code: 451}}, nil, delivery.Retrying, 451},
		{"refused for good", []smtp.Reply{{Address: "a", Code: 550}}, nil, delivery.Parked, 550},
		{"too many recipients, as old servers say it", []smtp.Reply{{Address: "a", Code: 552}}, nil, delivery.Retrying, 552},
		{"taken, but the letter was refused", []smtp.Reply{taken}, failure(smtp.Permanent), delivery.Parked, 554},
		{"taken, but the letter not now", []smtp.Reply{taken}, failure(smtp.Transient), delivery.Retrying, 554},
		{"taken, but nobody knows of the letter", []smtp.Reply{taken}, failure(smtp.Ambiguous), delivery.Retrying, 554},
		{"refused for good in a letter that was lost", []smtp.Reply{{Address: "a", Code: 550}}, failure(smtp.Ambiguous), delivery.Parked, 550},
		{"not asked: the settings are at fault", nil, failure(smtp.Settings), delivery.Retrying, 554},
		{"not asked at all", nil, nil, delivery.Retrying, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := bag.Letter{Waiting: []string{"a"}}
			got := l.Apply(c.replies, c.failure)
			if len(got) != 1 || got[0].Result != c.want || got[0].Status != c.status || got[0].Address != "a" {
				t.Fatalf("record %+v", got)
			}
			if waits := len(l.Waiting) == 1; waits != (c.want == delivery.Retrying) {
				t.Errorf("waiting %v", l.Waiting)
			}
			if lost := len(l.Lost) == 1; lost != (c.want == delivery.Parked) {
				t.Errorf("lost %v", l.Lost)
			}
		})
	}
}

func TestNobodyIsForgottenAndNobodyGetsALetterTwice(t *testing.T) {
	addresses := []string{"a", "b", "c", "d", "e"}
	rapid.Check(t, func(t *rapid.T) {
		l := bag.Letter{Waiting: addresses}
		delivered := map[string]bool{}
		for range 5 {
			var replies []smtp.Reply
			for _, a := range l.Waiting {
				if delivered[a] {
					t.Fatalf("%s waits and has it", a)
				}
				if code := rapid.SampledFrom([]int{0, 250, 451, 550}).Draw(t, "code"); code != 0 {
					replies = append(replies, smtp.Reply{Address: a, Code: code})
				}
			}
			var f *smtp.Failure
			if rapid.Bool().Draw(t, "fails") {
				f = &smtp.Failure{Class: smtp.Class(rapid.IntRange(0, 3).Draw(t, "class")), Err: errors.New("x")}
			}
			for _, r := range l.Apply(replies, f) {
				if r.Result == delivery.Delivered {
					delivered[r.Address] = true
				}
			}
			if n := len(l.Waiting) + len(l.Lost) + len(delivered); n != len(addresses) {
				t.Fatalf("%d of %d are accounted for", n, len(addresses))
			}
		}
	})
}

func sample(text string) *bag.Bag {
	b := &bag.Bag{At: time.Unix(9, 5).UTC(), SMTP: "main", Email: "e", Revision: 3, Missing: []string{"shipping"}}
	b.Add(letter.Letter{Key: "k/1", Date: time.Unix(9, 5).UTC(), Text: text}, []string{"a", "b"}, 0)
	b.Add(letter.Letter{Key: "k/2", Date: time.Unix(9, 5).UTC(), Text: text}, []string{"c"}, 0)
	return b
}

func TestABagIsReadAsItWasKept(t *testing.T) {
	want := sample("x\r\n.\u2028")
	data, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := bag.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("bag (-kept +read):\n%s", diff)
	}
}

func TestTidyingKeepsWhatAReplayNeeds(t *testing.T) {
	b := sample("m")
	b.Letters[0].Apply([]smtp.Reply{{Address: "a", Code: 250}, {Address: "b", Code: 250}}, nil)
	b.Tidy()
	if len(b.Letters) != 1 || !b.Waiting() || len(b.Lost()) > 0 {
		t.Fatalf("bag %+v", b)
	}
	b.GiveUp()
	b.Tidy()
	if len(b.Letters) != 1 || b.Waiting() || b.Lost()[0] != "c" {
		t.Fatalf("bag %+v", b)
	}
	b.Letters[0].Burnt, b.Letters[0].Due = 9, time.Unix(1, 0)
	b.Revive()
	if l := b.Next(); l == nil || l.Waiting[0] != "c" || l.Burnt != 0 || !l.Due.IsZero() {
		t.Fatalf("asked for anew, bag %+v", b)
	}
}

func TestLettersTakeTurnsByWhenTheyAreDue(t *testing.T) {
	b := sample("m")
	soon, late := time.Unix(10, 0), time.Unix(20, 0)
	b.Letters[0].Due = soon
	if l := b.Next(); l.Number != 2 {
		t.Errorf("letter %d comes before one that was never tried", l.Number)
	}
	b.Letters[1].Due = late
	if l := b.Next(); l.Number != 1 {
		t.Errorf("letter %d comes before one that is due earlier", l.Number)
	}
	b.Letters[0].GiveUp()
	if l := b.Next(); l.Number != 2 {
		t.Errorf("letter %d is next", l.Number)
	}
	b.GiveUp()
	if b.Next() != nil {
		t.Error("a letter that nobody waits for has a turn")
	}
}

func TestALetterToManyIsOneLetterInSeveralTransactions(t *testing.T) {
	b := &bag.Bag{}
	b.Add(letter.Letter{Key: "k/1"}, []string{"a", "b", "c", "d", "e"}, 2)
	var got [][]string
	for _, l := range b.Letters {
		got = append(got, l.Waiting)
		if l.Number != 1 || l.Content.Key != "k/1" {
			t.Errorf("letter %+v", l)
		}
	}
	if diff := cmp.Diff([][]string{{"a", "b"}, {"c", "d"}, {"e"}}, got); diff != "" || b.Of != 1 {
		t.Errorf("of %d letters (-want +got):\n%s", b.Of, diff)
	}
}

func TestWhatIsTooLargeIsSaidSo(t *testing.T) {
	noise := make([]byte, bag.MaxEncoded)
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	if _, err := sample(hex.EncodeToString(noise)).Encode(); !errors.Is(err, bag.ErrTooLarge) || fault.KindOf(err) != fault.Invalid {
		t.Errorf("got %v", err)
	}
	if _, err := sample(strings.Repeat("a", bag.MaxEncoded)).Encode(); err != nil {
		t.Errorf("what compresses well is refused: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	data, err := sample("m").Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := bag.Decode(data)
		if err == nil {
			b.Tidy()
		}
	})
}
