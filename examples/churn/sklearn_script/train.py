"""Script mode: training and serving a gradient-boosted classifier of scikit-learn."""
import argparse
import os

import joblib
import numpy
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score


def read(channel):
    """Labels are in the first CSV column."""
    data = numpy.loadtxt(os.path.join(channel, os.listdir(channel)[0]), delimiter=",")
    return data[:, 1:], data[:, 0]


def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))


def predict_fn(rows, model):
    return model.predict_proba(rows)[:, 1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--max-iter", type=int, default=100)
    parser.add_argument("--learning-rate", type=float, default=0.1)
    parser.add_argument("--model-dir", default=os.environ.get("SM_MODEL_DIR"))
    parser.add_argument("--train", default=os.environ.get("SM_CHANNEL_TRAIN"))
    parser.add_argument("--validation", default=os.environ.get("SM_CHANNEL_VALIDATION"))
    arguments, _ = parser.parse_known_args()

    rows, labels = read(arguments.train)
    model = HistGradientBoostingClassifier(max_iter=arguments.max_iter, learning_rate=arguments.learning_rate,
                                           random_state=7).fit(rows, labels)
    rows, labels = read(arguments.validation)
    print(f"validation-auc: {roc_auc_score(labels, model.predict_proba(rows)[:, 1]):.5f};")
    joblib.dump(model, os.path.join(arguments.model_dir, "model.joblib"))


if __name__ == "__main__":
    main()
