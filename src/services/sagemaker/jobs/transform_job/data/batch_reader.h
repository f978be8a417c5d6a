// An input file in pieces for the model: split into records (SplitType), which are put together to
// payloads (BatchStrategy, MaxPayloadInMB). Streams: memory is one payload and a little more.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_stream.h"
#include "base/error.h"

namespace tidemill::services::sagemaker::jobs {

// record_io: MXNet's; tf_record: TensorFlow's.
enum class SplitType { none, line, record_io, tf_record };

struct BatchRecord {
  std::uint32_t offset = 0, length = 0;  // within the payload
  std::uint64_t number = 0;              // in the file, from 1; of a line, the line's
};

struct Batch {
  std::string payload;
  std::vector<BatchRecord> records;
  SplitType split = SplitType::none;

  std::string_view text(const BatchRecord& record) const {
    return std::string_view(payload).substr(record.offset, record.length);
  }
  // "line 7", "records 3 to 9", "the file": for messages.
  std::string where() const;
  // The records [begin, end) as a batch of their own.
  Batch part(std::size_t begin, std::size_t end) const;
};

struct BatchOptions {
  SplitType split = SplitType::none;
  bool single_record = false;
  // Limit on a record, and on a payload of several records, unless `payload_bytes_wanted` is less.
  std::size_t payload_bytes_max = 0;
  std::size_t payload_bytes_wanted = 0;  // 0: payload_bytes_max
};

// One thread at a time.
class BatchReader {
 public:
  BatchReader(std::unique_ptr<ByteSource> source, BatchOptions options);
  ~BatchReader();

  // nullopt at the end. Lines that are empty are no records: they are left out but counted. A
  // record of a binary format keeps its frame when several go into one payload and loses it when it
  // goes alone, as SageMaker has it. Tidemill.Invalid: a record is larger than a payload may be, or
  // not of the format; the message names it. Errors of the source as they come.
  Result<std::optional<Batch>> next();
  std::uint64_t bytes_read() const;

 private:
  class Window;
  struct Frame {  // where a record lies, from the window's begin
    std::size_t framed = 0;
    std::size_t data_offset = 0, data_length = 0;
    bool several_parts = false;
  };

  Result<std::optional<Frame>> find_record();
  Result<std::optional<Frame>> find_line();
  Result<std::optional<Frame>> find_record_io();
  Result<std::optional<Frame>> find_tf_record();
  Result<std::optional<Batch>> whole_file();
  void add(const Frame& frame, Batch& batch) const;
  std::unexpected<Error> bad_record(const std::string& what) const;
  std::unexpected<Error> too_large() const;

  const BatchOptions options_;
  const std::unique_ptr<Window> window_;
  std::uint64_t number_ = 1;  // of the record at the window's begin
  bool over_ = false;
};

}  // namespace tidemill::services::sagemaker::jobs
