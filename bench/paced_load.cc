// Generates load at a constant rate, regardless of the server: request k is due at k / rate, and
// its latency counts from then until its answer is complete, so that a stall counts for every
// request that it delayed (no "coordinated omission", https://github.com/giltene/wrk2). Uses one
// thread that never sleeps, since waking up would be measured along with the server. Requests come
// from a file, as for lua/replay.lua.
//
//   bench_paced_load PORT REQUESTS CONNECTIONS RATE SECONDS   prints one line of JSON
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

// How long late answers may take after the last request was due.
constexpr std::chrono::seconds kGrace{10};
constexpr std::size_t kReadBytes = 64 * 1024;

std::vector<std::string> read_requests(const char* path) {
  std::vector<std::string> requests;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::size_t target = line.find('\t') + 1, fields = line.find('\t', target) + 1,
                      body = line.find('\t', fields) + 1;
    std::string text = line.substr(0, target - 1) + " " + line.substr(target, fields - 1 - target) +
                       " HTTP/1.1\r\n";
    std::string_view rest = std::string_view(line).substr(fields, body - 1 - fields);
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('|'), rest.size());
      text.append(rest.substr(0, end)).append("\r\n");
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    if (text.find("Host: ") == text.npos) text += "Host: localhost\r\n";
    if (text.find("Content-Length: ") == text.npos)
      text += "Content-Length: " + std::to_string(line.size() - body) + "\r\n";
    requests.push_back(text + "\r\n" + line.substr(body));
  }
  if (requests.empty()) throw std::runtime_error("there are no requests");
  return requests;
}

struct Connection {
  int descriptor = -1;
  Clock::time_point due;  // of the request in progress
  std::string answer;

  // Returns whether the answer is complete; throws when it is not a success.
  bool take() {
    char bytes[kReadBytes];
    const ssize_t count = ::recv(descriptor, bytes, sizeof bytes, MSG_DONTWAIT);
    if (count <= 0) throw std::runtime_error("the server closed a connection");
    answer.append(bytes, std::size_t(count));
    const std::size_t head = answer.find("\r\n\r\n");
    if (head == answer.npos) return false;
    if (answer.compare(0, 12, "HTTP/1.1 200") != 0)
      throw std::runtime_error("the server answered " + answer.substr(0, answer.find('\r')));
    constexpr std::string_view kLength = "Content-Length: ";
    const std::size_t at = answer.find(kLength);
    if (at > head) throw std::runtime_error("an answer has no Content-Length");
    std::size_t length = 0;
    std::from_chars(answer.data() + at + kLength.size(), answer.data() + head, length);
    return answer.size() >= head + 4 + length;
  }
};

int connected(std::uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("cannot connect");
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return descriptor;
}

class Load {
 public:
  Load(std::uint16_t port, std::vector<std::string> requests, std::size_t connections)
      : requests_(std::move(requests)), connections_(connections), poll_(::epoll_create1(0)) {
    for (Connection& each : connections_) {
      each.descriptor = connected(port);
      epoll_event event{.events = EPOLLIN, .data = {.ptr = &each}};
      ::epoll_ctl(poll_, EPOLL_CTL_ADD, each.descriptor, &event);
      idle_.push_back(&each);
    }
  }

  // Returns the latencies in microseconds, sorted.
  std::vector<double> run(double rate, double seconds) {
    const auto count = std::size_t(rate * seconds);
    std::vector<double> latencies;
    latencies.reserve(count);
    const Clock::time_point start = Clock::now();
    const auto due = [&](std::size_t k) {
      return start + std::chrono::nanoseconds(std::int64_t(double(k) / rate * 1e9));
    };
    std::size_t sent = 0;
    while (latencies.size() < count) {
      const Clock::time_point now = Clock::now();
      for (; sent < count && !idle_.empty() && due(sent) <= now; ++sent) send(due(sent), sent);
      if (now > due(count) + kGrace) throw std::runtime_error("answers are missing");
      collect(latencies);
    }
    std::ranges::sort(latencies);
    return latencies;
  }

 private:
  void send(Clock::time_point due, std::size_t index) {
    Connection& connection = *idle_.front();
    idle_.pop_front();
    connection.due = due;
    connection.answer.clear();
    const std::string& request = requests_[index % requests_.size()];
    if (::send(connection.descriptor, request.data(), request.size(), MSG_NOSIGNAL) !=
        ssize_t(request.size()))
      throw std::runtime_error("a request was not taken whole");
  }

  void collect(std::vector<double>& latencies) {
    epoll_event events[64];
    const int ready = ::epoll_wait(poll_, events, 64, 0);
    for (int i = 0; i < ready; ++i) {
      auto& connection = *static_cast<Connection*>(events[i].data.ptr);
      if (!connection.take()) continue;
      latencies.push_back(
          std::chrono::duration<double, std::micro>(Clock::now() - connection.due).count());
      idle_.push_back(&connection);
    }
  }

  std::vector<std::string> requests_;
  std::vector<Connection> connections_;
  std::deque<Connection*> idle_;
  int poll_;
};

double percentile(const std::vector<double>& sorted, double part) {
  return sorted[std::min(sorted.size() - 1, std::size_t(part * double(sorted.size())))];
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 6) {
    std::fprintf(stderr, "usage: %s PORT REQUESTS CONNECTIONS RATE SECONDS\n", argv[0]);
    return 2;
  }
  Load load(std::uint16_t(std::atoi(argv[1])), read_requests(argv[2]),
            std::size_t(std::atoi(argv[3])));
  const double rate = std::atof(argv[4]);
  load.run(rate, 0.5);  // warms up connections and caches
  const std::vector<double> latencies = load.run(rate, std::atof(argv[5]));
  std::printf("{\"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f}\n",
              percentile(latencies, 0.5), percentile(latencies, 0.99), percentile(latencies, 0.999),
              latencies.back());
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
