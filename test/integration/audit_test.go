// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/audit"
	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/datastorage"
	"kubernaut.ai/workflowexecution/test/install"
	"kubernaut.ai/workflowexecution/test/postgres"
)

const (
	auditConfig = "config-audit"
	auditSecret = "workflowexecution-audit-postgres"
)

// auditTo configures where audit events go, for the time of a test, and starts the controller anew: no
// event of the test is to have gone elsewhere before the change was seen.
func auditTo(t *testing.T, data map[string]string) {
	t.Helper()
	client := world.Kube.CoreV1().ConfigMaps(install.SystemNamespace)
	before, err := client.Get(t.Context(), auditConfig, metav1.GetOptions{})
	must(t, err)
	set := func(ctx context.Context, data map[string]string) {
		cm, err := client.Get(ctx, auditConfig, metav1.GetOptions{})
		must(t, err)
		cm.Data = data
		_, err = client.Update(ctx, cm, metav1.UpdateOptions{})
		must(t, err)
		must(t, world.Replica.Kill())
		<-world.Replica.Done()
		restart(t)
	}
	set(t.Context(), data)
	t.Cleanup(func() { set(context.WithoutCancel(t.Context()), before.Data) })
}

// database is a PostgreSQL that the controller writes to.
func database(t *testing.T) *postgres.Server {
	t.Helper()
	server, err := postgres.Start(t.TempDir())
	must(t, err)
	t.Cleanup(server.Close)
	secrets := world.Kube.CoreV1().Secrets(install.SystemNamespace)
	_, err = secrets.Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: auditSecret},
		StringData: map[string]string{"url": server.SuperURL("postgres")},
	}, metav1.CreateOptions{})
	must(t, err)
	t.Cleanup(func() {
		must(t, secrets.Delete(context.WithoutCancel(t.Context()), auditSecret, metav1.DeleteOptions{}))
	})
	auditTo(t, map[string]string{"sink": "postgres"})
	return server
}

func connect(t *testing.T, server *postgres.Server) *pgx.Conn {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), server.SuperURL("postgres"))
	must(t, err)
	t.Cleanup(func() { _ = connection.Close(context.WithoutCancel(t.Context())) })
	return connection
}

func isAudited(wfe *v1alpha1.WorkflowExecution) bool {
	return wfe.Status.IsTerminal() && len(audit.Outstanding(wfe)) == 0 &&
		wfe.Status.GetCondition(v1alpha1.ConditionAuditRecorded).IsTrue()
}

func isRefused(wfe *v1alpha1.WorkflowExecution) bool {
	return wfe.Status.GetCondition(v1alpha1.ConditionAuditRecorded).IsFalse()
}

// Every phase has its event at the data storage service, which checks each field of it. Its certificate is
// of an authority of its own, and it wants a token.
func TestAuditReachesDataStorage(t *testing.T) {
	dir := t.TempDir()
	token, ca := filepath.Join(dir, "token"), filepath.Join(dir, "ca.crt")
	must(t, os.WriteFile(token, []byte("first"), 0o600))
	server, err := datastorage.Start(datastorage.Options{CAFile: ca, Tokens: []string{"first"}})
	must(t, err)
	t.Cleanup(server.Close)
	auditTo(t, map[string]string{
		"sink": "datastorage", "datastorage-url": server.URL(), "datastorage-ca-file": ca, "datastorage-token-file": token,
		"deletion-wait": "2s",
	})
	namespace := newNamespace(t)
	good, _ := workflow{}.push(t, bundle(t, "good"))
	bad, _ := workflow{simulate: map[string]string{cluster.AnnotationFailTask: "repair"}}.push(t, bundle(t, "bad"))
	slow, _ := workflow{simulate: map[string]string{cluster.AnnotationStepDuration: "5s"}}.push(t, bundle(t, "slow"))

	holder := awaitPhase(t, submit(t, newExecution(namespace, "holder", slow)), v1alpha1.PhaseRunning)
	all := []*v1alpha1.WorkflowExecution{
		holder,
		submit(t, newExecution(namespace, "good", good)),
		submit(t, newExecution(namespace, "bad", bad)),
		submit(t, newExecution(namespace, "skipped", good, withTarget(holder.Spec.TargetResource))),
		submit(t, newExecution(namespace, "never", good, withTarget(namespace+"/nokind/x"))),
	}
	for i := range all {
		all[i] = awaitExecution(t, all[i], "a complete audit trail", isAudited)
	}
	_, err = world.Executions.KubernautV1alpha1().WorkflowExecutions(namespace).Patch(t.Context(), "bad", types.MergePatchType,
		[]byte(`{"status":{"blockClearanceRequest":{"reason":"mended"}}}`), metav1.PatchOptions{}, "status")
	must(t, err)
	all[2] = awaitExecution(t, all[2], "the audited clearance", func(wfe *v1alpha1.WorkflowExecution) bool {
		return wfe.Status.BlockClearance != nil && isAudited(wfe)
	})
	want, got := map[string]string{}, map[string]string{}
	for _, wfe := range all {
		for _, e := range audit.TypesOf(wfe) {
			want[audit.ID(wfe.UID, e).String()] = wfe.Name + " " + string(e)
		}
	}
	for _, e := range server.Events() {
		got[e.ID] = e.ResourceID + " " + e.Type
	}
	expect(t, "events", want, got)
	expect(t, "violations", nil, server.Violations())

	t.Run("refused", func(t *testing.T) {
		server.Switch(datastorage.Refusing(func(e datastorage.Event) bool { return e.ResourceID == "refused" }))
		refused := submit(t, newExecution(namespace, "refused", good, withTarget(namespace+"/nokind/y")))
		recorded := submit(t, newExecution(namespace, "recorded", good, withTarget(namespace+"/nokind/z")))
		refused = awaitExecution(t, refused, "a refusal", isRefused)
		awaitExecution(t, recorded, "a complete audit trail", isAudited)
		if record := refused.Status.AuditTrail[0]; !strings.Contains(record.Refusal, "400") {
			t.Errorf("the trail does not say why: %+v", record)
		}
		expectInLog(t, refused, audit.WorkflowFailed)
		server.Switch(datastorage.Healthy)
	})
	t.Run("rotated token", func(t *testing.T) {
		server.Accept("second")
		wfe := awaitPhase(t, submit(t, newExecution(namespace, "rotated", good, withTarget(namespace+"/nokind/r"))), v1alpha1.PhaseFailed)
		must(t, os.WriteFile(token, []byte("second"), 0o600))
		awaitExecution(t, wfe, "a complete audit trail", isAudited)
	})
	t.Run("deleted while the service is away", func(t *testing.T) {
		server.Dead()
		wfe := awaitPhase(t, submit(t, newExecution(namespace, "deleted", good, withTarget(namespace+"/nokind/d"))), v1alpha1.PhaseFailed)
		deleteExecution(t, wfe)
		awaitNoExecution(t, wfe)
		expectInLog(t, wfe, audit.WorkflowFailed)
		must(t, server.Revive())
	})
}

// expectInLog holds that the log of the controller has an event in full.
func expectInLog(t *testing.T, wfe *v1alpha1.WorkflowExecution, e audit.Type) {
	t.Helper()
	log, err := os.ReadFile(world.Replica.Log())
	must(t, err)
	id := audit.ID(wfe.UID, e).String()
	for line := range strings.Lines(string(log)) {
		if strings.HasPrefix(line, `{"version":"1.0","event_id":"`+id+`"`) && strings.Contains(line, `"execution_name":"`+wfe.Name+`"`) {
			return
		}
	}
	t.Errorf("the log has no event %s of %s in full", e, wfe.Name)
}

// The Secret is read anew for new connections.
func TestAuditSecretChangesWithoutRestart(t *testing.T) {
	server := database(t)
	connection := connect(t, server)
	image, _ := workflow{}.push(t, bundle(t))
	namespace := newNamespace(t)
	awaitExecution(t, submit(t, newExecution(namespace, "before", image)), "a complete audit trail", isAudited)

	_, err := connection.Exec(t.Context(), `CREATE ROLE other LOGIN SUPERUSER PASSWORD 'another'`)
	must(t, err)
	_, err = connection.Exec(t.Context(), `ALTER ROLE `+postgres.Superuser+` PASSWORD 'changed'`)
	must(t, err)
	_, err = connection.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'workflowexecution%'`)
	must(t, err)
	wfe := awaitPhase(t, submit(t, newExecution(namespace, "after", image)), v1alpha1.PhaseCompleted)

	secrets := world.Kube.CoreV1().Secrets(install.SystemNamespace)
	secret, err := secrets.Get(t.Context(), auditSecret, metav1.GetOptions{})
	must(t, err)
	secret.Data = map[string][]byte{"url": []byte(server.URL("other", "another", "postgres"))}
	_, err = secrets.Update(t.Context(), secret, metav1.UpdateOptions{})
	must(t, err)
	awaitExecution(t, wfe, "a complete audit trail", isAudited)
}
