package stacks

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sync"

	"github.com/aws/aws-cdk-go/awscdk/v2/regioninfo"

	"github.com/layercache/layercache/constructs/validation"
	"github.com/layercache/layercache/internal/spelling"
)

var regionForm = regexp.MustCompile(`^[a-z]{2,4}(?:-[a-z]+)+-[0-9]{1,2}$`)

const regionFix = "give a region, such as eu-central-1"

// partitions returns the partition of each region that the CDK knows, such as "aws-cn" of cn-north-1.
var partitions = sync.OnceValue(func() map[string]string {
	return factOfRegions(regioninfo.FactName_PARTITION())
})

// optInRegions returns "YES" for each region that an account must enable before it can use it.
var optInRegions = sync.OnceValue(func() map[string]string {
	return factOfRegions(regioninfo.FactName_IS_OPT_IN_REGION())
})

func factOfRegions(fact *string) map[string]string {
	values := map[string]string{}
	for region, value := range *regioninfo.RegionInfo_RegionMap(fact) {
		values[region] = *value
	}
	return values
}

// validateRegion adds a problem for a region that neither the CDK nor NewRegions has. "" is a valid region, that of the CDK
// CLI.
func (c *Config) validateRegion(found *validation.Problems, key, region string) {
	if region == "" || partitions()[region] != "" || slices.Contains(c.NewRegions, region) {
		return
	}
	fix := regionFix
	if similar := spelling.Near(region, slices.Sorted(maps.Keys(partitions()))); len(similar) > 0 {
		fix = spelling.Question(similar)
		if regionForm.MatchString(region) {
			fix += " If it is a new region of AWS, list it in layercache.newRegions"
		}
	}
	found.Add(key, fmt.Sprintf("%q is not a region", region), fix)
}

// validateNewRegions checks the regions that the CDK does not know yet.
func (c *Config) validateNewRegions(found *validation.Problems) {
	for i, region := range c.NewRegions {
		key := fmt.Sprintf("layercache.newRegions[%d]", i)
		switch {
		case !regionForm.MatchString(region):
			found.Add(key, fmt.Sprintf("%q has the wrong form", region), regionFix)
		case partitions()[region] != "":
			found.Add(key, fmt.Sprintf("%q is not new: the CDK knows it", region), "leave it out")
		}
	}
}

// validatePartitions refuses builds in another partition than their caches, because the accounts of one partition cannot
// trust those of another.
func (c *Config) validatePartitions(found *validation.Problems) {
	for _, p := range c.places() {
		if p.region == "" || c.cacheRegion(p) == "" {
			continue
		}
		ofBuilds, ofCache := partitions()[p.region], partitions()[c.cacheRegion(p)]
		if ofBuilds != "" && ofCache != "" && ofBuilds != ofCache {
			found.Add(p.key+".region", fmt.Sprintf("%s is in the partition %s, but the cache region %s in %s, whose accounts cannot give access to each other", p.region, ofBuilds, c.cacheRegion(p), ofCache),
				"use a configuration of its own for each partition")
		}
	}
}
