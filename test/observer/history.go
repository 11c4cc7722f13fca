// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

const (
	// maxOutage is how long the API server may be away.
	maxOutage     = 60 * time.Second
	retryInterval = 50 * time.Millisecond
	// maxGap is how many revisions are read one by one when a watch cannot be continued.
	maxGap = 10_000
)

// Source lists and watches one kind of objects.
type Source struct {
	List  func(context.Context, metav1.ListOptions) (runtime.Object, error)
	Watch func(context.Context, metav1.ListOptions) (watch.Interface, error)
}

// change is an object as it is from a revision on.
type change struct {
	revision uint64
	object   metav1.Object
	deleted  bool
}

// history follows a source without losing a change. Where a watch cannot be continued it reads what it
// has missed revision by revision; where that is impossible too, it fails.
type history struct {
	source Source
	record func(change)

	mu       sync.Mutex
	revision uint64
	known    map[types.UID]metav1.Object
	err      error
}

// begin takes what is there and returns; from then on nothing is missed.
func (h *history) begin(ctx context.Context) error {
	revision, present, err := h.list(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("failed to list what is there: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.known = map[types.UID]metav1.Object{}
	h.differ(revision, present)
	h.revision = revision
	return nil
}

// follow goes on until the context ends.
func (h *history) follow(ctx context.Context) {
	lastSeen := time.Now()
	for ctx.Err() == nil {
		err := h.watch(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			lastSeen = time.Now()
			continue
		case apierrors.IsResourceExpired(err) || apierrors.IsGone(err):
			err = h.fillGap(ctx)
		}
		if fatal := (*lostError)(nil); errors.As(err, &fatal) || err != nil && time.Since(lastSeen) > maxOutage {
			h.fail(err)
			return
		}
		pause(ctx)
	}
}

func pause(ctx context.Context) {
	timer := time.NewTimer(retryInterval)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// lostError says that something may have happened that nobody has seen.
type lostError struct{ cause string }

func (e *lostError) Error() string { return "history is lost: " + e.cause }

func (h *history) fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err == nil {
		h.err = fmt.Errorf("the observer is blind since revision %d: %w", h.revision, err)
	}
}

// watch returns nil when a watch that worked has ended.
func (h *history) watch(ctx context.Context) error {
	watcher, err := h.source.Watch(ctx, metav1.ListOptions{
		ResourceVersion: strconv.FormatUint(h.seen(), 10), AllowWatchBookmarks: true,
	})
	if err != nil {
		return err
	}
	defer watcher.Stop()
	for event := range watcher.ResultChan() {
		if event.Type == watch.Error {
			return apierrors.FromObject(event.Object)
		}
		if err := h.take(event); err != nil {
			return err
		}
	}
	return nil
}

func (h *history) seen() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.revision
}

func (h *history) take(event watch.Event) error {
	object, err := meta.Accessor(event.Object)
	if err != nil {
		return err
	}
	revision, err := revisionOf(object)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if event.Type == watch.Bookmark {
		h.revision = max(h.revision, revision)
		return nil
	}
	if revision <= h.revision {
		return &lostError{fmt.Sprintf("revision %d came after %d", revision, h.revision)}
	}
	h.note(change{revision: revision, object: object, deleted: event.Type == watch.Deleted})
	h.revision = revision
	return nil
}

// note is called with the mutex held.
func (h *history) note(c change) {
	if c.deleted {
		delete(h.known, c.object.GetUID())
	} else {
		h.known[c.object.GetUID()] = c.object
	}
	h.record(c)
}

// fillGap asks the store how it was at each revision that was missed.
func (h *history) fillGap(ctx context.Context) error {
	now, _, err := h.list(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	if gap := int64(now) - int64(h.seen()); gap < 0 || gap > maxGap { //nolint:gosec // revisions are far from 2^63
		return &lostError{fmt.Sprintf("%d revisions were missed", gap)}
	}
	for revision := h.seen() + 1; revision <= now; revision++ {
		_, then, err := h.list(ctx, metav1.ListOptions{
			ResourceVersion: strconv.FormatUint(revision, 10), ResourceVersionMatch: metav1.ResourceVersionMatchExact,
		})
		if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
			return &lostError{fmt.Sprintf("the store has forgotten revision %d: %v", revision, err)}
		}
		if err != nil {
			return err
		}
		h.mu.Lock()
		h.differ(revision, then)
		h.revision = revision
		h.mu.Unlock()
	}
	return nil
}

// differ notes what is not as it was known. It is called with the mutex held.
func (h *history) differ(revision uint64, then map[types.UID]metav1.Object) {
	for uid, object := range then {
		if was := h.known[uid]; was == nil || was.GetResourceVersion() != object.GetResourceVersion() {
			h.note(change{revision: revision, object: object})
		}
	}
	for uid, object := range maps.Clone(h.known) {
		if then[uid] == nil {
			h.note(change{revision: revision, object: object, deleted: true})
		}
	}
}

// catchUp returns when everything up to a revision was seen.
func (h *history) catchUp(ctx context.Context, revision uint64) error {
	for {
		if done, err := h.hasSeen(revision); done || err != nil {
			return err
		}
		pause(ctx)
		if ctx.Err() != nil {
			return fmt.Errorf("the observer does not catch up with revision %d: %w", revision, ctx.Err())
		}
	}
}

func (h *history) hasSeen(revision uint64) (bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.revision >= revision, h.err
}

func (h *history) list(ctx context.Context, options metav1.ListOptions) (uint64, map[types.UID]metav1.Object, error) {
	list, err := h.source.List(ctx, options)
	if err != nil {
		return 0, nil, err
	}
	accessor, err := meta.ListAccessor(list)
	if err != nil {
		return 0, nil, err
	}
	revision, err := strconv.ParseUint(accessor.GetResourceVersion(), 10, 64)
	if err != nil {
		return 0, nil, err
	}
	objects := map[types.UID]metav1.Object{}
	err = meta.EachListItem(list, func(item runtime.Object) error {
		object, err := meta.Accessor(item)
		if err == nil {
			objects[object.GetUID()] = object
		}
		return err
	})
	return revision, objects, err
}

func revisionOf(object metav1.Object) (uint64, error) {
	return strconv.ParseUint(object.GetResourceVersion(), 10, 64)
}
