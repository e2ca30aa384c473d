package ecr

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestEveryPartitionsHostIsKnown(t *testing.T) {
	cases := []struct {
		name, host, region string
		fips, dualStack    bool
	}{
		{"commercial", "111122223333.dkr.ecr.eu-west-1.amazonaws.com", "eu-west-1", false, false},
		{"commercial, FIPS", "111122223333.dkr.ecr-fips.us-east-1.amazonaws.com", "us-east-1", true, false},
		{"commercial, dual-stack", "111122223333.dkr-ecr.eu-west-1.on.aws", "eu-west-1", false, true},
		{"commercial, dual-stack and FIPS", "111122223333.dkr-ecr-fips.us-west-2.on.aws", "us-west-2", true, true},
		{"GovCloud", "111122223333.dkr.ecr.us-gov-west-1.amazonaws.com", "us-gov-west-1", false, false},
		{"GovCloud, FIPS", "111122223333.dkr.ecr-fips.us-gov-east-1.amazonaws.com", "us-gov-east-1", true, false},
		{"China", "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1", false, false},
		{"China, dual-stack", "111122223333.dkr-ecr.cn-northwest-1.on.amazonwebservices.com.cn", "cn-northwest-1", false, true},
		{"the European Sovereign Cloud", "111122223333.dkr.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1", false, false},
		{"the European Sovereign Cloud, dual-stack", "111122223333.dkr-ecr.eusc-de-east-1.on.amazonwebservices.eu", "eusc-de-east-1", false, true},
		{"isolated, ISO", "111122223333.dkr.ecr.us-iso-east-1.c2s.ic.gov", "us-iso-east-1", false, false},
		{"isolated, ISOB", "111122223333.dkr.ecr.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1", false, false},
		{"isolated, ISOE", "111122223333.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1", false, false},
		{"isolated, ISOF", "111122223333.dkr.ecr.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1", false, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, ok := ParseHost(c.host)
			assert.True(t, ok)
			assert.True(t, IsService(c.host))
			assert.Equal(t, Host{Account: "111122223333", Region: c.region, FIPS: c.fips, DualStack: c.dualStack}, got)
		})
	}
}

// Whatever host is recognized as ECR receives a password.
func TestAHostThatOnlyLooksLikeECRIsRefused(t *testing.T) {
	const real = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
	for name, host := range map[string]string{
		"nothing":                     "",
		"another registry":            "docker.io",
		"ECR Public":                  "public.ecr.aws",
		"a registry on loopback":      "localhost:5000",
		"another domain after it":     real + ".example.com",
		"another domain before it":    "evil-" + real,
		"a label before it":           "evil." + real,
		"both":                        "evil-" + real + ".example.com",
		"a domain that ends alike":    "111122223333.dkr.ecr.eu-west-1.evilamazonaws.com",
		"any character for a dot":     "111122223333.dkr.ecr.eu-west-1.amazonawsxcom",
		"a region with a dot":         "111122223333.dkr.ecr.example.com.eu-west-1.amazonaws.com",
		"an empty region":             "111122223333.dkr.ecr..amazonaws.com",
		"eleven digits":               "11112222333.dkr.ecr.eu-west-1.amazonaws.com",
		"thirteen digits":             "1111222233334.dkr.ecr.eu-west-1.amazonaws.com",
		"digits of another script":    "١١١١٢٢٢٢٣٣٣٣.dkr.ecr.eu-west-1.amazonaws.com",
		"an unknown partition":        "111122223333.dkr.ecr.eu-west-1.amazonaws.org",
		"another service of AWS":      "111122223333.dkr.s3.eu-west-1.amazonaws.com",
		"the API's own host":          "api.ecr.eu-west-1.amazonaws.com",
		"a port":                      real + ":443",
		"a repository":                real + "/shop",
		"a user":                      real + "@example.com",
		"a line end":                  real + "\n",
		"a second line":               "example.com\n" + real,
		"a dot at the end":            real + ".",
		"a region that holds a slash": "111122223333.dkr.ecr.eu/west.amazonaws.com",
	} {
		t.Run(name, func(t *testing.T) {
			_, ok := ParseHost(host)
			assert.False(t, ok)
		})
	}
}
