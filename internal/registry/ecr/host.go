// Package ecr recognizes the host names of private Amazon ECR registries and signs in to them.
package ecr

import "regexp"

// domains are those of AWS's services: all partitions, and the dual-stack form.
const domains = `\.(amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu|on\.aws|on\.amazonwebservices\.com\.cn|on\.amazonwebservices\.eu|` +
	`c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)$`

// hostPattern matches the hosts of private registries: all partitions, FIPS, and the dual-stack form
// (dkr-ecr…on.aws).
//
// https://docs.aws.amazon.com/general/latest/gr/ecr.html
var hostPattern = regexp.MustCompile(`^(\d{12})\.dkr([.-])ecr(-fips)?\.([a-z0-9-]+)` + domains)

var servicePattern = regexp.MustCompile(domains)

// IsService reports whether the host is one of an AWS service, such as ECR's or S3's, for which a VPC can have an endpoint.
// public.ecr.aws is not one.
func IsService(host string) bool { return servicePattern.MatchString(host) }

// Host is the parsed host name of a private registry.
type Host struct {
	// Account is the 12-digit ID of the registry's account.
	Account string
	// Region is the registry's region.
	Region string
	// FIPS is true for a FIPS endpoint.
	FIPS bool
	// DualStack is true for a host that has IPv6 addresses as well as IPv4 ones.
	DualStack bool
}

// ParseHost parses a host name; ok is false when it does not belong to a private ECR registry.
func ParseHost(host string) (parsed Host, ok bool) {
	match := hostPattern.FindStringSubmatch(host)
	if match == nil {
		return Host{}, false
	}
	return Host{Account: match[1], Region: match[4], FIPS: match[3] != "", DualStack: match[2] == "-"}, true
}
