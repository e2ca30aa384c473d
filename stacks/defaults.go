package stacks

import (
	"maps"
	"slices"

	"github.com/aws/jsii-runtime-go"
)

const defaultName = "layercache"

// WithDefaults returns a copy of the configuration with the defaults of this package. Settings that the
// constructs have defaults for stay unset.
func (c *Config) WithDefaults() *Config {
	d := *c
	d.Name = orDefault(d.Name, defaultName)
	if len(d.Cache.Tiers) == 0 {
		d.Cache.Tiers = map[string]TierConfig{}
		for _, tier := range DefaultTiers() {
			d.Cache.Tiers[tier] = TierConfig{}
		}
	}
	if len(d.Environments) == 0 {
		d.Build.Tier = orDefault(d.Build.Tier, d.defaultTier("prod"))
		d.Build.PullRequests = orTrue(d.Build.PullRequests)
	}
	d.Environments = slices.Clone(d.Environments)
	for i := range d.Environments {
		e := &d.Environments[i]
		e.Tier = orDefault(e.Tier, d.defaultTier(e.Name))
		e.PullRequests = orTrue(e.PullRequests)
	}
	d.Builds = slices.Clone(d.Builds)
	for i := range d.Builds {
		d.Builds[i].App = orDefault(d.Builds[i].App, d.Builds[i].Name)
	}
	return &d
}

// defaultTier returns the preferred tier if it exists, else the only tier, else "".
func (c *Config) defaultTier(preferred string) string {
	tiers := slices.Collect(maps.Keys(c.Cache.Tiers))
	switch {
	case slices.Contains(tiers, preferred):
		return preferred
	case len(tiers) == 1:
		return tiers[0]
	}
	return ""
}

func orDefault(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

func orTrue(b *bool) *bool {
	if b == nil {
		return jsii.Bool(true)
	}
	return b
}

func orFalse(b *bool) *bool {
	if b == nil {
		return jsii.Bool(false)
	}
	return b
}
