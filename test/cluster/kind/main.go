// Command kind decodes a configuration of a kind cluster from its standard
// input, as strictly as kind does, and prints it with kind's defaults.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
)

func main() {
	decoder := yaml.NewDecoder(os.Stdin)
	decoder.KnownFields(true)
	var cluster v1alpha4.Cluster
	if err := decoder.Decode(&cluster); err != nil {
		fail(err)
	}
	if cluster.APIVersion != "kind.x-k8s.io/v1alpha4" || cluster.Kind != "Cluster" {
		fail(fmt.Errorf("it is a %q of %q, not a Cluster of kind.x-k8s.io/v1alpha4", cluster.Kind, cluster.APIVersion))
	}
	v1alpha4.SetDefaultsCluster(&cluster)
	if err := json.NewEncoder(os.Stdout).Encode(cluster); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
