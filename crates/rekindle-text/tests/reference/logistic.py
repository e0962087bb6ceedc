"""What scikit-learn's TfidfVectorizer + LogisticRegression answer on made-up texts: writes logistic.json beside it.

    pip install scikit-learn && python crates/rekindle-text/tests/reference/logistic.py
"""

import json
import pathlib

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB

WORDS = "storm river bread candle engine meadow violin copper harbor lantern pepper walnut glacier saddle ribbon anchor".split()


def text(number, label):
    """Words drawn by counting; some of them go with the label."""
    state, words = number * 2654435761 + 97, []
    for place in range(4 + number % 7):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        draw = state >> 33
        words.append(WORDS[(draw + 3 * label) % 5 if place % 3 == 0 else draw % len(WORDS)])
    return " ".join(words)


def case(classes):
    labels = [(number * 7 + number // 3) % classes for number in range(90)]
    texts = [text(number, label) for number, label in enumerate(labels)]
    train, val = texts[:70], texts[70:]
    vectorizer = TfidfVectorizer()
    x, y = vectorizer.fit_transform(train), vectorizer.transform(val)
    logistic = LogisticRegression(tol=1e-10, max_iter=100000).fit(x, labels[:70])
    bayes = MultinomialNB().fit(x, labels[:70])
    return {
        "classes": classes,
        "train": [[text, label] for text, label in zip(train, labels)],
        "val": val,
        "logistic": logistic.predict_proba(y).tolist(),
        "bayes": bayes.predict_proba(y).tolist(),
    }


cases = [case(2), case(3), case(5)]
path = pathlib.Path(__file__).with_name("logistic.json")
path.write_text("[\n" + ",\n".join(map(json.dumps, cases)) + "\n]\n")
print(path, [len(set(label for _, label in case["train"])) for case in cases])
