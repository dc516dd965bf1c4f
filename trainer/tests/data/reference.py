"""Writes reference.json: a small case with scikit-learn's results, for tests/solvers.rs and tests/metrics.rs.

Run by hand: python reference.py > reference.json (scikit-learn 1.x, NumPy)."""
import json
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, log_loss, precision_recall_fscore_support
from sklearn.naive_bayes import ComplementNB, MultinomialNB
from sklearn.svm import LinearSVC

rng = np.random.default_rng(7)
n, d, k = 90, 12, 3
y = rng.choice(k, n, p=[0.6, 0.3, 0.1])
centers = rng.gamma(0.5, 1.0, (k, d))
x = rng.poisson(2 * centers[y] + 0.4).astype(float) * (rng.random((n, d)) < 0.7)
x[x.sum(axis=1) == 0, 0] = 1
x = np.round(x / np.linalg.norm(x, axis=1, keepdims=True), 5)
binary = y < 2


def linear(model, rows, labels):
    model.fit(rows, labels)
    return {"coef": model.coef_.round(6).tolist(), "intercept": model.intercept_.round(6).tolist()}


cases = []
for c in (0.1, 1.0, 10.0):
    for weight in (None, "balanced"):
        lr = LogisticRegression(C=c, class_weight=weight, tol=1e-9, max_iter=20000)
        svm = LinearSVC(C=c, class_weight=weight, tol=1e-9, max_iter=200000)
        cases.append({"algorithm": "LogisticRegression", "C": c, "classWeight": (weight or "none").capitalize(), **linear(lr, x, y)})
        cases.append({"algorithm": "LinearSvm", "C": c, "classWeight": (weight or "none").capitalize(), **linear(svm, x, y)})
        cases.append({"algorithm": "LogisticRegression", "C": c, "classWeight": (weight or "none").capitalize(), "binary": True, **linear(lr, x[binary], y[binary])})
        cases.append({"algorithm": "LinearSvm", "C": c, "classWeight": (weight or "none").capitalize(), "binary": True, **linear(svm, x[binary], y[binary])})
for alpha in (0.1, 1.0):
    nb = ComplementNB(alpha=alpha).fit(x, y)
    cases.append({"algorithm": "ComplementNaiveBayes", "alpha": alpha, "coef": nb.feature_log_prob_.round(6).tolist(), "intercept": [0.0] * k})
    nb = MultinomialNB(alpha=alpha).fit(x, y)
    cases.append({"algorithm": "MultinomialNaiveBayes", "alpha": alpha, "coef": nb.feature_log_prob_.round(6).tolist(),
                  "intercept": nb.class_log_prior_.round(6).tolist()})

for c in (0.1, 1.0, 10.0):
    for weight in (None, "balanced"):
        svm = LinearSVC(C=c, class_weight=weight, loss="hinge", tol=1e-9, max_iter=2000000)
        cases.append({"algorithm": "LinearSvm", "loss": "Hinge", "C": c, "classWeight": (weight or "none").capitalize(), **linear(svm, x, y)})
        cases.append({"algorithm": "LinearSvm", "loss": "Hinge", "C": c, "classWeight": (weight or "none").capitalize(), "binary": True, **linear(svm, x[binary], y[binary])})


def naive_bayes_svm(c, alpha, weight):
    """Wang & Manning 2012, one class against the rest: a separator over terms times their log ratios."""
    coef, intercept = [], []
    for label in range(k):
        own, present = y == label, x > 0
        p, q = alpha + present[own].sum(axis=0), alpha + present[~own].sum(axis=0)
        ratio = np.log((p / p.sum()) / (q / q.sum()))
        weights = {1: n / (k * own.sum()) if weight else 1.0, 0: 1.0}
        svm = LinearSVC(C=c, class_weight=weights, tol=1e-9, max_iter=200000).fit(x * ratio, own.astype(int))
        coef.append((svm.coef_[0] * ratio).round(6).tolist())
        intercept.append(float(svm.intercept_[0].round(6)))
    return {"coef": coef, "intercept": intercept}


for c in (0.1, 1.0):
    for weight in (None, "balanced"):
        cases.append({"algorithm": "NbSvm", "C": c, "alpha": 1.0, "classWeight": (weight or "none").capitalize(), **naive_bayes_svm(c, 1.0, weight)})

model = LogisticRegression(C=1.0).fit(x, y)
predicted, probabilities = model.predict(x), model.predict_proba(x).round(6)
p, r, f, s = precision_recall_fscore_support(y, predicted, zero_division=0)
metrics = {
    "predicted": predicted.tolist(), "probabilities": probabilities.tolist(), "accuracy": accuracy_score(y, predicted),
    "macroF1": f1_score(y, predicted, average="macro"), "weightedF1": f1_score(y, predicted, average="weighted"),
    "logLoss": log_loss(y, probabilities), "precision": p.tolist(), "recall": r.tolist(), "f1": f.tolist(), "support": s.tolist(),
}
print(json.dumps({"rows": x.tolist(), "labels": y.tolist(), "cases": cases, "metrics": metrics}))
