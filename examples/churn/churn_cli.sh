#!/usr/bin/env bash
# Churn through the AWS CLI: upload, train, deploy, predict, delete. Uses $AWS_ENDPOINT_URL, as a caller who may create
# roles: `tidemill env --data data --root`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
name=churn-cli-$(date +%Y%m%d-%H%M%S)
image=683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1
work=$(mktemp -d)
export AWS_PAGER=""

# Commands that delete what was created.
made=()
clean_up() {
  [[ ${#made[@]} -eq 0 ]] || echo "deleting what was made"
  local i
  for ((i = ${#made[@]} - 1; i >= 0; i--)); do
    ${made[i]} >/dev/null || true
  done
  rm -rf "$work"
}
trap clean_up EXIT

role=$(aws iam create-role --role-name "$name" --query Role.Arn --output text --assume-role-policy-document \
  '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"sagemaker.amazonaws.com"},"Action":"sts:AssumeRole"}]}') || {
  echo "the role was not made; run this with \`tidemill env --data data --root\`, since it needs a role of its own" >&2
  exit 1
}
made+=("aws iam delete-role --role-name $name")
# The training job and the endpoint read and write with the permissions of this role.
aws iam put-role-policy --role-name "$name" --policy-name bucket --policy-document \
  "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":[\"s3:ListBucket\",\"s3:GetObject\",\"s3:PutObject\"],\"Resource\":[\"arn:aws:s3:::$name\",\"arn:aws:s3:::$name/*\"]}]}"
made+=("aws iam delete-role-policy --role-name $name --policy-name bucket")

echo "uploading"
"$python" "$here/churn_data.py" split "$work"
aws s3 mb "s3://$name" >/dev/null
made+=("aws s3 rb --force s3://$name")
for channel in train validation; do
  aws s3 cp --quiet "$work/$channel.csv" "s3://$name/$channel/$channel.csv"
done

channel() {
  echo "{\"ChannelName\":\"$1\",\"ContentType\":\"text/csv\",\"DataSource\":{\"S3DataSource\":{\"S3DataType\":\"S3Prefix\",\"S3Uri\":\"s3://$name/$1/\"}}}"
}

echo "training"
aws sagemaker create-training-job --training-job-name "$name" --role-arn "$role" \
  --algorithm-specification "TrainingImage=$image,TrainingInputMode=File" \
  --hyper-parameters objective=binary:logistic,num_round=300,max_depth=5,eta=0.1,eval_metric=logloss,early_stopping_rounds=20,seed=7 \
  --input-data-config "[$(channel train),$(channel validation)]" \
  --output-data-config "S3OutputPath=s3://$name/output" \
  --resource-config InstanceType=ml.m5.large,InstanceCount=1,VolumeSizeInGB=5 \
  --stopping-condition MaxRuntimeInSeconds=600 >/dev/null
aws sagemaker wait training-job-completed-or-stopped --training-job-name "$name"
aws sagemaker describe-training-job --training-job-name "$name" --output table \
  --query '{Status: TrainingJobStatus, Reason: FailureReason, Seconds: TrainingTimeInSeconds}'
model=$(aws sagemaker describe-training-job --training-job-name "$name" --output text \
  --query ModelArtifacts.S3ModelArtifacts)

echo "deploying $model"
aws sagemaker create-model --model-name "$name" --execution-role-arn "$role" \
  --primary-container "Image=$image,ModelDataUrl=$model" >/dev/null
made+=("aws sagemaker delete-model --model-name $name")
aws sagemaker create-endpoint-config --endpoint-config-name "$name" --production-variants \
  "VariantName=AllTraffic,ModelName=$name,InstanceType=ml.m5.large,InitialInstanceCount=1" >/dev/null
made+=("aws sagemaker delete-endpoint-config --endpoint-config-name $name")
aws sagemaker create-endpoint --endpoint-name "$name" --endpoint-config-name "$name" >/dev/null
made+=("aws sagemaker delete-endpoint --endpoint-name $name")
aws sagemaker wait endpoint-in-service --endpoint-name "$name"

# A call starts the CLI, which takes far longer than the prediction: 20 calls of 50 customers each.
echo "predicting (the latency is that of the whole command)"
split -l 50 "$work/test.csv" "$work/batch."
for batch in "$work"/batch.*; do
  began=$(date +%s%N)
  aws sagemaker-runtime invoke-endpoint --endpoint-name "$name" --content-type text/csv \
    --body "fileb://$batch" "$work/answer" >/dev/null
  echo $(( ($(date +%s%N) - began) / 1000000 )) >>"$work/latencies"
  { cat "$work/answer"; echo; } >>"$work/scores"
done
"$python" "$here/churn_data.py" report "$work/test_labels.csv" "$work/scores" "$work/latencies"
