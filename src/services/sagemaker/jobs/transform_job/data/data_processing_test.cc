#include "services/sagemaker/jobs/transform_job/data/data_processing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemill::services::sagemaker::jobs {
namespace {

using ::testing::HasSubstr;

Batch batch_of(const std::string& text, SplitType split = SplitType::line) {
  BatchReader reader(std::make_unique<StringSource>(text), {split, false, 1 << 20, 0});
  return **reader.next();
}

struct Processed {
  std::string input, output;
};

Processed process(const DataProcessingOptions& options, const std::string& text,
                  const std::string& answer) {
  Result<DataProcessing> processing = DataProcessing::make(options);
  if (!processing) return {"make: " + processing.error().message, ""};
  const Batch batch = batch_of(text, options.split);
  Result<std::string> input = processing->model_input(batch);
  Processed out{input ? *input : "error: " + input.error().message, ""};
  Result<void> good = processing->append_output(batch, answer, out.output);
  if (!good) out.output = "error: " + good.error().message;
  return out;
}

DataProcessingOptions csv() {
  DataProcessingOptions options;
  options.content_type = options.accept = "text/csv";
  options.split = SplitType::line;
  return options;
}

DataProcessingOptions json_lines() {
  DataProcessingOptions options;
  options.content_type = options.accept = "application/jsonlines";
  options.split = SplitType::line;
  return options;
}

// The examples of "Associate Prediction Results with Input Records".
TEST(DataProcessing, AnIdColumnStaysBesideTheResult) {
  DataProcessingOptions options = csv();
  options.input_filter = "$[1:]";
  options.join_input = true;
  const Processed done = process(options, "id1,1,2\nid2,3,4\r\n", "0.5\n0.25\n");
  EXPECT_EQ(done.input, "1,2\n3,4");
  EXPECT_EQ(done.output, "id1,1,2,0.5\nid2,3,4,0.25\n");
  options.output_filter = "$[0,-1]";
  EXPECT_EQ(process(options, "id1,1,2\nid2,3,4\n", "0.5\n0.25").output, "id1,0.5\nid2,0.25\n");
}

TEST(DataProcessing, AnIdMemberStaysBesideTheResult) {
  DataProcessingOptions options = json_lines();
  options.input_filter = "$.features";
  options.join_input = true;
  options.output_filter = "$['id','SageMakerOutput']";
  const Processed done = process(options,
                                 "{\"id\": 1, \"features\": [1, 2.0]}\n"
                                 "{\"id\": 2, \"features\": [3, 4.0]}\n",
                                 "{\"score\": 0.5}\n{\"score\": 0.25}\n");
  EXPECT_EQ(done.input, "[1,2.0]\n[3,4.0]");
  EXPECT_EQ(done.output,
            "{\"id\":1,\"SageMakerOutput\":{\"score\":0.5}}\n"
            "{\"id\":2,\"SageMakerOutput\":{\"score\":0.25}}\n");
}

TEST(DataProcessing, AWholeDocumentIsJoinedAsOne) {
  DataProcessingOptions options;
  options.content_type = options.accept = "application/json";
  options.join_input = true;
  EXPECT_EQ(process(options, "{\n \"key\": 1\n}", "{\"label\":1}\n").output,
            "{\"key\":1,\"SageMakerOutput\":{\"label\":1}}");
  // Other values become an object; the reserved name is overwritten.
  EXPECT_EQ(process(options, "[1, 2]", "[0.5]").output,
            "{\"SageMakerInput\":[1,2],\"SageMakerOutput\":[0.5]}");
  EXPECT_EQ(process(options, "{\"SageMakerOutput\": 9, \"a\": 1}", "2").output,
            "{\"a\":1,\"SageMakerOutput\":2}");
}

TEST(DataProcessing, AnswersAreFilteredWithoutAJoinToo) {
  DataProcessingOptions options = csv();
  options.output_filter = "$[0]";
  EXPECT_EQ(process(options, "1\n2\n", "a,0.9\nb,0.8\n").output, "a\nb\n");
}

TEST(DataProcessing, WithoutProcessingAnswersStandAsTheyAre) {
  DataProcessingOptions options = csv();
  EXPECT_EQ(process(options, "1\n2\n", "0.5\n0.25").output, "0.5\n0.25");
  options.assemble_lines = true;
  EXPECT_EQ(process(options, "1\n2\n", "0.5\n0.25").output, "0.5\n0.25\n");
  EXPECT_EQ(process(options, "1\n2\n", "0.5\n0.25\n").output, "0.5\n0.25\n");
}

TEST(DataProcessing, ProblemsNameTheLine) {
  DataProcessingOptions options = csv();
  options.input_filter = "$[5]";
  EXPECT_THAT(process(options, "1,2\n", "").input, HasSubstr("error: line 1: InputFilter"));
  options = json_lines();
  options.input_filter = "$.x";
  EXPECT_THAT(process(options, "\n{\"x\":1}\n{\"y\":1}\n", "").input,
              HasSubstr("error: line 3: InputFilter"));
  options.input_filter = "$";
  options.join_input = true;
  EXPECT_THAT(process(options, "{\"x\":1}\n", "oops").output, HasSubstr("line 1: the model's"));
  EXPECT_THAT(process(options, "{\"x\":1}\n{\"x\":2}\n", "1\n2\n3").output,
              HasSubstr("answered 3 lines for 2 records"));
}

TEST(DataProcessing, RefusesFormatsThatCannotBeJoined) {
  DataProcessingOptions options = csv();
  options.join_input = true;
  options.accept = "application/json";
  EXPECT_THAT(process(options, "1\n", "").input, HasSubstr("make: OutputFilter and JoinSource"));
  options.content_type = options.accept = "application/x-npy";
  EXPECT_THAT(process(options, "1\n", "").input, HasSubstr("need the ContentType"));
  options = csv();
  options.input_filter = "$.name";
  EXPECT_THAT(process(options, "1\n", "").input, HasSubstr("cannot be used with CSV"));
  options = csv();
  options.input_filter = "name";
  EXPECT_THAT(process(options, "1\n", "").input, HasSubstr("is no JSONPath"));
}

}  // namespace
}  // namespace tidemill::services::sagemaker::jobs
