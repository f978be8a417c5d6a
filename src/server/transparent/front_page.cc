#include "server/transparent/front_page.h"

#include "server/version.h"
#include "wire/protocols/xml.h"

namespace tidemill::server {
namespace {

// HTML and XML escape the same characters; none of the page's attributes is in single quotes.
std::string escaped(std::string_view text) {
  std::string out;
  wire::write_xml_text(text, out);
  return out;
}

std::string quoted_for_shell(std::string_view text) {
  if (text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                             "_-./") == text.npos)
    return std::string(text);
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// Both ends must be this machine, and so must the Host name: a page under a name that was pointed
// here (DNS rebinding) is not told the path.
bool asks_from_this_machine(const wire::HttpRequest& request) {
  const bool near =
      request.remote_address.starts_with("127.") || request.remote_address.starts_with("[::1]");
  std::string_view host = request.host();
  if (host.starts_with('[')) return near && host.starts_with("[::1]");
  host = host.substr(0, host.find(':'));
  return near && (host == "localhost" || host == "127.0.0.1");
}

constexpr std::string_view kHead = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tidemill</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46em; margin: 3em auto; padding: 0 1em; color: #222; background: #fff }
pre { background: #f2f4f5; padding: .8em 1em; overflow-x: auto }
h1 { margin-bottom: 0 } h2 { margin-top: 2em; font-size: 1.1em }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #15191c } pre { background: #22282c } a { color: #8cf } }
</style>
</head>
<body>
)";

}  // namespace

bool wants_front_page(const wire::HttpRequest& request) {
  return (request.method == "GET" || request.method == "HEAD") && request.path == "/" &&
         request.raw_query.empty() && !request.headers.find("authorization") &&
         request.tunnel_host.empty() &&
         request.headers.get("accept").find("text/html") != std::string_view::npos;
}

wire::HttpResponse front_page(const wire::HttpRequest& request, const FrontPageFacts& facts) {
  const std::string data =
      asks_from_this_machine(request) ? escaped(quoted_for_shell(facts.data)) : "DIR";
  const std::string command = "tidemill env --data " + data;
  wire::HttpResponse response;
  response.headers.add("Content-Type", "text/html; charset=utf-8");
  response.headers.add("Cache-Control", "no-store");
  response.headers.add("Content-Security-Policy",
                       "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
                       "form-action 'none'; frame-ancestors 'none'");
  response.headers.add("X-Content-Type-Options", "nosniff");
  response.headers.add("Referrer-Policy", "no-referrer");
  response.body = kHead;
  response.body +=
      "<h1>Tidemill " + std::string(kVersion) +
      "</h1>\n<p>This is a server for machine learning that speaks AWS's protocols: S3, SageMaker, "
      "CloudWatch Logs, IAM and STS. There is no web console yet; AWS's own clients are how it is "
      "used.</p>\n"
      "<h2>Open any notebook</h2>\n<p>In a shell on the server's machine:</p>\n<pre>eval \"$(" +
      command +
      " --transparent)\"\npip install jupyterlab 'sagemaker&lt;3'\njupyter lab</pre>\n<p>Then "
      "<code>sagemaker.get_execution_role()</code>, <code>Session().default_bucket()</code> and "
      "all that follows work as they do on AWS, as the execution role that the first start made. "
      "(Version 3 of the package has them in another place: <code>from "
      "sagemaker.core.helper.session_helper import Session, get_execution_role</code>.) "
      "<code>--role NAME</code> acts as another role.</p>\n"
      "<h2>The AWS CLI and the SDKs</h2>\n<pre>eval \"$(" +
      command +
      ")\"\naws s3 mb s3://models\naws sagemaker list-training-jobs</pre>\n<p>With "
      "<code>--root</code> it prints the root key instead, which may do everything.</p>\n"
      "<h2>What it can do, and how it is</h2>\n<ul>\n"
      "<li><code>tidemill coverage</code>: the operations that are implemented (also "
      "docs/coverage.md)</li>\n"
      "<li><code>tidemill images</code>: the container images that are known, and what runs "
      "them</li>\n"
      "<li><code>tidemill config</code>: the settings</li>\n"
      "<li><a href=\"/_tidemill/health\">/_tidemill/health</a>, <a "
      "href=\"/_tidemill/metrics\">/_tidemill/metrics</a></li>\n"
      "<li>README.md and docs/ in the source: how to begin, and how each service behaves</li>\n"
      "</ul>\n<p>Clients reach this server at <code>" +
      escaped(facts.endpoint) + "</code>.</p>\n</body>\n</html>\n";
  if (request.method == "HEAD") response.head_content_length = response.body.size();
  return response;
}

}  // namespace tidemill::server
