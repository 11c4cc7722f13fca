// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package startup

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"
	kubeinformerfactory "knative.dev/pkg/injection/clients/namespacedkube/informers/factory"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/network/handlers"
	"knative.dev/pkg/system"
	"knative.dev/pkg/webhook"
	certificates "knative.dev/pkg/webhook/certificates/resources"
)

// answer serves admission requests until the context ends, and then for as long as some still come. Knative's own
// server closes idle connections when it is told to end; a request that is on its way on one is lost with it, and the
// creation that it asked about refused.
func answer(ctx context.Context, options *webhook.Options, handler http.Handler) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", ":"+strconv.Itoa(options.Port))
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: time.Minute,
		TLSConfig: &tls.Config{
			MinVersion: webhook.TLSMinVersionFromEnv(tls.VersionTLS13), GetCertificate: certificate(ctx, options.SecretName),
		},
		// Not nil, so that it speaks HTTP/1.1 only, of which each response can say that it is the connection's last.
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
		ErrorLog:     zap.NewStdLog(logging.FromContext(ctx).Desugar()),
	}
	return drained(ctx, server, options.GracePeriod, func() error { return server.ServeTLS(listener, "", "") })
}

// certificate reads the one that Knative keeps in a Secret, and renews there.
func certificate(ctx context.Context, secret string) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	secrets := kubeinformerfactory.Get(ctx).Core().V1().Secrets().Lister().Secrets(system.Namespace())
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		found, err := secrets.Get(secret)
		if err != nil {
			return nil, fmt.Errorf("failed to read the certificate: %w", err)
		}
		pair, err := tls.X509KeyPair(found.Data[certificates.ServerCert], found.Data[certificates.ServerKey])
		return &pair, err
	}
}

// drained serves until the context ends. From then on each response is the last one of its connection, so that
// clients come to another replica, and the server ends when nobody has asked for the quiet time.
func drained(ctx context.Context, server *http.Server, quiet time.Duration, serve func() error) error {
	drainer := &handlers.Drainer{Inner: server.Handler, QuietPeriod: quiet}
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ctx.Err() != nil {
			w.Header().Set("Connection", "close")
		}
		drainer.ServeHTTP(w, r)
	})
	group, running := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := serve(); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-running.Done()
		if ctx.Err() != nil {
			drainer.Drain()
		}
		return server.Shutdown(context.WithoutCancel(ctx))
	})
	return group.Wait()
}
