#include "services/sagemaker_runtime/capture/line.h"

#include <gtest/gtest.h>

#include "base/clock.h"

namespace tidemill::services::sagemaker_runtime {
namespace {

constexpr const char* kUuid = "8f45e35c-fa44-40d2-8ed3-1bcab3a596f3";

CaptureSettings settings() {
  CaptureSettings out;
  out.endpoint = "churn";
  out.variant = "AllTraffic";
  out.prefix = "monitoring/captured";
  out.csv_content_types = {"text/csv"};
  out.json_content_types = {"application/json"};
  return out;
}

CapturedExchange exchange() {
  CapturedExchange out;
  out.request_content_type = "text/csv";
  out.request_body = "0.1,2,\"three\"\n";
  out.response_content_type = "application/json";
  out.response_body = R"({"score": 0.5})";
  out.time = *parse_iso8601("2026-07-30T13:36:30.987Z");
  return out;
}

std::string line(const CaptureSettings& from, const CapturedExchange& what) {
  std::string out;
  append_capture_line(from, what, kUuid, out);
  return out;
}

TEST(CaptureLine, is_as_sagemaker_writes_it) {
  EXPECT_EQ(line(settings(), exchange()),
            R"({"captureData":{"endpointInput":{"observedContentType":"text/csv","mode":"INPUT",)"
            R"("data":"0.1,2,\"three\"\n","encoding":"CSV"},)"
            R"("endpointOutput":{"observedContentType":"application/json","mode":"OUTPUT",)"
            R"("data":"{\"score\": 0.5}","encoding":"JSON"}},)"
            R"("eventMetadata":{"eventId":"8f45e35c-fa44-40d2-8ed3-1bcab3a596f3",)"
            R"("inferenceTime":"2026-07-30T13:36:30Z"},"eventVersion":"0"})"
            "\n");
}

TEST(CaptureLine, has_one_side_when_one_is_captured) {
  CaptureSettings input = settings(), output = settings();
  input.output = false;
  output.input = false;
  EXPECT_EQ(line(input, exchange()),
            R"({"captureData":{"endpointInput":{"observedContentType":"text/csv","mode":"INPUT",)"
            R"("data":"0.1,2,\"three\"\n","encoding":"CSV"}},)"
            R"("eventMetadata":{"eventId":"8f45e35c-fa44-40d2-8ed3-1bcab3a596f3",)"
            R"("inferenceTime":"2026-07-30T13:36:30Z"},"eventVersion":"0"})"
            "\n");
  EXPECT_NE(line(output, exchange()).find(R"({"captureData":{"endpointOutput":{"obs)"),
            std::string::npos);
  EXPECT_EQ(line(output, exchange()).find("endpointInput"), std::string::npos);
}

TEST(CaptureLine, carries_inference_id_and_custom_attributes) {
  CapturedExchange given = exchange();
  given.inference_id = "order-7";
  given.custom_attributes = "trace=\"a\"";
  EXPECT_NE(line(settings(), given)
                .find(R"("eventMetadata":{"eventId":"8f45e35c-fa44-40d2-8ed3-1bcab3a596f3",)"
                      R"("customAttributes":["trace=\"a\""],"inferenceId":"order-7",)"
                      R"("inferenceTime":"2026-07-30T13:36:30Z"})"),
            std::string::npos);
}

TEST(CaptureLine, finds_the_media_type_behind_parameters_and_case) {
  CapturedExchange given = exchange();
  given.request_content_type = "Text/CSV; charset=utf-8";
  const std::string text = line(settings(), given);
  EXPECT_NE(text.find(R"("observedContentType":"Text/CSV; charset=utf-8")"), std::string::npos);
  EXPECT_NE(text.find(R"("encoding":"CSV")"), std::string::npos);
}

TEST(CaptureLine, is_base64_for_types_that_are_not_listed) {
  CaptureSettings bare = settings();
  bare.csv_content_types.clear();
  bare.json_content_types.clear();
  CapturedExchange given = exchange();
  given.request_body = "1,2";
  const std::string text = line(bare, given);
  EXPECT_NE(text.find(R"("mode":"INPUT","data":"MSwy","encoding":"BASE64")"), std::string::npos);
  EXPECT_NE(text.find(R"("data":"eyJzY29yZSI6IDAuNX0=","encoding":"BASE64")"), std::string::npos);
}

TEST(CaptureLine, is_base64_for_bytes_that_are_no_text) {
  CapturedExchange given = exchange();
  given.request_body = "\xff\xfe";
  given.request_content_type = "text/csv";
  given.inference_id = "\xff";
  const std::string text = line(settings(), given);
  EXPECT_NE(text.find(R"("data":"//4=","encoding":"BASE64")"), std::string::npos);
  EXPECT_EQ(text.find("inferenceId"), std::string::npos);
}

TEST(CaptureKey, has_the_hour_as_folders) {
  const std::string name = journal_name(*parse_iso8601("2026-01-02T03:04:05.006Z"), kUuid);
  EXPECT_EQ(name, "2026-01-02-03-04-05-006-8f45e35c-fa44-40d2-8ed3-1bcab3a596f3.jsonl");
  auto parsed = parse_journal_name(name);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(format_iso8601(parsed->first_record), "2026-01-02T03:04:05.006Z");
  EXPECT_EQ(capture_key(settings(), *parsed),
            "monitoring/captured/churn/AllTraffic/2026/01/02/03/"
            "04-05-006-8f45e35c-fa44-40d2-8ed3-1bcab3a596f3.jsonl");
}

TEST(CaptureKey, begins_with_the_endpoint_when_the_destination_is_a_bucket) {
  CaptureSettings bare = settings();
  auto name = parse_journal_name(journal_name(*parse_iso8601("2026-01-02T03:04:05Z"), kUuid));
  bare.prefix = "";
  EXPECT_TRUE(capture_key(bare, *name).starts_with("churn/AllTraffic/2026/"));
  bare.prefix = "a/b/";
  EXPECT_TRUE(capture_key(bare, *name).starts_with("a/b/churn/AllTraffic/2026/"));
}

TEST(CaptureKey, other_names_are_no_journals) {
  const std::string good = "2026-01-02-03-04-05-006-8f45e35c-fa44-40d2-8ed3-1bcab3a596f3.jsonl";
  ASSERT_TRUE(parse_journal_name(good));
  for (const char* bad :
       {"", "x.jsonl", "2026-13-02-03-04-05-006-8f45e35c-fa44-40d2-8ed3-1bcab3a596f3.jsonl",
        "2026-02-30-03-04-05-006-8f45e35c-fa44-40d2-8ed3-1bcab3a596f3.jsonl",
        "2026-01-02T03-04-05-006-8f45e35c-fa44-40d2-8ed3-1bcab3a596f3.jsonl",
        "2026-01-02-03-04-05-006-8f45e35c-fa44-40d2-8ed3-1bcab3a596f3.jsonx",
        "2026-01-02-03-04-05-0x6-8f45e35c-fa44-40d2-8ed3-1bcab3a596f3.jsonl"})
    EXPECT_FALSE(parse_journal_name(bad)) << bad;
}

}  // namespace
}  // namespace tidemill::services::sagemaker_runtime
