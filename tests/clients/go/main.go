// One call or more of every protocol through the AWS SDK for Go v2. Prints one JSON object of facts,
// which tests/conformance/go_test.py checks. AWS_ENDPOINT_URL and keys come from the environment.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemakerruntime"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// code is the AWS error code of err, or what err says.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return fmt.Sprint(err)
}

func main() {
	ctx := context.Background()
	facts := map[string]any{}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRetryMaxAttempts(1))
	check(err)

	identity, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	check(err)
	facts["account"] = *identity.Account

	store := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	bucket := aws.String("go-smoke-bucket")
	_, err = store.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket})
	check(err)
	body := bytes.Repeat([]byte("tidemill "), 200_000)
	_, err = store.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("a/b c+d"), Body: bytes.NewReader(body)})
	check(err)
	object, err := store.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("a/b c+d")})
	check(err)
	back, err := io.ReadAll(object.Body)
	check(err)
	facts["intact"] = bytes.Equal(back, body)
	_, err = store.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("none")})
	facts["missingKey"] = code(err)
	_, err = store.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: bucket})
	facts["notEmpty"] = code(err)
	_, err = store.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: aws.String("a/b c+d")})
	check(err)
	_, err = store.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: bucket})
	check(err)

	_, err = cloudwatchlogs.NewFromConfig(cfg).GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{
		LogGroupName: aws.String("none"), LogStreamName: aws.String("none")})
	facts["missingGroup"] = code(err)
	_, err = sagemaker.NewFromConfig(cfg).DescribeEndpoint(ctx, &sagemaker.DescribeEndpointInput{EndpointName: aws.String("none")})
	facts["missingEndpoint"] = code(err)
	_, err = sagemakerruntime.NewFromConfig(cfg).InvokeEndpoint(ctx, &sagemakerruntime.InvokeEndpointInput{
		EndpointName: aws.String("none"), Body: []byte("1,2"), ContentType: aws.String("text/csv")})
	facts["invokeMissing"] = code(err)
	// From version 1.52 on, this client speaks rpcv2Cbor.
	_, err = cloudwatch.NewFromConfig(cfg).ListMetrics(ctx, &cloudwatch.ListMetricsInput{})
	facts["cloudwatch"] = code(err)

	check(json.NewEncoder(os.Stdout).Encode(facts))
}
