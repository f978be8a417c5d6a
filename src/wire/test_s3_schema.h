// A few S3 operations with their templates and the members that distinguish them.
#pragma once

#include "wire/test_schemas.h"

namespace tidemill::wire::test {

inline constexpr Member kBucketMember{.name = "Bucket",
                                      .wire_name = "Bucket",
                                      .shape = &kString,
                                      .location = Location::uri,
                                      .required = true};
inline constexpr Member kKeyMember{.name = "Key",
                                   .wire_name = "Key",
                                   .shape = &kString,
                                   .location = Location::uri,
                                   .required = true};
inline constexpr Member kUploadIdMember{.name = "UploadId",
                                        .wire_name = "uploadId",
                                        .shape = &kString,
                                        .location = Location::query_string,
                                        .required = true};
inline constexpr Member kPartNumberMember{.name = "PartNumber",
                                          .wire_name = "partNumber",
                                          .shape = &kInteger,
                                          .location = Location::query_string,
                                          .required = true};
inline constexpr Member kCopySourceMember{.name = "CopySource",
                                          .wire_name = "x-amz-copy-source",
                                          .shape = &kString,
                                          .location = Location::header,
                                          .required = true};
inline constexpr Member kMetadataMember{.name = "Metadata",
                                        .wire_name = "x-amz-meta-",
                                        .shape = &kStringMap,
                                        .location = Location::headers};
inline constexpr Member kStreamMember{
    .name = "Body", .wire_name = "Body", .shape = &kBlob, .streaming = true};
inline constexpr Member kIdMember{.name = "Id",
                                  .wire_name = "id",
                                  .shape = &kString,
                                  .location = Location::query_string,
                                  .required = true};
inline constexpr Member kMaxKeysMember{.name = "MaxKeys",
                                       .wire_name = "max-keys",
                                       .shape = &kInteger,
                                       .location = Location::query_string};

inline constexpr Member kBucketMembers[] = {kBucketMember, kMaxKeysMember};
inline constexpr Shape kBucketInput{.name = "BucketRequest", .members = kBucketMembers};
inline constexpr Member kAnalyticsMembers[] = {kBucketMember, kIdMember};
inline constexpr Shape kAnalyticsInput{.name = "AnalyticsRequest", .members = kAnalyticsMembers};
inline constexpr Member kObjectMembers[] = {kBucketMember, kKeyMember, kMetadataMember};
inline constexpr Shape kObjectInput{.name = "ObjectRequest", .members = kObjectMembers};
inline constexpr Member kPutMembers[] = {kStreamMember, kBucketMember, kKeyMember, kMetadataMember};
inline constexpr Shape kPutInput{
    .name = "PutObjectRequest", .members = kPutMembers, .payload = &kPutMembers[0]};
inline constexpr Member kCopyMembers[] = {kBucketMember, kKeyMember, kCopySourceMember};
inline constexpr Shape kCopyInput{.name = "CopyObjectRequest", .members = kCopyMembers};
inline constexpr Member kPartMembers[] = {kStreamMember, kBucketMember, kKeyMember,
                                          kPartNumberMember, kUploadIdMember};
inline constexpr Shape kPartInput{
    .name = "UploadPartRequest", .members = kPartMembers, .payload = &kPartMembers[0]};
inline constexpr Member kPartCopyMembers[] = {kBucketMember, kKeyMember, kPartNumberMember,
                                              kUploadIdMember, kCopySourceMember};
inline constexpr Shape kPartCopyInput{.name = "UploadPartCopyRequest", .members = kPartCopyMembers};
inline constexpr Member kUploadMembers[] = {kBucketMember, kKeyMember, kUploadIdMember};
inline constexpr Shape kUploadInput{.name = "UploadRequest", .members = kUploadMembers};

inline constexpr Member kDeletePayloadMembers[] = {
    {.name = "Objects", .wire_name = "Object", .shape = &kTagSet, .flattened = true},
    {.name = "Quiet", .wire_name = "Quiet", .shape = &kBoolean},
};
inline constexpr Shape kDelete{.name = "Delete", .members = kDeletePayloadMembers};
inline constexpr Member kDeleteMembers[] = {
    kBucketMember, {.name = "Delete", .wire_name = "Delete", .shape = &kDelete, .required = true}};
inline constexpr Shape kDeleteInput{
    .name = "DeleteObjectsRequest", .members = kDeleteMembers, .payload = &kDeleteMembers[1]};

inline constexpr Member kLocationMembers[] = {
    {.name = "LocationConstraint", .wire_name = "LocationConstraint", .shape = &kString}};
inline constexpr Shape kLocationOutput{.name = "GetBucketLocationOutput",
                                       .members = kLocationMembers};
inline constexpr Member kListMembers[] = {
    {.name = "Name", .wire_name = "Name", .shape = &kString},
    {.name = "Modified", .wire_name = "LastModified", .shape = &kTimestamp},
    {.name = "Contents", .wire_name = "Contents", .shape = &kTagList, .flattened = true},
};
inline constexpr Shape kListOutput{.name = "ListObjectsV2Output", .members = kListMembers};

inline constexpr Operation kS3Operations[] = {
    {.name = "AbortMultipartUpload",
     .http_method = "DELETE",
     .http_uri = "/{Bucket}/{Key+}",
     .http_status = 204,
     .input = &kUploadInput},
    {.name = "CompleteMultipartUpload",
     .http_method = "POST",
     .http_uri = "/{Bucket}/{Key+}",
     .input = &kUploadInput},
    {.name = "CopyObject",
     .http_method = "PUT",
     .http_uri = "/{Bucket}/{Key+}",
     .input = &kCopyInput},
    {.name = "CreateBucket", .http_method = "PUT", .http_uri = "/{Bucket}", .input = &kBucketInput},
    {.name = "CreateMultipartUpload",
     .http_method = "POST",
     .http_uri = "/{Bucket}/{Key+}?uploads",
     .input = &kObjectInput},
    {.name = "DeleteObject",
     .http_method = "DELETE",
     .http_uri = "/{Bucket}/{Key+}",
     .http_status = 204,
     .input = &kObjectInput},
    {.name = "DeleteObjects",
     .http_method = "POST",
     .http_uri = "/{Bucket}?delete",
     .input = &kDeleteInput},
    {.name = "GetBucketAnalyticsConfiguration",
     .http_method = "GET",
     .http_uri = "/{Bucket}?analytics",
     .input = &kAnalyticsInput},
    {.name = "GetBucketLifecycle",
     .http_method = "GET",
     .http_uri = "/{Bucket}?lifecycle",
     .input = &kBucketInput},
    {.name = "GetBucketLifecycleConfiguration",
     .http_method = "GET",
     .http_uri = "/{Bucket}?lifecycle",
     .input = &kBucketInput},
    {.name = "GetBucketLocation",
     .http_method = "GET",
     .http_uri = "/{Bucket}?location",
     .input = &kBucketInput,
     .output = &kLocationOutput},
    {.name = "GetObject",
     .http_method = "GET",
     .http_uri = "/{Bucket}/{Key+}",
     .input = &kObjectInput},
    {.name = "HeadObject",
     .http_method = "HEAD",
     .http_uri = "/{Bucket}/{Key+}",
     .input = &kObjectInput},
    {.name = "ListBucketAnalyticsConfigurations",
     .http_method = "GET",
     .http_uri = "/{Bucket}?analytics",
     .input = &kBucketInput},
    {.name = "ListBuckets", .http_method = "GET", .http_uri = "/"},
    {.name = "ListDirectoryBuckets", .http_method = "GET", .http_uri = "/"},
    {.name = "ListObjects",
     .http_method = "GET",
     .http_uri = "/{Bucket}",
     .input = &kBucketInput,
     .output = &kListOutput},
    {.name = "ListObjectsV2",
     .http_method = "GET",
     .http_uri = "/{Bucket}?list-type=2",
     .input = &kBucketInput,
     .output = &kListOutput},
    {.name = "ListParts",
     .http_method = "GET",
     .http_uri = "/{Bucket}/{Key+}",
     .input = &kUploadInput},
    {.name = "PutObject",
     .http_method = "PUT",
     .http_uri = "/{Bucket}/{Key+}",
     .input = &kPutInput},
    {.name = "UploadPart",
     .http_method = "PUT",
     .http_uri = "/{Bucket}/{Key+}",
     .input = &kPartInput},
    {.name = "UploadPartCopy",
     .http_method = "PUT",
     .http_uri = "/{Bucket}/{Key+}",
     .input = &kPartCopyInput},
};
inline constexpr Service kS3Service{.name = "s3",
                                    .service_id = "S3",
                                    .signing_name = "s3",
                                    .endpoint_prefix = "s3",
                                    .api_version = "2006-03-01",
                                    .xml_namespace = "http://s3.amazonaws.com/doc/2006-03-01/",
                                    .protocols = kRestXmlProtocols,
                                    .operations = kS3Operations};

}  // namespace tidemill::wire::test
