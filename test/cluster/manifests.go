// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// manifest is one object and the file it comes from, for messages that name it.
type manifest struct {
	*unstructured.Unstructured
	source string
}

func (m manifest) String() string {
	return fmt.Sprintf("%s %s (%s)", m.GetKind(), m.GetName(), m.source)
}

// readManifests reads the objects of files and folders. A folder stands for its YAML files in the order of their
// names, and not for its subfolders: so does kubectl apply -f.
func readManifests(paths ...string) ([]manifest, error) {
	var all []manifest
	for _, path := range paths {
		files, err := yamlFiles(path)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			objects, err := parseManifests(file, content)
			if err != nil {
				return nil, err
			}
			all = append(all, objects...)
		}
	}
	return all, nil
}

func yamlFiles(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, entry := range entries {
		if !entry.IsDir() && isYAML(entry.Name()) {
			files = append(files, filepath.Join(path, entry.Name()))
		}
	}
	return files, nil
}

// yamlTree lists all YAML files below a folder.
func yamlTree(root string) (files []string, err error) {
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && isYAML(path) {
			files = append(files, path)
		}
		return err
	})
	return files, err
}

func isYAML(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name))
}

func parseManifests(source string, content []byte) ([]manifest, error) {
	var all []manifest
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), 4096)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", source, err)
		}
		if len(object.Object) == 0 {
			continue
		}
		if !object.IsList() {
			all = append(all, manifest{object, source})
			continue
		}
		list, err := object.ToList()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", source, err)
		}
		for i := range list.Items {
			all = append(all, manifest{&list.Items[i], source})
		}
	}
}
