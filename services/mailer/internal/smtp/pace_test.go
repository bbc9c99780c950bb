package smtp_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/billhook/billhook/services/mailer/internal/smtp"
)

func TestNoMoreLettersASecondThanTheSettingsAllow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool := smtp.NewPool(smtp.Config{Connections: 4, Now: time.Now})
		send := func(srv smtp.Server) {
			t.Helper()
			leave, err := pool.Reserve(t.Context(), srv)
			if err != nil {
				t.Fatal(err)
			}
			leave()
		}
		slow := smtp.Server{Key: "slow", PerSecond: 0.5}
		began := time.Now()
		for range 4 {
			send(slow)
		}
		if took := time.Since(began); took != 6*time.Second {
			t.Errorf("4 letters took %v, want 6 s", took)
		}
		pool.Trim() // the settings are not forgotten while they have to wait
		send(slow)
		if took := time.Since(began); took != 8*time.Second {
			t.Errorf("5 letters took %v, want 8 s", took)
		}
		send(smtp.Server{Key: "fast"})
		if took := time.Since(began); took != 8*time.Second {
			t.Errorf("settings without a rate waited too: %v", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := pool.Reserve(ctx, slow); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		<-time.After(time.Second) // of the bubble: what was given up takes no turn
		send(slow)
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("after a wait that was given up %v, want 10 s", took)
		}
	})
}
