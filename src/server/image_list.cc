#include "server/image_list.h"

#include <algorithm>
#include <vector>

#include "base/json.h"
#include "services/sagemaker/common/images/images.h"

namespace tidemill::server {
namespace {

using services::sagemaker::Runtime;

struct Row {
  std::string repository, training, hosting;
};

Row row_of(const std::string& repository, Runtime runtime) {
  switch (runtime) {
    case Runtime::xgboost:
      return {repository,
              "XGBoost inside Tidemill; with an entry_point, the script on the host's Python",
              "inside the server; with a script, the host's Python"};
    case Runtime::scikit_learn:
    case Runtime::pytorch:
      return {repository, "the script on the host's Python", "the script on the host's Python"};
    default:
      return {repository, "not here", "inside the server or ONNX Runtime, by the model's format"};
  }
}

std::vector<Row> rows() {
  std::vector<Row> all;
  for (const std::string& repository : services::sagemaker::known_repositories())
    if (auto image = services::sagemaker::resolve_image(repository))
      all.push_back(row_of(repository, image->runtime));
  return all;
}

}  // namespace

std::string images_text(bool as_json) {
  const std::vector<Row> all = rows();
  if (as_json) {
    ValueList list;
    for (const Row& row : all) {
      ValueObject object;
      object.append("Repository", row.repository);
      object.append("Training", row.training);
      object.append("Hosting", row.hosting);
      list.emplace_back(std::move(object));
    }
    return write_json_pretty(list);
  }
  std::size_t name_width = 0, training_width = 0;
  for (const Row& row : all) {
    name_width = std::max(name_width, row.repository.size());
    training_width = std::max(training_width, row.training.size());
  }
  auto line = [&](const Row& row) {
    auto padded = [](std::string text, std::size_t width) {
      text.resize(std::max(width, text.size()), ' ');
      return text;
    };
    return padded(row.repository, name_width) + "  " + padded(row.training, training_width) + "  " +
           row.hosting + "\n";
  };
  std::string out = line({"REPOSITORY", "TRAINING", "HOSTING"});
  for (const Row& row : all) out += line(row);
  return out +
         "\nOf an image's URI only the repository's name and the tag count, whatever the registry "
         "and the region.\nThe host's Python is what `tidemill serve --python` names; the server "
         "says at its start which libraries it has.\n";
}

}  // namespace tidemill::server
