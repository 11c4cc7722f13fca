// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package startup

import (
	"encoding/json"
	"errors"
	"flag"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	"knative.dev/pkg/logging"
	"sigs.k8s.io/yaml"
)

const loggingPath = "/api/v1/namespaces/kubernaut-system/configmaps/config-logging"

func configLogging(data map[string]string) corev1.ConfigMap {
	return corev1.ConfigMap{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, Data: data}
}

// logFile has a zap-logger-config that writes into a file, and reads its lines.
func logFile(t *testing.T) (settings string, lines func() []map[string]any) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "log")
	return `{"outputPaths":["` + name + `"]}`, func() []map[string]any {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var all []map[string]any
		for line := range strings.Lines(string(data)) {
			entry := map[string]any{}
			if err := json.Unmarshal([]byte(line), &entry); err != nil {
				t.Errorf("%v: %s", err, line)
			}
			all = append(all, entry)
		}
		return all
	}
}

// keepLibraries gives the libraries their own loggers back at the end of a test.
func keepLibraries(t *testing.T) {
	t.Helper()
	slogDefault, writer, flags, level := slog.Default(), log.Writer(), log.Flags(), slog.SetLogLoggerLevel(slog.LevelInfo)
	t.Cleanup(func() {
		klog.ClearLogger()
		slog.SetDefault(slogDefault)
		log.SetOutput(writer)
		log.SetFlags(flags)
		slog.SetLogLoggerLevel(level)
	})
}

// standing is a clock for zap.
type standing struct{}

func (standing) Now() time.Time                       { return time.Unix(0, 1).UTC() }
func (standing) NewTicker(time.Duration) *time.Ticker { return nil }

var lineNumber = regexp.MustCompile(`:\d+","message`)

func TestFirstLineSaysWhichBuildItIs(t *testing.T) {
	keepLibraries(t)
	t.Setenv("SYSTEM_NAMESPACE", "kubernaut-system")
	t.Setenv("POD_NAME", "controller-1")
	settings, lines := logFile(t)
	cfg := serve(t, answers{loggingPath: configLogging(map[string]string{"zap-logger-config": settings, "loglevel.controller": "debug"})})
	logger, level, err := setUpLogger(t.Context(), cfg, "controller")
	if err != nil {
		t.Fatal(err)
	}
	logger.Debug("more")
	got := lines()
	if len(got) != 2 || level.Level() != zap.DebugLevel {
		t.Fatalf("at level %s: %v", level, got)
	}
	for _, key := range []string{"version", "commit", "goVersion", "timestamp", "caller"} {
		if got[0][key] == nil || got[0][key] == "" {
			t.Errorf("the first line has no %s: %v", key, got[0])
		}
		delete(got[0], key)
	}
	want := map[string]any{"severity": "info", "logger": "controller", "message": "Starting", "knative.dev/pod": "controller-1"}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Error("(-want, +got):", diff)
	}
}

func TestLoggerThatCannotBeMade(t *testing.T) {
	t.Setenv("SYSTEM_NAMESPACE", "kubernaut-system")
	for name, tc := range map[string]struct {
		answer any
		want   string
	}{
		"no JSON":     {configLogging(map[string]string{"zap-logger-config": "{"}), "ConfigMap config-logging: zap-logger-config: unexpected end of JSON input"},
		"no encoding": {configLogging(map[string]string{"zap-logger-config": `{"encoding":"xml"}`}), `ConfigMap config-logging: zap-logger-config: no encoder registered for name "xml"`},
		"no level":    {configLogging(map[string]string{"loglevel.controller": "loud"}), "ConfigMap config-logging: invalid logging level: loud"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := setUpLogger(t.Context(), serve(t, answers{loggingPath: tc.answer}), "controller")
			checkOneLine(t, err, tc.want)
		})
	}
}

func TestDefaultLoggerIsTheShippedOne(t *testing.T) {
	data, err := os.ReadFile("../../config/400-config-logging.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var cm corev1.ConfigMap
	if err := yaml.UnmarshalStrict(data, &cm); err != nil {
		t.Fatal(err)
	}
	shipped := defaultLogger()
	shipped.EncoderConfig = zapcore.EncoderConfig{}
	if err := json.Unmarshal([]byte(cm.Data["zap-logger-config"]), &shipped); err != nil {
		t.Fatal(err)
	}
	for name, settings := range map[string]zap.Config{"shipped": shipped, "default": defaultLogger()} {
		path := filepath.Join(t.TempDir(), name)
		if diff := cmp.Diff([]string{"stdout"}, settings.OutputPaths); diff != "" {
			t.Errorf("%s (-want, +got): %s", name, diff)
		}
		settings.OutputPaths = []string{path}
		logger, err := settings.Build(zap.WithClock(standing{}))
		if err != nil {
			t.Fatal(err)
		}
		logger.Named("controller").Warn("word", zap.Duration("after", 90))
		line, err := os.ReadFile(path)
		want := `{"severity":"warn","timestamp":"1970-01-01T00:00:00.000000001Z","logger":"controller",` +
			`"caller":"startup/logger_test.go:LINE","message":"word","after":"90ns"}` + "\n"
		if diff := cmp.Diff(want, lineNumber.ReplaceAllString(string(line), `:LINE","message`)); diff != "" || err != nil {
			t.Errorf("%s: %v (-want, +got): %s", name, err, diff)
		}
	}
}

// The first 100 lines of a message in a second are written, and then each hundredth, unless the configuration says otherwise.
func TestLinesThatAreMany(t *testing.T) {
	for sampling, want := range map[string]int{"": 102, `, "sampling": null`: 300} {
		settings, lines := logFile(t)
		logger, _, err := newLogger(&logging.Config{LoggingConfig: strings.TrimSuffix(settings, "}") + sampling + "}"}, "controller")
		if err != nil {
			t.Fatal(err)
		}
		logger = logger.Desugar().WithOptions(zap.WithClock(standing{})).Sugar()
		for range 300 {
			logger.Info("the same")
		}
		if got := len(lines()); got != want {
			t.Errorf("%q: %d lines, want %d", sampling, got, want)
		}
	}
}

func TestLibrariesWriteToOurLog(t *testing.T) {
	keepLibraries(t)
	flags := flag.NewFlagSet(t.Name(), flag.ContinueOnError)
	addVerbosity(flags)
	if err := flags.Parse([]string{"-v=6"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flags.Set("v", "0") })
	core, logs := observer.New(zap.DebugLevel)
	lendToLibraries(zap.New(core).Named("controller").Sugar())

	klog.Infof("lease %s", "a")
	klog.Warning("careful")
	klog.ErrorS(errors.New("no"), "Failed", "lease", "a")
	klog.Errorf("error retrieving resource lock: %v", t.Context().Err())
	klog.Errorf("error retrieving resource lock: %s", "context canceled")
	klog.V(6).Info("GET /version")
	klog.V(7).Info("not asked for")
	log.Print("http: superfluous response.WriteHeader call")
	slog.With("a", 1).WithGroup("g").Error("a call: context canceled")

	type entry struct {
		level           zapcore.Level
		logger, message string
	}
	var got []entry
	for _, e := range logs.All() {
		got = append(got, entry{e.Level, e.LoggerName, e.Message})
	}
	want := []entry{
		{zap.InfoLevel, "controller.klog", "lease a"},
		{zap.InfoLevel, "controller.klog", "careful"},
		{zap.ErrorLevel, "controller.klog", "Failed"},
		{zap.ErrorLevel, "controller.klog", "error retrieving resource lock: <nil>"},
		{zap.InfoLevel, "controller.klog", "error retrieving resource lock: context canceled"},
		{zap.DebugLevel, "controller.klog", "GET /version"},
		{zap.WarnLevel, "controller.log", "http: superfluous response.WriteHeader call"},
		{zap.InfoLevel, "controller.log", "a call: context canceled"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(entry{})); diff != "" {
		t.Error("(-want, +got):", diff)
	}
}
