// What a person gets who opens the server's address in a browser.
#pragma once

#include <string>

#include "wire/http.h"

namespace tidemill::server {

// A GET of "/" that nobody signed and whose sender would rather read HTML than XML: no SDK sends
// that. (An S3 client's ListBuckets is signed; an anonymous one does not ask for HTML.)
bool wants_front_page(const wire::HttpRequest& request);

struct FrontPageFacts {
  std::string endpoint;  // "http://127.0.0.1:4566"
  std::string data;      // the data folder as it was given; shown to callers on this machine only
};
// Says what this is and how to go on. No script, nothing from elsewhere.
wire::HttpResponse front_page(const wire::HttpRequest& request, const FrontPageFacts& facts);

}  // namespace tidemill::server
