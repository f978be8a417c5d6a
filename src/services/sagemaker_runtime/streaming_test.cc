// Streams: the places they hold, their sessions, and what is captured.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "blobs/test_folder.h"
#include "services/sagemaker_runtime/capture/recorder.h"
#include "services/sagemaker_runtime/capture/test_capture.h"
#include "services/sagemaker_runtime/test_inference.h"
#include "wire/protocols/event_stream.h"

namespace tidemill::services::sagemaker_runtime {
namespace {

using ::testing::HasSubstr;

// The concatenated payloads of a stream that is read to its end.
std::string payload(StreamedAnswer& answer) {
  std::string bytes, out;
  for (;;) {
    auto woken = std::make_shared<std::promise<void>>();
    auto told = std::make_shared<std::atomic<bool>>(false);
    answer.events->on_wake([woken, told] {
      if (!told->exchange(true)) woken->set_value();
    });
    PushReader::Taken taken = answer.events->take();
    bytes += taken.bytes;
    if (taken.ended) break;
    if (taken.bytes.empty()) woken->get_future().wait();
  }
  std::string_view rest = bytes;
  while (!rest.empty()) {
    auto event = wire::decode_event_message(rest);
    if (!event || event->consumed_bytes == 0) return "not an event";
    out += event->message.payload;
    rest.remove_prefix(event->consumed_bytes);
  }
  return out;
}

class StreamingTest : public InferenceTest {
 protected:
  Result<StreamedAnswer> stream(Inference& inference, InvokeRequest what) {
    std::promise<Result<StreamedAnswer>> promise;
    loops_.nearest().post([&] {
      inference.invoke_streaming(std::move(what), [&](Result<StreamedAnswer> answer) {
        promise.set_value(std::move(answer));
      });
    });
    return promise.get_future().get();
  }
};

TEST_F(StreamingTest, A_native_variant_with_one_place_streams) {
  VariantRoute variant = native("AllTraffic", 1);
  variant.concurrency_max = 1;
  put({variant});
  for (int i = 0; i < 2; ++i) {
    auto answer = stream(inference_, request("1,2"));
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(payload(*answer), "3.0");
  }
  EXPECT_EQ(inference_.counters().invocations, 2u);
}

TEST_F(StreamingTest, A_session_that_a_stream_began_is_remembered) {
  std::atomic<int> first = 0, second = 0;
  auto server = [](std::atomic<int>& count) {
    return [&count](const std::string&, const std::string&) {
      return ModelServer::answer(
          "ok", count++ == 0 ? "X-Amzn-SageMaker-New-Session-Id: made-up; Expires=never\r\n" : "");
    };
  };
  ModelServer one(server(first)), two(server(second));
  // Hashing the id could choose eight instances, seven of them wrong.
  std::vector<std::uint16_t> ports(7, two.port());
  ports.insert(ports.begin(), one.port());
  put({processes(ports)});
  InvokeRequest begin = request("1,2");
  begin.session_id = kNewSession;
  auto answer = stream(inference_, begin);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_THAT(answer->new_session_id, HasSubstr("made-up"));
  EXPECT_EQ(payload(*answer), "ok");
  EXPECT_EQ(first, 1);
  InvokeRequest again = request("1,2");
  again.session_id = "made-up";
  ASSERT_TRUE(invoke(again));
  EXPECT_EQ(first, 2);
  EXPECT_EQ(second, 0);
}

class CapturedStreams : public StreamingTest {
 protected:
  // The output that is captured for a stream of this answer.
  std::string captured(const std::string& body) {
    ModelServer server(
        [&](const std::string&, const std::string&) { return ModelServer::answer(body); });
    blobs::TestFolder folder;
    TestS3 s3({"bucket"});
    TestRoles roles(s3);
    auto random = make_system_random();
    RecorderOptions options;
    options.directory = folder.path() + "/capture";
    Recorder recorder(roles, *random, options);
    EXPECT_TRUE(recorder.start());
    VariantRoute variant = processes({server.port()});
    variant.capture = recorder.open(test_capture_settings());
    put({variant});
    {
      Inference inference(routes_, loops_, clock_, kLimits, &recorder);
      auto answer = stream(inference, request("1,2"));
      EXPECT_TRUE(answer);
      if (answer) EXPECT_EQ(payload(*answer), body);
      // The record is written after the end of the stream, on the loop's thread.
      settle();
      too_large_ = inference.counters().captures_too_large;
    }
    recorder.stop();
    const auto objects = s3.objects();
    EXPECT_EQ(objects.size(), 1u);
    if (objects.empty()) return "none";
    auto line = parse_json(objects.begin()->second);
    EXPECT_TRUE(line);
    return *line->find("captureData")->find("endpointOutput")->find("data")->as_string();
  }
  std::uint64_t too_large_ = 0;
};

TEST_F(CapturedStreams, Are_whole_up_to_the_limit) {
  const std::string body(kCapturedStreamBytesMax, '7');
  EXPECT_EQ(captured(body), body);
  EXPECT_EQ(too_large_, 0u);
}

TEST_F(CapturedStreams, Are_empty_and_counted_past_it) {
  EXPECT_EQ(captured(std::string(kCapturedStreamBytesMax + 1, '7')), "");
  EXPECT_EQ(too_large_, 1u);
}

}  // namespace
}  // namespace tidemill::services::sagemaker_runtime
