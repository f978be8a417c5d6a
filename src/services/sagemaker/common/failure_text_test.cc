#include "services/sagemaker/common/failure_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemill::services::sagemaker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kTrace =
    "epoch 1\nTraceback (most recent call last):\n  File \"train.py\", line 3, in <module>\n    "
    "fit()\n"
    "xgboost.core.XGBoostError: [12:00:00] data.cc:1: Check failed: valid\n"
    "Stack trace:\n  [bt] (0) /lib/libxgboost.so(+0x22dcbb) [0x7f]\n"
    "  [bt] (1) /lib/libxgboost.so(XGDMatrixCreate+0x8f) [0x7f]\n\n\n";

TEST(FailureText, The_exceptions_line_stands_without_native_frames) {
  EXPECT_EQ(exception_line(kTrace),
            "xgboost.core.XGBoostError: [12:00:00] data.cc:1: Check failed: valid");
  EXPECT_EQ(failure_in_log(kTrace, 1000),
            "Traceback (most recent call last):\n  File \"train.py\", line 3, in <module>\n    "
            "fit()\nxgboost.core.XGBoostError: [12:00:00] data.cc:1: Check failed: valid");
  EXPECT_EQ(exception_line("no trace"), "");
}

TEST(FailureText, The_exceptions_line_survives_what_is_written_after_it) {
  const std::string log =
      "Traceback (most recent call last):\n  File \"a\"\nValueError: no\n" + std::string(900, 'x');
  const std::string text = failure_in_log(log, 200);
  EXPECT_THAT(text, StartsWith("ValueError: no\n...xxx"));
  EXPECT_LE(text.size(), 200u);
  for (std::size_t most : {0, 1, 5, 13, 20, 40, 60})
    EXPECT_LE(failure_in_log(log, most).size(), most);
}

TEST(FailureText, Frames_of_the_toolkit_are_left_out) {
  const std::string log =
      "Traceback (most recent call last):\n"
      "  File \"/data/runtimes/python-1/tidemill_serving/worker.py\", line 9, in load\n"
      "    model = handlers.model_fn(folder)\n            ^^^^^^^^\n"
      "  File \"tidemill_serving/handlers.py\", line 4, in model_fn\n    return call()\n"
      "  File \"/opt/ml/code/my_tidemill_serving/inference.py\", line 2, in model_fn\n"
      "    return load()\n"
      "ValueError: no weights\nwhich were expected\n";
  EXPECT_EQ(failure_in_log(log, 1000),
            "Traceback (most recent call last):\n"
            "  File \"/opt/ml/code/my_tidemill_serving/inference.py\", line 2, in model_fn\n"
            "    return load()\nValueError: no weights\nwhich were expected");
  EXPECT_THAT(exception_first(log, 1000),
              StartsWith("ValueError: no weights\nTraceback (most recent call last):\n  File "
                         "\"/opt/ml/code/my_tidemill_serving/inference.py\""));
  for (std::size_t most : {0, 1, 5, 22, 23, 24, 60, 100, 200})
    EXPECT_LE(exception_first(log, most).size(), most);
  EXPECT_EQ(exception_first("no trace\n", 100), "no trace");
  // When there are no other frames, these show where it happened.
  const std::string own =
      "Traceback (most recent call last):\n  File \"tidemill_serving/worker.py\", line "
      "9\nKeyError: 1";
  EXPECT_EQ(failure_in_log(own, 1000), own);
}

TEST(FailureText, Of_other_logs_the_last_lines) {
  std::string log;
  for (int i = 0; i < 40; ++i) log += "line " + std::to_string(i) + "\n";
  EXPECT_THAT(failure_in_log(log, 1000), Not(HasSubstr("line 20")));
  EXPECT_THAT(failure_in_log(log, 1000), HasSubstr("line 39"));
  EXPECT_EQ(failure_in_log("terminate called\n  [bt] (0) /lib/x.so(f+0x1) [0x7]\n", 1000),
            "terminate called");
}

TEST(FailureText, Folders_of_the_server_are_not_shown) {
  const Programs programs{"/usr/local/bin/tidemill", "/env/bin/python", "/data/runtimes/python-1"};
  EXPECT_EQ(hide_server_paths("File \"/data/jobs/j/ml/code/a.py\" by "
                              "\"/data/runtimes/python-1/tidemill_serving/loop.py\" of "
                              "/usr/local/bin/tidemill",
                              "/data/jobs/j/ml", programs),
            "File \"/opt/ml/code/a.py\" by \"tidemill_serving/loop.py\" of tidemill");
}

}  // namespace
}  // namespace tidemill::services::sagemaker
