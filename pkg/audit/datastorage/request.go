// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package datastorage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"kubernaut.ai/workflowexecution/pkg/audit"
)

const (
	path = "api/v1/audit/events/batch"

	// maxResponse is how many bytes of a response are read.
	maxResponse = 64 << 10
)

// send is one request. A refusal is the response to these events; any other error says nothing about them.
func (s *Sink) send(ctx context.Context, client *http.Client, items []item) error {
	request, err := s.request(ctx, items)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return unanswered{withoutURL(err)}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxResponse))
	if err != nil {
		return unanswered{withoutURL(err)}
	}
	return s.verdict(response, body)
}

func (s *Sink) request(ctx context.Context, items []item) (*http.Request, error) {
	bodies := make([]json.RawMessage, 0, len(items))
	for _, i := range items {
		bodies = append(bodies, i.body)
	}
	batch, err := json.Marshal(bodies)
	if err != nil {
		return nil, err
	}
	// Neither error may be shown: both quote the URL, in which there may be a password.
	address, err := url.JoinPath(s.options.URL, path)
	if err != nil {
		return nil, errURL
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(batch))
	if err != nil {
		return nil, errURL
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", audit.Controller)
	// Without a value it is not sent, but net/http knows that it may repeat the request on a new connection
	// if the server was just closing the one that had been kept alive.
	request.Header["Idempotency-Key"] = nil
	return request, s.authorize(request)
}

var (
	errURL   = errors.New("the URL of the data storage service is not valid")
	errToken = errors.New("the token file of the data storage service is empty")
)

func (s *Sink) authorize(request *http.Request) error {
	if s.options.TokenFile == "" {
		return nil
	}
	token, err := os.ReadFile(s.options.TokenFile)
	if err != nil {
		return err
	}
	word := strings.TrimSpace(string(token))
	if word == "" {
		return errToken
	}
	request.Header.Set("Authorization", "Bearer "+word)
	return nil
}

// withoutURL is the error without the address: a name of a user in it is nobody's business.
func withoutURL(err error) error {
	if failed := (*url.Error)(nil); errors.As(err, &failed) {
		return failed.Err
	}
	return err
}
