package function

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/layercache/layercache/internal/deployment"
)

// tickets keeps the ticket of each project in an SSM parameter that is encrypted, and that only the builds of
// the project can read.
type tickets struct{ *ssm.Client }

func (k tickets) put(ctx context.Context, project string, t deployment.Ticket) error {
	_, err := k.PutParameter(ctx, &ssm.PutParameterInput{
		Name: aws.String(deployment.ParameterOf(project)), Value: aws.String(t.String()),
		Type: types.ParameterTypeSecureString, Overwrite: aws.Bool(true),
	})
	if err != nil {
		return fmt.Errorf("keep the ticket for the build: %w", err)
	}
	return nil
}

// get returns the ticket of the project, or nil if there is none.
func (k tickets) get(ctx context.Context, project string) (*deployment.Ticket, error) {
	out, err := k.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(deployment.ParameterOf(project)), WithDecryption: aws.Bool(true)})
	if missing := (*types.ParameterNotFound)(nil); errors.As(err, &missing) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the ticket of the build: %w", err)
	}
	t, err := deployment.Parse(aws.ToString(out.Parameter.Value))
	if err != nil {
		return nil, fmt.Errorf("parameter %s: %w", deployment.ParameterOf(project), err)
	}
	return t, nil
}

// remove removes the ticket of the project, if there is one.
func (k tickets) remove(ctx context.Context, project string) error {
	_, err := k.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: aws.String(deployment.ParameterOf(project))})
	if missing := (*types.ParameterNotFound)(nil); err != nil && !errors.As(err, &missing) {
		return fmt.Errorf("remove the ticket of the build: %w", err)
	}
	return nil
}
