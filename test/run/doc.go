// Package run is a CodeBuild that runs its builds. It stands before package awslocal's AWS, which starts builds and answers each
// as succeeded, and does the work of those: it takes the project as the API returns it, fetches the sources from S3 and a session of the
// service role from STS, and runs the buildspec by package agent, in a fresh directory, against package ecrhost's registries. The log
// goes to CloudWatch Logs; how the build is and what it exported takes the place of what AWS's stand-in made up.
//
// What it does not have: other sources than S3 and none, batches, stopping a build, a time limit, a machine of its own, and IAM: a session of
// the service role may do everything.
package run
