// Datagrams of hostile jobs: none is answered with more than a message, and no answer is answered.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "wire/dns/dns_message.h"
#include "wire/proxy/aws_hosts.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tidemill::wire;
  const std::string_view query(reinterpret_cast<const char*>(data), size);
  const auto answer = answer_dns(query, is_aws_host);
  if (!answer) return 0;
  if (answer->size() > dns_message_bytes_max || answer_dns(*answer, is_aws_host)) std::abort();
  return 0;
}
