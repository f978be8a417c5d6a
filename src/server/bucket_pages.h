// Lets web pages of other origins use buckets whose CORS rules allow them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "services/s3/cors.h"
#include "wire/http.h"

namespace tidemill::server {

// Thread-safe.
class BucketPages {
 public:
  // `base_hosts`: the domains below which buckets have host names.
  BucketPages(const services::s3::CorsInterface& cors, std::vector<std::string> base_hosts)
      : cors_(cors), base_hosts_(std::move(base_hosts)) {}

  // The answer to a preflight request for a bucket that has CORS rules; nullopt for all others.
  std::optional<wire::HttpResponse> preflight(const wire::HttpRequest& request) const;
  bool may_be_public(std::string_view bucket) const { return cors_.may_be_public(bucket); }
  // Adds the headers that let the page read the answer, when the bucket's rules allow it.
  void add_headers(const wire::HttpRequest& request, wire::HttpResponse& response) const;

 private:
  std::string bucket_of(const wire::HttpRequest& request) const;

  const services::s3::CorsInterface& cors_;
  const std::vector<std::string> base_hosts_;
};

}  // namespace tidemill::server
