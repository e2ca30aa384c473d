// Package poison tries to change the result of a release build as an attacker who controls a pull request:
// its Dockerfile, its context, and the commands of its build, which run under the role of pull requests. The
// registries check each request against the policies that the CDK app synthesizes for the example
// three-accounts. The builds are real, each on a fresh builder.
//
// Each attempt fails for a reason that the test names, and succeeds when the responsible guard is removed.
package poison
