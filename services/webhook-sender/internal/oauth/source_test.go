package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/billhook/billhook/services/webhook-sender/internal/oauth"
)

// server counts its tokens and gives them as it is told.
type server struct {
	asked atomic.Int32
	// expires is a member of the answer; wait is how long an answer takes.
	expires string
	wait    time.Duration
	fails   atomic.Bool
}

func (s *server) source() *oauth.Source {
	return oauth.New(oauth.Settings{Now: time.Now, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		n := s.asked.Add(1)
		select {
		case <-time.After(s.wait):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
		if s.fails.Load() {
			return nil, errors.New("down")
		}
		return answer("application/json", fmt.Sprintf(`{"access_token":"tok%d"%s}`, n, s.expires)), nil
	})}).Source(grant())
}

func get(t *testing.T, s *oauth.Source) string {
	t.Helper()
	token, err := s.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return token.Reveal()
}

func TestATokenIsKeptUntilShortlyBeforeItsEnd(t *testing.T) {
	for expires, kept := range map[string]time.Duration{
		`,"expires_in":3600`:                 time.Hour - 30*time.Second,
		`,"expires_in":"3600"`:               time.Hour - 30*time.Second,
		`,"expires_in":60`:                   54 * time.Second,
		``:                                   5*time.Minute - 30*time.Second,
		`,"expires_in":null`:                 5*time.Minute - 30*time.Second,
		`,"expires_in":0`:                    5*time.Minute - 30*time.Second,
		`,"expires_in":-1`:                   5*time.Minute - 30*time.Second,
		`,"expires_in":9223372036854775807`:  24*time.Hour - 30*time.Second,
		`,"expires_in":-9223372036854775808`: 5*time.Minute - 30*time.Second,
	} {
		t.Run(expires, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := &server{expires: expires}
				s := srv.source()
				get(t, s)
				<-time.After(kept - time.Millisecond)
				if got := get(t, s); got != "tok1" {
					t.Errorf("%s just before the end", got)
				}
				<-time.After(time.Millisecond)
				if got := get(t, s); got != "tok2" {
					t.Errorf("%s at the end", got)
				}
			})
		})
	}
}

func TestManyWhoWantATokenAskForItOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := &server{wait: time.Second}
		s := srv.source()
		var work sync.WaitGroup
		for range 50 {
			work.Go(func() { get(t, s) })
		}
		work.Wait()
		if n := srv.asked.Load(); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}

func TestWhoStopsWhileAskingLeavesItToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := &server{wait: time.Second}
		s := srv.source()
		ctx, stop := context.WithCancel(t.Context())
		var work sync.WaitGroup
		work.Go(func() {
			if _, err := s.Token(ctx); err == nil {
				t.Error("a token for one who has stopped")
			}
		})
		synctest.Wait()
		var got string
		work.Go(func() { got = get(t, s) })
		synctest.Wait()
		stop()
		work.Wait()
		if got != "tok2" || srv.asked.Load() != 2 {
			t.Errorf("got %q after asking %d times", got, srv.asked.Load())
		}
	})
}

func TestWhoWaitsForAnothersRequestWaitsNoLongerThanItsOwnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := (&server{wait: time.Hour}).source()
		var work sync.WaitGroup
		work.Go(func() { get(t, s) })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Token(ctx); err == nil || err.Error() != "the token server did not answer in time" {
			t.Error(err)
		}
		work.Wait()
	})
}

func TestAFailureIsTheAnswerForASecondSoThatATokenServerInTroubleIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := &server{}
		srv.fails.Store(true)
		s := srv.source()
		for range 100 {
			if _, err := s.Token(t.Context()); err == nil {
				t.Fatal("a token")
			}
		}
		if n := srv.asked.Load(); n != 1 {
			t.Errorf("asked %d times", n)
		}
		srv.fails.Store(false)
		<-time.After(time.Second)
		if got := get(t, s); got != "tok2" {
			t.Errorf("got %q", got)
		}
	})
}

func TestARefusedTokenIsReplacedOnceForAllWhoHadIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := &server{expires: `,"expires_in":3600`, wait: time.Millisecond}
		s := srv.source()
		first, err := s.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var work sync.WaitGroup
		for range 20 {
			work.Go(func() {
				if next, err := s.Renew(t.Context(), first); err != nil || next.Reveal() != "tok2" {
					t.Errorf("%q, %v", next.Reveal(), err)
				}
			})
		}
		work.Wait()
		// The receiver refuses whatever comes: it is not asked for again at once.
		second, err := s.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if next, err := s.Renew(t.Context(), second); err != nil || !next.Equal(second) || srv.asked.Load() != 2 {
			t.Errorf("%q after asking %d times, %v", next.Reveal(), srv.asked.Load(), err)
		}
		<-time.After(10 * time.Second)
		if next, err := s.Renew(t.Context(), second); err != nil || next.Reveal() != "tok3" {
			t.Errorf("later %q, %v", next.Reveal(), err)
		}
	})
}

func TestATraceOfTheRequestDoesNotSeeTheOneForItsToken(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) { say(w, "application/json", `{"access_token":"tok"}`) })
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		WroteHeaderField: func(name string, _ []string) { t.Errorf("%s is seen", name) },
	})
	if _, err := c.Source(grant()).Token(ctx); err != nil {
		t.Fatal(err)
	}
}
