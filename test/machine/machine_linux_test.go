// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// These environment variables make this test binary play a program that enters a machine, and say how it behaves there.
const (
	envPlay   = "MACHINE_TEST_PLAY"
	envReport = "MACHINE_TEST_REPORT"

	playEnds  = "ends"
	playFails = "fails"
	playStays = "stays"

	failureCode = 7
	patience    = 30 * time.Second
)

func TestMain(m *testing.M) {
	Init()
	play := os.Getenv(envPlay)
	switch {
	case play == "":
		os.Exit(m.Run())
	case Inside():
		os.Exit(inside(play))
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	code, err := Enter(ctx, Options{})
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

// inside leaves behind what a node would: a process that has lost its parent, a mount, a link, a filter rule and a
// control group with a process in it.
func inside(play string) int {
	asked, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	group := ControlGroup() + "/node/pod"
	if err := MakeControlGroup(group); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	script := `set -eu
setsid sleep 7654 > /dev/null 2>&1 &
for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/*; do
  if [ -e "$hierarchy$1/cgroup.procs" ]; then echo $! > "$hierarchy$1/cgroup.procs" || true; fi
done
mount -t tmpfs left-behind /mnt
ip link add left-behind type bridge
iptables -N LEFT-BEHIND
touch /var/lib/left-behind /run/left-behind`
	if output, err := exec.Command("sh", "-c", script, "sh", group).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, output)
		return 1
	}
	if err := os.WriteFile(os.Getenv(envReport), []byte(filepath.Dir(Folder())), 0o600); err != nil {
		return 1
	}
	switch play {
	case playStays:
		<-asked.Done()
	case playFails:
		return failureCode
	}
	return 0
}

func TestNothingIsLeft(t *testing.T) {
	if err := Check(); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		play   string
		signal os.Signal
		want   int
	}{
		"it ends":             {playEnds, nil, 0},
		"it fails":            {playFails, nil, failureCode},
		"it is asked to end":  {playStays, syscall.SIGTERM, 0},
		"its outer is killed": {playStays, syscall.SIGKILL, -1},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			before := traces(t)
			folder, code := enter(t, tc.play, tc.signal)
			if code != tc.want {
				t.Errorf("exit code %d, want %d", code, tc.want)
			}
			if tc.signal == syscall.SIGKILL {
				awaitNoProcess(t)
				sweep()
			}
			if after := traces(t); after != before {
				t.Errorf("left behind; before:\n%s\nafter:\n%s", before, after)
			}
			if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the folder %s: %v", folder, err)
			}
		})
	}
}

// enter runs this binary so that it enters a machine, and sends it the signal, if any, when it is inside.
func enter(t *testing.T, play string, s os.Signal) (folder string, code int) {
	t.Helper()
	report := filepath.Join(t.TempDir(), "report")
	var output bytes.Buffer
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), envPlay+"="+play, envReport+"="+report)
	cmd.Stderr = &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if s != nil {
		eventually(t, "a report from inside", func() bool { return fileExists(report) })
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	_ = cmd.Wait()
	content, err := os.ReadFile(report)
	if err != nil {
		t.Fatalf("%v\n%s", err, output.String())
	}
	return string(content), cmd.ProcessState.ExitCode()
}

// traces are all that a machine could leave in the world outside.
func traces(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, command := range []string{
		"ip -o link | cut -d: -f2", "iptables-save | grep -v '^#' | sed 's/\\[.*//' || true", "cut -d' ' -f5- /proc/self/mountinfo",
		"ls /run /var/lib", "find /sys/fs/cgroup -type d -name 'workflowexecution-*'", "pgrep -x -f 'sleep 7654' || true",
	} {
		output, err := exec.CommandContext(t.Context(), "sh", "-c", command).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", command, err, output)
		}
		fmt.Fprintf(&all, "$ %s\n%s", command, output)
	}
	return all.String()
}

func awaitNoProcess(t *testing.T) {
	t.Helper()
	eventually(t, "the end of the process that had lost its parent", func() bool {
		return exec.CommandContext(t.Context(), "pgrep", "-x", "-f", "sleep 7654").Run() != nil
	})
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for %s", patience, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestCheckNamesWhatIsMissing(t *testing.T) {
	err := Check(Tool{Name: "no-such-program", Package: "no-such-package"}, Tool{Name: "/no/such/file", Package: "no-such-package"})
	missing, ok := errors.AsType[*MissingError](err)
	if !ok {
		t.Fatalf("Check() = %v", err)
	}
	for _, want := range []string{"no-such-program is not installed", "/no/such/file is not installed", "apt-get install --no-install-recommends no-such-package"} {
		if !strings.Contains(missing.Error(), want) {
			t.Errorf("%q lacks %q", missing.Error(), want)
		}
	}
}
