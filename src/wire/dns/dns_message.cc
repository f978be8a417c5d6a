#include "wire/dns/dns_message.h"

#include <cstdint>

namespace tidemill::wire {
namespace {

constexpr std::size_t kHeadBytes = 12;
constexpr std::size_t kNameBytesMax = 255;
constexpr std::size_t kLabelBytesMax = 63;  // what is larger would be a pointer, or a reserved kind

// RFC 1035 4.1.1; RFC 6895.
enum Code : std::uint8_t {
  kNoError = 0,
  kFormatError = 1,
  kNoSuchName = 3,
  kNotImplemented = 4,
  kRefused = 5,
};
constexpr std::uint16_t kIsAnswer = 0x8000, kOpcodeMask = 0x7800, kAuthoritative = 0x0400,
                        kRecursionDesired = 0x0100, kRecursionAvailable = 0x0080;
constexpr std::uint16_t kTypeAddress = 1, kTypeAny = 255, kClassInternet = 1, kClassAny = 255;

std::uint16_t number_at(std::string_view bytes, std::size_t at) {
  return std::uint16_t(static_cast<unsigned char>(bytes[at]) << 8 |
                       static_cast<unsigned char>(bytes[at + 1]));
}

void append_number(std::uint16_t number, std::string& out) {
  out.push_back(char(number >> 8));
  out.push_back(char(number & 0xff));
}

struct Question {
  std::size_t end = 0;  // in the query: of the question
  // nullopt: no host has such a name, as its labels have dots inside.
  std::optional<std::string> name;
  std::uint16_t type = 0, question_class = 0;
};

char lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? char(letter - 'A' + 'a') : letter;
}

// nullopt when the bytes are no question. Names in questions have no use for pointers.
std::optional<Question> parse_question(std::string_view query) {
  Question question;
  std::string name;
  bool dotted = false;
  std::size_t at = kHeadBytes;
  for (;;) {
    if (at >= query.size() || at - kHeadBytes >= kNameBytesMax) return std::nullopt;
    const std::size_t length = static_cast<unsigned char>(query[at++]);
    if (length == 0) break;
    if (length > kLabelBytesMax || length > query.size() - at) return std::nullopt;
    if (!name.empty()) name += '.';
    for (const char letter : query.substr(at, length)) {
      dotted = dotted || letter == '.';
      name += lower(letter);
    }
    at += length;
  }
  constexpr std::size_t kTypeAndClassBytes = 4;
  if (query.size() - at < kTypeAndClassBytes) return std::nullopt;
  question.type = number_at(query, at);
  question.question_class = number_at(query, at + 2);
  question.end = at + kTypeAndClassBytes;
  if (!dotted) question.name = std::move(name);
  return question;
}

// RFC 6891: who says what it can take is told the same; clients that are not told ask again
// without, some of them after a while.
constexpr std::string_view kSizeRecordBegin("\0\0\x29", 3);
constexpr std::string_view kSizeRecord("\0\0\x29\x02\0\0\0\0\0\0\0", 11);  // 512 bytes, version 0

std::string message(std::string_view query, Code code, const Question* question, bool has_address) {
  const std::uint16_t asked = number_at(query, 2);
  const bool sized = question && query.substr(question->end).starts_with(kSizeRecordBegin);
  std::string out(query.substr(0, 2));
  append_number(std::uint16_t(kIsAnswer | kAuthoritative | kRecursionAvailable |
                              (asked & (kOpcodeMask | kRecursionDesired)) | code),
                out);
  append_number(question ? 1 : 0, out);
  append_number(has_address ? 1 : 0, out);
  append_number(0, out);
  append_number(sized ? 1 : 0, out);
  if (!question) return out;
  out += query.substr(kHeadBytes, question->end - kHeadBytes);
  if (has_address) {
    constexpr std::uint16_t kNameOfQuestion = 0xc000 | kHeadBytes;
    append_number(kNameOfQuestion, out);
    append_number(kTypeAddress, out);
    append_number(kClassInternet, out);
    append_number(0, out);
    append_number(dns_answer_seconds, out);
    constexpr std::string_view kAddress("\0\4\x7f\0\0\1", 6);
    out += kAddress;
  }
  if (sized) out += kSizeRecord;
  return out;
}

}  // namespace

std::optional<std::string> answer_dns(std::string_view query, const IsHere& is_here) {
  if (query.size() < kHeadBytes) return std::nullopt;
  const std::uint16_t flags = number_at(query, 2);
  if (flags & kIsAnswer) return std::nullopt;
  if (flags & kOpcodeMask) return message(query, kNotImplemented, nullptr, false);
  const bool one_question =
      number_at(query, 4) == 1 && number_at(query, 6) == 0 && number_at(query, 8) == 0;
  if (!one_question || query.size() > dns_message_bytes_max)
    return message(query, kFormatError, nullptr, false);
  const std::optional<Question> question = parse_question(query);
  if (!question) return message(query, kFormatError, nullptr, false);
  if (question->question_class != kClassInternet && question->question_class != kClassAny)
    return message(query, kRefused, &*question, false);
  if (!question->name || !is_here(*question->name))
    return message(query, kNoSuchName, &*question, false);
  // Without an IPv6 address: the doors have none.
  const bool has_address = question->type == kTypeAddress || question->type == kTypeAny;
  return message(query, kNoError, &*question, has_address);
}

}  // namespace tidemill::wire
