// DNS messages (RFC 1035), as much of them as a resolver needs that knows every answer itself.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace tidemill::wire {

// Of a query. Answers are shorter still: no larger size needs to be agreed upon (EDNS).
inline constexpr std::size_t dns_message_bytes_max = 512;
// How long clients may keep an answer.
inline constexpr unsigned dns_answer_seconds = 60;

// True for a name, in lower case and without the final dot, that has the address 127.0.0.1.
using IsHere = std::function<bool(std::string_view name)>;

// What to answer to the bytes of a query: the address, no such record, no such name (NXDOMAIN), or
// why the query is refused. nullopt for what deserves no answer: it is too short, or no query.
std::optional<std::string> answer_dns(std::string_view query, const IsHere& is_here);

}  // namespace tidemill::wire
