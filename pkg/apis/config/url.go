// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"net/url"
	"strings"

	"knative.dev/pkg/configmap"
)

// asURL takes no user: a ConfigMap is no place for credentials. The error of one does not repeat it.
func asURL(key string, target *string) configmap.ParseFunc {
	return func(data map[string]string) error {
		raw, ok := data[key]
		if !ok || raw == "" {
			return nil
		}
		u, err := url.Parse(raw)
		if err == nil && u.User != nil {
			return fmt.Errorf("%s: %q is not valid: want a URL without user and password", key, shown(raw))
		}
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
			return fmt.Errorf("%s: %q is not valid: want a URL such as https://data-storage.kubernaut-system.svc:8080", key, shown(raw))
		}
		*target = raw
		return nil
	}
}

// shown is a URL, also one that is none, as an error may have it: without what may be credentials.
func shown(raw string) string {
	const mark = "[REDACTED]"
	if at := strings.LastIndexByte(raw, '@'); at >= 0 {
		start := 0
		if i := strings.Index(raw[:at], "//"); i >= 0 {
			start = i + len("//")
		}
		raw = raw[:start] + mark + raw[at:]
	}
	if i := strings.IndexAny(raw, "?#"); i >= 0 {
		raw = raw[:i+1] + mark
	}
	return raw
}
