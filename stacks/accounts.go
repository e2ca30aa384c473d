package stacks

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/layercache/layercache/constructs/validation"
	"github.com/layercache/layercache/internal/spelling"
)

var (
	tierForm    = regexp.MustCompile(`^[a-z](?:-?[a-z0-9]){0,30}$`)
	accountForm = regexp.MustCompile(`^[0-9]{12}$`)
	keyForm     = regexp.MustCompile(`^arn:[a-z0-9-]+:kms:([a-z0-9-]+):[0-9]{12}:key/[A-Za-z0-9-]+$`)
)

const (
	nameFix    = "use lower-case letters and digits with single '-' between them, a letter first"
	accountFix = "give the 12 digits of an account, in quotes"
)

// validateAccounts checks the accounts and regions of all stacks.
func (c *Config) validateAccounts(found *validation.Problems) {
	if len(c.Environments) > 0 && !reflect.ValueOf(c.Build).IsZero() {
		found.Add("layercache.build", "cannot be combined with layercache.environments", "keep one of the two keys")
	}
	validateForm(found, "layercache.cache.account", c.Cache.Account, accountForm, accountFix)
	c.validateCacheRegions(found)
	for _, p := range c.places() {
		validateForm(found, p.key+".account", p.account, accountForm, accountFix)
		c.validateRegion(found, p.key+".region", p.region)
		validateConnection(found, p)
	}
	c.validateNewRegions(found)
	c.validatePartitions(found)
	for _, p := range c.places() {
		validateNetwork(found, p.key+".network", p.network)
		validateForm(found, p.key+".encryptionKey", p.encryptionKey, keyForm, keyFix)
	}
	c.validateComplete(found)
	c.validateEnvironments(found)
}

func validateForm(found *validation.Problems, key, value string, form *regexp.Regexp, fix string) {
	if value != "" && !form.MatchString(value) {
		found.Add(key, fmt.Sprintf("%q has the wrong form", value), fix)
	}
}

func (c *Config) validateCacheRegions(found *validation.Problems) {
	c.validateRegion(found, "layercache.cache.region", c.Cache.Region)
	if c.Cache.Region != "" && len(c.Cache.Regions) > 0 {
		found.Add("layercache.cache.regions", "is given together with region", "keep one of the two keys")
	}
	for i, region := range c.Cache.Regions {
		key := fmt.Sprintf("layercache.cache.regions[%d]", i)
		if region == "" {
			found.Add(key, "is empty", regionFix)
		}
		c.validateRegion(found, key, region)
		if slices.Index(c.Cache.Regions, region) < i {
			found.Add(key, fmt.Sprintf("%q is listed twice", region), "keep one of them")
		}
	}
}

// validateComplete requires all accounts if one is set, and likewise for regions: otherwise the tool cannot
// know whether a stack without an account is in the same account as another.
func (c *Config) validateComplete(found *validation.Problems) {
	accounts := []keyed{{"layercache.cache.account", c.Cache.Account}}
	regions := []keyed{{"layercache.cache.region", c.cacheRegions()[0]}}
	for _, p := range c.places() {
		accounts = append(accounts, keyed{p.key + ".account", p.account})
		regions = append(regions, keyed{p.key + ".region", p.region})
	}
	for _, values := range [][]keyed{accounts, regions} {
		required := len(c.Environments) > 0 || slices.ContainsFunc(values, func(v keyed) bool { return v.value != "" })
		for _, v := range values {
			if required && v.value == "" {
				found.Add(v.key, "is missing, but other places set it", "set it everywhere, or nowhere to use the account and region of the CDK CLI")
			}
		}
	}
}

// keyed is a configuration value with its key.
type keyed struct{ key, value string }

func (c *Config) validateEnvironments(found *validation.Problems) {
	byName, byPlace := map[string]int{}, map[string]int{}
	for i, e := range c.Environments {
		key := fmt.Sprintf("layercache.environments[%d]", i)
		switch first, taken := byName[e.Name]; {
		case e.Name == "":
			found.Add(key+".name", "is missing", "give the environment a name, such as dev")
		case !tierForm.MatchString(e.Name):
			found.Add(key+".name", fmt.Sprintf("%q has the wrong form", e.Name), nameFix)
		case taken:
			found.Add(key+".name", fmt.Sprintf("%q is also the name of environments[%d]", e.Name, first), "give each environment its own name")
		default:
			byName[e.Name] = i
		}
		if e.Account == "" || e.Region == "" {
			continue
		}
		place := e.Account + " " + e.Region
		if first, taken := byPlace[place]; taken {
			found.Add(key, fmt.Sprintf("is in the account and region of environments[%d], where their image repositories and pull-through rules would have the same names", first),
				"use another account or region, or a second configuration with another layercache.name")
			continue
		}
		byPlace[place] = i
	}
}

// validateTiers checks the tiers, and that the tiers of each place exist.
func (c *Config) validateTiers(found *validation.Problems) {
	tiers := c.tiers()
	fix := func(tier string) string { return spelling.Fix(tier, tiers) }
	for _, tier := range slices.Sorted(maps.Keys(c.Cache.Tiers)) {
		key := "layercache.cache.tiers." + tier
		if !tierForm.MatchString(tier) {
			found.Add(key, "is not a valid name of a tier", nameFix)
		}
		validateParties(found, key+".readers", c.Cache.Tiers[tier].Readers)
		validateParties(found, key+".writers", c.Cache.Tiers[tier].Writers)
	}
	places := c.places()
	for _, p := range places {
		releases := slices.IndexFunc(places, func(other place) bool { return other.tier == p.pullRequestTier })
		switch {
		case p.tier == "":
			found.Add(p.key+".tier", "is missing, and no tier has the name of the environment", fix(p.tier))
		case !slices.Contains(tiers, p.tier):
			found.Add(p.key+".tier", fmt.Sprintf("%q is not in layercache.cache.tiers", p.tier), fix(p.tier))
		}
		switch {
		case p.pullRequestTier == "":
		case !p.pullRequests:
			found.Add(p.key+".pullRequestTier", "is set, but pull requests are not built", "leave it out, or remove pullRequests")
		case !slices.Contains(tiers, p.pullRequestTier):
			found.Add(p.key+".pullRequestTier", fmt.Sprintf("%q is not in layercache.cache.tiers", p.pullRequestTier), fix(p.pullRequestTier))
		case p.pullRequestTier == p.tier:
			found.Add(p.key+".pullRequestTier", fmt.Sprintf("%q is the tier that release builds read", p.tier), "use a separate tier, such as pr, or leave it out")
		case releases >= 0:
			found.Add(p.key+".pullRequestTier", fmt.Sprintf("%q is the tier that release builds read in %s", p.pullRequestTier, strings.TrimPrefix(places[releases].key, "layercache.")), "use a separate tier, such as pr, or leave it out")
		}
	}
	c.validateEncryption(found)
}

// keysOfParty maps fields of access.Party to keys that differ by more than the first letter.
var keysOfParty = map[string]string{"OrganizationID": "organizationId"}

func validateParties(found *validation.Problems, key string, list []PartyConfig) {
	for i, p := range list {
		at := fmt.Sprintf("%s[%d]", key, i)
		if p.Account == "" && p.OrganizationID == "" && p.OrganizationPaths == nil {
			found.Add(at, "would allow everybody", "set account, organizationId or organizationPaths")
			continue
		}
		for _, problem := range p.party().Check() {
			found.Add(keyOf(at, problem.Prop, keysOfParty), problem.Wrong, problem.Fix)
		}
	}
}

func (c *Config) validateEncryption(found *validation.Problems) {
	const key = "layercache.cache.encryption"
	if kinds := []string{"AES256", "KMS", "KMS_DSSE"}; c.Cache.Encryption != "" && !slices.Contains(kinds, c.Cache.Encryption) {
		found.Add(key, fmt.Sprintf("%q is unknown", c.Cache.Encryption), spelling.Fix(c.Cache.Encryption, kinds))
	}
	for _, region := range c.cacheRegions() {
		if c.Cache.Encryption == "KMS_DSSE" && region != "" && !strings.HasPrefix(region, "us-gov-") {
			found.Add(key, fmt.Sprintf("KMS_DSSE is not available in %s", region), "use KMS; only the GovCloud regions have KMS_DSSE")
		}
	}
	if c.Cache.EncryptionKey == "" {
		return
	}
	match := keyForm.FindStringSubmatch(c.Cache.EncryptionKey)
	switch {
	case match == nil:
		found.Add(key+"Key", fmt.Sprintf("%q has the wrong form", c.Cache.EncryptionKey), "give the ARN of a KMS key")
	case c.Cache.Encryption == "AES256":
		found.Add(key+"Key", "is not used with AES256", "set encryption to KMS, or remove one of the two")
	case len(c.cacheRegions()) > 1 || c.cacheRegions()[0] != "" && c.cacheRegions()[0] != match[1]:
		found.Add(key+"Key", "is not in every region with caches", "use only the key's region, or leave the key out and set encryption to KMS")
	}
}
