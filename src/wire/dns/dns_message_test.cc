#include "wire/dns/dns_message.h"

#include <gtest/gtest.h>

#include <random>

#include "wire/proxy/aws_hosts.h"

namespace tidemill::wire {
namespace {

bool is_here(std::string_view name) { return name == "algo-1" || is_aws_host(name); }

std::string encoded(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    const std::size_t end = std::min(name.find('.'), name.size());
    out.push_back(char(end));
    out += name.substr(0, end);
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  out.push_back('\0');
  return out;
}

// Id 0x1234, recursion desired.
std::string query_of(std::string_view name, int type = 1, int question_class = 1) {
  std::string out("\x12\x34\x01\0\0\1\0\0\0\0\0\0", 12);
  out += encoded(name);
  for (const int number : {type, question_class}) {
    out.push_back(char(number >> 8));
    out.push_back(char(number));
  }
  return out;
}

struct Answer {
  int code = -1, answers = -1, additional = -1;
  std::string tail;  // behind the question
};

Answer ask(const std::string& query) {
  const std::optional<std::string> bytes = answer_dns(query, is_here);
  if (!bytes) return {};
  EXPECT_EQ(bytes->substr(0, 2), query.substr(0, 2));
  EXPECT_EQ((*bytes)[2] & 0x80, 0x80);
  EXPECT_LE(bytes->size(), dns_message_bytes_max);
  Answer answer{(*bytes)[3] & 0x0f, (*bytes)[7], (*bytes)[11], {}};
  if ((*bytes)[5] == 1) {
    const std::size_t end = query.find('\0', 12) + 5;
    EXPECT_EQ(bytes->substr(12, end - 12), query.substr(12, end - 12));
    answer.tail = bytes->substr(end);
  }
  return answer;
}

TEST(DnsMessage, Names_of_AWS_and_the_jobs_own_have_the_loopback_address) {
  const std::string address("\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1", 16);
  for (const char* name :
       {"sts.us-east-1.amazonaws.com", "bucket.s3.us-west-2.amazonaws.com", "S3.AmazonAWS.com",
        "runtime.sagemaker.eu-central-1.amazonaws.com", "s3.cn-north-1.amazonaws.com.cn",
        "sagemaker.us-east-1.api.aws", "algo-1", "ALGO-1"}) {
    const Answer answer = ask(query_of(name));
    EXPECT_EQ(answer.code, 0) << name;
    EXPECT_EQ(answer.answers, 1) << name;
    EXPECT_EQ(answer.tail, address) << name;
  }
}

TEST(DnsMessage, They_have_no_other_records) {
  for (const int type : {28 /* AAAA */, 65 /* HTTPS */, 15 /* MX */, 33 /* SRV */}) {
    const Answer answer = ask(query_of("sts.amazonaws.com", type));
    EXPECT_EQ(answer.code, 0) << type;
    EXPECT_EQ(answer.answers, 0) << type;
    EXPECT_EQ(answer.tail, "");
  }
}

TEST(DnsMessage, Other_names_do_not_exist) {
  for (const char* name : {"pypi.org", "amazonaws.com.evil.example", "xamazonaws.com", "algo-2",
                           "169.254.169.254", "1.0.0.127.in-addr.arpa", ""})
    for (const int type : {1, 28, 12}) EXPECT_EQ(ask(query_of(name, type)).code, 3) << name;
  // A label with a dot inside is no name of ours.
  std::string dotted("\x12\x34\x01\0\0\1\0\0\0\0\0\0\x0dsts.amazonaws\3com\0\0\1\0\1", 12 + 23);
  EXPECT_EQ(ask(dotted).code, 3);
}

TEST(DnsMessage, Who_says_what_it_can_take_is_told_so) {
  std::string query = query_of("sts.amazonaws.com");
  query[11] = 1;
  query += std::string("\0\0\x29\x04\xd0\0\0\0\0\0\0", 11);
  const Answer answer = ask(query);
  EXPECT_EQ(answer.code, 0);
  EXPECT_EQ(answer.additional, 1);
  EXPECT_EQ(answer.tail.size(), 16u + 11u);
}

TEST(DnsMessage, What_is_no_query_gets_no_answer) {
  EXPECT_FALSE(answer_dns("", is_here));
  EXPECT_FALSE(answer_dns("short", is_here));
  std::string reply = query_of("sts.amazonaws.com");
  reply[2] = char(0x81);  // two resolvers would answer each other for ever
  EXPECT_FALSE(answer_dns(reply, is_here));
}

TEST(DnsMessage, Broken_and_strange_queries_are_refused) {
  std::string update = query_of("sts.amazonaws.com");
  update[2] = 0x28;
  EXPECT_EQ(ask(update).code, 4);
  std::string two = query_of("sts.amazonaws.com");
  two[5] = 2;
  EXPECT_EQ(ask(two).code, 1);
  EXPECT_EQ(ask(query_of("version.bind", 16, 3)).code, 5);
  std::string pointer("\x12\x34\x01\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1", 18);
  EXPECT_EQ(ask(pointer).code, 1);
  const std::string whole = query_of("sts.amazonaws.com");
  for (std::size_t size = 12; size < whole.size(); ++size)
    EXPECT_EQ(ask(whole.substr(0, size)).code, 1) << size;
  std::string endless = whole.substr(0, 12);
  for (int label = 0; label < 100; ++label) endless += "\1a";
  EXPECT_EQ(ask(endless + std::string("\0\0\1\0\1", 5)).code, 3);
  for (int label = 0; label < 40; ++label) endless += "\1a";  // past 255 bytes
  EXPECT_EQ(ask(endless + std::string("\0\0\1\0\1", 5)).code, 1);
  EXPECT_EQ(ask(whole + std::string(600, 'x')).code, 1);
}

TEST(DnsMessage, Any_bytes_at_all_are_survived) {
  std::minstd_rand random(20261130);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = round % 2 ? query_of("bucket.s3.amazonaws.com") : std::string();
    if (bytes.empty()) bytes.resize(random() % 64);
    for (int change = 0; change < 4 && !bytes.empty(); ++change)
      bytes[random() % bytes.size()] = char(random());
    const std::optional<std::string> answer = answer_dns(bytes, is_here);
    if (answer) {
      ASSERT_GE(answer->size(), 12u);
      ASSERT_LE(answer->size(), dns_message_bytes_max);
      ASSERT_FALSE(answer_dns(*answer, is_here)) << "an answer must not be answered";
    }
  }
}

}  // namespace
}  // namespace tidemill::wire
