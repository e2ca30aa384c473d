// Package ecr knows Amazon ECR's private registries: which host names are theirs, and how to sign in to them.
package ecr

import "regexp"

// hostPattern matches every private registry's host: all partitions, FIPS, and the dual-stack form (dkr-ecr…on.aws).
//
// https://docs.aws.amazon.com/general/latest/gr/ecr.html
var hostPattern = regexp.MustCompile(`^(\d{12})\.dkr([.-])ecr(-fips)?\.([a-z0-9-]+)\.` +
	`(amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu|on\.aws|on\.amazonwebservices\.com\.cn|on\.amazonwebservices\.eu|` +
	`c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)$`)

// Host is a private registry's host name, taken apart.
type Host struct {
	// Account is the twelve digits of the registry's account.
	Account string
	// Region is the registry's region.
	Region string
	// FIPS says that the host is a FIPS endpoint.
	FIPS bool
	// DualStack says that the host has IPv6 addresses beside IPv4 ones.
	DualStack bool
}

// ParseHost takes a host name apart; ok is false when it is no private ECR registry.
func ParseHost(host string) (parsed Host, ok bool) {
	match := hostPattern.FindStringSubmatch(host)
	if match == nil {
		return Host{}, false
	}
	return Host{Account: match[1], Region: match[4], FIPS: match[3] != "", DualStack: match[2] == "-"}, true
}
