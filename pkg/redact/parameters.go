// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package redact

// Parameters is a copy of parameters without their secrets: the values of secret names are replaced as a
// whole, except for those that are empty or a switch, and the others are what Text makes of them.
func Parameters(params map[string]string) map[string]string {
	if params == nil {
		return nil
	}
	redacted := make(map[string]string, len(params))
	for name, value := range params {
		redacted[name] = parameter(name, value)
	}
	return redacted
}

func parameter(name, value string) string {
	switch {
	case value == "" || value == "true" || value == "false":
		return value
	case IsSecretName(name):
		return Mark
	}
	return Text(value)
}
