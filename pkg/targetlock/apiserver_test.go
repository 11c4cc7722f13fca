// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package targetlock

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	coordinationclient "k8s.io/client-go/kubernetes/typed/coordination/v1"
	clienttesting "k8s.io/client-go/testing"
	clocktesting "k8s.io/utils/clock/testing"
)

const lockNamespace = "kubernaut-system"

// apiServer keeps Leases as the real one does: with UIDs, with resource versions that an update has to
// know, and with the preconditions of a deletion, all of which client-go's fake ignores.
type apiServer struct {
	*fake.Clientset

	mutex   sync.Mutex
	leases  map[string]*coordinationv1.Lease
	version int
	// before is called once before the next request with that verb, as what others do meanwhile.
	before map[string]func()
	// requests are the verbs of all that was asked.
	requests []string
	// deletions are the options of each deletion.
	deletions []metav1.DeleteOptions
}

func newAPIServer() *apiServer {
	s := &apiServer{Clientset: fake.NewClientset(), leases: map[string]*coordinationv1.Lease{}, before: map[string]func(){}}
	for verb, serve := range map[string]func(clienttesting.Action) (runtime.Object, error){
		"create": s.create, "get": s.get, "update": s.update, "delete": s.delete,
	} {
		s.PrependReactor(verb, "leases", func(action clienttesting.Action) (bool, runtime.Object, error) {
			s.mutex.Lock()
			defer s.mutex.Unlock()
			object, err := serve(action)
			return true, object, err
		})
	}
	return s
}

// fail answers the next request with that verb with an error.
func (s *apiServer) fail(verb string, err error) {
	failed := false
	s.PrependReactor(verb, "leases", func(clienttesting.Action) (bool, runtime.Object, error) {
		handled := !failed
		failed = true
		return handled, nil, err
	})
}

// Leases is the client of which a Store is made. It lets others act before a request, which a reactor
// cannot, because client-go's fake serves one request at a time.
func (s *apiServer) Leases(namespace string) coordinationclient.LeaseInterface {
	return &client{LeaseInterface: s.CoordinationV1().Leases(namespace), server: s}
}

type client struct {
	coordinationclient.LeaseInterface
	server *apiServer
}

func (c *client) meanwhile(verb string) {
	c.server.requests = append(c.server.requests, verb)
	act := c.server.before[verb]
	delete(c.server.before, verb)
	if act != nil {
		act()
	}
}

func (c *client) Create(ctx context.Context, lease *coordinationv1.Lease, options metav1.CreateOptions) (*coordinationv1.Lease, error) {
	c.meanwhile("create")
	return c.LeaseInterface.Create(ctx, lease, options)
}

func (c *client) Get(ctx context.Context, name string, options metav1.GetOptions) (*coordinationv1.Lease, error) {
	c.meanwhile("get")
	return c.LeaseInterface.Get(ctx, name, options)
}

func (c *client) Update(ctx context.Context, lease *coordinationv1.Lease, options metav1.UpdateOptions) (*coordinationv1.Lease, error) {
	c.meanwhile("update")
	return c.LeaseInterface.Update(ctx, lease, options)
}

func (c *client) Delete(ctx context.Context, name string, options metav1.DeleteOptions) error {
	c.meanwhile("delete")
	return c.LeaseInterface.Delete(ctx, name, options)
}

// put stores a Lease as somebody with a right to do so might.
func (s *apiServer) put(lease *coordinationv1.Lease) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.version++
	lease = lease.DeepCopy()
	lease.ResourceVersion = strconv.Itoa(s.version)
	if lease.UID == "" {
		lease.UID = types.UID(fmt.Sprintf("lease-%d", s.version))
	}
	s.leases[lease.Name] = lease
}

// remove deletes a Lease as somebody with a right to do so might.
func (s *apiServer) remove(target string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(s.leases, LeaseName(target))
}

func (s *apiServer) lease(target string) *coordinationv1.Lease {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.leases[LeaseName(target)].DeepCopy()
}

func (s *apiServer) create(action clienttesting.Action) (runtime.Object, error) {
	lease := action.(clienttesting.CreateAction).GetObject().(*coordinationv1.Lease).DeepCopy()
	if s.leases[lease.Name] != nil {
		return nil, apierrors.NewAlreadyExists(coordinationv1.Resource("leases"), lease.Name)
	}
	s.version++
	lease.ResourceVersion, lease.UID = strconv.Itoa(s.version), types.UID(fmt.Sprintf("lease-%d", s.version))
	s.leases[lease.Name] = lease
	return lease.DeepCopy(), nil
}

func (s *apiServer) get(action clienttesting.Action) (runtime.Object, error) {
	name := action.(clienttesting.GetAction).GetName()
	if s.leases[name] == nil {
		return nil, apierrors.NewNotFound(coordinationv1.Resource("leases"), name)
	}
	return s.leases[name].DeepCopy(), nil
}

func (s *apiServer) update(action clienttesting.Action) (runtime.Object, error) {
	lease := action.(clienttesting.UpdateAction).GetObject().(*coordinationv1.Lease).DeepCopy()
	old := s.leases[lease.Name]
	switch {
	case old == nil:
		return nil, apierrors.NewNotFound(coordinationv1.Resource("leases"), lease.Name)
	case lease.UID != old.UID || lease.ResourceVersion != old.ResourceVersion:
		return nil, conflict(lease.Name)
	}
	s.version++
	lease.ResourceVersion = strconv.Itoa(s.version)
	s.leases[lease.Name] = lease
	return lease.DeepCopy(), nil
}

func (s *apiServer) delete(action clienttesting.Action) (runtime.Object, error) {
	request := action.(clienttesting.DeleteActionImpl)
	s.deletions = append(s.deletions, request.DeleteOptions)
	old := s.leases[request.Name]
	if old == nil {
		return nil, apierrors.NewNotFound(coordinationv1.Resource("leases"), request.Name)
	}
	if only := request.DeleteOptions.Preconditions; only != nil {
		if only.UID != nil && *only.UID != old.UID || only.ResourceVersion != nil && *only.ResourceVersion != old.ResourceVersion {
			return nil, conflict(request.Name)
		}
	}
	delete(s.leases, request.Name)
	return nil, nil
}

func conflict(name string) error {
	return apierrors.NewConflict(coordinationv1.Resource("leases"), name, fmt.Errorf("the object has been modified"))
}

func (s *apiServer) store(at time.Time) *Store {
	return NewStore(s, lockNamespace, clocktesting.NewFakePassiveClock(at))
}
