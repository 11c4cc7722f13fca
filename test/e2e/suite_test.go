// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import "testing"

// TestSuite follows the life of an installation. What disturbs others has a place of its own; the rest runs together.
// A part can be run alone with -run 'TestSuite/Together/Failures'.
func TestSuite(t *testing.T) {
	t.Run("Installation", testInstallation)
	t.Run("Upgrade", testUpgrade)
	t.Run("RollingRestart", testRollingRestart)
	t.Run("LeaderKilled", testLeaderKilled)
	t.Run("Together", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T){
			"Failures":        testFailures,
			"Lock":            testLock,
			"PrivateRegistry": testPrivateRegistry,
			"Remediation":     testRemediation,
			"Success":         testSuccess,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t)
			})
		}
	})
	t.Run("SignedWorkflows", testSignedWorkflows)
	t.Run("DrainNode", testDrainNode)
	t.Run("KubeletStopped", testKubeletStopped)
	t.Run("Removal", testRemoval)
}
