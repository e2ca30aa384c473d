// Package poison tries to change what a release build makes, as somebody would who controls a pull request: its Dockerfile, its
// context, and the commands of its build, which run under the role of pull requests. The registries ask the policies that the CDK app
// synthesizes for the example three-accounts before they answer a request; builds are real, each on a fresh builder.
//
// Each attempt fails for a reason that the test names, and succeeds once the guard that it failed at is taken away.
package poison
