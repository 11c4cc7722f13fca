// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Call is a request to the API server.
type Call struct {
	// Verb is Kubernetes' own: get, list, watch, create, update, patch, delete or deletecollection.
	Verb string
	// Resource with its subresource, such as "workflowexecutions/status"; empty for what is no
	// resource, such as discovery.
	Resource string
	// Namespace and Name are empty where the path has none.
	Namespace, Name string
	// Body of a write.
	Body []byte
}

// String is what calls are counted by.
func (c Call) String() string { return c.Verb + " " + c.Resource }

// IsWrite tells whether the call can change anything.
func (c Call) IsWrite() bool {
	return c.Verb != "get" && c.Verb != "list" && c.Verb != "watch"
}

// Mentions tells whether the name, or the body, has that text in it.
func (c Call) Mentions(text string) bool {
	return strings.Contains(c.Name, text) || bytes.Contains(c.Body, []byte(text))
}

// isAboutState leaves out events, which are news, and discovery.
func (c Call) isAboutState() bool { return c.Resource != "" && c.Resource != "events" }

// readCall takes the body out of the request and puts it back.
func readCall(r *http.Request) (Call, error) {
	c := Call{}
	c.locate(strings.Split(strings.Trim(r.URL.Path, "/"), "/"))
	c.Verb = verb(r, c.Name)
	if !c.IsWrite() || r.Body == nil {
		return c, nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return c, fmt.Errorf("failed to read the request: %w", err)
	}
	c.Body, r.Body = body, io.NopCloser(bytes.NewReader(body))
	return c, nil
}

// locate knows api/v1/... and apis/group/version/..., each with or without a namespace.
func (c *Call) locate(path []string) {
	switch {
	case len(path) > 2 && path[0] == "api":
		path = path[2:]
	case len(path) > 3 && path[0] == "apis":
		path = path[3:]
	default:
		return
	}
	if path[0] == "namespaces" && len(path) > 2 {
		c.Namespace, path = path[1], path[2:]
	}
	c.Resource = path[0]
	if len(path) > 1 {
		c.Name = path[1]
	}
	if len(path) > 2 {
		c.Resource += "/" + path[2]
	}
}

func verb(r *http.Request, name string) string {
	watches := r.URL.Query().Get("watch")
	switch {
	case r.Method == http.MethodGet && (watches == "true" || watches == "1"):
		return "watch"
	case r.Method == http.MethodGet && name == "":
		return "list"
	case r.Method == http.MethodDelete && name == "":
		return "deletecollection"
	}
	return map[string]string{
		http.MethodGet: "get", http.MethodPost: "create", http.MethodPut: "update",
		http.MethodPatch: "patch", http.MethodDelete: "delete",
	}[r.Method]
}
