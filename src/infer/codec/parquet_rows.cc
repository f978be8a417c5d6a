#include "infer/codec/parquet_rows.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "infer/codec/codec.h"
#include "sql/sql.h"

namespace tidemill::infer {
namespace {

// A file in memory that DuckDB opens by its path.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(memfd_create("parquet-body", MFD_CLOEXEC)) {}
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  Result<void> write(std::string_view bytes) {
    while (descriptor_ >= 0 && !bytes.empty()) {
      const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) break;
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    if (descriptor_ < 0 || !bytes.empty())
      return fail(codes::kIo, std::string("no memory for the body: ") + std::strerror(errno));
    return {};
  }
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

// The message without the name of the file in memory and our SQL.
std::unexpected<Error> plain(Error error, const std::string& path) {
  error.message.resize(std::min(error.message.find("\n\nLINE "), error.message.size()));
  for (std::size_t at; (at = error.message.find(path)) != std::string::npos;)
    error.message.replace(at, path.size(), "body");
  return fail(std::move(error));
}

// Checked before values are read: a few bytes can encode a billion equal values.
Result<void> check_size(sql::Database& database, const std::string& source) {
  const sql::Numbers counts =
      TRY(database.query_floats("SELECT (SELECT count(*)::FLOAT FROM (DESCRIBE SELECT * FROM " +
                                source + ")), (SELECT count(*)::FLOAT FROM " + source + ")"));
  constexpr std::size_t kValuesMax = kMatrixBytesMax / sizeof(float);
  if (static_cast<double>(counts.values[0]) * static_cast<double>(counts.values[1]) >
      static_cast<double>(kValuesMax))
    return fail(codes::kInvalid,
                "the rows are too many: more than " + std::to_string(kValuesMax) + " values");
  return {};
}

// "row 3, column 2": the first value that is not a number; empty when none is found.
std::string bad_cell(sql::Database& database, const std::string& path) {
  const std::string each = "COLUMNS(* EXCLUDE (file_row_number))";
  Result<sql::Numbers> rows = database.query_floats(
      "SELECT (min(file_row_number) FILTER (WHERE " + each + " IS NOT NULL AND TRY_CAST(" + each +
      " AS FLOAT) IS NULL))::FLOAT FROM read_parquet(" + sql::quote(path) +
      ", file_row_number = true)");
  if (!rows) return {};
  for (std::size_t column = 0; column < rows->columns.size(); ++column)
    if (!std::isnan(rows->values[column]))
      return "row " + std::to_string(static_cast<std::uint64_t>(rows->values[column]) + 1) +
             ", column " + std::to_string(column + 1);
  return {};
}

}  // namespace

Result<Matrix> parse_parquet(std::string_view bytes) {
  if (!bytes.starts_with("PAR1") || !bytes.ends_with("PAR1"))
    return fail(codes::kInvalid, "the body is no Parquet file: its ends are not PAR1");
  MemoryFile file;
  TRY(file.write(bytes));
  std::unique_ptr<sql::Database> database = TRY(sql::open_database(sql::kRequestLimits));
  const std::string path = file.path();
  const std::string source = "read_parquet(" + sql::quote(path) + ")";
  if (auto fits = check_size(*database, source); !fits) return plain(fits.error(), path);
  Result<sql::Numbers> numbers = database->query_floats("SELECT COLUMNS(*)::FLOAT FROM " + source);
  if (!numbers) {
    const std::string cell = bad_cell(*database, path);
    if (!cell.empty()) numbers.error().message.insert(0, cell + ": ");
    return plain(std::move(numbers.error()), path);
  }
  return Matrix{numbers->rows, numbers->columns.size(), std::move(numbers->values)};
}

}  // namespace tidemill::infer
