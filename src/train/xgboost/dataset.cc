#include "train/xgboost/dataset.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>

#include "infer/codec/media_type.h"

namespace tidemill::train::xgboost {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSniffedBytes = 64 * 1024;

std::vector<fs::path> data_files(const fs::path& directory) {
  std::vector<fs::path> files;
  std::error_code error;
  fs::recursive_directory_iterator walk(directory, fs::directory_options::follow_directory_symlink,
                                        error);
  for (; !error && walk != fs::end(walk); walk.increment(error)) {
    const std::string name = walk->path().filename().string();
    if (name.starts_with('.') || name.starts_with('_')) {
      if (walk->is_directory(error)) walk.disable_recursion_pending();
      continue;
    }
    if (walk->is_regular_file(error) && walk->file_size(error) > 0) files.push_back(walk->path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

Result<std::string> read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  std::error_code error;
  text.resize(fs::file_size(path, error));
  if (!file.read(text.data(), static_cast<std::streamsize>(text.size())))
    return fail("AlgorithmError", "cannot read " + path.string());
  return text;
}

DataFormat sniff(const fs::path& path) {
  std::string start(kSniffedBytes, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(start.data(), static_cast<std::streamsize>(start.size()));
  start.resize(static_cast<std::size_t>(file.gcount()));
  if (start.starts_with("PAR1")) return DataFormat::parquet;
  std::string_view line = std::string_view(start).substr(0, start.find('\n'));
  if (line.find(',') == std::string_view::npos && line.find(':') != std::string_view::npos)
    return DataFormat::libsvm;
  return DataFormat::csv;
}

Result<std::optional<DataFormat>> format_of(const std::string& channel,
                                            const std::string& content_type) {
  const std::string type = infer::media_type(content_type);
  if (type.empty()) return std::optional<DataFormat>();
  if (type == "csv" || type == "text/csv") {
    // With any other size the first column would still be used as the label.
    if (infer::media_parameter(content_type, "label_size").value_or("1") != "1")
      return fail("ClientError", content_type +
                                     " is not an accepted csv ContentType. Optional parameter "
                                     "label_size must be equal to 1");
    return std::optional(DataFormat::csv);
  }
  if (type == "libsvm" || type == "text/libsvm" || type == "text/x-libsvm")
    return std::optional(DataFormat::libsvm);
  if (type == "parquet" || type == "application/x-parquet")
    return std::optional(DataFormat::parquet);
  return fail("ClientError", content_type + " is not an accepted ContentType for the channel " +
                                 channel +
                                 ": csv, libsvm, parquet, text/csv, text/libsvm, text/x-libsvm, "
                                 "application/x-parquet.");
}

Result<void> append_file(const fs::path& path, const std::string& name, DataFormat format,
                         bool csv_weights, Dataset& out) {
  if (format == DataFormat::parquet) return append_parquet(name, path, out);
  std::string text = TRY(read_file(path));
  if (format == DataFormat::libsvm) return append_libsvm(name, text, out);
  return append_csv(name, text, csv_weights, out);
}

}  // namespace

Result<Dataset> read_channel(const std::string& channel, const fs::path& directory,
                             const ReadOptions& options) {
  std::optional<DataFormat> format = TRY(format_of(channel, options.content_type));
  const std::vector<fs::path> files = data_files(directory);
  if (files.empty())
    return fail("ClientError", "No training data in the channel '" + channel +
                                   "': its S3 prefix has no files with rows");
  Dataset out;
  for (const fs::path& path : files) {
    if (!format) format = sniff(path);
    const std::string name = channel + "/" + fs::relative(path, directory).string();
    TRY(append_file(path, name, *format, options.csv_weights, out));
  }
  if (out.rows == 0) return fail("ClientError", "the channel '" + channel + "' has no rows");
  if (out.columns == 0)
    return fail("ClientError", "the channel '" + channel + "' has labels, but no features");
  return out;
}

}  // namespace tidemill::train::xgboost
