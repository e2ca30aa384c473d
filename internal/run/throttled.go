package run

import (
	"context"
	"slices"
	"time"

	"github.com/layercache/layercache/internal/buildkit/errortext"
	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cache"
	"github.com/layercache/layercache/internal/registry/throttle"
	"github.com/layercache/layercache/internal/verdict"
)

// BuildKit repeats a request that is answered with 429 up to four times within milliseconds, one with 502, 503
// or 504 for some seconds at most, reads no Retry-After, and then gives the import, the export or the build
// up. So layercache waits, and then calls BuildKit again.
//
// https://github.com/containerd/containerd/blob/v2.4.2/core/remotes/docker/resolver.go
// https://github.com/moby/buildkit/blob/v0.34.2/util/resolver/retryhandler/retry.go

// throttledIn returns the error of a registry that throttled the call and so made it fail. It is empty if
// something else made it fail, or the budget is used up.
func (b *build) throttledIn(ended outcome) string {
	failures := ended.graph.Failures()
	switch {
	case b.budget.left() == 0 || ended.stall.awaited != progress.AwaitsNothing || b.args.ReadsStdin() && b.stdin == nil:
		return ""
	case ended.stall.throttled != "":
		return ended.stall.throttled
	case slices.ContainsFunc(failures, errortext.IsOwnFault):
		return ""
	}
	if i := slices.IndexFunc(failures, errortext.IsThrottled); i >= 0 {
		return failures[i]
	}
	return ""
}

// callWithinBudget calls buildx. What BuildKit itself waited for a registry that throttles counts too, as far as
// the watch has not counted it.
func (b *build) callWithinBudget(ctx context.Context, plan cache.Flags) (outcome, error) {
	waits, left := throttle.FromContext(ctx), b.budget.left()
	before := waits.Total()
	built, err := b.call(ctx, plan)
	b.budget.spend(max(0, waits.Total()-before-(left-b.budget.left())))
	return built, err
}

// awaitRegistry waits after BuildKit's error: as long as the registry of the cache asks for, and twice as long
// each time, from a second on. It returns false if the registry asks for more time than is left, or ctx ended.
func (b *build) awaitRegistry(ctx context.Context, problem string) bool {
	begin, waits := time.Now(), throttle.FromContext(ctx)
	defer func() { b.budget.spend(time.Since(begin)) }()
	left := b.budget.left()
	wait := min(time.Second<<min(b.throttledCalls, 10), left)
	b.throttledCalls++
	bounded, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	if ref, digest := b.throttledContent(problem); ref != "" {
		if cache.AwaitRegistry(bounded, ref, digest, b.signIn.keychain) != nil {
			return false
		}
	}
	// A blob may be throttled although the manifest is not.
	wait -= time.Since(begin)
	if wait > 0 {
		waits.Announce(serverIn(problem), verdict.Cause(problem), wait)
	}
	return throttle.Sleep(ctx, wait) == nil && ctx.Err() == nil
}

// serverIn returns the host in the first URL of an error.
func serverIn(problem string) string {
	if urls := errortext.URLs(problem); len(urls) > 0 && urls[0].Host != "" {
		return urls[0].Host
	}
	return "registry"
}

// throttledContent returns the cache that an error of BuildKit is about, and the digest of the blob in it if
// the error names one.
func (b *build) throttledContent(problem string) (ref, digest string) {
	refs := append(slices.Clone(b.flags.Refs.Imports), b.flags.Refs.Export)
	ref, elsewhere := namedCache(problem, refs)
	if !b.flags.InRegistry || elsewhere || ref == "" {
		return "", ""
	}
	return ref, errortext.BlobDigest(problem)
}

// exportAfterThrottling exports the cache again as long as a registry throttles the export and there is time
// left.
func (b *build) exportAfterThrottling(ctx context.Context, built *outcome) {
	for built.exitCode == 0 && errortext.IsThrottled(built.export.Error) && b.budget.left() > 0 && b.awaitRegistry(ctx, built.export.Error) {
		b.exportOnly(ctx, "because a registry throttled it", built)
	}
}
