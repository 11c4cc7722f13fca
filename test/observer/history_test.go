// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"context"
	"errors"
	"maps"
	"math"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

// store is an API server that remembers how its pods were at each revision from oldest on. A watch
// shows what has happened until then and ends; it cannot begin before cached.
type store struct {
	mu             sync.Mutex
	states         []map[string]uint64 // by revision: revision of each pod by name
	cached, oldest uint64
	down           bool
	shuffled       bool
}

func (s *store) write(change func(map[string]uint64, uint64)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := map[string]uint64{}
	if last := len(s.states) - 1; last >= 0 {
		maps.Copy(next, s.states[last])
	}
	change(next, uint64(len(s.states)+1))
	s.states = append(s.states, next)
}

func (s *store) put(name string) {
	s.write(func(pods map[string]uint64, revision uint64) { pods[name] = revision })
}

func (s *store) remove(name string) {
	s.write(func(pods map[string]uint64, _ uint64) { delete(pods, name) })
}

func (s *store) revision() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return uint64(len(s.states))
}

// restart forgets what a watch would need.
func (s *store) restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cached = uint64(len(s.states))
}

func (s *store) source() Source { return Source{List: s.list, Watch: s.watch} }

func (s *store) list(_ context.Context, options metav1.ListOptions) (runtime.Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	revision := uint64(len(s.states))
	if options.ResourceVersionMatch == metav1.ResourceVersionMatchExact {
		revision, _ = strconv.ParseUint(options.ResourceVersion, 10, 64)
	}
	if s.down {
		return nil, errors.New("down")
	}
	if revision < s.oldest {
		return nil, apierrors.NewResourceExpired("compacted")
	}
	list := &corev1.PodList{ListMeta: metav1.ListMeta{ResourceVersion: strconv.FormatUint(revision, 10)}}
	for name, version := range s.states[revision-1] {
		list.Items = append(list.Items, *stored(name, version))
	}
	return list, nil
}

func (s *store) watch(_ context.Context, options metav1.ListOptions) (watch.Interface, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from, _ := strconv.ParseUint(options.ResourceVersion, 10, 64)
	if s.down {
		return nil, errors.New("down")
	}
	if from < s.cached {
		return nil, apierrors.NewResourceExpired("too old resource version")
	}
	fake := watch.NewFakeWithChanSize(100, false)
	for revision := from; revision < uint64(len(s.states)); revision++ {
		before, after := s.states[revision-1], s.states[revision]
		if s.shuffled {
			fake.Modify(stored("late", 1))
		}
		for name, version := range after {
			if before[name] != version {
				fake.Modify(stored(name, version))
			}
		}
		for name := range before {
			if _, there := after[name]; !there {
				fake.Delete(stored(name, revision+1))
			}
		}
	}
	fake.Stop()
	return fake, nil
}

func stored(name string, revision uint64) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: name, UID: types.UID(name), ResourceVersion: strconv.FormatUint(revision, 10),
	}}
}

// follower is a history of a store, with what it has noted.
type follower struct {
	*history
	noted []string
}

func follow(t *testing.T, s *store) *follower {
	t.Helper()
	f := &follower{}
	f.history = &history{source: s.source(), record: func(c change) {
		entry := strconv.FormatUint(c.revision, 10) + " " + c.object.GetName()
		if c.deleted {
			entry += " deleted"
		}
		f.noted = append(f.noted, entry)
	}}
	if err := f.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.follow(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return f
}

func (f *follower) expect(t *testing.T, s *store, want ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := f.catchUp(ctx, s.revision()); err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if diff := cmp.Diff(want, f.noted); diff != "" {
		t.Errorf("noted (-want +got):\n%s", diff)
	}
}

func TestHistoryGoesOnAfterEachEndOfAWatch(t *testing.T) {
	s := &store{}
	s.put("a")
	f := follow(t, s)
	s.put("b")
	f.expect(t, s, "1 a", "2 b")
	s.put("a")
	s.remove("b")
	f.expect(t, s, "1 a", "2 b", "3 a", "4 b deleted")
}

// A pod that came and went while no watch was possible is what a relist would not show.
func TestHistoryReadsWhatItMissed(t *testing.T) {
	s := &store{}
	s.put("a")
	f := follow(t, s)
	f.expect(t, s, "1 a")
	s.write(func(pods map[string]uint64, revision uint64) {
		s.down = true
		pods["short"] = revision
	})
	s.remove("short")
	s.put("a")
	s.restart()
	s.write(func(pods map[string]uint64, revision uint64) {
		s.down = false
		pods["b"] = revision
	})
	f.expect(t, s, "1 a", "2 short", "3 short deleted", "4 a", "5 b")
}

func TestHistoryThatIsLostIsAnError(t *testing.T) {
	for name, lose := range map[string]func(*store){
		"compacted": func(s *store) { s.oldest = 3 },
		"too much":  func(s *store) { s.states = append(s.states, make([]map[string]uint64, maxGap+1)...) },
	} {
		t.Run(name, func(t *testing.T) {
			s := &store{}
			s.put("a")
			f := follow(t, s)
			f.expect(t, s, "1 a")
			s.write(func(map[string]uint64, uint64) {
				s.down = true
			})
			s.put("b")
			s.restart()
			s.write(func(map[string]uint64, uint64) {
				lose(s)
				s.cached, s.down = uint64(len(s.states)), false
			})
			expectBlind(t, f)
		})
	}
}

func TestHistoryOutOfOrderIsAnError(t *testing.T) {
	s := &store{shuffled: true}
	s.put("a")
	f := follow(t, s)
	s.put("b")
	expectBlind(t, f)
}

func expectBlind(t *testing.T, f *follower) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := f.catchUp(ctx, math.MaxUint64); err == nil || !strings.Contains(err.Error(), "blind") {
		t.Errorf("nobody was told that history is lost: %v", err)
	}
}
