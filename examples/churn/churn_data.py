"""The churn data as SageMaker wants it: numbers only, label first, no header. Standard library only.

    python churn_data.py split DIRECTORY            train.csv, validation.csv, test.csv, test_labels.csv
    python churn_data.py report LABELS SCORES [LATENCIES]
"""
import csv
import pathlib
import random
import statistics
import sys

DATA = pathlib.Path(__file__).resolve().parent / "data" / "mlc_churn.csv"
ONE_HOT = ("state", "area_code")
YES_NO = ("international_plan", "voice_mail_plan")
LABEL = "churn"


def load():
    """Returns rows of floats, labels (1.0: the customer left), and the column names."""
    with open(DATA, newline="") as file:
        customers = list(csv.DictReader(file))
    categories = {name: sorted({customer[name] for customer in customers}) for name in ONE_HOT}
    numeric = [name for name in customers[0] if name not in (*ONE_HOT, *YES_NO, LABEL)]
    names = [*numeric, *YES_NO, *(f"{name}={value}" for name in ONE_HOT for value in categories[name])]
    rows = [[*(float(customer[name]) for name in numeric),
             *(1.0 if customer[name] == "yes" else 0.0 for name in YES_NO),
             *(1.0 if customer[name] == value else 0.0 for name in ONE_HOT for value in categories[name])]
            for customer in customers]
    labels = [1.0 if customer[LABEL] == "yes" else 0.0 for customer in customers]
    return rows, labels, names


def split(seed=7):
    """60 % for training, 20 % for validation, 20 % held out: {name: (rows, labels)}."""
    rows, labels, _ = load()
    order = list(range(len(rows)))
    random.Random(seed).shuffle(order)
    first, second = len(order) * 6 // 10, len(order) * 8 // 10
    parts = {"train": order[:first], "validation": order[first:second], "test": order[second:]}
    return {name: ([rows[i] for i in part], [labels[i] for i in part]) for name, part in parts.items()}


def line(values):
    """One CSV row, such as 25,265.1."""
    return ",".join(f"{value:g}" for value in values)


def csv_text(rows, labels=None):
    """CSV text; labels, if given, come first."""
    if labels is not None:
        rows = [[label, *row] for row, label in zip(rows, labels)]
    return "".join(line(row) + "\n" for row in rows)


def area_under_curve(labels, scores):
    """The probability that a customer who left has a higher score than one who stayed; ties count half."""
    order = sorted(range(len(scores)), key=lambda i: scores[i])
    ranks, start = [0.0] * len(scores), 0
    while start < len(order):
        end = start
        while end < len(order) and scores[order[end]] == scores[order[start]]:
            end += 1
        for i in order[start:end]:
            ranks[i] = (start + end + 1) / 2
        start = end
    positives = sum(labels)
    negatives = len(labels) - positives
    rank_sum = sum(rank for rank, label in zip(ranks, labels) if label)
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def report(labels, scores, latencies_ms=()):
    """Prints the quality of the predictions and the time they took; returns the numbers."""
    predicted = [1.0 if score > 0.5 else 0.0 for score in scores]
    hits = sum(1 for label, guess in zip(labels, predicted) if label and guess)
    result = {
        "accuracy": sum(label == guess for label, guess in zip(labels, predicted)) / len(labels),
        "F1": 2 * hits / (sum(labels) + sum(predicted)) if hits else 0.0,
        "AUC": area_under_curve(labels, scores),
    }
    print(f"{len(labels)} held-out customers: " +
          ", ".join(f"{name} {value:.4f}" for name, value in result.items()))
    if latencies_ms:
        result["p50_ms"] = statistics.median(latencies_ms)
        result["p99_ms"] = sorted(latencies_ms)[max(0, len(latencies_ms) * 99 // 100 - 1)]
        print(f"{len(latencies_ms)} calls: p50 {result['p50_ms']:.2f} ms, p99 {result['p99_ms']:.2f} ms")
    return result


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "split":
        directory = pathlib.Path(arguments[1])
        directory.mkdir(parents=True, exist_ok=True)
        for name, (rows, labels) in split().items():
            (directory / f"{name}.csv").write_text(csv_text(rows, None if name == "test" else labels))
            if name == "test":
                (directory / "test_labels.csv").write_text(csv_text([[label] for label in labels]))
    elif len(arguments) in (3, 4) and arguments[0] == "report":
        numbers = [[float(word) for word in pathlib.Path(name).read_text().replace(",", " ").split()]
                   for name in arguments[1:]]
        report(*numbers)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
