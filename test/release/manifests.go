// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
)

// versionLabel says of each object which release it is from.
const versionLabel = "app.kubernetes.io/version"

// parts are the folders of config/ that nobody has to install. Each of their files is a file of the release.
var parts = []string{"optional", "monitoring"}

// copyParts copies the files of the optional parts, those of "optional" as optional-NAME.
func copyParts(config, dir, version string) error {
	for _, part := range parts {
		files, err := os.ReadDir(filepath.Join(config, part))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		for _, file := range files {
			from := filepath.Join(config, part, file.Name())
			if err := copyPart(from, filepath.Join(dir, part+"-"+file.Name()), version); err != nil {
				return fmt.Errorf("%s: %w", from, err)
			}
		}
	}
	return nil
}

// copyPart copies manifests with their version, and other files, dashboards for example, as they are. Tests stay.
func copyPart(from, to, version string) error {
	if filepath.Ext(from) == ".go" {
		return nil
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if bytes.Contains(content, []byte("ko://")) {
		return errors.New("only the files directly in config/ may name images to be built")
	}
	if filepath.Ext(from) == ".yaml" {
		if content, err = withVersion(content, version); err != nil {
			return err
		}
	}
	return os.WriteFile(to, content, 0o644)
}

// withVersion puts the label of the version on each object of a stream of manifests, and keeps their comments.
func withVersion(manifests []byte, version string) ([]byte, error) {
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	// Read as one stream, the comment above a document would go to the end of the one before it.
	for documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(manifests))); ; {
		content, err := documents.Read()
		if errors.Is(err, io.EOF) {
			err = encoder.Close()
			return out.Bytes(), err
		}
		if err != nil {
			return nil, err
		}
		var document yaml.Node
		if err := yaml.Unmarshal(content, &document); err != nil {
			return nil, err
		}
		if len(document.Content) == 0 || document.Content[0].Kind != yaml.MappingNode {
			continue
		}
		labels := mapping(mapping(document.Content[0], "metadata"), "labels")
		set(labels, versionLabel, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: version})
		if err := encoder.Encode(&document); err != nil {
			return nil, err
		}
	}
}

// mapping is the mapping of a key, which is added if it is not there.
func mapping(node *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key && node.Content[i+1].Kind == yaml.MappingNode {
			return node.Content[i+1]
		}
	}
	added := &yaml.Node{Kind: yaml.MappingNode}
	set(node, key, added)
	return added
}

func set(node *yaml.Node, key string, value *yaml.Node) {
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			node.Content[i+1] = value
			return
		}
	}
	node.Content = append(node.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, value)
}
