// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package redact says what never leaves: secrets are replaced before a text is logged, audited, or put
// into an event or a status. It errs on the side of replacing too much where a secret would otherwise
// be left, and leaves alone what Kubernetes says about Secrets and tokens without showing one.
//
// Redact first and cut to length afterwards: half a secret has lost the shape it is known by.
package redact

// Mark stands where a secret was.
const Mark = "[REDACTED]"

// maxPasses is how often a text is looked at. What is replaced may show something new beside it, but
// two passes do for nearly all texts.
const maxPasses = 10

// finder finds the secrets of a text.
type finder func(text string) []span

// Text replaces the secrets in free text, of one line or many, by their shape or by the name that they
// have there. What it returns stays as it is when it is given to Text again.
func Text(s string) string {
	return rewrite(s, secrets)
}

// secrets is all that Text knows.
func secrets(text string) []span {
	var found []span
	for _, find := range []finder{
		fixedShapes, encodedKeys, bareSchemes, privateKeys, keyBodies,
		userinfos, dataSources, curlUsers, pairs, namedValues, flags,
	} {
		found = append(found, find(text)...)
	}
	return found
}

// rewrite replaces what is found until nothing more is. A text that does not come to rest is hostile:
// it is replaced as a whole, so that the time stays linear and the result is final in any case.
func rewrite(text string, find finder) string {
	for range maxPasses {
		next := replace(text, find(text))
		if next == text {
			return text
		}
		text = next
	}
	return Mark
}
