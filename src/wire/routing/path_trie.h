// A service's REST operations in a tree of path segments.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/schema.h"
#include "wire/http.h"

namespace tidemill::wire {

inline constexpr std::size_t path_labels_max = 8;

class PathTrie {
 public:
  explicit PathTrie(const schema::Service& service);
  ~PathTrie();

  // `first_label`: the bucket of a virtual-host style request replaces the path's first segment.
  // Constant query parameters of the templates select among the operations of a path; if several
  // remain, required query and header members do (UploadPart by partNumber and uploadId, CopyObject
  // by x-amz-copy-source). operation stays nullptr when nothing matches. A '/' at the end is
  // tolerated.
  struct Found {
    const schema::Operation* operation = nullptr;
    // restXml: the subresource in the query ("uploadId", "acl") that no operation of the request's
    // method handles. The request must not reach the plain operation of its path, which would
    // overwrite or delete the object itself. Then `operation` is nullptr.
    std::string_view refused_subresource = {};
    // Names and values, still encoded, in the template's order.
    const std::vector<std::string_view>* label_names = nullptr;
    std::string_view labels[path_labels_max];
  };
  Found find(const HttpRequest& request, std::string_view first_label) const;

 private:
  struct Candidate;
  struct Node;
  struct Search;

  void add(const schema::Operation& operation);
  static void order(Node& node);
  bool descend(Search& search, const Node& node, std::string_view rest, std::size_t count) const;
  bool take(Search& search, const Node& node) const;
  static const Candidate* choose(const Node& node, const HttpRequest& request);
  static std::string_view unserved_subresource(const Node& node, const Candidate& chosen,
                                               const HttpRequest& request);

  bool has_subresources_ = false;  // restXml
  std::unique_ptr<Node> root_;
};

}  // namespace tidemill::wire
