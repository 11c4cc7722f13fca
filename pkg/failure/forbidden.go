// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package failure

import "regexp"

// forbiddenForm is how an API server refuses a request for want of a permission (k8s.io/apiserver,
// responsewriters.forbiddenMessage), plain or within a JSON string. An admission plugin's refusal, "exceeded
// quota" for one, is "forbidden" as well and does not have this form.
var forbiddenForm = regexp.MustCompile(`forbidden: User \\?"[^"\\]+\\?" cannot [a-z*]+ ` +
	`(?:path \\?"[^"\\]+\\?"|` +
	`resource \\?"[^"\\]+\\?" in API group \\?"[^"\\]*\\?" (?:at the cluster scope|in the namespace \\?"[^"\\]+\\?"))`)

func isForbidden(log string) bool { return forbiddenForm.MatchString(log) }
