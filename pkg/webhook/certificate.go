// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"crypto/tls"
	"fmt"

	corelisters "k8s.io/client-go/listers/core/v1"
	secretinformer "knative.dev/pkg/injection/clients/namespacedkube/informers/core/v1/secret"
	"knative.dev/pkg/system"
	certresources "knative.dev/pkg/webhook/certificates/resources"
)

// CertificateCheck is passed when there is a certificate to answer with.
func CertificateCheck(ctx context.Context) func(context.Context) error {
	return certificateCheck(secretinformer.Get(ctx).Lister())
}

func certificateCheck(secrets corelisters.SecretLister) func(context.Context) error {
	return func(context.Context) error {
		secret, err := secrets.Secrets(system.Namespace()).Get(SecretName)
		if err != nil {
			return fmt.Errorf("failed to read the certificate: %w", err)
		}
		if _, err := tls.X509KeyPair(secret.Data[certresources.ServerCert], secret.Data[certresources.ServerKey]); err != nil {
			return fmt.Errorf("failed to read the certificate in Secret %s/%s: %w", secret.Namespace, secret.Name, err)
		}
		return nil
	}
}
