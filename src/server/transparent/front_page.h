// The page for a person who opens the server's address in a browser.
#pragma once

#include <string>

#include "wire/http.h"

namespace tidemill::server {

// An unsigned GET of "/" that prefers HTML to XML; no SDK sends one. (An S3 client's ListBuckets is
// signed; an anonymous one does not ask for HTML.)
bool wants_front_page(const wire::HttpRequest& request);

struct FrontPageFacts {
  std::string endpoint;  // "http://127.0.0.1:4566"
  std::string data;      // the data folder's absolute path; shown only to callers on this machine
};
// Says what this server is and how to proceed. No scripts, no external content.
wire::HttpResponse front_page(const wire::HttpRequest& request, const FrontPageFacts& facts);

}  // namespace tidemill::server
