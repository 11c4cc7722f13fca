// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package redact

import (
	"regexp"
	"strings"
)

var (
	// authority is an address with something behind a colon: a password, or a port. Whatever an
	// address may have in it should be encoded, but passwords often are not.
	authority = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#@:"'\[]*:(\S+)`)
	port      = regexp.MustCompile(`^\d{1,5}(?:[^\w@]|$)`)

	// tokenUser is an address that has a token where the user would be.
	tokenUser = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://([\w-]*\d[\w-]*)@`)

	// dataSource is an address as Go's driver of MySQL has it.
	dataSource = regexp.MustCompile(`[\w.-]+:(\S+)@(?:tcp|tcp6|unix)\(`)

	// curlUser is a login as curl takes it.
	curlUser = regexp.MustCompile(`(?:^|\s)(?:-u|--user|--proxy-user)[ \t=]+["']?([\w.@-]*[A-Za-z][\w.@-]*):([^\s"']+)`)
)

// minTokenUser is how many bytes a user has that is a token.
const minTokenUser = 20

// userinfos are the passwords of addresses; the users stay.
func userinfos(text string) []span {
	var spans []span
	for _, s := range groups(authority, text, 1) {
		rest := text[s.start:s.end]
		if port.MatchString(rest) {
			continue
		}
		spans = append(spans, span{s.start, s.start + passwordLength(rest)})
	}
	for _, s := range groups(tokenUser, text, 1) {
		if s.end-s.start >= minTokenUser {
			spans = append(spans, s)
		}
	}
	return spans
}

// passwordLength is where the last @ is: a password may have more of them, and slashes. Only if there is
// one before a quote does the quote end the address.
func passwordLength(rest string) int {
	quoted, _, _ := strings.Cut(rest, `"`)
	if i := strings.LastIndexByte(quoted, '@'); i >= 0 {
		return i
	}
	return max(0, strings.LastIndexByte(rest, '@'))
}

func dataSources(text string) []span {
	return groups(dataSource, text, 1)
}

// curlUsers are the passwords that curl is given. An identity of Kubernetes has colons too.
func curlUsers(text string) []span {
	var spans []span
	for _, match := range curlUser.FindAllStringSubmatchIndex(text, -1) {
		if user := group(match, 1); text[user.start:user.end] != "system" {
			spans = append(spans, group(match, 2))
		}
	}
	return spans
}
