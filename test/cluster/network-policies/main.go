// Command network-policies reads policies, pods and connections from its
// standard input, and prints for each connection whether the enforcing agent
// of SIG Network (kube-network-policies) lets its first packet through. The
// decision is the agent's own; what diverts packets to it is left out.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/kube-network-policies/pkg/api"
	"sigs.k8s.io/kube-network-policies/pkg/network"
	"sigs.k8s.io/kube-network-policies/pkg/networkpolicy"
)

type connection struct {
	From     string          `json:"from"`
	To       string          `json:"to"`
	Port     int             `json:"port"`
	Protocol corev1.Protocol `json:"protocol"`
}

type input struct {
	Policies    []*networkingv1.NetworkPolicy `json:"policies"`
	Namespaces  []*corev1.Namespace           `json:"namespaces"`
	Pods        []*corev1.Pod                 `json:"pods"`
	Connections []connection                  `json:"connections"`
}

// pods by the address in their status.
type pods map[string]*api.PodInfo

func (known pods) GetPodInfoByIP(ip string) (*api.PodInfo, bool) {
	pod, found := known[ip]
	return pod, found
}

func main() {
	decoder := json.NewDecoder(os.Stdin)
	decoder.DisallowUnknownFields()
	var given input
	if err := decoder.Decode(&given); err != nil {
		fail(err)
	}
	engine, err := engineOf(given)
	if err != nil {
		fail(err)
	}
	verdicts := make([]bool, 0, len(given.Connections))
	for _, one := range given.Connections {
		verdict, err := engine.EvaluatePacket(context.Background(), packetOf(one))
		if err != nil {
			fail(err)
		}
		verdicts = append(verdicts, verdict)
	}
	if err := json.NewEncoder(os.Stdout).Encode(verdicts); err != nil {
		fail(err)
	}
}

// engineOf fills the caches by hand that the agent fills from its watches: no
// server is asked.
func engineOf(given input) (*networkpolicy.PolicyEngine, error) {
	client, err := kubernetes.NewForConfig(&rest.Config{Host: "http://127.0.0.1:1"})
	if err != nil {
		return nil, err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	namespaces := factory.Core().V1().Namespaces()
	podInformer := factory.Core().V1().Pods()
	policies := factory.Networking().V1().NetworkPolicies()
	labels := map[string]map[string]string{}
	for _, one := range given.Namespaces {
		labels[one.Name] = one.Labels
		if err := namespaces.Informer().GetIndexer().Add(one); err != nil {
			return nil, err
		}
	}
	for _, one := range given.Policies {
		if err := policies.Informer().GetIndexer().Add(one); err != nil {
			return nil, err
		}
	}
	known := pods{}
	for _, one := range given.Pods {
		if err := podInformer.Informer().GetIndexer().Add(one); err != nil {
			return nil, err
		}
		known[one.Status.PodIP] = api.NewPodInfo(one, labels[one.Namespace], nil, "")
	}
	evaluator := networkpolicy.NewStandardNetworkPolicy("node", namespaces, podInformer, policies)
	return networkpolicy.NewPolicyEngine(known, []api.PolicyEvaluator{evaluator}), nil
}

func packetOf(one connection) *network.Packet {
	return &network.Packet{
		Family:  corev1.IPv4Protocol,
		SrcIP:   net.ParseIP(one.From),
		DstIP:   net.ParseIP(one.To),
		Proto:   one.Protocol,
		SrcPort: 40_000,
		DstPort: one.Port,
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
