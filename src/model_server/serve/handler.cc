#include "model_server/serve/handler.h"

#include "infer/codec/media_type.h"
#include "model_server/tensor/body.h"

namespace tidemill::model_server {
namespace {

constexpr std::string_view kNpy = "application/x-npy";

wire::HttpResponse answer(int status, std::string body, std::string_view type) {
  wire::HttpResponse response;
  response.status = status;
  response.headers.add("Content-Type", std::string(type));
  response.body = std::move(body);
  return response;
}

wire::HttpResponse refusal(int status, std::string message) {
  return answer(status, std::move(message) + "\n", "text/plain; charset=utf-8");
}

// The first supported format in the Accept header; for a wildcard, or without a header, the format
// of the request.
BodyFormat accepted_format(std::string_view accept, std::string_view content_type) {
  BodyFormat same = body_format(infer::MediaType(content_type).name());
  if (same == BodyFormat::unknown) same = BodyFormat::json;
  if (infer::MediaType(accept).name().empty()) return same;
  while (!accept.empty()) {
    const std::size_t comma = accept.find(',');
    const infer::MediaType type(accept.substr(0, comma));
    accept.remove_prefix(comma == std::string_view::npos ? accept.size() : comma + 1);
    if (type.name() == "*/*") return same;
    const BodyFormat format = body_format(type.name());
    if (format != BodyFormat::unknown) return format;
  }
  return BodyFormat::unknown;
}

wire::HttpResponse failed(const Error& error) {
  return refusal(error.code == codes::kCancelled ? 503 : 500, error.message);
}

wire::HttpResponse scores(const Classifier& classifier, const Result<Tensors>& outputs,
                          std::string_view accept, const infer::ResponseOptions& options) {
  if (!outputs) return failed(outputs.error());
  Result<infer::EncodedResponse> encoded = encode_scores(classifier, *outputs, accept, options);
  if (!encoded) return refusal(encoded.error().http_status, encoded.error().message);
  return answer(200, std::move(encoded->body), encoded->content_type);
}

wire::HttpResponse encoded(const Runner& runner, const Result<Tensors>& outputs, BodyFormat format,
                           bool row_form) {
  if (!outputs) return failed(outputs.error());
  Result<std::string> body = encode_outputs(format, runner.outputs(), *outputs, row_form);
  if (!body) return refusal(body.error().http_status, body.error().message);
  return answer(200, std::move(*body), media_type_of(format));
}

}  // namespace

void ModelHandler::handle(wire::HttpRequest request, Respond respond) {
  if (request.path == "/ping") return respond(answer(200, "\n", "application/json"));
  if (request.path != "/invocations")
    return respond(refusal(404, "there are /ping and /invocations, not " + request.path));
  if (request.method != "POST") return respond(refusal(405, "/invocations takes POST"));
  // Shared: a task that the pool refuses is destroyed, and its client still needs an answer.
  auto waiting = std::make_shared<Respond>(std::move(respond));
  runtime::WorkerPool::Task task = [this, waiting, request = std::move(request)]() mutable {
    invoke(std::move(request), std::move(*waiting));
  };
  if (!pool_.try_submit(std::move(task)))
    (*waiting)(refusal(503, "too many requests are waiting for the model"));
}

void ModelHandler::invoke(wire::HttpRequest request, Respond respond) {
  std::string body = std::move(request.body);
  if (request.stream) {
    Result<std::string> read = read_all(*request.stream, kBodyBytesMax);
    if (!read)
      return respond(refusal(read.error().code == codes::kOverloaded ? 413 : 400,
                             "the body cannot be read: " + read.error().message));
    body = std::move(*read);
  }
  const std::string_view content_type = request.headers.get("Content-Type");
  const std::string accept(request.headers.get("Accept"));
  const BodyFormat format = accepted_format(accept, content_type);
  Result<ModelInput> input = decode_body(content_type, body, runner_.inputs());
  if (!input) return respond(refusal(input.error().http_status, input.error().message));
  // Requests for an array, or in TensorFlow Serving's tensor form, get the tensors.
  const bool named = classifier_ && input->row_form && infer::MediaType(accept).name() != kNpy;
  if (format == BodyFormat::unknown && !named)
    return respond(refusal(406,
                           "supported answers are application/json, text/csv and "
                           "application/x-npy"));
  auto waiting = std::make_shared<Respond>(std::move(respond));  // as above
  Batcher::Done done = [this, waiting, format, named, accept,
                        row_form = input->row_form](Result<Tensors> outputs) {
    (*waiting)(named ? scores(*classifier_, outputs, accept, options_)
                     : encoded(runner_, outputs, format, row_form));
  };
  if (!batcher_.try_submit(input->tensors, done))
    (*waiting)(refusal(503, "too many requests are waiting for the model"));
}

}  // namespace tidemill::model_server
