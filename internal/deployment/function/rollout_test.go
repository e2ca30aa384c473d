package function

import (
	"context"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/awsfake"
	"github.com/layercache/layercache/internal/deployment"
)

const (
	functionARN  = "arn:aws:lambda:eu-west-1:111122223333:function:shop"
	functionPath = "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A111122223333%3Afunction%3Ashop"
	codeHash     = "hash of the code"
)

var (
	toService  = deployment.RollOut{Cluster: "shops", Service: "shop"}
	toFunction = deployment.RollOut{Function: functionARN}
	toAlias    = deployment.RollOut{Function: functionARN, Alias: "live"}
)

// consumers are the services and functions of a test, which a world rolls out to.
type consumers struct {
	*world
	// looks are the configurations of the function, and versionLooks those of the version. The last one is repeated.
	looks, versionLooks []map[string]any
	// alias is what the alias is.
	alias map[string]any
}

func newConsumers(t *testing.T) *consumers {
	active := map[string]any{"PackageType": "Image", "State": "Active", "LastUpdateStatus": "Successful", "RevisionId": "current"}
	c := &consumers{
		world: newWorld(t), looks: []map[string]any{active}, versionLooks: []map[string]any{active},
		alias: map[string]any{"FunctionVersion": "6", "RevisionId": "before"},
	}
	c.images["latest"] = digest
	c.build["exportedEnvironmentVariables"] = []any{map[string]any{"name": "LAYERCACHE_IMAGE_DIGEST", "value": digest}}
	next := func(looks *[]map[string]any) awsfake.Answer {
		return func(map[string]any) (map[string]any, error) {
			look := (*looks)[0]
			if len(*looks) > 1 {
				*looks = (*looks)[1:]
			}
			return look, nil
		}
	}
	c.answer("UpdateService", awsfake.Gives(map[string]any{"service": map[string]any{}}))
	c.answer("GET "+functionPath+"/aliases/live", func(map[string]any) (map[string]any, error) { return c.alias, nil })
	c.answer("GET "+functionPath+"/configuration", next(&c.looks))
	c.answer("GET "+functionPath+"/configuration?Qualifier=7", next(&c.versionLooks))
	c.answer("PUT "+functionPath+"/code", awsfake.Gives(map[string]any{"CodeSha256": codeHash}))
	c.answer("POST "+functionPath+"/versions", awsfake.Gives(map[string]any{"Version": "7"}))
	c.answer("PUT "+functionPath+"/aliases/live", awsfake.Gives(map[string]any{}))
	c.function.pollInterval = time.Millisecond
	return c
}

// short returns the operation without the path that all operations of AWS Lambda have.
func short(operation string) string {
	return strings.Replace(operation, functionPath, "", 1)
}

// rollsOut sends the event of a roll-out.
func (c *consumers) rollsOut(to deployment.RollOut) error {
	to.Build, to.Image, to.Tag = "arn:aws:codebuild:eu-west-1:111122223333:build/"+buildID, image, "latest"
	text, err := json.Marshal(to)
	require.NoError(c, err)
	event := map[string]any{"detail-type": "layercache roll-out"}
	require.NoError(c, json.Unmarshal(text, &event))
	text, err = json.Marshal(event)
	require.NoError(c, err)
	return c.function.Handle(c.Context(), text)
}

func TestAnImageIsRolledOut(t *testing.T) {
	look := []string{"BatchGetBuilds", "DescribeImages"}
	update := []string{"GET /configuration", "DescribeImages", "PUT /code", "GET /configuration"}
	for _, test := range []struct {
		name  string
		to    deployment.RollOut
		calls []string
		log   string
	}{
		{"to a service", toService, append(look[:2:2], "UpdateService"), "to service shop of cluster shops"},
		{"to a function", toFunction, append(look[:2:2], update...), "to function " + functionARN},
		{
			"to an alias", toAlias, append(append(append(look[:2:2], "GET /aliases/live"), update...), "POST /versions", "GET /configuration?Qualifier=7", "PUT /aliases/live"),
			"to alias live of function " + functionARN,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newConsumers(t)
			require.NoError(t, c.rollsOut(test.to))
			assert.Equal(t, test.calls, c.called)
			assert.Equal(t, "build "+buildID+": rolled out image "+digest+" "+test.log+"\n", c.logged.String())
		})
	}
}

func TestWhatARollOutAsksFor(t *testing.T) {
	c := newConsumers(t)
	require.NoError(t, c.rollsOut(toService))
	require.NoError(t, c.rollsOut(toAlias))
	for operation, input := range map[string]map[string]any{
		"UpdateService": {"cluster": "shops", "service": "shop", "forceNewDeployment": true},
		// By digest, or a later push would be rolled out.
		"PUT " + functionPath + "/code": {"ImageUri": image + "@" + digest, "RevisionId": "current"},
		// No version of code that somebody else has uploaded.
		"POST " + functionPath + "/versions":    {"CodeSha256": codeHash},
		"PUT " + functionPath + "/aliases/live": {"FunctionVersion": "7", "RevisionId": "before"},
	} {
		assert.Equal(t, []map[string]any{input}, c.aws.Calls(operation), operation)
	}
}

func TestARollOutWaitsForUpdates(t *testing.T) {
	c := newConsumers(t)
	active := c.looks[0]
	busy := func(key, value string) map[string]any {
		look := maps.Clone(active)
		look[key] = value
		return look
	}
	c.looks = []map[string]any{busy("LastUpdateStatus", "InProgress"), active, busy("LastUpdateStatus", "InProgress"), active}
	c.versionLooks = []map[string]any{busy("State", "Pending"), active}
	require.NoError(t, c.rollsOut(toAlias))
	assert.Equal(t, []string{
		"BatchGetBuilds", "DescribeImages", "GET /aliases/live", "GET /configuration", "GET /configuration", "DescribeImages", "PUT /code", "GET /configuration", "GET /configuration",
		"POST /versions", "GET /configuration?Qualifier=7", "GET /configuration?Qualifier=7", "PUT /aliases/live",
	}, c.called)
}

func TestABuildThatIsNotRolledOut(t *testing.T) {
	for name, change := range map[string]func(*consumers){
		"it built one platform of an index": func(c *consumers) { c.images["latest"] = "sha256:index" },
		"a later build has pushed":          func(c *consumers) { c.images["latest"] = "sha256:later" },
		"it pushed other tags":              func(c *consumers) { delete(c.images, "latest") },
		"it pushed nothing":                 func(c *consumers) { delete(c.build, "exportedEnvironmentVariables") },
		"nothing is known of its image": func(c *consumers) {
			delete(c.build, "exportedEnvironmentVariables")
			delete(c.images, "latest")
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newConsumers(t)
			change(c)
			require.NoError(t, c.rollsOut(toFunction))
			assert.Equal(t, []string{"BatchGetBuilds", "DescribeImages"}, c.called)
			assert.Contains(t, c.logged.String(), "nothing to roll out to function "+functionARN+": "+image+":latest is not its image")
		})
	}
}

func TestABuildIsOvertakenWhileItsRollOutWaits(t *testing.T) {
	c := newConsumers(t)
	c.answer("GET "+functionPath+"/configuration", func(map[string]any) (map[string]any, error) {
		c.images["latest"] = "sha256:later"
		return c.looks[0], nil
	})
	require.NoError(t, c.rollsOut(toFunction))
	assert.NotContains(t, c.called, "PUT /code", "the function would get the older of two images")
	assert.Contains(t, c.logged.String(), "nothing to roll out")
}

func TestARollOutThatFails(t *testing.T) {
	denied := awsfake.Error{Status: 403, Code: "AccessDeniedException", Message: "not allowed"}
	refuse := func(operation string) func(*consumers) { return func(c *consumers) { c.refused[operation] = denied } }
	for _, test := range []struct {
		name   string
		to     deployment.RollOut
		change func(*consumers)
		want   string
		last   string
	}{
		{"the build cannot be read", toService, refuse("BatchGetBuilds"), "read build " + buildID, "BatchGetBuilds"},
		{"the image cannot be looked for", toService, refuse("DescribeImages"), "look for the image " + image, "DescribeImages"},
		{"the service", toService, refuse("UpdateService"), "is not rolled out to service shop of cluster shops", "UpdateService"},
		{"the code", toFunction, refuse("PUT /code"), "is not rolled out to function " + functionARN, "PUT /code"},
		{"the alias does not exist", toAlias, refuse("GET /aliases/live"), "is not rolled out to alias live of function", "GET /aliases/live"},
		{"the version", toAlias, refuse("POST /versions"), "not allowed", "POST /versions"},
		{"the alias", toAlias, refuse("PUT /aliases/live"), "not allowed", "PUT /aliases/live"},
		{
			"an alias of $LATEST", toAlias, func(c *consumers) { c.alias["FunctionVersion"] = "$LATEST" },
			"the alias names $LATEST, which gets the image without it; roll out to the function instead", "GET /aliases/live",
		},
		{
			"a function with a zip file", toFunction, func(c *consumers) { c.looks[0] = map[string]any{"PackageType": "Zip"} },
			"the code of the function is a zip file; create the function from an image", "GET /configuration",
		},
		{
			"an update that fails", toAlias, func(c *consumers) {
				c.looks = append(c.looks, map[string]any{"PackageType": "Image", "LastUpdateStatus": "Failed", "LastUpdateStatusReason": "no permission to pull"})
			},
			"the update failed: no permission to pull", "GET /configuration",
		},
		{
			"a version that fails", toAlias, func(c *consumers) {
				c.versionLooks = []map[string]any{{"State": "Failed", "StateReason": "no subnet"}}
			},
			"version 7 failed: no subnet", "GET /configuration?Qualifier=7",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newConsumers(t)
			test.change(c)
			require.ErrorContains(t, c.rollsOut(test.to), test.want)
			assert.Equal(t, test.last, c.called[len(c.called)-1], "what follows would act on a wrong state")
			assert.Empty(t, c.logged.String(), "AWS Lambda logs the error")
		})
	}
}

func TestAFunctionWhosePreviousUpdateFailedGetsTheNextImage(t *testing.T) {
	c := newConsumers(t)
	c.looks = []map[string]any{{"PackageType": "Image", "LastUpdateStatus": "Failed", "LastUpdateStatusReason": "image deleted"}, c.looks[0]}
	require.NoError(t, c.rollsOut(toFunction))
}

func TestARollOutEndsWithItsTime(t *testing.T) {
	c := newConsumers(t)
	c.looks[0]["LastUpdateStatus"] = "InProgress"
	c.function.pollInterval = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := c.function.settled(ctx, functionARN, nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "it is still being updated")
}
