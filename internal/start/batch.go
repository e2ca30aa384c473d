package start

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"
)

func (c *Client) batch(ctx context.Context, id string) (types.BuildBatch, error) {
	out, err := c.builds.BatchGetBuildBatches(ctx, &codebuild.BatchGetBuildBatchesInput{Ids: []string{id}}, withRetries)
	if err != nil {
		return types.BuildBatch{}, err
	}
	if len(out.BuildBatches) == 0 {
		return types.BuildBatch{}, fmt.Errorf("CodeBuild in %s has no batch %s", c.account.Region, id)
	}
	return out.BuildBatches[0], nil
}

// join adds the builds that the batch has started since the last poll.
func (f *follower) join(batch types.BuildBatch) {
	known := map[string]bool{}
	for _, m := range f.members {
		known[m.id] = true
	}
	for _, group := range batch.BuildGroups {
		if group.CurrentBuildSummary == nil {
			continue
		}
		_, id, found := strings.Cut(aws.ToString(group.CurrentBuildSummary.Arn), ":build/")
		if !found || known[id] {
			continue
		}
		f.members = append(f.members, newMember(id, oneLine(aws.ToString(group.Identifier))))
	}
}

// endOfBatch returns how the batch ended, or nil while it runs.
func endOfBatch(batch types.BuildBatch) *end {
	if !batch.Complete && !isFinal(batch.BuildBatchStatus) {
		return nil
	}
	e := end{status: batch.BuildBatchStatus}
	if batch.StartTime != nil && batch.EndTime != nil {
		e.took = batch.EndTime.Sub(*batch.StartTime)
	}
	var texts []string
	for _, phase := range batch.Phases {
		if len(phase.Contexts) == 0 || phase.PhaseStatus == types.StatusTypeSucceeded {
			continue
		}
		text := string(phase.PhaseType)
		for _, phaseContext := range phase.Contexts {
			text += contextText(phaseContext)
		}
		texts = append(texts, text)
	}
	e.why = strings.Join(texts, "; ")
	return &e
}
