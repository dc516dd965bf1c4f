"""Asks a running server as tritonclient and MLflow's clients do. Usage: clients.py HOST:PORT"""

import json
import sys
import urllib.error
import urllib.request

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

ADDRESS = sys.argv[1]
CARDS = "I was charged twice for one purchase on my credit card"
LOANS = "The bank refuses to refinance my mortgage loan \u2013 gr\u00fc\u00dfe \U0001f4b3"


def with_triton():
    client = triton.InferenceServerClient(ADDRESS)
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("cards")
    metadata = client.get_model_metadata("cards")
    assert metadata["inputs"][0]["datatype"] == "BYTES", metadata
    version = metadata["versions"][0]
    texts = np.array([CARDS.encode(), LOANS.encode()], dtype=np.object_)
    for binary in (True, False):
        tensor = triton.InferInput("text", [2], "BYTES")
        tensor.set_data_from_numpy(texts, binary_data=binary)
        for outputs in (None, [triton.InferRequestedOutput(name, binary_data=False) for name in ("category", "probability")]):
            result = client.infer("cards", [tensor], outputs=outputs, model_version=version, request_id="7")
            categories = [c.decode() if isinstance(c, bytes) else c for c in result.as_numpy("category")]
            assert categories == ["Cards", "Loans"], categories
            assert result.as_numpy("probability").dtype == np.float32
            assert (result.as_numpy("probability") > 0.5).all()
            assert result.get_response()["id"] == "7"
    for compression in ("gzip", "deflate"):
        result = client.infer("cards", [tensor], request_compression_algorithm=compression)
        assert result.as_numpy("category").tolist() in (["Cards", "Loans"], [b"Cards", b"Loans"]), result.get_response()
    probabilities = client.infer("cards", [tensor]).as_numpy("probabilities")
    assert probabilities.shape == (2, 3) and np.allclose(probabilities.sum(axis=1), 1, atol=1e-4), probabilities
    try:
        client.infer("other", [tensor])
        raise AssertionError("another model was answered")
    except InferenceServerException as error:
        assert "this server serves `cards`" in error.message(), error


def ask(path, body=None, content_type="application/json"):
    request = urllib.request.Request(f"http://{ADDRESS}{path}", data=body, headers={"Content-Type": content_type})
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def as_mlflow():
    """What mlflow.deployments and mlflow's scoring client send: pandas' split orientation, or CSV."""
    assert ask("/ping")[0] == 200 and ask("/version")[0] == 200
    split = {"dataframe_split": {"columns": ["text"], "index": [0, 1], "data": [[CARDS], [LOANS]]}}
    status, body = ask("/invocations", json.dumps(split).encode())
    assert status == 200 and json.loads(body) == {"predictions": ["Cards", "Loans"]}, body
    status, body = ask("/invocations", f'text\n"{CARDS}"\n'.encode(), "text/csv; charset=utf-8")
    assert status == 200 and json.loads(body) == {"predictions": ["Cards"]}, body
    status, body = ask("/invocations", b"{}")
    assert status == 400 and json.loads(body)["error_code"] == "BAD_REQUEST", body
    assert ask("/invocations", b"x", "image/png")[0] == 415


with_triton()
as_mlflow()
print("all right")
