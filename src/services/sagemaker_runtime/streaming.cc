#include "services/sagemaker_runtime/streaming.h"

#include "base/json.h"
#include "services/sagemaker_runtime/capture/recorder.h"
#include "services/sagemaker_runtime/invocation.h"
#include "services/sagemaker_runtime/model_error.h"
#include "wire/protocols/event_stream.h"

namespace tidemill::services::sagemaker_runtime {
namespace {

// Limit of one part of the answer; larger pieces from the model are split.
constexpr std::size_t kPartBytesMax = 64u << 10;
// After this much silence the model counts as broken off.
constexpr std::chrono::seconds kSilenceMax{60};
// How much of a model's error answer is kept.
constexpr std::size_t kErrorBytesMax = 64u << 10;

std::string stream_error(const Error& error) {
  ValueObject payload;
  payload.append("Message", error.message);
  // AWS documents two error codes for ModelStreamError.
  payload.append("ErrorCode",
                 error.code == codes::kTimeout ? "ModelInvocationTimeExceeded" : "StreamBroken");
  wire::EventMessage message;
  message.headers = {{":message-type", std::string("exception")},
                     {":exception-type", std::string("ModelStreamError")},
                     {":content-type", std::string("application/json")}};
  message.payload = write_json(payload);
  return wire::encode_event_message(message);
}

// Pushes these bytes as events; returns false when the client is too far behind.
bool push_parts(PushWriter& writer, std::string_view bytes) {
  bool room = true;
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, kPartBytesMax);
    room = writer.push(wire::encode_blob_event("PayloadPart", part));
    bytes.remove_prefix(part.size());
  }
  return room;
}

}  // namespace

// One answer being streamed. Shared by the callbacks of the model server's response.
struct Inference::Streaming {
  Chosen chosen;
  InvokeRequest request;
  StreamDone done;
  PushWriter writer;
  std::shared_ptr<wire::ResponseStream> response;  // shared with the client that reads it
  int status = 0;                                  // 0: no response head yet
  wire::Headers headers;
  std::string body;  // an error's body, or the captured output
  bool too_large_to_capture = false;
  bool good() const { return status >= 200 && status <= 299; }
  void keep(std::string_view bytes);
};

void Inference::Streaming::keep(std::string_view bytes) {
  if (!good()) {
    body.append(bytes.substr(0, kErrorBytesMax - body.size()));
    return;
  }
  if (!chosen.captured || too_large_to_capture) return;
  too_large_to_capture = body.size() + bytes.size() > kCapturedStreamBytesMax;
  if (too_large_to_capture)
    body = std::string();  // a partial body would look complete
  else
    body += bytes;
}

void Inference::invoke_streaming(InvokeRequest request, StreamDone done) {
  counters_.invocations.fetch_add(1, std::memory_order_relaxed);
  Result<Chosen> chosen = choose(request);
  if (!chosen) {
    counters_.refused.fetch_add(1, std::memory_order_relaxed);
    return done(fail(chosen.error()));
  }
  const ContainerRoute& container = chosen->container(chosen->first);
  if (!container.process || container.multi_model || chosen->first != chosen->last)
    return stream_whole(*std::move(chosen), std::move(request), std::move(done));
  chosen->captured = chosen->route().capture && recorder_ && chosen->route().capture->sample();
  auto streaming = std::make_shared<Streaming>();
  streaming->chosen = *std::move(chosen);
  streaming->done = std::move(done);
  streaming->request = std::move(request);
  stream_from(streaming);
}

void Inference::stream_from(const std::shared_ptr<Streaming>& streaming) {
  wire::ClientStreamLimits limits;
  limits.head_timeout = limits.timeout = limits_.model_time;
  limits.idle_timeout = std::min<std::chrono::milliseconds>(limits_.model_time, kSilenceMax);
  streaming->chosen.load()->sent(limits_.model_time, false);
  Invocation place;
  place.chosen.entry = streaming->chosen.entry;
  place.chosen.variant = streaming->chosen.variant;
  place.chosen.instance = streaming->chosen.instance;
  place.container = streaming->chosen.first;
  wire::StreamCallbacks callbacks;
  callbacks.head = [this, streaming](int status, wire::Headers headers) {
    stream_head(streaming, status, std::move(headers));
  };
  callbacks.chunk = [streaming](std::string bytes) {
    streaming->chosen.load()->answered();
    streaming->keep(bytes);
    if (streaming->good() && !push_parts(streaming->writer, bytes) && streaming->response)
      streaming->response->pause();
  };
  callbacks.end = [this, streaming](Result<void> ended) {
    stream_end(streaming, std::move(ended));
  };
  InvokeRequest copy = streaming->request;  // for another instance and for the capture
  streaming->response =
      client_.stream(destination(place), to_model(copy), limits, std::move(callbacks));
}

// Native models and pipelines produce the whole answer at once; it is sent as one part or a few.
// Uses the place already chosen, since the variant may have no second one.
void Inference::stream_whole(Chosen&& chosen, InvokeRequest request, StreamDone done) {
  auto whole = [this, caller = request.caller,
                done = std::move(done)](InvokeResult result) mutable {
    if (!result) return done(fail(result.error()));
    SharedBudget::Hold hold = answer_bytes_.hold(caller);
    if (!hold.grow_to(result->body.size()))
      return done(fail("ThrottlingException",
                       "The answers under way have as many bytes as the server holds at once; "
                       "please reduce your request rate.",
                       429));
    PushBody body = make_push_body(result->body.size() + kPartBytesMax);
    push_parts(body.writer, result->body);
    body.writer.finish();
    done(StreamedAnswer{std::move(result->content_type), std::move(result->invoked_variant),
                        std::move(result->custom_attributes), std::move(result->new_session_id),
                        std::move(result->closed_session_id), std::move(body.reader),
                        std::make_shared<SharedBudget::Hold>(std::move(hold))});
  };
  start(std::move(chosen), std::move(request), std::move(whole));
}

void Inference::stream_head(const std::shared_ptr<Streaming>& streaming, int status,
                            wire::Headers headers) {
  streaming->status = status;
  streaming->headers = std::move(headers);
  if (!streaming->good()) return;  // the body is the error's message
  PushBody body = make_push_body();
  streaming->writer = std::move(body.writer);
  streaming->writer.on_event(
      [response = std::weak_ptr(streaming->response)](PushWriter::Event event) {
        auto held = response.lock();
        if (!held) return;
        if (event == PushWriter::Event::room)
          held->resume();
        else
          held->cancel();
      });
  StreamedAnswer answer;
  answer.content_type = streaming->headers.get("Content-Type");
  answer.invoked_variant = streaming->chosen.route().name;
  answer.custom_attributes = streaming->headers.get("X-Amzn-SageMaker-Custom-Attributes");
  answer.new_session_id = streaming->headers.get("X-Amzn-SageMaker-New-Session-Id");
  answer.closed_session_id = streaming->headers.get("X-Amzn-SageMaker-Closed-Session-Id");
  note_session(streaming->chosen, streaming->request.session_id, answer.new_session_id,
               answer.closed_session_id);
  answer.events = std::move(body.reader);
  streaming->done(std::move(answer));
}

void Inference::stream_end(const std::shared_ptr<Streaming>& streaming, Result<void> ended) {
  Chosen& chosen = streaming->chosen;
  streaming->response.reset();
  if (streaming->status == 0 && !ended && fail_over(chosen, ended.error()))
    return stream_from(streaming);
  if (!streaming->good()) {
    Result<wire::ClientResponse> response;
    if (streaming->status == 0 && !ended)
      response = fail(ended.error());
    else
      response = wire::ClientResponse{streaming->status, {}, std::move(streaming->body)};
    InvokeResult result = chosen.answer(chosen.first, limits_, false, std::move(response));
    counters_.model_errors.fetch_add(1, std::memory_order_relaxed);
    return streaming->done(fail(result.error()));
  }
  if (!ended) {
    counters_.model_errors.fetch_add(1, std::memory_order_relaxed);
    streaming->writer.push(stream_error(ended.error()));
    return streaming->writer.finish();
  }
  streaming->writer.finish();
  if (!chosen.captured) return;
  if (streaming->too_large_to_capture)
    counters_.captures_too_large.fetch_add(1, std::memory_order_relaxed);
  InvokeAnswer answer;
  answer.body = std::move(streaming->body);
  answer.content_type = streaming->headers.get("Content-Type");
  answer.invoked_variant = chosen.route().name;
  finish(chosen, std::move(streaming->request), [](InvokeResult) {}, std::move(answer));
}

}  // namespace tidemill::services::sagemaker_runtime
