#include "services/sagemaker/jobs/transform_job/data/gzip_source.h"

#include <zlib.h>

namespace tidemill::services::sagemaker::jobs {

namespace {

constexpr std::size_t kPieceBytes = 128u << 10;
// zlib's code for the window's size and a gzip header.
constexpr int kGzipWindowBits = 15 + 16;

class GzipSource final : public ByteSource {
 public:
  explicit GzipSource(std::unique_ptr<ByteSource> compressed)
      : compressed_(std::move(compressed)), piece_(std::make_unique<char[]>(kPieceBytes)) {
    ready_ = ::inflateInit2(&stream_, kGzipWindowBits) == Z_OK;
  }
  ~GzipSource() override {
    if (ready_) ::inflateEnd(&stream_);
  }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  std::optional<std::uint64_t> size() const override { return std::nullopt; }

  Result<std::size_t> read(std::span<char> buffer) override {
    if (!ready_) return damaged("there is not enough memory");
    if (buffer.empty()) return std::size_t(0);
    stream_.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(buffer.size(), 1u << 30));
    const uInt room = stream_.avail_out;
    while (stream_.avail_out == room) {
      if (stream_.avail_in == 0 && !TRY(refill())) {
        // The end, which is good only behind a whole member.
        if (in_member_) return damaged("it ends in the middle");
        return std::size_t(0);
      }
      in_member_ = true;
      const int answer = ::inflate(&stream_, Z_NO_FLUSH);
      if (answer == Z_STREAM_END) {
        in_member_ = false;
        ::inflateReset(&stream_);
      } else if (answer != Z_OK && answer != Z_BUF_ERROR) {
        return damaged(stream_.msg ? stream_.msg : "it is no gzip file");
      }
    }
    return static_cast<std::size_t>(room - stream_.avail_out);
  }

 private:
  static std::unexpected<Error> damaged(const std::string& reason) {
    return fail(codes::kInvalid, "the gzip data cannot be decompressed: " + reason);
  }
  Result<bool> refill() {
    const std::size_t got = TRY(compressed_->read(std::span(piece_.get(), kPieceBytes)));
    stream_.next_in = reinterpret_cast<Bytef*>(piece_.get());
    stream_.avail_in = static_cast<uInt>(got);
    return got > 0;
  }

  std::unique_ptr<ByteSource> compressed_;
  std::unique_ptr<char[]> piece_;
  z_stream stream_{};
  bool ready_ = false;
  bool in_member_ = false;
};

}  // namespace

std::unique_ptr<ByteSource> gunzip(std::unique_ptr<ByteSource> compressed) {
  return std::make_unique<GzipSource>(std::move(compressed));
}

}  // namespace tidemill::services::sagemaker::jobs
