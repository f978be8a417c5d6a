#include "services/sagemaker_runtime/handlers.h"

#include <algorithm>
#include <iterator>

#include "api/sagemaker_runtime/invocation.h"

namespace tidemill::services::sagemaker_runtime {

namespace {

namespace operations = api::sagemaker_runtime::operations;

constexpr std::size_t kAnswerMembersMax = 5;

// Maps a member of the input to a field. The streaming operation lacks some of them.
struct InputMember {
  std::string_view name;
  std::string InvokeRequest::* field;
};
constexpr InputMember kInputMembers[] = {
    {"EndpointName", &InvokeRequest::endpoint},
    {"ContentType", &InvokeRequest::content_type},
    {"Accept", &InvokeRequest::accept},
    {"CustomAttributes", &InvokeRequest::custom_attributes},
    {"TargetModel", &InvokeRequest::target_model},
    {"TargetVariant", &InvokeRequest::target_variant},
    {"TargetContainerHostname", &InvokeRequest::target_container},
    {"InferenceId", &InvokeRequest::inference_id},
    {"InferenceComponentName", &InvokeRequest::component},
    {"SessionId", &InvokeRequest::session_id},
};

// Looks at each member that is there, of which a request usually has two or three.
void read_members(const Value& input, InvokeRequest& out) {
  const ValueObject* object = input.as_object();
  if (!object) return;
  for (const auto& [name, value] : *object) {
    const auto* found = std::ranges::find(kInputMembers, name, &InputMember::name);
    const std::string* text = value.as_string();
    if (found != std::end(kInputMembers) && text) out.*found->field = *text;
  }
}

// Refuses members that would change the answer and that Tidemill does not implement.
Result<void> refuse_unimplemented(const Context& context, const Value& input) {
  constexpr std::string_view kEnableExplanations = "EnableExplanations";
  std::string_view asked;
  if (const Value* value = input.find(kEnableExplanations); value && !value->is_null())
    asked = kEnableExplanations;
  if (context.header("x-amzn-sagemaker-prefix-aware-id")) asked = "PrefixAwareId";
  if (asked.empty()) return {};
  return fail("ValidationError",
              std::string(asked) + " is not implemented by Tidemill; leave it out.", 400);
}

// Fills the request; moves the body out of the context.
Result<void> read_request(Context& context, const Value& input, InvokeRequest& out) {
  TRY(refuse_unimplemented(context, input));
  read_members(input, out);
  out.account = context.account();
  out.region = context.region;
  // The streaming operation has its own header for this, which not every client knows.
  if (out.accept.empty())
    if (const std::string* accept = context.header("accept")) out.accept = *accept;
  if (context.body)
    if (std::optional<std::string> body = context.body->take_in_memory())
      out.body = *std::move(body);
  return {};
}

// Sets the output members of either operation, except the body. Empty ones are left out.
template <class Answered>
ValueObject members_of(Answered& answer) {
  ValueObject out;
  out.reserve(kAnswerMembersMax);
  const auto add = [&out](const char* name, std::string& value) {
    if (!value.empty()) out.append(name, std::move(value));
  };
  add("ContentType", answer.content_type);
  add("InvokedProductionVariant", answer.invoked_variant);
  add("CustomAttributes", answer.custom_attributes);
  add("NewSessionId", answer.new_session_id);
  add("ClosedSessionId", answer.closed_session_id);
  return out;
}

void invoke(Inference& inference, Context& context, const Value& input, Responder respond) {
  InvokeRequest request;
  if (Result<void> read = read_request(context, input, request); !read)
    return respond(std::unexpected(std::move(read).error()));
  inference.invoke(
      std::move(request), [&context, respond = std::move(respond)](InvokeResult&& result) mutable {
        if (!result) return respond(std::unexpected(std::move(result).error()));
        ValueObject out = members_of(*result);
        context.response_body = std::make_unique<StringSource>(std::move(result->body));
        context.response_held = std::move(result->held);
        respond(Value(std::move(out)));
      });
}

void invoke_streaming(Inference& inference, Context& context, const Value& input,
                      Responder respond) {
  InvokeRequest request;
  if (Result<void> read = read_request(context, input, request); !read)
    return respond(std::unexpected(std::move(read).error()));
  request.caller = context.principal.arn;
  inference.invoke_streaming(std::move(request), [&context, respond = std::move(respond)](
                                                     Result<StreamedAnswer> result) mutable {
    if (!result) return respond(std::unexpected(std::move(result).error()));
    ValueObject out = members_of(*result);
    context.response_events = std::move(result->events);
    context.response_held = std::move(result->held);
    respond(Value(std::move(out)));
  });
}

}  // namespace

InferenceLimits InferenceLimits::aws() {
  const schema::Shape& body = *operations::InvokeEndpoint::operation().input->payload->shape;
  return {static_cast<std::size_t>(body.maximum), std::chrono::seconds(60)};
}

void add_invocations(Registry& registry, Inference& inference) {
  const std::uint64_t bytes_max = inference.limits().body_bytes_max;
  const auto add = [&](const schema::Operation& operation, auto run) {
    Handler handler;
    handler.run = [&inference, run](Context& context, const Value& input, Responder respond) {
      run(inference, context, input, std::move(respond));
    };
    handler.blocks = false;
    handler.payload_bytes_max = bytes_max;
    registry.add_erased(operations::InvokeEndpoint::service(), operation, std::move(handler));
  };
  add(operations::InvokeEndpoint::operation(), invoke);
  add(operations::InvokeEndpointWithResponseStream::operation(), invoke_streaming);
}

}  // namespace tidemill::services::sagemaker_runtime
