// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package datastorage

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter is how long a service may ask to be left alone: somebody may have mended it meanwhile.
const maxRetryAfter = 5 * time.Minute

// retryAfter reads the header of that name, in seconds or as a date. It is not ok if that is not in the
// future.
func retryAfter(header string, now time.Time) (time.Duration, bool) {
	header = strings.TrimSpace(header)
	if isNumber(header) {
		// The error is that the number is too large, and that is what it is then.
		seconds, _ := strconv.ParseUint(header, 10, 32)
		return min(time.Duration(seconds)*time.Second, maxRetryAfter), seconds > 0
	}
	date, err := http.ParseTime(header)
	if err != nil || !date.After(now) {
		return 0, false
	}
	return min(date.Sub(now), maxRetryAfter), true
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
