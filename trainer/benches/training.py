#!/usr/bin/env python3
"""Measures the trainer: quality, wall time and peak memory. With --reference, also measures the scikit-learn stack.

    cargo build --release -p complaint-trainer
    python3 trainer/benches/training.py --data DIR [--reference sklearn_pipeline.py] [--only NAME ...]

DIR holds cfpb.csv.gz, clinc150.csv.gz, banking77.csv.gz, r8.csv.gz and 20newsgroups.csv.gz, each with the columns text, label and
split. Prints one Markdown table per part. Both programs of a comparison run one after the other on the same machine, so compare
ratios, not seconds. Needs only Python 3.9; the reference has its own dependencies.

With --reference, the part few also fits a plain linear SVM over TF-IDF of words and characters; it needs scikit-learn.
With --word-vectors, the part few also trains with that file, and the part vectors trains on whole sets with and without it.

Parts: reference, presets, few, vectors, published, scale, million.
"""
import argparse
import csv
import gzip
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = ["clinc150", "banking77", "r8", "20newsgroups"]
# Benchmarks compare with published figures, so they keep rare terms; a model that is shared with others should not have them.
RARE_TERMS = ["--min-document-frequency", "2"]
AUTO = ["--min-document-frequency", "auto"]

csv.field_size_limit(1 << 30)


def run(command):
    """Runs a program; returns (seconds, peak MB, its standard output). Exits if the program fails."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as messages:
        start = time.monotonic()
        pid = os.fork()
        if pid == 0:
            os.dup2(output.fileno(), 1)
            os.dup2(messages.fileno(), 2)
            os.execvp(command[0], command)
        _, status, usage = os.wait4(pid, 0)
        seconds = time.monotonic() - start
        output.seek(0)
        text = output.read().decode()
        if status != 0:
            messages.seek(0)
            sys.exit(f"{' '.join(map(str, command))} ended with status {status}\n{text}{messages.read().decode()}")
    return seconds, usage.ru_maxrss / 1024, text


def train(trainer, data, work, *options):
    out = Path(work) / "out"
    command = [str(trainer), "train", "--data", str(data), "--text-field", "text", "--label-field", "label", "--split-field", "split",
               "--out", str(out), *options]
    seconds, peak, _ = run(command)
    return seconds, peak, json.loads((out / "report.json").read_text())


def table(title, head, rows):
    print(f"\n### {title}\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(str(cell) for cell in row)} |", flush=True)


def rows_of(path):
    opened = gzip.open(path, "rt", newline="") if str(path).endswith(".gz") else open(path, newline="")
    with opened as file:
        yield from csv.DictReader(file)


def write_rows(path, rows):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "split"])
        writer.writerows(rows)
    return path


def figures(report):
    metrics = report["metrics"]
    return [f"{metrics['macroF1']:.4f}", f"{metrics['accuracy']:.4f}", f"{report['calibration']['errorAfter']:.4f}"]


def reference(arguments, work):
    data = arguments.data / "cfpb.csv.gz"
    seconds, peak, report = train(arguments.trainer, data, work, "--preset", "reference")
    rows = [["complaint-trainer", f"{seconds:.2f} s", f"{peak:.0f} MB", *figures(report)]]
    if arguments.reference:
        theirs, their_peak, text = run([sys.executable, str(arguments.reference), "train", str(data), str(Path(work) / "model.joblib")])
        best = json.loads(text.splitlines()[-1])["best"]
        rows.append(["scikit-learn stack", f"{theirs:.2f} s", f"{their_peak:.0f} MB (one of its processes)",
                     f"{best['test_macro_f1']:.4f}", f"{best['test_accuracy']:.4f}", "–"])
        rows.append(["ratio", f"1/{theirs / seconds:.1f}", f"1/{their_peak / peak:.1f}", "", "", ""])
    table("`--preset reference` on cfpb", ["program", "wall time", "peak memory", "macro-F1", "accuracy", "calibration error"], rows)


def presets(arguments, work):
    rows = []
    for preset in ["standard", "thorough"]:
        seconds, peak, report = train(arguments.trainer, arguments.data / "cfpb.csv.gz", work, "--preset", preset)
        rows.append([preset, f"{seconds:.1f} s", f"{peak:.0f} MB", *figures(report), report["algorithm"]])
    table("Presets on cfpb", ["preset", "wall time", "peak memory", "macro-F1", "accuracy", "calibration error", "model"], rows)


def plain_svm(train_rows, test_rows):
    """Macro-F1 and accuracy of TF-IDF over words and characters with a linear SVM, all at scikit-learn's defaults."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.metrics import accuracy_score, f1_score
    from sklearn.pipeline import make_pipeline, make_union
    from sklearn.svm import LinearSVC
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True)
    model = make_pipeline(make_union(words, characters), LinearSVC())
    model.fit([text for text, _, _ in train_rows], [label for _, label, _ in train_rows])
    found, true = model.predict([text for text, _, _ in test_rows]), [label for _, label, _ in test_rows]
    return f1_score(true, found, average="macro"), accuracy_score(true, found)


def few(arguments, work):
    """Draws 5, 10 and 30 training rows a class, three times each. Classes with fewer than 60 rows are left out."""
    trained = {"Standard": [], "Standard, Auto": AUTO, "Thorough, Auto": ["--preset", "thorough", *AUTO]}
    if arguments.word_vectors:
        trained["Standard, Auto, word vectors"] = [*AUTO, "--word-vectors", str(arguments.word_vectors)]
    for name in ["banking77", "clinc150", "r8", "cfpb"]:
        all_rows = [(row["text"], row["label"], row["split"]) for row in rows_of(arguments.data / f"{name}.csv.gz")]
        counts = {}
        for _, label, _ in all_rows:
            counts[label] = counts.get(label, 0) + 1
        all_rows = [row for row in all_rows if counts[row[1]] >= 60 and row[1] != "oos"]
        test_rows = [row for row in all_rows if row[2] == "test"]
        rows = []
        for size in [5, 10, 30]:
            found = {}
            for seed in [1, 2, 3]:
                drawn, taken = [], {}
                candidates = sorted({row for row in all_rows if row[2] == "train"})
                random.Random(seed).shuffle(candidates)
                for row in candidates:
                    taken[row[1]] = taken.get(row[1], 0) + 1
                    if taken[row[1]] <= size:
                        drawn.append(row)
                data = write_rows(Path(work) / "few.csv", drawn + test_rows)
                if arguments.reference:
                    found.setdefault("plain SVM", []).append((*plain_svm(drawn, test_rows), 0))
                for title, options in trained.items():
                    seconds, _, report = train(arguments.trainer, data, work, "--min-samples-per-class", "2", *options)
                    metrics = report["metrics"]
                    found.setdefault(title, []).append((metrics["macroF1"], metrics["accuracy"], seconds))
            for title, results in found.items():
                scores = [macro for macro, _, _ in results]
                mean = sum(scores) / 3
                error = (sum((score - mean) ** 2 for score in scores) / 2 / 3) ** 0.5
                accuracy, seconds = (sum(result[place] for result in results) / 3 for place in (1, 2))
                rows.append([size, title, f"{mean:.3f} ± {error:.3f}", f"{accuracy:.3f}", f"{seconds:.1f} s" if seconds else "–"])
        table(f"Few rows of {name}, three draws", ["rows a class", "model", "macro-F1 ± standard error", "accuracy", "wall time"], rows)


def in_scope(data, work):
    """clinc150 without the rows that belong to no intent; other sets as they are."""
    if not data.name.startswith("clinc150"):
        return data
    rows = ((row["text"], row["label"], row["split"]) for row in rows_of(data) if row["label"] != "oos")
    return write_rows(Path(work) / "clinc150.csv", rows)


def vectors(arguments, work):
    """Whole sets with and without word vectors."""
    if not arguments.word_vectors:
        sys.exit("the part vectors needs --word-vectors")
    rows = []
    for name in ["banking77", "clinc150", "r8", "cfpb"]:
        data = in_scope(arguments.data / f"{name}.csv.gz", work)
        for title, options in {"Standard, Auto": AUTO, "with word vectors": [*AUTO, "--word-vectors", str(arguments.word_vectors)]}.items():
            seconds, peak, report = train(arguments.trainer, data, work, *options)
            scale = report.get("wordVectors", {}).get("scale", "–")
            size = (Path(work) / "out" / "model.safetensors").stat().st_size / 1e6
            rows.append([name, title, scale, *figures(report), f"{seconds:.1f} s", f"{peak:.0f} MB", f"{size:.1f} MB"])
    table("Word vectors on whole sets",
          ["data", "model", "scale", "macro-F1", "accuracy", "calibration error", "wall time", "peak memory", "model file"], rows)


def published(arguments, work):
    rows = []
    for name in PUBLISHED:
        data = in_scope(arguments.data / f"{name}.csv.gz", work)
        seconds, peak, report = train(arguments.trainer, data, work, "--preset", "thorough", "--scoring", "accuracy", *RARE_TERMS)
        rows.append([name, report["dataset"]["trainRows"], f"{seconds:.1f} s", f"{peak:.0f} MB", *figures(report), report["algorithm"]])
    table("`--preset thorough` on published splits",
          ["data", "training rows", "wall time", "peak memory", "macro-F1", "accuracy", "calibration error", "model"], rows)


def resampled(data, copies, path, drop=0.15):
    """Every row `copies` times: once unchanged, then with each word dropped with probability `drop`."""
    def made():
        draw = random.Random(42)
        originals = [(row["text"], row["label"], row["split"]) for row in rows_of(data)]
        for copy in range(copies):
            for text, label, split in originals:
                if copy:
                    text = " ".join(word for word in text.split() if draw.random() >= drop)
                if text:
                    yield text, label, split
    return write_rows(path, made())


def scale(arguments, work):
    data = arguments.data / "cfpb.csv.gz"
    once = train(arguments.trainer, resampled(data, 1, Path(work) / "one.csv"), work, "--preset", "reference")
    ten = train(arguments.trainer, resampled(data, 10, Path(work) / "ten.csv"), work, "--preset", "reference")
    rows = [[report["dataset"]["trainRows"], f"{seconds:.1f} s", f"{peak:.0f} MB"] for seconds, peak, report in (once, ten)]
    rows.append(["ratio", f"{ten[0] / once[0]:.1f}", f"{ten[1] / once[1]:.1f}"])
    table("Ten times the rows, `--preset reference` on cfpb", ["training rows", "wall time", "peak memory"], rows)


def million(arguments, work):
    data = resampled(arguments.data / "cfpb.csv.gz", 65, Path(work) / "million.csv")
    seconds, peak, report = train(arguments.trainer, data, work, "--algorithm", "logistic-regression", "--c", "10", "--class-weight",
                                  "balanced", "--folds", "2", "--ensemble", "1")
    rows = [[report["dataset"]["rows"], f"{seconds:.0f} s", f"{peak:.0f} MB", *figures(report)]]
    table("A million rows, logistic regression at C=10", ["rows", "wall time", "peak memory", "macro-F1", "accuracy", "calibration error"],
          rows)


def main():
    parts = {"reference": reference, "presets": presets, "few": few, "vectors": vectors, "published": published, "scale": scale, "million": million}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the data sets")
    parser.add_argument("--reference", type=Path, help="the scikit-learn stack's script")
    parser.add_argument("--word-vectors", type=Path, help="a file of word vectors in text form")
    parser.add_argument("--trainer", type=Path, default=ROOT / "target/release/complaint-trainer")
    parser.add_argument("--only", nargs="+", choices=parts, help="the parts to run; all but vectors, which needs a file")
    arguments = parser.parse_args()
    if not arguments.trainer.exists():
        parser.error(f"{arguments.trainer} is missing: cargo build --release -p complaint-trainer")
    with tempfile.TemporaryDirectory() as work:
        for name in arguments.only or [name for name in parts if name != "vectors" or arguments.word_vectors]:
            parts[name](arguments, work)


if __name__ == "__main__":
    main()
