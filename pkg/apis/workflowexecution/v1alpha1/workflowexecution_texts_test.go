// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"pgregory.net/rapid"
)

// conditions is how many a status has.
const conditions = 6

// maxStatus is how many bytes a status has at most, of which an API server stores more than a million.
const maxStatus = 64 << 10

func TestCut(t *testing.T) {
	long := strings.Repeat("x", 40)
	for _, tc := range []struct {
		text  string
		limit int
		want  string
	}{
		{"", 20, ""},
		{"short", 20, "short"},
		{long[:20], 20, long[:20]},
		{long[:21], 20, long[:11] + "… (cut)"},
		{long[:10] + "é" + long[:20], 20, long[:10] + "… (cut)"},
		{long[:9] + "é" + long[:20], 20, long[:9] + "é… (cut)"},
		{long[:8] + "€" + long[:20], 20, long[:8] + "€… (cut)"},
		{strings.Repeat("€", 20), 20, "€€€… (cut)"},
	} {
		if got := Cut(tc.text, tc.limit); got != tc.want || len(got) > tc.limit || Cut(got, tc.limit) != got {
			t.Errorf("Cut(%q, %d) = %q, want %q", tc.text, tc.limit, got, tc.want)
		}
	}
}

// Whatever others say, in whichever field, the status stays small, and the CRD takes it. What a field of the status
// is called, and whether it is old or new, does not matter here.
func TestNoEvidenceOutgrowsTheStatus(t *testing.T) {
	said := map[string]string{
		"nothing": "", "a word": "Failed", "in the middle of a limit": strings.Repeat("é", MaxName/2+1),
		"as much as fits": strings.Repeat("x", MaxText), "a bit more": strings.Repeat("x", MaxText-1) + "€",
		"a parameter": strings.Repeat("x", 256<<10), "a parameter in Greek": strings.Repeat("α", 128<<10),
	}
	texts := rapid.SampledFrom(slices.Sorted(maps.Keys(said)))
	schema := schemaOf(t, "status")
	rapid.Check(t, func(t *rapid.T) {
		var status WorkflowExecutionStatus
		fill(reflect.ValueOf(&status).Elem(), func() string { return said[texts.Draw(t, "text")] })
		status.CutTexts()
		text, err := json.Marshal(status)
		if err != nil || len(text) > maxStatus {
			t.Fatalf("the status has %d bytes, %v", len(text), err)
		}
		var stored any
		if err := json.Unmarshal(text, &stored); err != nil {
			t.Fatal(err)
		}
		checkLengths(t, "status", stored, schema)
		before := *status.DeepCopy()
		status.CutTexts()
		if !reflect.DeepEqual(before, status) {
			t.Fatal("what was cut is cut again")
		}
	})
}

// ours are the texts of a status that no evidence sets: the controller's own words, and what has limits elsewhere.
var ours = sets.New("Annotations", "AuditTrail", "BlockClearance", "BlockClearanceRequest", "PipelineRunRef", "Phase", "Status",
	"Progress", "Type", "Severity", "Outcome", "DeprecatedServiceAccountName")

// fill gives every text that others may set one of the given, in every object of the status.
func fill(value reflect.Value, text func() string) {
	switch value.Kind() {
	case reflect.String:
		// A type of its own is an enumeration.
		if value.Type() == reflect.TypeFor[string]() {
			value.SetString(text())
		}
	case reflect.Pointer:
		value.Set(reflect.New(value.Type().Elem()))
		fill(value.Elem(), text)
	case reflect.Slice:
		value.Set(reflect.MakeSlice(value.Type(), conditions, conditions))
		for i := range value.Len() {
			fill(value.Index(i), text)
		}
	case reflect.Struct:
		for i := range value.NumField() {
			field := value.Type().Field(i)
			if field.IsExported() && field.Type.PkgPath() != "k8s.io/apimachinery/pkg/apis/meta/v1" &&
				(field.Anonymous || !ours.Has(field.Name)) {
				fill(value.Field(i), text)
			}
		}
	default:
	}
}

// checkLengths holds every text that is stored against the schema, in characters, as the API server does.
func checkLengths(t *rapid.T, path string, stored any, schema apiextensionsv1.JSONSchemaProps) {
	switch stored := stored.(type) {
	case string:
		if limit := schema.MaxLength; limit != nil && int64(utf8.RuneCountInString(stored)) > *limit {
			t.Fatalf("%s has %d characters, the CRD takes %d", path, utf8.RuneCountInString(stored), *limit)
		}
		if schema.MaxLength == nil && len(stored) > 1000 {
			t.Fatalf("%s has no maxLength in the CRD", path)
		}
	case map[string]any:
		for name, value := range stored {
			checkLengths(t, path+"."+name, value, schema.Properties[name])
		}
	case []any:
		for _, value := range stored {
			checkLengths(t, path+"[]", value, *schema.Items.Schema)
		}
	}
}
