// Classifiers answer as they do in the server's own process (infer/onnx_ml/), with either engine:
// scores under the names of SageMaker's algorithms, not tensors.
#pragma once

#include <optional>
#include <string>

#include "infer/codec/codec.h"
#include "model_server/onnx/session.h"

namespace tidemill::model_server {

struct Classifier {
  std::size_t output = 0;    // of the scores
  std::size_t columns = 0;   // of the output
  bool second_only = false;  // of two probabilities the second is the score
  std::string objective;     // "binary:logistic", "multi:softprob", "onnx:scores"
};

// nullopt when the model is not a classifier or cannot be tried on a row of small numbers.
std::optional<Classifier> find_classifier(Runner& runner);

// "NotAcceptable" 406 when `accept` names no supported type.
Result<infer::EncodedResponse> encode_scores(const Classifier& classifier, const Tensors& outputs,
                                             std::string_view accept,
                                             const infer::ResponseOptions& options);

}  // namespace tidemill::model_server
