package oauth

import (
	"bytes"
	"io"
	"net/http"

	"github.com/billhook/billhook/services/webhook-sender/internal/post"
)

// bounded reads an answer whole, up to [post.MaxRead], before it hands it on.
type bounded struct{ next http.RoundTripper }

// exchanged is a failure of the exchange itself, not of what was said in it.
type exchanged struct{ error }

func (e *exchanged) Unwrap() error { return e.error }

// RoundTrip implements [http.RoundTripper].
func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", post.UserAgent)
	resp, err := b.next.RoundTrip(req)
	if err != nil {
		return nil, &exchanged{err}
	}
	defer func(b io.Closer) { _ = b.Close() }(resp.Body)
	if resp.StatusCode == http.StatusSwitchingProtocols {
		resp.Body = http.NoBody // what follows is no body: no limit of time would end it
		return resp, nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, post.MaxRead+1))
	if late := req.Context().Err(); late != nil {
		// The server may end its answer when we hang up, which is no end.
		err = late
	}
	switch {
	case err != nil:
		return nil, &exchanged{err}
	case len(body) > post.MaxRead:
		return nil, errLarge
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}
