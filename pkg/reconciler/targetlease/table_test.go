// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlease

import (
	"context"
	"strings"
	"testing"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	tektonclient "github.com/tektoncd/pipeline/pkg/client/injection/client"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgotesting "k8s.io/client-go/testing"
	clocktesting "k8s.io/utils/clock/testing"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	"knative.dev/pkg/controller"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	executionclient "kubernaut.ai/workflowexecution/pkg/client/injection/client"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun"
	"kubernaut.ai/workflowexecution/pkg/reconciler/takeover"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

const key = given.SystemNamespace + "/" + given.LeaseName

// run tests a table with the real locks and runs on fake clients, and a clock that stands.
func run(t *testing.T, table rtesting.TableTest) {
	t.Helper()
	for i := range table {
		table[i].SkipNamespaceValidation = true
		if table[i].Key == "" {
			table[i].Key = key
		}
	}
	table.Test(t, given.MakeFactory(construct))
}

func construct(ctx context.Context, listers *given.Listers, circumstances *given.Circumstances) controller.Reconciler {
	index, err := pipelinerun.NewIndex(listers.Indexers())
	utilruntime.Must(err)
	now := clocktesting.NewFakePassiveClock(given.Now())
	locks := targetlock.NewStore(kubeclient.Get(ctx).CoordinationV1(), given.SystemNamespace, now)
	ours := pipelinerun.New(tektonclient.Get(ctx), kubeclient.Get(ctx), index, now)
	return &Reconciler{
		leases:     listers.Leases().Leases(given.SystemNamespace),
		executions: listers.Executions(),
		index:      index,
		client:     executionclient.Get(ctx),
		runs:       ours,
		locks:      locks,
		takeover:   takeover.New(executionclient.Get(ctx), ours, locks, now, given.RunNamespace),
		config:     fixedConfig{circumstances.Config},
		events:     controller.GetEventRecorder(ctx),
		clock:      now,
	}
}

type fixedConfig struct{ config *config.WorkflowExecution }

func (f fixedConfig) ToContext(ctx context.Context) context.Context {
	return config.ToContext(ctx, &config.Config{WorkflowExecution: f.config})
}

// quiet is a state that is in order: it costs not a single request.
func quiet(name string, objects ...runtime.Object) rtesting.TableRow {
	return rtesting.TableRow{
		Name: name, Objects: objects,
		PostConditions: []func(*testing.T, *rtesting.TableRow){given.AsksNothing},
	}
}

// execution is the one that most rows are about.
func execution(facts ...given.ExecutionOption) *v1alpha1.WorkflowExecution {
	return given.Execution("payments/fix", facts...)
}

func over(facts ...given.ExecutionOption) *v1alpha1.WorkflowExecution {
	return execution(append([]given.ExecutionOption{
		given.Started(minutes(60)), given.Ended(minutes(1), nil), given.NextIn(minutes(4)), given.Released,
	}, facts...)...)
}

func updates(objects ...runtime.Object) []clientgotesting.UpdateActionImpl {
	actions := make([]clientgotesting.UpdateActionImpl, 0, len(objects))
	for _, object := range objects {
		actions = append(actions, clientgotesting.UpdateActionImpl{Object: object})
	}
	return actions
}

func deletions(actions ...clientgotesting.DeleteActionImpl) []clientgotesting.DeleteActionImpl {
	return actions
}

func deletion(resource, namespace, name string) clientgotesting.DeleteActionImpl {
	return clientgotesting.DeleteActionImpl{
		ActionImpl: clientgotesting.ActionImpl{Namespace: namespace, Resource: schema.GroupVersionResource{Resource: resource}},
		Name:       name,
	}
}

func leaseDeletion() clientgotesting.DeleteActionImpl {
	return deletion("leases", given.SystemNamespace, given.LeaseName)
}

func runDeletion(run *tektonv1.PipelineRun) clientgotesting.DeleteActionImpl {
	return deletion("pipelineruns", run.Namespace, run.Name)
}

func TestKeys(t *testing.T) {
	malformed := quiet("one that is none")
	malformed.Key, malformed.WantErr = "too/many/parts", true
	elections := quiet("a Lease that is no lock", given.FreeLease())
	elections.Key = given.SystemNamespace + "/workflowexecution.00-of-01"
	short := quiet("a Lease that looks like one", given.FreeLease())
	short.Key = strings.TrimSuffix(key, "1")
	run(t, rtesting.TableTest{malformed, elections, short, quiet("a target of which nothing is known")})
}

// Replicas that do not lead a Lease keep their hands off it.
func TestNotLeader(t *testing.T) {
	server := given.NewListers([]runtime.Object{given.FreeLease()})
	ctx, clients := given.WithClients(t.Context(), t, &server)
	r := construct(ctx, &server, &given.Circumstances{Config: config.DefaultWorkflowExecution()})
	if err := r.Reconcile(ctx, key); !controller.IsSkipKey(err) {
		t.Errorf("Reconcile() = %v, want the key skipped", err)
	}
	for _, client := range clients {
		if actions := client.Actions(); len(actions) > 0 {
			t.Errorf("Requests %v of a replica that does not lead", actions)
		}
	}
}
