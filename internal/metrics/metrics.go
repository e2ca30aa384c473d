// Package metrics sends what a build's report says to Amazon CloudWatch.
//
// The call is signed by the SDK and sent by hand: CloudWatch's client would add half a megabyte to a program that every build
// downloads, for one request.
package metrics

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ecr"

	"github.com/layercache/layercache/internal/report"
)

// timeout bounds the call: figures are not worth waiting for.
const timeout = 5 * time.Second

// Datum is one figure.
type Datum struct {
	Name, Unit string
	Value      float64
}

// Of are the figures of a report; what is not known is left out.
func Of(r *report.Report) []Datum {
	data := []Datum{
		{"OverheadSeconds", "Seconds", r.OverheadSeconds},
		{"TotalSeconds", "Seconds", r.Seconds.Total},
		{"ExportFailures", "Count", count(r.Exported == "failed")},
		{"ImportFailures", "Count", count(r.Verdict == "import-failed")},
	}
	if r.HitRatio != nil {
		data = append(data, Datum{"HitRatio", "None", *r.HitRatio})
	}
	if r.SavedSeconds != nil {
		data = append(data, Datum{"SavedSeconds", "Seconds", *r.SavedSeconds})
	}
	if r.Cost.SavedUSD != nil {
		data = append(data, Datum{"SavedUSD", "None", *r.Cost.SavedUSD})
	}
	return data
}

func count(happened bool) float64 {
	if happened {
		return 1
	}
	return 0
}

// Put sends the figures to a namespace, under the dimension App. Region and credentials come from the SDK's usual chain.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
func Put(ctx context.Context, namespace, app string, data []Datum) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := put(ctx, namespace, app, data); err != nil {
		return fmt.Errorf("send metrics to CloudWatch namespace %q: %w", namespace, err)
	}
	return nil
}

func put(ctx context.Context, namespace, app string, data []Datum) error {
	loaded, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	if loaded.Region == "" {
		return errors.New("no region: set AWS_REGION")
	}
	endpoint, err := endpointOf(ctx, loaded.Region)
	if err != nil {
		return err
	}
	credentials, err := loaded.Credentials.Retrieve(ctx)
	if err != nil {
		return err
	}
	body := form(namespace, app, data)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	digest := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(ctx, credentials, request, hex.EncodeToString(digest[:]), "monitoring", loaded.Region, time.Now()); err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(answer.Body, 512))
		return fmt.Errorf("%s: %s", answer.Status, strings.Join(strings.Fields(string(said)), " "))
	}
	return nil
}

// form is the request in the Query protocol.
func form(namespace, app string, data []Datum) string {
	values := url.Values{"Action": {"PutMetricData"}, "Version": {"2010-08-01"}, "Namespace": {namespace}}
	for i, datum := range data {
		member := "MetricData.member." + strconv.Itoa(i+1) + "."
		values.Set(member+"MetricName", datum.Name)
		values.Set(member+"Unit", datum.Unit)
		values.Set(member+"Value", strconv.FormatFloat(datum.Value, 'f', -1, 64))
		values.Set(member+"Dimensions.member.1.Name", "App")
		values.Set(member+"Dimensions.member.1.Value", app)
	}
	return values.Encode()
}

// endpointOf is CloudWatch's endpoint in the region: that of AWS_ENDPOINT_URL_CLOUDWATCH or AWS_ENDPOINT_URL, else the one
// under the domain that the SDK knows for the region's partition.
func endpointOf(ctx context.Context, region string) (string, error) {
	for _, variable := range []string{"AWS_ENDPOINT_URL_CLOUDWATCH", "AWS_ENDPOINT_URL"} {
		if given := os.Getenv(variable); given != "" {
			return given, nil
		}
	}
	known, err := ecr.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, ecr.EndpointParameters{Region: aws.String(region)})
	if err != nil {
		return "", err
	}
	_, domain, found := strings.Cut(known.URI.Host, "."+region+".")
	if !found {
		return "", fmt.Errorf("the SDK's endpoint %s does not name region %s", known.URI.Host, region)
	}
	return "https://monitoring." + region + "." + domain + "/", nil
}
