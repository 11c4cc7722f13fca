// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/validation/path"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
)

const targetForm = "want namespace/kind/name, or kind/name for a cluster-scoped resource; " +
	"kind may carry its group, as in payment/deployment.apps/api"

// kindName is the form of a kind, or of a resource: in lower case, a DNS-1035 label.
var kindName = regexp.MustCompile(`^[A-Za-z]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?$`)

// Target is a target resource as its author wrote it. Which resource that is, only API discovery
// can tell: the kind may be in any case, and without its group.
type Target struct {
	// Namespace is empty for a cluster-scoped resource.
	Namespace string
	// Kind as written, with its group if one was given.
	Kind schema.GroupKind
	Name string
}

// ParseTarget reads the form of spec.targetResource (docs/design.md, "Targets"). The error says what
// would be valid.
func ParseTarget(s string) (Target, error) {
	parts := strings.Split(s, "/")
	if len(parts) == 2 {
		parts = append([]string{""}, parts...)
	} else if parts[0] == "" && len(parts) == 3 {
		return Target{}, fmt.Errorf("%q: the namespace is empty; %s", s, targetForm)
	}
	switch {
	case len(parts) != 3:
		return Target{}, fmt.Errorf("%q has %d parts; %s", s, len(parts), targetForm)
	case strings.HasSuffix(parts[1], "."):
		return Target{}, fmt.Errorf("%q: the group is empty; %s", s, targetForm)
	}
	target := Target{Namespace: parts[0], Kind: schema.ParseGroupKind(parts[1]), Name: parts[2]}
	if err := target.check(); err != nil {
		return Target{}, fmt.Errorf("%q: %w; %s", s, err, targetForm)
	}
	return target, nil
}

// String is the inverse of ParseTarget.
func (t Target) String() string {
	s := t.Kind.String() + "/" + t.Name
	if t.Namespace != "" {
		s = t.Namespace + "/" + s
	}
	return s
}

func (t Target) check() error {
	if t.Namespace != "" {
		if msgs := validation.IsDNS1123Label(t.Namespace); len(msgs) > 0 {
			return fmt.Errorf("namespace %q: %s", t.Namespace, msgs[0])
		}
	}
	if !kindName.MatchString(t.Kind.Kind) {
		return fmt.Errorf("kind %q: must be letters, digits and '-', begin with a letter, end with a letter or digit "+
			"and be at most %d characters long", t.Kind.Kind, validation.DNS1035LabelMaxLength)
	}
	if t.Kind.Group != "" {
		if msgs := validation.IsDNS1123Subdomain(t.Kind.Group); len(msgs) > 0 {
			return fmt.Errorf("group %q: %s", t.Kind.Group, msgs[0])
		}
	}
	return checkTargetName(t.Name)
}

// checkTargetName allows what any resource allows in a name: RBAC objects have colons, nodes dots.
func checkTargetName(name string) error {
	switch msgs := path.IsValidPathSegmentName(name); {
	case name == "":
		return errors.New("the name is empty")
	case len(name) > validation.DNS1123SubdomainMaxLength:
		return fmt.Errorf("the name has more than %d characters", validation.DNS1123SubdomainMaxLength)
	case len(msgs) > 0:
		return fmt.Errorf("name %q %s", name, msgs[0])
	case !utf8.ValidString(name):
		return fmt.Errorf("name %q is not UTF-8", name)
	case strings.ContainsFunc(name, isBlank):
		return fmt.Errorf("name %q contains white space or a control character", name)
	}
	return nil
}

// isBlank is what the pattern of spec.targetResource calls \p{Z} and \p{Cc}.
func isBlank(r rune) bool {
	return unicode.In(r, unicode.Z, unicode.Cc)
}

// TargetHashDigits is the length of a TargetHash.
const TargetHashDigits = 40

// TargetHash tells canonical targets apart where a target does not fit: in a label, and in the name of its
// Lease. Both have the same one, so that the one is found from the other.
func TargetHash(canonical string) string {
	sum := sha256.Sum256([]byte(canonical))
	return hex.EncodeToString(sum[:])[:TargetHashDigits]
}
