// Fuzzes what users upload and ask for: JSONPath expressions, JSON, CSV and record files of any
// bytes.
#include <cstdint>
#include <string_view>

#include "services/sagemaker/jobs/transform_job/data/data_processing.h"
#include "services/sagemaker/jobs/transform_job/data/gzip_source.h"

namespace {

namespace sagemaker = tidemill::services::sagemaker;

// "<options byte><path>\n<file>"
void run(std::string_view input) {
  if (input.empty()) return;
  const auto bits = static_cast<unsigned char>(input.front());
  input.remove_prefix(1);
  const std::size_t line = input.find('\n');
  const std::string_view path = input.substr(0, line);
  const std::string_view file = line == input.npos ? "" : input.substr(line + 1);

  sagemaker::jobs::DataProcessingOptions options;
  options.input_filter = std::string(path);
  options.output_filter = bits & 1 ? std::string(path) : "$";
  options.join_input = bits & 2;
  options.content_type = bits & 4   ? "text/csv"
                         : bits & 8 ? "application/json"
                                    : "application/jsonlines";
  options.split = bits & 16 ? sagemaker::jobs::SplitType::line : sagemaker::jobs::SplitType::none;
  auto processing = sagemaker::jobs::DataProcessing::make(options);

  sagemaker::jobs::BatchOptions batches;
  batches.split = static_cast<sagemaker::jobs::SplitType>((bits >> 5) & 3);
  if (processing && path != "$") batches.split = options.split;
  batches.single_record = bits & 1;
  batches.payload_bytes_max = 1 + (bits & 2 ? 64 : 4096);
  std::unique_ptr<tidemill::ByteSource> source =
      std::make_unique<tidemill::StringSource>(std::string(file));
  if (bits & 128) source = sagemaker::jobs::gunzip(std::move(source));
  sagemaker::jobs::BatchReader reader(std::move(source), batches);
  for (;;) {
    auto batch = reader.next();
    if (!batch || !*batch) return;
    if ((*batch)->records.empty()) __builtin_trap();
    if (!processing) continue;
    auto sent = processing->model_input(**batch);
    std::string out;
    (void)processing->append_output(**batch, sent ? *sent : "0.5\n", out);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  run({reinterpret_cast<const char*>(data), size});
  return 0;
}
