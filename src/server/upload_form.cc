#include "server/upload_form.h"

#include <algorithm>
#include <cstring>

namespace tidemill::server {
namespace {

constexpr std::string_view kType = "multipart/form-data";
constexpr std::size_t kPieceBytes = 64u << 10;
constexpr std::size_t kBoundaryBytesMax = 200;
// Bytes after the file are skipped up to this limit; a client that sends more is cut off.
constexpr std::uint64_t kTrailBytesMax = 1u << 20;

Error malformed() {
  return {"MalformedPOSTRequest",
          "The body of your POST request is not well-formed multipart/form-data.", 400};
}

// A parameter of a header: boundary=x, name="k".
std::string parameter_of(std::string_view header, std::string_view name) {
  std::size_t at = 0;
  while ((at = header.find(';', at)) != std::string_view::npos) {
    ++at;
    std::string_view rest = header.substr(at);
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    if (rest.size() <= name.size() ||
        !wire::equal_ignoring_case(rest.substr(0, name.size()), name) || rest[name.size()] != '=')
      continue;
    rest.remove_prefix(name.size() + 1);
    if (!rest.starts_with('"')) return std::string(rest.substr(0, rest.find(';')));
    std::string value;
    for (std::size_t i = 1; i < rest.size() && rest[i] != '"'; ++i) {
      if (rest[i] == '\\' && i + 1 < rest.size() && (rest[i + 1] == '"' || rest[i + 1] == '\\'))
        ++i;
      value += rest[i];
    }
    return value;
  }
  return {};
}

// The bytes of the body that were read and not consumed yet. The ends of parts are searched in
// them.
class Window {
 public:
  explicit Window(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}
  std::string_view bytes() const { return std::string_view(buffer_).substr(begin_); }
  void skip(std::size_t count) { begin_ += count; }
  // False at the end.
  Result<bool> read_more() {
    buffer_.erase(0, std::exchange(begin_, 0));
    const std::size_t before = buffer_.size();
    buffer_.resize(before + kPieceBytes);
    Result<std::size_t> got = source_->read(std::span(buffer_.data() + before, kPieceBytes));
    buffer_.resize(before + (got ? *got : 0));
    if (!got) return fail(std::move(got).error());
    return *got > 0;
  }

 private:
  const std::unique_ptr<ByteSource> source_;
  std::string buffer_;
  std::size_t begin_ = 0;
};

// Consumes the bytes up to and including `end`, and returns those before it. `room` limits how many
// may be consumed, and is reduced by their number.
Result<std::string> take_until(Window& window, std::string_view end, std::size_t& room) {
  while (true) {
    const std::size_t at = window.bytes().find(end);
    if (at != std::string_view::npos && at + end.size() <= room) {
      std::string taken(window.bytes().substr(0, at));
      window.skip(at + end.size());
      room -= at + end.size();
      return taken;
    }
    if (window.bytes().size() > room || at != std::string_view::npos)
      return fail("MaxPostPreDataLengthExceededError",
                  "Your POST request fields preceding the upload file were too large.", 400);
    if (!TRY(window.read_more())) return fail(malformed());
  }
}

class FileSource final : public ByteSource {
 public:
  FileSource(std::unique_ptr<Window> window, std::string end, std::shared_ptr<FileBounds> bounds)
      : window_(std::move(window)), end_(std::move(end)), bounds_(std::move(bounds)) {}

  Result<std::size_t> read(std::span<char> buffer) override {
    while (!ended_) {
      const std::string_view bytes = window_->bytes();
      const std::size_t at = bytes.find(end_);
      const bool last = at != std::string_view::npos;
      // The end may have come in part only.
      const std::size_t held = std::min(bytes.size(), end_.size() - 1);
      const std::size_t ready = last ? at : bytes.size() - held;
      if (ready > 0) {
        const std::size_t count = std::min(ready, buffer.size());
        std::memcpy(buffer.data(), bytes.data(), count);
        window_->skip(count);
        total_ += count;
        if (total_ > bounds_->bytes_max)
          return fail(Error{"EntityTooLarge",
                            "Your proposed upload exceeds the maximum allowed size",
                            400,
                            {{"ProposedSize", std::to_string(total_)},
                             {"MaxSizeAllowed", std::to_string(bounds_->bytes_max)}}});
        return count;
      }
      if (last) {
        TRY(finish());
      } else if (!TRY(window_->read_more())) {
        return fail("IncompleteBody", "The request body terminated unexpectedly", 400);
      }
    }
    return std::size_t(0);
  }
  std::optional<std::uint64_t> size() const override { return std::nullopt; }

 private:
  Result<void> finish() {
    ended_ = true;
    if (total_ < bounds_->bytes_min)
      return fail(Error{"EntityTooSmall",
                        "Your proposed upload is smaller than the minimum allowed size",
                        400,
                        {{"ProposedSize", std::to_string(total_)},
                         {"MinSizeAllowed", std::to_string(bounds_->bytes_min)}}});
    for (std::uint64_t passed = 0; passed < kTrailBytesMax;) {
      passed += window_->bytes().size();
      window_->skip(window_->bytes().size());
      if (!TRY(window_->read_more())) break;
    }
    return {};
  }

  const std::unique_ptr<Window> window_;
  const std::string end_;
  const std::shared_ptr<FileBounds> bounds_;  // shared with the form, whose policy sets them
  std::uint64_t total_ = 0;
  bool ended_ = false;
};

std::string_view header_of(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(std::min(line.size() + 2, head.size()));
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && wire::equal_ignoring_case(line.substr(0, colon), name))
      return line.substr(colon + 1);
  }
  return {};
}

}  // namespace

const std::string* FormFields::find(std::string_view name) const {
  const auto found = std::ranges::find_if(
      fields_, [&](const auto& field) { return wire::equal_ignoring_case(field.first, name); });
  return found == fields_.end() ? nullptr : &found->second;
}

std::string_view FormFields::get(std::string_view name) const {
  const std::string* value = find(name);
  return value ? std::string_view(*value) : std::string_view();
}

bool is_upload_form(const wire::HttpRequest& request) {
  return request.method == "POST" &&
         wire::equal_ignoring_case(request.headers.get("content-type").substr(0, kType.size()),
                                   kType);
}

Result<UploadForm> read_upload_form(std::string_view content_type,
                                    std::unique_ptr<ByteSource> body) {
  const std::string boundary = parameter_of(content_type, "boundary");
  if (boundary.empty() || boundary.size() > kBoundaryBytesMax) return fail(malformed());
  const std::string end = "\r\n--" + boundary;
  auto window = std::make_unique<Window>(std::move(body));
  std::size_t room = kFormFieldsBytesMax;
  UploadForm form;
  TRY(take_until(*window, "--" + boundary, room));
  while (true) {
    // After a boundary: "--" when it was the last one, or the next part's head.
    const std::string rest = TRY(take_until(*window, "\r\n", room));
    if (rest.starts_with("--"))
      return fail(Error{"InvalidArgument",
                        "POST requires exactly one file upload per request.",
                        400,
                        {{"ArgumentName", "file"}, {"ArgumentValue", "0"}}});
    const std::string head = TRY(take_until(*window, "\r\n\r\n", room));
    const std::string_view disposition = header_of(head, "content-disposition");
    std::string name = parameter_of(disposition, "name");
    if (name.empty()) return fail(malformed());
    if (wire::equal_ignoring_case(name, "file")) {
      form.file_name = parameter_of(disposition, "filename");
      form.bounds = std::make_shared<FileBounds>();
      form.file = std::make_unique<FileSource>(std::move(window), end, form.bounds);
      return form;
    }
    // The policy must be checked against the very value that is used.
    if (form.fields.find(name))
      return fail(Error{"InvalidArgument",
                        "POST requires exactly one value for each field.",
                        400,
                        {{"ArgumentName", name}, {"ArgumentValue", "2"}}});
    form.fields.add(std::move(name), TRY(take_until(*window, end, room)));
  }
}

}  // namespace tidemill::server
