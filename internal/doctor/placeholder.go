package doctor

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/layercache/layercache/internal/registry/ecr"
)

var (
	// hostName matches HOST or HOST:PORT.
	hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]+)?$`)
	// ecrLike matches text in the form of ECR's host names: ACCOUNT, REGION and the rest.
	ecrLike   = regexp.MustCompile(`(?i)^(.*?)\.dkr[.-]ecr(?:-fips)?\.([^.]+)(\..+)?$`)
	accountID = regexp.MustCompile(`^[0-9]{12}$`)
	region    = regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-[0-9]+$`)
	upperCase = regexp.MustCompile(`^[A-Z][A-Z-]+$`)
	// reserved matches names that are never a real host: https://www.rfc-editor.org/rfc/rfc2606
	reserved = regexp.MustCompile(`(^|\.)(example(\.com|\.net|\.org)?|invalid|test)$`)
)

// checkHost finds a text that cannot be the host of a registry, such as one with a placeholder of the
// documentation. setting is what to correct. It returns nil if the host may exist.
func checkHost(checkName, setting, host string) *Check {
	fail := func(found, fix string) *Check { return &Check{checkName, Fail, found, fix} }
	if parts := ecrLike.FindStringSubmatch(host); parts != nil {
		const form = "ACCOUNT.dkr.ecr.REGION.amazonaws.com"
		switch _, isECR := ecr.ParseHost(host); {
		case !accountID.MatchString(parts[1]):
			return fail(fmt.Sprintf("%s is not a registry: %q stands where the account's number belongs", host, parts[1]), "put the 12 digits of the AWS account there, in "+setting)
		case !region.MatchString(parts[2]):
			return fail(fmt.Sprintf("%s is not a registry: %q stands where the region belongs", host, parts[2]), "put the region there, such as eu-west-1, in "+setting)
		case !isECR:
			return fail(fmt.Sprintf("%s is not a registry: ECR's host names have the form %s", host, form), "correct "+setting)
		}
		return nil
	}
	if !hostName.MatchString(host) {
		return fail(fmt.Sprintf("%q is not a host name", host), "put the registry's host there, in "+setting)
	}
	return nil
}

// placeholderIn returns the part of a host name that looks like a placeholder, or "".
func placeholderIn(host string) string {
	bare, _, _ := strings.Cut(host, ":")
	if reserved.MatchString(strings.ToLower(bare)) {
		return bare
	}
	labels := strings.Split(bare, ".")
	if i := slices.IndexFunc(labels, upperCase.MatchString); i >= 0 {
		return labels[i]
	}
	return ""
}
