// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/kms"
	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1alpha1"
	"github.com/tektoncd/pipeline/pkg/trustedresources"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// passwordVariable is where cosign looks too.
const passwordVariable = "COSIGN_PASSWORD"

// resource is a Tekton object whose signature Tekton can check.
type resource interface {
	metav1.Object
	trustedresources.Hashable
	SetDefaults(context.Context)
}

// decode reads the one object of a document as Tekton does when it has resolved it: typed and defaulted. A field that Tekton
// does not know is an error, since the signature would not cover it.
func decode(ctx context.Context, document []byte) (resource, error) {
	if err := expectOneObject(document); err != nil {
		return nil, err
	}
	var object metav1.TypeMeta
	if err := yaml.Unmarshal(document, &object); err != nil {
		return nil, err
	}
	var r resource
	switch object.APIVersion + " " + object.Kind {
	case "tekton.dev/v1 Pipeline":
		r = &tektonv1.Pipeline{}
	case "tekton.dev/v1 Task":
		r = &tektonv1.Task{}
	default:
		return nil, fmt.Errorf("apiVersion %q, kind %q: want tekton.dev/v1 and Pipeline or Task", object.APIVersion, object.Kind)
	}
	if err := yaml.UnmarshalStrict(document, r); err != nil {
		return nil, err
	}
	r.SetDefaults(ctx)
	return r, nil
}

// expectOneObject refuses a document of several, of which a YAML decoder reads the first.
func expectOneObject(document []byte) error {
	objects := 0
	for decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(document), len(document)); ; {
		var object map[string]any
		err := decoder.Decode(&object)
		switch {
		case errors.Is(err, io.EOF) && objects == 1:
			return nil
		case errors.Is(err, io.EOF):
			return fmt.Errorf("it has %d objects: sign each in a file of its own, and push them together", objects)
		case err != nil:
			return err
		}
		if len(object) > 0 {
			objects++
		}
	}
}

// sign writes the document with its signature as an annotation. Nothing else of it changes but its layout.
func sign(ctx context.Context, document []byte, key string, out io.Writer) error {
	r, err := decode(ctx, document)
	if err != nil {
		return err
	}
	checksum, err := r.Checksum()
	if err != nil {
		return err
	}
	signer, err := loadSigner(ctx, key)
	if err != nil {
		return fmt.Errorf("key %s: %w", key, err)
	}
	signed, err := signer.SignMessage(bytes.NewReader(checksum))
	if err != nil {
		return fmt.Errorf("key %s: %w", key, err)
	}
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(document, &object.Object); err != nil {
		return err
	}
	annotations := object.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[trustedresources.SignatureAnnotation] = base64.StdEncoding.EncodeToString(signed)
	object.SetAnnotations(annotations)
	result, err := yaml.Marshal(object.Object)
	if err != nil {
		return err
	}
	_, err = out.Write(result)
	return err
}

// isURI tells a key in a KMS from a file.
func isURI(key string) bool { return strings.Contains(key, "://") }

func loadSigner(ctx context.Context, key string) (signature.Signer, error) {
	if isURI(key) {
		return kms.Get(ctx, key, crypto.SHA256)
	}
	return signature.LoadSignerFromPEMFile(key, crypto.SHA256, func(bool) ([]byte, error) {
		password, found := os.LookupEnv(passwordVariable)
		if !found {
			return nil, errors.New("it is encrypted: put its password into the environment variable " + passwordVariable)
		}
		return []byte(password), nil
	})
}

// verify checks the signature against a policy that knows this key only.
func verify(ctx context.Context, document []byte, key string) error {
	r, err := decode(ctx, document)
	if err != nil {
		return err
	}
	known := &v1alpha1.KeyRef{KMS: key}
	if !isURI(key) {
		public, err := os.ReadFile(key)
		if err != nil {
			return err
		}
		known = &v1alpha1.KeyRef{Data: string(public)}
	}
	policy := &v1alpha1.VerificationPolicy{Spec: v1alpha1.VerificationPolicySpec{
		Resources:   []v1alpha1.ResourcePattern{{Pattern: ".*"}},
		Authorities: []v1alpha1.Authority{{Name: "key", Key: known}},
		Mode:        v1alpha1.ModeEnforce,
	}}
	result := trustedresources.VerifyResource(ctx, r, nil, nil, []*v1alpha1.VerificationPolicy{policy})
	if result.VerificationResultType != trustedresources.VerificationPass {
		return result.Err
	}
	return nil
}
