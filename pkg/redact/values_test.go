// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package redact

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParameters(t *testing.T) {
	t.Parallel()
	params := map[string]string{
		"DB_PASSWORD": "swordfish", "API_KEY": "x y", "TOKEN": "1", "PRIVATE_KEY": "a\nb", "SECRET": "true-blue",
		"SECRET_NAME": "db-credentials", "TOKEN_COUNT": "3", "KEY": "app", "REASON": "too many restarts", "EMPTY": "",
		"DATABASE_URL": "postgres://app:swordfish@db/x", "ARGS": "--token abc1 -v",
		"ADMIN_PASSWORD": "", "BASIC_AUTH": "false", "AUTH": "true",
	}
	given := maps.Clone(params)
	want := map[string]string{
		"DB_PASSWORD": Mark, "API_KEY": Mark, "TOKEN": Mark, "PRIVATE_KEY": Mark, "SECRET": Mark,
		"SECRET_NAME": "db-credentials", "TOKEN_COUNT": "3", "KEY": "app", "REASON": "too many restarts", "EMPTY": "",
		"DATABASE_URL": "postgres://app:" + Mark + "@db/x", "ARGS": "--token " + Mark + " -v",
		"ADMIN_PASSWORD": "", "BASIC_AUTH": "false", "AUTH": "true",
	}
	got := Parameters(params)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want, +got):", diff)
	}
	if diff := cmp.Diff(given, params); diff != "" {
		t.Error("what was given has changed:", diff)
	}
	if diff := cmp.Diff(got, Parameters(got)); diff != "" {
		t.Error("not final:", diff)
	}
	got["NEW"] = "x"
	if _, shared := params["NEW"]; shared {
		t.Error("it is no copy")
	}
}

func TestNoParameters(t *testing.T) {
	t.Parallel()
	if got := Parameters(nil); got != nil {
		t.Errorf("Parameters(nil) = %v", got)
	}
	if got := Parameters(map[string]string{}); got == nil || len(got) > 0 {
		t.Errorf("Parameters({}) = %v", got)
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	inJSON, err := json.Marshal(`sw"ord<fish>`)
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("correct horse ", 9)
	encoded := base64.StdEncoding.EncodeToString([]byte(long))
	for name, tc := range map[string]struct {
		value string
		row   row
	}{
		"as it is":            {"swordfish", row{"echo {}", "swordfish"}},
		"in a word":           {"swordfish", row{"a{}b{}", "swordfish"}},
		"with spaces":         {"correct horse", row{"got {}, sorry", "correct horse"}},
		"in JSON":             {`sw"ord<fish>`, row{`{"out":"{}"}`, string(inJSON[1 : len(inJSON)-1])}},
		"in JSON, not HTML":   {`sw"ord<fish>`, row{`{"out":"{}"}`, `sw\"ord<fish>`}},
		"base64":              {"swordfish?>~", row{"x: {}", base64.StdEncoding.EncodeToString([]byte("swordfish?>~"))}},
		"base64, no padding":  {"swordfish??", row{"x: {}.", base64.RawStdEncoding.EncodeToString([]byte("swordfish??"))}},
		"base64 for URLs":     {"swordfish??>", row{"x: {}", base64.URLEncoding.EncodeToString([]byte("swordfish??>"))}},
		"base64, by echo":     {"swordfish", row{"x: {}", base64.StdEncoding.EncodeToString([]byte("swordfish\n"))}},
		"base64, two lines":   {long, row{"{}\n{}\n", ""}},
		"query":               {"sword fish&", row{"GET /x?q={}", url.QueryEscape("sword fish&")}},
		"path":                {"sword fish/", row{"GET /{}/x", url.PathEscape("sword fish/")}},
		"a line of it":        {"first line\nsecond line\n", row{"at {} there", "second line"}},
		"trimmed":             {"swordfish\n", row{"echo {}", "swordfish"}},
		"too short":           {"sword", row{"the sword", "-"}},
		"part of the mark":    {"REDACTED", row{"[it was {}]", "REDACTED"}},
		"the mark":            {Mark, row{"it was {}", Mark}},
		"a switch":            {"disabled", row{"it is disabled", "-"}},
		"and what Text knows": {"swordfish", row{"token={} {}", "a-swordfish"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := Values(map[string]string{"DB_PASSWORD": tc.value, "REASON": "restarts"})
			switch name {
			case "base64, two lines":
				got := r.Text("> " + encoded[:76] + "\n> " + encoded[76:152] + "\n")
				if want := "> " + Mark + "\n> " + Mark + "\n"; got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			case "and what Text knows":
				if got, want := r.Text("token=abc swordfish restarts"), "token="+Mark+" "+Mark+" restarts"; got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			default:
				tc.row.check(t, r.Text)
			}
		})
	}
}

// TestValuesInside: what Text replaces in a parameter is a secret also where it stands alone.
func TestValuesInside(t *testing.T) {
	t.Parallel()
	r := Values(map[string]string{"DATABASE_URL": "postgres://app:sw0rdfish@db/x"})
	row{"login as app with {} failed", "sw0rdfish"}.check(t, r.Text)
}

func TestNoValues(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*Redactor{"nil": nil, "zero": {}, "nothing": Values(nil), "no secret": Values(map[string]string{"REASON": "restarts"})} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			row{"many restarts, password={}", "swordfish"}.check(t, r.Text)
		})
	}
}
