// DNS messages (RFC 1035), limited to the needs of a resolver that knows every answer itself.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace tidemill::wire {

// Largest query. Answers are shorter still, so larger sizes need not be negotiated (EDNS).
inline constexpr std::size_t dns_message_bytes_max = 512;
// How long clients may keep an answer.
inline constexpr unsigned dns_answer_seconds = 60;

// True for a name (lower case, without the final dot) that has the address 127.0.0.1.
using IsHere = std::function<bool(std::string_view name)>;

// The answer to a query: the address, no such record, no such name (NXDOMAIN), or why the query is
// refused. nullopt (no answer) for bytes that are too short or not a query.
std::optional<std::string> answer_dns(std::string_view query, const IsHere& is_here);

}  // namespace tidemill::wire
