#include "wire/protocols/event_stream.h"

#include "wire/protocols/fuzz_support.h"

using namespace tidemill;        // NOLINT
using namespace tidemill::wire;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view buffer = test::as_text(data, size);
  Result<DecodedEvent> event = decode_event_message(buffer);
  if (event && event->consumed_bytes > 0) {
    // Frames have one form only, except that text headers may be longer than ours.
    if (event->consumed_bytes > buffer.size()) std::abort();
    if (!decode_event_message(encode_event_message(event->message))) std::abort();
  }
  // Checksums keep random input away from the headers, so also frame it properly.
  EventMessage message;
  message.payload = std::string(buffer);
  message.headers.emplace_back("h", std::string(buffer.substr(0, 1000)));
  Result<DecodedEvent> back = decode_event_message(encode_event_message(message));
  if (!back || back->message.payload != message.payload) std::abort();
  return 0;
}
