// Package run simulates a CodeBuild that runs its builds. It is a proxy in front of package awslocal's AWS,
// which returns every build as succeeded without running it. This package reads the project from the API,
// fetches the sources from S3 and a session of the service role from STS, and runs the buildspec with package
// agent, in a fresh directory, with package ecrhost's registries. The log goes to CloudWatch Logs, and the
// API returns the real state and exported variables of the build.
//
// It runs the builds of a batch on this machine, whatever their architecture. It does not support sources other than
// S3 and NO_SOURCE, time limits, queues, calls that ask for batches, and a separate machine. It does not enforce IAM:
// a session of the service role may do everything.
package run
