// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package audit

// StoreByHalves stores items, and looks by halves for those that are refused, so that they do not keep
// out the others: k of n take some 2k·log2(n) calls of store. Of each item take is told what came of it,
// nil or the refusal. It ends with the first error that is no refusal: a sink in trouble is left alone.
func StoreByHalves[T any](items []T, store func([]T) error, isRefusal func(error) bool, take func(T, error)) error {
	err := store(items)
	switch {
	case err == nil:
		for _, item := range items {
			take(item, nil)
		}
		return nil
	case !isRefusal(err):
		return err
	case len(items) == 1:
		take(items[0], err)
		return nil
	}
	half := len(items) / 2
	if err := StoreByHalves(items[:half], store, isRefusal, take); err != nil {
		return err
	}
	return StoreByHalves(items[half:], store, isRefusal, take)
}
