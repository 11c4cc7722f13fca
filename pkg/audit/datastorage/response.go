// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package datastorage

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"

	"kubernaut.ai/workflowexecution/pkg/audit"
	"kubernaut.ai/workflowexecution/pkg/redact"
)

// maxExcerpt is how many characters of a response are quoted.
const maxExcerpt = 512

// refusal is a response that is about the events, so that another try would get the same.
type refusal struct {
	status int
	says   string
}

func (r *refusal) Error() string { return statement(r.status, r.says) }

func asRefusal(err error) (no *refusal, refused bool) {
	refused = errors.As(err, &no)
	return no, refused
}

// verdict is nil if all events of the request are stored.
func (s *Sink) verdict(response *http.Response, body []byte) error {
	status := response.StatusCode
	switch status {
	case http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent:
		return nil
	}
	says := excerpt(body)
	if isAboutEvents(status) {
		return &refusal{status, says}
	}
	err := fmt.Errorf("the data storage service has answered %s", statement(status, says))
	if status == http.StatusTooManyRequests || status >= http.StatusInternalServerError {
		if after, ok := retryAfter(response.Header.Get("Retry-After"), s.options.Clock.Now()); ok {
			return &audit.RetryAfterError{After: after, Err: err}
		}
	}
	return err
}

// isAboutEvents is true for what the same events would get again. The others speak of
// credentials, of the address and the form that all requests have, or of the load: once that has been put
// right the events will be taken.
func isAboutEvents(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired,
		http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusGone, http.StatusLengthRequired,
		http.StatusUnsupportedMediaType, http.StatusMisdirectedRequest, http.StatusUpgradeRequired,
		http.StatusRequestHeaderFieldsTooLarge,
		http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return status >= http.StatusBadRequest && status < http.StatusInternalServerError
}

// statement does without the words that came with the status: they are the server's too.
func statement(status int, says string) string {
	text := strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status)))
	if says == "" {
		return text
	}
	return text + ": " + says
}

// excerpt is the beginning of a response in one line. Secrets go first: half of one would not be known.
func excerpt(body []byte) string {
	text := redact.Text(strings.ToValidUTF8(string(body), "\uFFFD"))
	text = strings.Join(strings.FieldsFunc(text, isBlank), " ")
	if characters := []rune(text); len(characters) > maxExcerpt {
		return string(characters[:maxExcerpt-1]) + "…"
	}
	return text
}

// isBlank is true for what has no place in a line of text, terminal sequences among it.
func isBlank(r rune) bool { return r == ' ' || !unicode.IsGraphic(r) || unicode.IsSpace(r) }
