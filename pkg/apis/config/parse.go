// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
	"knative.dev/pkg/configmap"
)

const (
	// minDuration is the resolution of the times in a status.
	minDuration = time.Second
	// maxDuration keeps sums of configured durations far from an overflow.
	maxDuration = 365 * 24 * time.Hour
)

func asDuration(key string, target *time.Duration) configmap.ParseFunc {
	return func(data map[string]string) error {
		raw, ok := data[key]
		if !ok {
			return nil
		}
		d, err := time.ParseDuration(raw)
		if err != nil || d < minDuration || d > maxDuration {
			return fmt.Errorf("%s: %q is not valid: want a duration such as 90s, 5m or 1h30m, from %s to %s",
				key, raw, minDuration, maxDuration)
		}
		*target = d
		return nil
	}
}

func asInt(key string, target *int, lowest, highest int) configmap.ParseFunc {
	return func(data map[string]string) error {
		raw, ok := data[key]
		if !ok {
			return nil
		}
		n, err := strconv.Atoi(raw)
		if err != nil || n < lowest || n > highest {
			return fmt.Errorf("%s: %q is not valid: want a whole number from %d to %d", key, raw, lowest, highest)
		}
		*target = n
		return nil
	}
}

func asName(key string, target *string) configmap.ParseFunc {
	return func(data map[string]string) error {
		raw, ok := data[key]
		if !ok {
			return nil
		}
		if err := checkName(raw); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		*target = raw
		return nil
	}
}

func asPath(key string, target *string) configmap.ParseFunc {
	return func(data map[string]string) error {
		raw, ok := data[key]
		if !ok {
			return nil
		}
		if raw != "" && !strings.HasPrefix(raw, "/") {
			return fmt.Errorf("%s: %q is not valid: want the absolute path of a file, or nothing", key, raw)
		}
		*target = raw
		return nil
	}
}

func asBool(key string, target *bool) configmap.ParseFunc {
	return func(data map[string]string) error {
		raw, ok := data[key]
		if !ok {
			return nil
		}
		value, err := strconv.ParseBool(raw)
		if err != nil {
			return fmt.Errorf("%s: %q is not valid: want true or false", key, raw)
		}
		*target = value
		return nil
	}
}

// asList reads a comma separated list. White space around an entry and empty entries do not count.
func asList(key string, target *[]string, check func(string) error) configmap.ParseFunc {
	return func(data map[string]string) error {
		for entry := range strings.SplitSeq(data[key], ",") {
			entry = strings.TrimSpace(entry)
			if entry == "" {
				continue
			}
			if err := check(entry); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
			*target = append(*target, entry)
		}
		return nil
	}
}

func checkName(name string) error {
	if msgs := validation.IsDNS1123Subdomain(name); len(msgs) > 0 {
		return fmt.Errorf("%q is not valid: want the name of a Kubernetes object: %s", name, msgs[0])
	}
	return nil
}

func notAbove(key string, value time.Duration, limitKey string, limit time.Duration) error {
	if value > limit {
		return fmt.Errorf("%s: %q is not valid: want at most the %q of %s", key, value, limit, limitKey)
	}
	return nil
}

// parse reads data with the parser of each key, in the order of the keys.
func parse(data map[string]string, parsers map[string]configmap.ParseFunc) error {
	if err := refuseUnknownKeys(data, parsers); err != nil {
		return err
	}
	for _, key := range sortedKeys(parsers) {
		if err := configmap.Parse(data, parsers[key]); err != nil {
			return err
		}
	}
	return nil
}

// refuseUnknownKeys finds typing errors, which would otherwise leave a default in force unnoticed.
func refuseUnknownKeys(data map[string]string, known map[string]configmap.ParseFunc) error {
	for _, key := range sortedKeys(data) {
		if _, ok := known[key]; !ok && key != configmap.ExampleKey {
			return fmt.Errorf("%s: %q is set for an unknown key: want one of %s",
				key, data[key], strings.Join(sortedKeys(known), ", "))
		}
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
