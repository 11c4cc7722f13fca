// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package startup

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// A client that has a connection open, and sends a request on it after the server was told to end, gets its answer,
// and learns that the next one needs another connection.
func TestServerAnswersOnOpenConnectionsWhileItEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{
		ReadHeaderTimeout: time.Minute,
		Handler:           http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
	}
	ended := make(chan error, 1)
	go func() {
		ended <- drained(ctx, server, time.Second, func() error { return server.Serve(listener) })
	}()
	connection, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	reader := bufio.NewReader(connection)

	if _, isLast := ask(t, connection, reader); isLast {
		t.Error("a server that goes on closes its connection")
	}
	cancel()
	if status, isLast := ask(t, connection, reader); status != http.StatusOK || !isLast {
		t.Errorf("status %d, connection is closed afterwards: %v", status, isLast)
	}
	if _, err := reader.ReadByte(); !errors.Is(err, io.EOF) {
		t.Error("the connection stays open:", err)
	}
	if err := <-ended; err != nil {
		t.Error("the server ended with", err)
	}
}

// ask sends a request on the connection, whether or not the other side still wants it, and tells whether the response
// is the last one there.
func ask(t *testing.T, connection net.Conn, reader *bufio.Reader) (status int, isLast bool) {
	t.Helper()
	if _, err := io.WriteString(connection, "GET / HTTP/1.1\r\nHost: server\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal("no answer:", err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Close
}

func TestServerThatCannotServeSaysSo(t *testing.T) {
	broken := errors.New("broken")
	err := drained(t.Context(), &http.Server{ReadHeaderTimeout: time.Minute}, time.Hour, func() error { return broken })
	if !errors.Is(err, broken) {
		t.Error("drained() =", err)
	}
}
