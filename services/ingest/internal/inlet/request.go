package inlet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/billhook/billhook/services/ingest/internal/envelope"
	"github.com/billhook/billhook/services/ingest/internal/strictjson"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/problem"
)

// request is the body of a request, cut into events.
type request struct {
	// batch is set for the forms that hold several events, also when they
	// hold one.
	batch  bool
	events [][]byte
	// header is what belongs to each event.
	header map[string][]string
	// release gives back the memory that was waited for.
	release func()
}

const accepted = envelope.JSON + ", " + envelope.NDJSON + ", " + envelope.CloudEvent + ", " + envelope.CloudEventsBatch

// read reads the body of an owner's request and cuts it into events.
func (in *Inlet) read(w http.ResponseWriter, r *http.Request, owner string) (*request, *refused) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || !strings.Contains(accepted+",", media+",") || r.Header.Get("Content-Encoding") != "" {
		w.Header().Set("Accept", accepted)
		return nil, refuse(http.StatusUnsupportedMediaType, problem.Media, "the body must be unencoded, of one of the types "+accepted)
	}
	if r.ContentLength > MaxBody {
		return nil, tooLarge()
	}
	release, p := in.reserve(r, owner)
	if p != nil {
		return nil, p
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err != nil {
		release()
		var limit *http.MaxBytesError
		if errors.As(err, &limit) {
			return nil, tooLarge()
		}
		return nil, refuse(http.StatusBadRequest, problem.Request, "the body could not be read")
	}
	req, p := cut(media, body, r.Header)
	if p != nil {
		release()
		return nil, p
	}
	req.release = release
	return req, nil
}

// reserve waits until there is room for a body that may be large.
func (in *Inlet) reserve(r *http.Request, owner string) (func(), *refused) {
	if r.ContentLength >= 0 && r.ContentLength <= event.MaxBytes {
		return func() {}, nil
	}
	leave, ok := in.large.enter(r.Context(), owner)
	if !ok {
		return nil, unavailable("too many large requests at once")
	}
	return leave, nil
}

func tooLarge() *refused {
	return refuse(http.StatusRequestEntityTooLarge, problem.Size, fmt.Sprintf("a request holds at most %d events and %d bytes", MaxEvents, MaxBody))
}

// cut cuts a body into events.
func cut(media string, body []byte, header http.Header) (*request, *refused) {
	req := &request{header: header}
	var problems fault.Problems
	switch {
	case media == envelope.NDJSON:
		req.batch = true
		for line := range bytes.Lines(body) {
			if line = bytes.TrimSpace(line); len(line) > 0 {
				req.events = append(req.events, line)
			}
			if len(req.events) > MaxEvents {
				break
			}
		}
	case media == envelope.CloudEventsBatch, media == envelope.JSON && array(body) && !binary(header):
		req.batch = true
		req.events, problems = strictjson.Elements(body, MaxEvents)
	default:
		req.events = [][]byte{body}
	}
	switch {
	case problems != nil:
		p := refuse(http.StatusBadRequest, problem.Request, "the body is no array of events")
		p.Errors = problems
		return nil, p
	case len(req.events) == 0:
		return nil, refuse(http.StatusBadRequest, problem.Request, "the body holds no event")
	case len(req.events) > MaxEvents:
		return nil, tooLarge()
	}
	if req.batch {
		req.header = each(media)
	}
	return req, nil
}

// each returns the headers that hold for each event of a batch.
func each(media string) map[string][]string {
	if media == envelope.CloudEventsBatch {
		return map[string][]string{"content-type": {envelope.CloudEvent}}
	}
	return nil
}

func array(body []byte) bool {
	body = bytes.TrimLeft(body, " \t\r\n")
	return len(body) > 0 && body[0] == '['
}

func binary(header http.Header) bool {
	for name := range header {
		if strings.HasPrefix(strings.ToLower(name), "ce-") {
			return true
		}
	}
	return false
}
