#include "wire/routing/path_trie.h"

#include <algorithm>
#include <cassert>
#include <functional>
#include <tuple>

namespace tidemill::wire {

using schema::Location;
using schema::Member;
using schema::Operation;

struct PathTrie::Candidate {
  const Operation* operation;
  std::vector<std::string_view> label_names;
  // "?uploads", "?list-type=2"
  struct Constant {
    std::string_view name, value;
    bool has_value;
  };
  std::vector<Constant> constants;
  std::vector<std::string_view> required_query, required_headers;

  std::size_t requirements() const { return required_query.size() + required_headers.size(); }
};

struct PathTrie::Node {
  std::vector<std::pair<std::string_view, std::unique_ptr<Node>>> literals;
  std::unique_ptr<Node> label;   // {Bucket}
  std::unique_ptr<Node> greedy;  // {Key+}, always the last
  std::vector<Candidate> candidates;
};

struct PathTrie::Search {
  const HttpRequest& request;
  Found found;
};

PathTrie::PathTrie(const schema::Service& service)
    : has_subresources_(std::ranges::find(service.protocols, schema::Protocol::rest_xml) !=
                        service.protocols.end()),
      root_(std::make_unique<Node>()) {
  for (const Operation& operation : service.operations) add(operation);
  order(*root_);
}

PathTrie::~PathTrie() = default;

void PathTrie::add(const Operation& operation) {
  std::string_view uri = operation.http_uri;
  std::size_t mark = uri.find('?');
  std::string_view path = uri.substr(0, mark);
  std::string_view query = mark == uri.npos ? std::string_view() : uri.substr(mark + 1);
  Candidate candidate{&operation, {}, {}, {}, {}};
  while (!query.empty()) {
    std::string_view part = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), part.size() + 1));
    std::size_t equals = part.find('=');
    std::string_view name = part.substr(0, equals);
    if (name.empty() || name == "x-id") continue;  // x-id only helps readers of logs
    bool has_value = equals != part.npos;
    candidate.constants.push_back(
        {name, has_value ? part.substr(equals + 1) : std::string_view(), has_value});
  }
  if (operation.input) {
    for (const Member& member : operation.input->members) {
      if (!member.required) continue;
      if (member.location == Location::query_string)
        candidate.required_query.push_back(member.wire_name);
      if (member.location == Location::header)
        candidate.required_headers.push_back(member.wire_name);
    }
  }
  Node* node = root_.get();
  while (!path.empty()) {
    path.remove_prefix(1);
    std::string_view segment = path.substr(0, path.find('/'));
    path.remove_prefix(segment.size());
    if (segment.empty()) continue;
    std::unique_ptr<Node>* next = nullptr;
    if (segment.starts_with('{')) {
      bool greedy = segment.ends_with("+}");
      candidate.label_names.push_back(segment.substr(1, segment.size() - (greedy ? 3 : 2)));
      next = greedy ? &node->greedy : &node->label;
    } else {
      auto found = std::ranges::find(node->literals, segment,
                                     &std::pair<std::string_view, std::unique_ptr<Node>>::first);
      if (found == node->literals.end())
        found = node->literals.emplace(node->literals.end(), segment, nullptr);
      next = &found->second;
    }
    if (!*next) *next = std::make_unique<Node>();
    node = next->get();
  }
  assert(candidate.label_names.size() <= path_labels_max);
  node->candidates.push_back(std::move(candidate));
}

void PathTrie::order(Node& node) {
  // Most specific first. Where two operations of the model have the same signature, the older one
  // (GetBucketLifecycle) yields to ...Configuration, and ListDirectoryBuckets to ListBuckets.
  auto rank = [](const Candidate& c) {
    return std::tuple(c.constants.size(), c.requirements(),
                      c.operation->name.ends_with("Configuration"),
                      -std::ptrdiff_t(c.operation->name.size()), c.operation->name);
  };
  std::ranges::sort(node.candidates, std::greater(), rank);
  for (auto& [segment, child] : node.literals) order(*child);
  if (node.label) order(*node.label);
  if (node.greedy) order(*node.greedy);
}

const PathTrie::Candidate* PathTrie::choose(const Node& node, const HttpRequest& request) {
  const Candidate* fallback = nullptr;
  for (const Candidate& candidate : node.candidates) {
    if (candidate.operation->http_method != request.method) continue;
    if (fallback && candidate.constants.size() < fallback->constants.size()) break;
    bool constants_match = std::ranges::all_of(candidate.constants, [&](const auto& constant) {
      const QueryParameter* parameter = request.find_query(constant.name);
      return parameter && (!constant.has_value || parameter->value == constant.value);
    });
    if (!constants_match) continue;
    bool complete =
        std::ranges::all_of(candidate.required_query,
                            [&](std::string_view name) { return request.find_query(name); }) &&
        std::ranges::all_of(candidate.required_headers, [&](std::string_view name) {
          // Presigned URLs may carry headers in the query (protocols/http_binding.cc).
          return request.headers.find(name) ||
                 (request.find_query(name) &&
                  (request.find_query("X-Amz-Signature") || request.find_query("Signature")));
        });
    if (complete) return &candidate;
    fallback = &candidate;  // the one with the fewest requirements, by the order
  }
  return fallback;
}

// A subresource is a parameter that some template of the path has as "?acl", or that operations
// without such a constant require (uploadId, partNumber). "" when the chosen operation covers all.
std::string_view PathTrie::unserved_subresource(const Node& node, const Candidate& chosen,
                                                const HttpRequest& request) {
  if (!chosen.constants.empty() || request.method == "HEAD") return {};
  auto unserved = [&](std::string_view name) {
    if (!request.find_query(name)) return false;
    return !std::ranges::any_of(chosen.operation->input->members, [&](const Member& member) {
      return member.location == Location::query_string && member.wire_name == name;
    });
  };
  if (request.query.empty() || !chosen.operation->input) return {};
  std::string_view found;
  for (const Candidate& candidate : node.candidates) {
    for (const Candidate::Constant& constant : candidate.constants)
      if (!constant.has_value && unserved(constant.name)) return constant.name;
    if (!candidate.constants.empty()) continue;
    for (std::string_view name : candidate.required_query)
      if (unserved(name) && found != "uploadId") found = name;
  }
  return found;
}

bool PathTrie::take(Search& search, const Node& node) const {
  const Candidate* candidate = choose(node, search.request);
  if (!candidate) return false;
  if (has_subresources_) {
    search.found.refused_subresource = unserved_subresource(node, *candidate, search.request);
    if (!search.found.refused_subresource.empty()) return false;
  }
  search.found.operation = candidate->operation;
  search.found.label_names = &candidate->label_names;
  return true;
}

bool PathTrie::descend(Search& search, const Node& node, std::string_view rest,
                       std::size_t count) const {
  if (rest.empty() || rest == "/") return take(search, node);
  std::string_view segment = rest.substr(1, rest.find('/', 1) - 1);
  std::string_view after = rest.substr(1 + segment.size());
  if (!segment.empty()) {
    for (const auto& [literal, child] : node.literals)
      if (literal == segment && descend(search, *child, after, count)) return true;
    if (node.label && count < path_labels_max) {
      search.found.labels[count] = segment;
      if (descend(search, *node.label, after, count + 1)) return true;
    }
  }
  if (!node.greedy || count >= path_labels_max) return false;
  search.found.labels[count] = rest.substr(1);
  return take(search, *node.greedy);
}

PathTrie::Found PathTrie::find(const HttpRequest& request, std::string_view first_label) const {
  Search search{request, {}};
  std::string_view path = request.raw_path;
  if (first_label.empty()) {
    descend(search, *root_, path, 0);
  } else if (root_->label) {
    search.found.labels[0] = first_label;
    descend(search, *root_->label, path, 1);
  }
  return search.found;
}

}  // namespace tidemill::wire
