// Package metrics sends the metrics of a build to Amazon CloudWatch.
//
// It signs the one request with the SDK and sends it with net/http: CloudWatch's own client would add half a
// megabyte to a program that every build downloads.
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
	"slices"
	"strconv"
	"strings"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/layercache/layercache/internal/awsendpoint"
	"github.com/layercache/layercache/internal/report"
)

// timeout limits the call: a build does not wait longer for its metrics.
const timeout = 5 * time.Second

// Datum is one metric.
type Datum struct {
	Name, Unit string
	Value      float64
	// Target is the value of the dimension Target; empty for a metric without it.
	Target string
}

// FromReport returns the metrics of a report, and those of each of its targets; unknown values are left out.
func FromReport(r *report.Report) []Datum {
	var data []Datum
	for _, build := range r.Everything() {
		add := func(name, unit string, value float64) { data = append(data, Datum{name, unit, value, build.Target}) }
		add("OverheadSeconds", "Seconds", build.OverheadSeconds)
		add("TotalSeconds", "Seconds", build.Seconds.Total)
		add("ExportFailures", "Count", count(build.Exported == "failed"))
		add("ImportFailures", "Count", count(slices.ContainsFunc(build.Everything(), func(r *report.Report) bool { return r.Verdict == "import-failed" })))
		if build.HitRatio != nil {
			add("HitRatio", "None", *build.HitRatio)
		}
		if build.SavedSeconds != nil {
			add("SavedSeconds", "Seconds", *build.SavedSeconds)
		}
		if build.Cost.SavedUSD != nil {
			add("SavedUSD", "None", *build.Cost.SavedUSD)
		}
		if len(build.Mounts) > 0 {
			add("MountRestoreSeconds", "Seconds", build.MountRestoreSeconds())
			add("MountFailures", "Count", count(build.HasMountProblem()))
		}
	}
	// CloudWatch takes as many in one request.
	return data[:min(len(data), 1000)]
}

func count(occurred bool) float64 {
	if occurred {
		return 1
	}
	return 0
}

// Put sends the metrics to a namespace, with the dimension App, and Target for those of a target. Region and
// credentials come from the SDK's default chain.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
func Put(ctx context.Context, namespace, app string, data []Datum) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := put(ctx, namespace, app, data); err != nil {
		return fmt.Errorf("send metrics to CloudWatch namespace %q: %w; allow this identity cloudwatch:PutMetricData, or unset LAYERCACHE_METRICS_NAMESPACE", namespace, err)
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
	target, err := endpoint(ctx, loaded.Region)
	if err != nil {
		return err
	}
	credentials, err := loaded.Credentials.Retrieve(ctx)
	if err != nil {
		return err
	}
	body := form(namespace, app, data)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	digest := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(ctx, credentials, request, hex.EncodeToString(digest[:]), "monitoring", loaded.Region, time.Now()); err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(response.Body, 512))
		return fmt.Errorf("%s: %s", response.Status, strings.Join(strings.Fields(string(body)), " "))
	}
	return nil
}

// form returns the body of the request in the Query protocol.
func form(namespace, app string, data []Datum) string {
	values := url.Values{"Action": {"PutMetricData"}, "Version": {"2010-08-01"}, "Namespace": {namespace}}
	for i, datum := range data {
		member := "MetricData.member." + strconv.Itoa(i+1) + "."
		values.Set(member+"MetricName", datum.Name)
		values.Set(member+"Unit", datum.Unit)
		values.Set(member+"Value", strconv.FormatFloat(datum.Value, 'f', -1, 64))
		values.Set(member+"Dimensions.member.1.Name", "App")
		values.Set(member+"Dimensions.member.1.Value", app)
		if datum.Target != "" {
			values.Set(member+"Dimensions.member.2.Name", "Target")
			values.Set(member+"Dimensions.member.2.Value", datum.Target)
		}
	}
	return values.Encode()
}

// endpoint returns CloudWatch's endpoint in the region: AWS_ENDPOINT_URL_CLOUDWATCH or AWS_ENDPOINT_URL if
// set, else that of the region's partition.
func endpoint(ctx context.Context, region string) (string, error) {
	for _, variable := range []string{"AWS_ENDPOINT_URL_CLOUDWATCH", "AWS_ENDPOINT_URL"} {
		if url := os.Getenv(variable); url != "" {
			return url, nil
		}
	}
	found, err := awsendpoint.URL(ctx, "monitoring", region)
	return found + "/", err
}
